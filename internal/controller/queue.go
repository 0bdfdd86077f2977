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

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// jitter is the part of a wait that may be taken off.
const jitter = 0.1

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
	return handlerOf(add)
}

// delayed returns a handler that queues what an object maps to after a while, once for all that comes until then.
func delayed(after time.Duration, requests handler.MapFunc) handler.EventHandler {
	return handlerOf(func(ctx context.Context, object client.Object, q queue) {
		opts := priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority), After: after}
		q.(priorityqueue.PriorityQueue[reconcile.Request]).AddWithOpts(opts, requests(ctx, object)...)
	})
}

// handlerOf does the same for each kind of event.
func handlerOf(add func(context.Context, client.Object, queue)) handler.EventHandler {
	return handler.Funcs{
		CreateFunc:  func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, e.Object, q) },
		UpdateFunc:  func(ctx context.Context, e event.UpdateEvent, q queue) { add(ctx, e.ObjectNew, q) },
		DeleteFunc:  func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, e.Object, q) },
		GenericFunc: func(ctx context.Context, e event.GenericEvent, q queue) { add(ctx, e.Object, q) },
	}
}

// enqueue queues users themselves: first those that a person waits for, also among all those that are there at the start.
func enqueue() handler.EventHandler {
	add := func(object client.Object, initial bool, q queue) {
		priority := 0
		if user := object.(*v1alpha1.CertCentralUser); initial && laneOf(user) == certcentral.Poll {
			priority = handler.LowPriority
		}
		q.(priorityqueue.PriorityQueue[reconcile.Request]).AddWithOpts(priorityqueue.AddOpts{Priority: &priority},
			reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)})
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { add(e.Object, e.IsInInitialList, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) { add(e.ObjectNew, false, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { add(e.Object, false, q) },
	}
}
