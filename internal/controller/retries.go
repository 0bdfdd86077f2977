package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// retries spaces the tries of objects that fail, from 1 s to 1 min, doubling, with jitter, each on its own; what keeps many failing
// objects inside the account's budget is the budget. A failure is remembered until a try succeeds, or a person declares or asks for
// something else: unlike the queue's own memory it outlives a deferral, and whatever wakes the object meanwhile. The zero value is
// ready for use.
type retries struct {
	mu     sync.Mutex
	failed map[types.NamespacedName]*failures
}

// failures are those of an object in a row.
type failures struct {
	of    identity
	count int
	until time.Time // nothing is tried before
}

// identity is what an object's failures are remembered for.
type identity struct {
	key        types.NamespacedName
	uid        types.UID
	generation int64
	requested  string              // by a person
	client     *certcentral.Client // another one speaks with another key, or to another host
}

func identityOf(object client.Object, speaks *certcentral.Client) identity {
	return identity{
		client.ObjectKeyFromObject(object), object.GetUID(), object.GetGeneration(),
		object.GetAnnotations()[v1alpha1.AnnotationReconcileRequestedAt], speaks,
	}
}

// left is how long an object must not be tried yet.
func (r *retries) left(of identity, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.failed[of.key]
	if f == nil {
		return 0
	}
	if f.of != of {
		delete(r.failed, of.key)
		return 0
	}
	return f.until.Sub(now)
}

// failing returns what is remembered of an object that has just failed, and begins to remember it.
func (r *retries) failing(of identity) *failures {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.failed[of.key]
	if f == nil || f.of != of {
		f = &failures{of: of}
		if r.failed == nil {
			r.failed = map[types.NamespacedName]*failures{}
		}
		r.failed[of.key] = f
	}
	return f
}

// fails counts a failure of the object, and returns how long it must not be tried again: at least as long as it was told.
func (r *retries) fails(of identity, told time.Duration, now time.Time) time.Duration {
	f := r.failing(of)
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := jittered(min(firstRetry<<min(f.count, 10), lastRetry))
	f.count++
	f.until = now.Add(max(wait, told))
	return f.until.Sub(now)
}

// succeeds forgets the failures of an object.
func (r *retries) succeeds(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.failed, key)
}

// limiter is the retries as the queue asks for them: for objects whose reconcile returned an error.
type limiter struct {
	*retries
	clock clock.PassiveClock
}

// When counts the error that a reconcile returned, and returns how long until the next try.
func (l limiter) When(req reconcile.Request) time.Duration {
	of := identity{key: req.NamespacedName}
	l.mu.Lock()
	if f := l.failed[req.NamespacedName]; f != nil {
		of = f.of
	}
	l.mu.Unlock()
	return l.fails(of, 0, l.clock.Now())
}

// Forget does nothing: the queue also forgets what was only deferred.
func (limiter) Forget(reconcile.Request) {}

// NumRequeues is how often an object has failed in a row.
func (l limiter) NumRequeues(req reconcile.Request) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.failed[req.NamespacedName]; f != nil {
		return f.count
	}
	return 0
}
