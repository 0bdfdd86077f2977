package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

const (
	// confirmTimeout bounds the question whether a write is still wanted: an API server that does not answer stops writing.
	confirmTimeout = 5 * time.Second
	// actTimeout bounds a write, its wait for the budget, and the look after it.
	actTimeout = 20 * time.Second
	// actGrace is what is left of that once the manager is told to stop. With reportGrace it is over within the 10 s that a
	// shutdown may take.
	actGrace = 7 * time.Second
)

// act carries out a plan to write, then looks again and judges what stayed. Whatever else the plan is, it does nothing.
//
// An error after the write has gone out leaves its outcome open; the next reconcile begins with a look, which tells.
func (r *UserReconciler) act(ctx context.Context, user *v1alpha1.CertCentralUser, found *findings) error {
	r.tellResets(user, found)
	if found.plan.Verb != profile.Update {
		r.brake.stayed(user)
		return found.held(user)
	}
	if err := r.rolledBack(user, found); err != nil {
		return err
	}
	if hold := found.held(user); hold != nil {
		return hold
	}
	if hold := r.flagStopped(ctx, found); hold != nil {
		return hold
	}
	if hold := r.brake.hold(user, found, r.Clock.Now()); hold != nil {
		return hold
	}
	sure := func() error {
		defer reach(confirmed)
		current, err := r.confirm(ctx, user, found.access)
		if err == nil {
			err = r.yield(ctx, user, found)
		}
		if err == nil {
			found.tried = true
			r.owners.have(client.ObjectKeyFromObject(user), found.persons(user), r.Clock.Now())
			audit(ctx, current, found)
		}
		return err
	}
	lingering, cancel := linger(ctx, actTimeout, actGrace)
	defer cancel()
	if err := r.write(lingering, user, found, sure); err != nil {
		return err
	}
	reach(written)
	have, err := found.access.client.GetUser(lingering, certcentral.Change, found.userID)
	if err != nil {
		return err
	}
	reach(verified)
	found.complete(have)
	found.have = have
	found.decide(user)
	found.review(user, r.Clock.Now())
	r.tellResets(user, found)
	if hold := found.held(user); hold != nil {
		return hold
	}
	if found.plan.Verb == profile.Update {
		return r.brake.bounced(user, found, r.Clock.Now())
	}
	r.brake.stayed(user)
	return nil
}

// confirm returns the user as the API server has it now, or an error unless both it and the account are as this reconcile knows
// them: no write comes from an older generation, from a cache that lags, or for a resource that is gone.
func (r *UserReconciler) confirm(ctx context.Context, user *v1alpha1.CertCentralUser, access *access) (*v1alpha1.CertCentralUser, error) {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	current := &v1alpha1.CertCentralUser{}
	if err := r.unchanged(ctx, user, current); err != nil {
		return nil, err
	}
	if heldSince(user, current) {
		return nil, &verdict{silent: true, note: "a newer status is on its way", after: time.Second}
	}
	return current, r.unchanged(ctx, access.account, &v1alpha1.CertCentralAccount{})
}

// unchanged compares an object with what the API server has, read into current.
func (r *UserReconciler) unchanged(ctx context.Context, known, current client.Object) error {
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(known), current); client.IgnoreNotFound(err) != nil {
		return err
	}
	if current.GetUID() != known.GetUID() || current.GetGeneration() != known.GetGeneration() || current.GetDeletionTimestamp() != nil {
		return &verdict{silent: true, note: "a newer generation is on its way", after: time.Second}
	}
	return nil
}

// write issues the PUT of a plan, unless somebody is no longer sure of it, and records it.
func (r *UserReconciler) write(ctx context.Context, user *v1alpha1.CertCentralUser, found *findings, sure func() error) error {
	now := r.Clock.Now()
	update := found.plan.Update
	err := found.access.client.UpdateUser(ctx, found.userID, update, sure)
	earlier := r.brake.wrote(user, found, now, err)
	if mayBeMade(err) {
		found.attempt = attempted(user, found, now, times(earlier))
	}
	if err != nil {
		return err
	}
	found.changed = found.writes()
	found.written = &v1alpha1.Applied{
		Generation: user.Generation,
		Time:       metav1.NewTime(now),
		Earlier:    times(earlier),
		Fields:     profile.Names(found.plan.Fields),
		Profile:    sentProfile(update),
	}
	return nil
}

// times are the latest writes before one, as many as the brake counts.
func times(earlier []time.Time) []metav1.Time {
	var list []metav1.Time
	for _, t := range earlier[max(0, len(earlier)-brakeWrites+1):] {
		list = append(list, metav1.NewTime(t))
	}
	return list
}

// linger returns a context that ends after limit, or grace after ctx does: what must not be cut in half goes on in it.
func linger(ctx context.Context, limit, grace time.Duration) (context.Context, context.CancelFunc) {
	lingering, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return lingering, func() { stop(); cancel() }
}
