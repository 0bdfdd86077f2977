// Package process is how the operator's process speaks, and how it ends. It knows nothing of users and accounts.
package process

import (
	"context"
	"errors"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// ShutdownTimeout is how long a write in flight may take to end after SIGTERM.
const ShutdownTimeout = 9000 * time.Millisecond

// endTimeouts are such that the process is gone within 10 s of SIGTERM also where the machine is busy, whatever it waits for, such as an
// API server that does not answer: with nothing under way the lease is all that is left to give back.
var endTimeouts = timeouts{idle: 5 * time.Second, busy: 9300 * time.Millisecond}

// timeouts are how long the end is waited for, while nothing is under way and while something is.
type timeouts struct{ idle, busy time.Duration }

// errCut says that what was under way is given up, and that nobody knows how it came out.
var errCut = errors.New("reconciles were cut off: they did not end in time")

// Bounded returns what run does. Once the context has ended it waits no longer than a process may that is to end: that is an error
// only if something is under way.
func Bounded(ctx context.Context, run func(context.Context) error, busy func() bool) error {
	return bounded(ctx, endTimeouts, run, busy)
}

func bounded(ctx context.Context, after timeouts, run func(context.Context) error, busy func() bool) error {
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	idle, end := time.NewTimer(after.idle), time.NewTimer(after.busy)
	defer idle.Stop()
	defer end.Stop()
	select {
	case err := <-ended:
		return err
	case <-idle.C:
	}
	if busy() {
		select {
		case err := <-ended:
			return err
		case <-end.C:
		}
	}
	if busy() {
		return errCut
	}
	ctrl.Log.Info("ended without waiting for the API server; nothing was under way")
	return nil
}

// endingCache is a cache that nobody waits for once the process is to end. Without that, a manager whose caches are not synced
// at SIGTERM waits in a loop without a pause, for a readiness that can't come any more (controller-runtime 0.25).
type endingCache struct {
	cache.Cache
	process context.Context //nolint:containedctx // the process's own, whose end WaitForCacheSync is about
}

// EndingWith makes caches for a process that ends with the context.
func EndingWith(process context.Context) cache.NewCacheFunc {
	return func(config *rest.Config, options cache.Options) (cache.Cache, error) {
		c, err := cache.New(config, options)
		return endingCache{Cache: c, process: process}, err
	}
}

// WaitForCacheSync returns true when the cache is synced, or the process is to end.
func (c endingCache) WaitForCacheSync(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.process, cancel)() //nolint:contextcheck // two contexts end it
	return c.Cache.WaitForCacheSync(ctx) || c.process.Err() != nil
}
