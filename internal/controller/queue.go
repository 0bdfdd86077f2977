package controller

import (
	"context"
	"math/rand/v2"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	jitter     = 0.1
)

// backoff spaces the retries of one object, from 1 s to 1 min, doubling, with jitter. It bounds one object only: what keeps
// many failing objects inside the account's budget is the budget.
type backoff struct {
	workqueue.TypedRateLimiter[reconcile.Request]
}

func newBackoff() backoff {
	return backoff{workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry)}
}

// When returns how long the next retry waits.
func (b backoff) When(req reconcile.Request) time.Duration {
	return jittered(b.TypedRateLimiter.When(req))
}

// jittered shortens d by up to 10 %, so that what starts together does not stay together and nothing comes late.
func jittered(d time.Duration) time.Duration {
	return d - time.Duration(jitter*rand.Float64()*float64(d))
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// wake returns a handler that queues what an object maps to, behind everything that people changed.
func wake(requests handler.MapFunc) handler.EventHandler {
	add := func(ctx context.Context, object client.Object, q queue) {
		low := priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}
		q.(priorityqueue.PriorityQueue[reconcile.Request]).AddWithOpts(low, requests(ctx, object)...)
	}
	return handler.Funcs{
		CreateFunc:  func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, e.Object, q) },
		UpdateFunc:  func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, e.ObjectNew, q) },
		DeleteFunc:  func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, e.Object, q) },
		GenericFunc: func(ctx context.Context, e event.GenericEvent, q queue) { add(ctx, e.Object, q) },
	}
}
