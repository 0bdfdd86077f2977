// Package controller is the loop: it looks at CertCentral, has the profile judged, acts, and reports what it saw. It compares
// no profile fields and knows nothing of HTTP.
package controller

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// UserReconciler keeps CertCentral users as CertCentralUser resources declare them.
type UserReconciler struct {
	client.Client               // reads from the cache, writes statuses
	Live          client.Reader // reads from the API server, what a write rests on
	Sessions      *Sessions
	Sweeps        *Sweeps
	Events        events.EventRecorder
	Metrics       *Metrics
	Clock         clock.PassiveClock
	// Namespaces that the cache holds; empty means all.
	Namespaces []string
	// Probed knows those of them that can't be read; nil means none.
	Probed *Namespaces
	// Selector of the accounts and users that the cache holds; nil means all.
	Selector labels.Selector

	owners       owners
	statuses     statuses
	brake        brake
	fullLooks    fullLooks
	missed       missed
	retries      retries
	seen         generations // of users
	seenAccounts generations
}

// findings are the facts that one reconcile gathered, as far as it came.
type findings struct {
	access     *access                     // the account as it may be used
	userID     int64                       // the CertCentral user meant
	mode       profile.Mode                // the stricter one of user and account
	have       *certcentral.User           // the last look; nil when nobody could look
	plan       profile.Plan                // the judgement on have
	written    *v1alpha1.Applied           // the write that CertCentral acknowledged; nil when none
	changed    []profile.Difference        // what the write was made for
	tried      bool                        // a write was about to go out, whatever became of it
	attempt    *v1alpha1.Attempt           // the last write whose outcome is to be seen; nil when none
	changes    []v1alpha1.UnexpectedChange // what writes changed that they were not to
	news       []v1alpha1.UnexpectedChange // those of them that were found now, and are the service's
	recalled   bool                        // attempt and changes are what there is to know
	accepted   bool                        // a person takes the changes as they are
	rolledBack *v1alpha1.Rollback          // to an older generation; nil when the resource is not
	tip        *tip                        // what the account's list of users has that the status does not; nil when nothing
	rested     bool                        // the status was judged instead of a look
	begun      time.Time                   // when the reconcile began
	visit      *certcentral.Visit          // its requests
	misses     int                         // looks in a row that CertCentral refused, with this one; 0 when it was not refused
	replaced   int64                       // the id that the username had before, of a user that is gone; 0 when it has the same
	hearsay    bool                        // somebody else wrote the status, and nobody looked at the user since
}

// writes are the differences that the plan writes.
func (f *findings) writes() []profile.Difference {
	return slices.DeleteFunc(slices.Clone(f.plan.Differences), func(d profile.Difference) bool {
		return !slices.Contains(f.plan.Fields, d.Field)
	})
}

// Reconcile looks at one user, decides, acts, and reports. Deleting a resource does nothing: the CertCentral user stays as it is.
func (r *UserReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	user := &v1alpha1.CertCentralUser{}
	if err := r.Get(ctx, req.NamespacedName, user); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	} else if err != nil || !user.DeletionTimestamp.IsZero() {
		r.brake.release(req.NamespacedName)
		r.statuses.release(req.NamespacedName)
		r.retries.succeeds(req.NamespacedName)
		r.seen.release(req.NamespacedName)
		r.fullLooks.release(req.NamespacedName)
		r.missed.release(req.NamespacedName)
		r.Sweeps.forget(req.NamespacedName)
		r.Metrics.forgetUser(req.NamespacedName)
		r.Sessions.releaseReset(req.NamespacedName, types.NamespacedName{})
		return ctrl.Result{}, nil
	}
	r.seen.see(user)
	found := findings{
		begun: r.Clock.Now(), rolledBack: r.seen.behind(user), tip: r.Sweeps.tip(req.NamespacedName),
		hearsay: r.statuses.hearsay(req.NamespacedName),
	}
	err := r.visit(ctx, user, &found)
	return r.report(ctx, user, found, err)
}

// visit looks, decides and acts.
func (r *UserReconciler) visit(ctx context.Context, user *v1alpha1.CertCentralUser, found *findings) error {
	ctx, found.visit = certcentral.Begin(ctx)
	defer found.visit.End()
	err := r.look(ctx, user, found)
	reach(looked)
	if err != nil {
		return err
	}
	found.recall(user)
	found.decide(user)
	found.review(user, r.Clock.Now())
	return r.act(ctx, user, found)
}

// decide judges the last look.
func (f *findings) decide(user *v1alpha1.CertCentralUser) {
	f.mode = modeOf(user, f.access.account)
	f.plan = profile.Decide(profile.Want{
		Declared:    declared(user.Spec.Profile),
		Settled:     f.settled(user),
		Mode:        f.mode,
		Username:    ptr.Deref(user.Spec.UserRef.Username, ""),
		Trusted:     f.trusted(user),
		Known:       f.known(user),
		SendFlag:    f.sendsFlag(),
		ServiceUser: f.access.serviceUser(f.userID),
	}, f.have.Profile)
}
