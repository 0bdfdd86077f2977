package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

const (
	// reportTimeout bounds the writing of a status, which goes on for reportGrace when the manager is told to stop.
	reportTimeout = 10 * time.Second
	reportGrace   = 1500 * time.Millisecond
)

// report says the outcome of a reconcile once: in the status if it is news, then as event, log line and metric, and to the queue.
func (r *UserReconciler) report(ctx context.Context, before *v1alpha1.CertCentralUser, found findings, err error) (ctrl.Result, error) {
	if certcentral.KindOf(err) == certcentral.KeyRefused {
		r.Sessions.refuse(found.access.key, found.access.session, r.Clock.Now())
	} else if doubtsKey(err) {
		r.Sessions.doubt(found.access.key, found.access.client)
	}
	found.misses = r.missed.count(before, found.have != nil, certcentral.KindOf(err))
	v := judge(before, found, r.Clock.Now(), err)
	if v == nil {
		return ctrl.Result{}, err
	}
	after := before.DeepCopy()
	describe(after, found, v)
	if err := r.save(ctx, before, after, found, v); err != nil {
		return ctrl.Result{}, err
	}
	if found.have != nil || found.rested {
		r.statuses.confirm(client.ObjectKeyFromObject(before))
		r.own(after, found, v)
		r.Sweeps.handled(client.ObjectKeyFromObject(before), found.tip)
	}
	concerned := types.NamespacedName{}
	if slices.ContainsFunc(after.Status.UnexpectedChanges, leftOut) {
		concerned = accountOf(after)
	}
	r.Sessions.releaseReset(nameOf(after), concerned)
	r.announce(ctx, before, after, found, v)
	r.space(before, found, v, err)
	return next(after, v)
}

// own remembers that the user is this resource's, if that is what the verdict says.
func (r *UserReconciler) own(user *v1alpha1.CertCentralUser, found findings, v *verdict) {
	if !v.silent && owning(v.reason) {
		r.owners.have(client.ObjectKeyFromObject(user), found.persons(user), r.Clock.Now())
	}
}

// save writes the status if anything in it is news, or if what it says was confirmed now and not for an hour before.
func (r *UserReconciler) save(ctx context.Context, before, after *v1alpha1.CertCentralUser, found findings, v *verdict) error {
	now := metav1.NewTime(r.Clock.Now())
	seen := notAhead(now.Time, before.Status.LastObservedTime)
	stale := found.have != nil && found.plan.Verb != "" && !v.silent && now.Sub(seen) >= freshness
	if equality.Semantic.DeepEqual(before.Status, after.Status) && !stale {
		return nil
	}
	after.Status.ResourceUID = string(before.UID)
	if found.have != nil {
		after.Status.LastObservedTime = &now
	}
	ctx, cancel := linger(ctx, reportTimeout, reportGrace)
	defer cancel()
	reach(reporting)
	defer reach(reported)
	r.statuses.expect(client.ObjectKeyFromObject(after), &after.Status)
	err := r.Status().Patch(ctx, after, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsConflict(err) {
		return r.saveAnyway(ctx, before, after)
	}
	return client.IgnoreNotFound(err)
}

// saveAnyway writes the status of a resource that somebody changed meanwhile, unless it is another one by now, or its status
// speaks of a newer generation already: what was done to the user is not to be forgotten because of a label, and not to be told
// of a resource that has just taken the name.
func (r *UserReconciler) saveAnyway(ctx context.Context, before, after *v1alpha1.CertCentralUser) error {
	current := &v1alpha1.CertCentralUser{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(before), current); err != nil || current.UID != before.UID ||
		current.Status.ObservedGeneration > before.Generation {
		return client.IgnoreNotFound(err)
	}
	base, status := before.DeepCopy(), after.DeepCopy()
	base.ResourceVersion, status.ResourceVersion = "", ""
	return client.IgnoreNotFound(r.Status().Patch(ctx, status, client.MergeFrom(base)))
}

// announce makes an event and a metric of a write, an event of a change of Ready, and one log line of both.
func (r *UserReconciler) announce(ctx context.Context, before, after *v1alpha1.CertCentralUser, found findings, v *verdict) {
	ready, news := turned(before.Status.Conditions, after.Status.Conditions)
	r.Metrics.unexpected(accountOf(after), found.news)
	if found.written != nil {
		r.Metrics.updated(found.access.key, found.changed)
		r.Events.Eventf(after, nil, corev1.EventTypeNormal, v1alpha1.ReasonUpdated, "Update", "Wrote %s.", causes(found.changed))
	}
	if found.replaced != 0 {
		r.Events.Eventf(after, nil, corev1.EventTypeWarning, v1alpha1.EventUserReplaced, "Look",
			"CertCentral user %d is gone, and user %d has the username that spec.userRef names: it is taken for a new one.",
			found.replaced, found.userID)
	}
	if news && ready.Reason != v1alpha1.ReasonUpdated {
		r.Events.Eventf(after, nil, eventType(ready), ready.Reason, "Look", "%s", v.note)
	}
	if news || found.tried {
		r.decided(ctx, after, found, ready, v.note)
	}
}

// space has an object that fails, or that a call came to nothing for, wait longer each time, whatever else happens meanwhile. What the
// budget or a pause puts off does not count, and forgets nothing either.
func (r *UserReconciler) space(user *v1alpha1.CertCentralUser, found findings, v *verdict, err error) {
	if found.access == nil {
		return
	}
	of, now, kind := identityOf(user, found.access.client), r.Clock.Now(), certcentral.KindOf(err)
	_, ofClient := errors.AsType[*certcentral.Error](err)
	failed := ofClient && (kind == certcentral.Unavailable || kind == certcentral.BadResponse)
	inVain := v.silent && found.visit.Sent() > 0 && kind != certcentral.KeyRefused
	switch {
	case err == nil:
		r.retries.succeeds(of.key)
	case v.retry != nil:
		r.retries.failing(of) // the queue counts it
	case v.after > 0 && (failed || inVain):
		v.after = r.retries.fails(of, v.after, now)
	case v.after > 0:
		v.after = max(v.after, r.retries.left(of, now))
	}
}

// next tells the queue when to look again: after an error with its backoff, else at the time that the verdict names, spread
// unless CertCentral or the budget told it. Only what a person waits for keeps its place before polls.
func next(user *v1alpha1.CertCentralUser, v *verdict) (ctrl.Result, error) {
	result := ctrl.Result{Priority: ptr.To(handler.LowPriority)}
	if laneOf(user) == certcentral.Change && v.phase != stalled {
		result.Priority = ptr.To(0)
	}
	if v.retry != nil {
		return result, v.retry
	}
	result.RequeueAfter = v.after
	if !v.silent && v.phase != retrying {
		result.RequeueAfter = jittered(v.after)
	}
	return result, nil
}
