package controller

import (
	"context"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
)

// maxRefusals is how many times in a row the API server must refuse to list a namespace before the others stop waiting for it:
// some seconds, since one that has just started may refuse what it allows a moment later.
const maxRefusals = 3

// NewNamespaceInformer makes an informer for one of several namespaces: while the API server refuses to list that one, the informer
// counts as synced without an object, so that those who wait for all namespaces don't wait for it. It goes on trying, at most a
// minute apart, and hands over what is there once it may. Who looks which namespace that is, and says so, is Namespaces.
func NewNamespaceInformer(lw cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	i := &namespaceInformer{SharedIndexInformer: cache.NewSharedIndexInformer(lw, example, resync, indexers)}
	_ = i.SetWatchErrorHandlerWithContext(i.failed) // an error would mean that it runs already
	return i
}

type namespaceInformer struct {
	cache.SharedIndexInformer
	refusals atomic.Int32 // in a row
}

// failed takes notice of a list or watch that failed. A refusal is not logged: it comes again each minute, and Namespaces tells it once.
func (i *namespaceInformer) failed(ctx context.Context, reflector *cache.Reflector, err error) {
	if apierrors.IsForbidden(err) {
		i.refusals.Add(1)
		return
	}
	i.refusals.Store(0)
	cache.DefaultWatchErrorHandler(ctx, reflector, err)
}

func (i *namespaceInformer) refused() bool { return i.refusals.Load() >= maxRefusals }

// HasSynced also tells of an informer whose namespace is refused. HasSyncedChecker waits until that is over.
func (i *namespaceInformer) HasSynced() bool { return i.SharedIndexInformer.HasSynced() || i.refused() }

func (i *namespaceInformer) AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandlerWithOptions(handler, cache.HandlerOptions{})
}

func (i *namespaceInformer) AddEventHandlerWithResyncPeriod(
	handler cache.ResourceEventHandler, resync time.Duration,
) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandlerWithOptions(handler, cache.HandlerOptions{ResyncPeriod: &resync})
}

func (i *namespaceInformer) AddEventHandlerWithOptions(
	handler cache.ResourceEventHandler, options cache.HandlerOptions,
) (cache.ResourceEventHandlerRegistration, error) {
	registration, err := i.SharedIndexInformer.AddEventHandlerWithOptions(handler, options)
	if err != nil {
		return nil, err
	}
	return &namespaceRegistration{ResourceEventHandlerRegistration: registration, informer: i}, nil
}

func (i *namespaceInformer) RemoveEventHandler(handle cache.ResourceEventHandlerRegistration) error {
	if own, ok := handle.(*namespaceRegistration); ok {
		handle = own.ResourceEventHandlerRegistration
	}
	return i.SharedIndexInformer.RemoveEventHandler(handle)
}

// namespaceRegistration is a handler that got all there is, which is nothing while the namespace is refused.
type namespaceRegistration struct {
	cache.ResourceEventHandlerRegistration
	informer *namespaceInformer
}

func (r *namespaceRegistration) HasSynced() bool {
	return r.ResourceEventHandlerRegistration.HasSynced() || r.informer.refused()
}
