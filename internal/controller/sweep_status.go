package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// report counts the account's users for its status, says what is news, and tells the queue when to go on.
func (r *SweepReconciler) report(
	ctx context.Context, before *v1alpha1.CertCentralAccount, open *session, managed []*v1alpha1.CertCentralUser, s *sweep, err error,
) (ctrl.Result, error) {
	after, overview := before.DeepCopy(), r.overview(before, open, managed, s)
	if isNews(before.Status.Sweep, overview) {
		after.Status.Sweep = overview.DeepCopy()
		if err := r.Status().Patch(ctx, after, client.MergeFrom(before)); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		r.announce(ctx, before, overview, err)
	}
	now := r.Clock.Now()
	var failure *certcentral.Error
	switch {
	case open == nil:
		return ctrl.Result{}, nil // the account wakes this when it opens
	case errors.As(err, &failure) && failure.RetryAfter > 0:
		return ctrl.Result{RequeueAfter: failure.RetryAfter}, nil
	case certcentral.KindOf(err) == certcentral.Canceled:
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case err != nil:
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: max(s.due.Sub(now), time.Second)}, nil
}

// overview is what there is to say of an account's users.
func (r *SweepReconciler) overview(
	account *v1alpha1.CertCentralAccount, open *session, managed []*v1alpha1.CertCentralUser, s *sweep,
) *v1alpha1.AccountSweep {
	o := &v1alpha1.AccountSweep{Managed: int64(len(managed))}
	if last := account.Status.Sweep; last != nil && s.state == "" {
		o = last.DeepCopy() // what this process does not know yet
		o.Managed, o.InSync, o.OutOfSync = int64(len(managed)), 0, 0
	}
	for _, user := range managed {
		switch inSync(user) {
		case metav1.ConditionTrue:
			o.InSync++
		case metav1.ConditionFalse:
			o.OutOfSync++
		default: // of the rest it is not known
		}
	}
	o.RequestsAllowed = 3 * int64(account.Spec.Budget.RequestsPerMinute)
	if open != nil {
		o.Requests = int64(open.client.Requests())
	}
	if s.state == "" {
		return o
	}
	o.State = s.state
	calls := len(managed)
	if s.state == v1alpha1.SweepSwept {
		users := int64(s.users)
		calls = certcentral.Pages(s.users)
		o.Users, o.Unmanaged, o.LastTime = &users, new(max(0, users-int64(len(managed)))), &metav1.Time{Time: s.whole}
	}
	o.SafeInterval = &metav1.Duration{Duration: safeInterval(account, calls)}
	o.Message = meaning(account, s.state, calls)
	return o
}

// meaning says in a sentence what a state means for an account. It has no numbers that change by themselves.
func meaning(account *v1alpha1.CertCentralAccount, state v1alpha1.SweepState, calls int) string {
	every := duration.HumanDuration(account.Spec.Interval.Duration)
	switch state {
	case v1alpha1.SweepSwept:
		return fmt.Sprintf("All users are looked at in the list of users every %s, and alone where it shows news: %d requests.", every, calls)
	case v1alpha1.SweepRefused:
		return fmt.Sprintf("The API key may not list users: each is looked at alone every %s.", every)
	case v1alpha1.SweepFailing:
		return fmt.Sprintf("The list of users can't be read at present: each is looked at alone every %s.", every)
	case v1alpha1.SweepSingle:
		return fmt.Sprintf("Each user is looked at alone every %s: they are few.", every)
	}
	return ""
}

// isNews tells whether anything changed but times and requests, or these are old.
func isNews(before, after *v1alpha1.AccountSweep) bool {
	if before == nil {
		return true
	}
	now := *after
	now.LastTime, now.Requests = before.LastTime, before.Requests
	if !equality.Semantic.DeepEqual(*before, now) {
		return true
	}
	return after.LastTime != nil && (before.LastTime == nil || after.LastTime.Sub(before.LastTime.Time) >= freshness)
}

// announce makes an event and a log line when the list of users can't be had, and when it can again.
func (r *SweepReconciler) announce(ctx context.Context, before *v1alpha1.CertCentralAccount, overview *v1alpha1.AccountSweep, err error) {
	var was v1alpha1.SweepState
	if before.Status.Sweep != nil {
		was = before.Status.Sweep.State
	}
	if is := overview.State; is == was || !was.Troubled() && !is.Troubled() {
		return
	}
	line, kind := []any{"state", overview.State}, corev1.EventTypeNormal
	if overview.State.Troubled() {
		kind = corev1.EventTypeWarning
	}
	if err != nil {
		line = append(line, "cause", err.Error())
	}
	ctrl.LoggerFrom(ctx).Info(overview.Message, line...)
	r.Events.Eventf(before, nil, kind, string(overview.State), "Sweep", "%s", overview.Message)
}
