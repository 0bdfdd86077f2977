package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
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
	after, overview, now := before.DeepCopy(), r.overview(before, open, managed, s), r.Clock.Now()
	var wait time.Duration
	switch all, counts := isNews(before.Status.Sweep, overview, now); {
	case counts && !all && now.Before(s.counts.due(overview.Waiting > 0)):
		wait = s.counts.due(overview.Waiting > 0).Sub(now)
	case all || counts:
		after.Status.Sweep = overview.DeepCopy()
		changed, failed := patchStatus(ctx, r.Client, before, after)
		if failed != nil {
			return ctrl.Result{}, client.IgnoreNotFound(failed)
		}
		if changed {
			return ctrl.Result{RequeueAfter: time.Second}, nil
		}
		s.counts.wrote(now)
		r.announce(ctx, before, overview, err)
	}
	var failure *certcentral.Error
	switch {
	case open == nil:
		return ctrl.Result{RequeueAfter: wait}, nil // the account wakes this when it opens
	case errors.As(err, &failure) && failure.RetryAfter > 0:
		return ctrl.Result{RequeueAfter: r.space(before, open, failure, now)}, nil
	case certcentral.KindOf(err) == certcentral.Canceled:
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case err != nil:
		r.retries.failing(identityOf(before, open.client)) // the queue counts it
		return ctrl.Result{}, err
	}
	r.retries.succeeds(client.ObjectKeyFromObject(before))
	if due := max(s.due.Sub(now), time.Second); wait == 0 || due < wait {
		wait = due
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

const (
	// firstGap is how long changed counts of users wait to be written again; while a crowd waits for its first look it doubles, up to
	// lastGap.
	firstGap = 10 * time.Second
	lastGap  = 2 * time.Minute
)

// pace is how often counts are written.
type pace struct {
	last time.Time     // that they were
	gap  time.Duration // before the next time, while a crowd waits
}

// due returns from when on they may be written again.
func (p pace) due(crowd bool) time.Time {
	if crowd {
		return p.last.Add(p.gap)
	}
	return p.last.Add(min(p.gap, firstGap))
}

// wrote takes notice that they were. Those that follow closely come ever more seldom.
func (p *pace) wrote(now time.Time) {
	if now.Sub(p.last) > 2*p.gap {
		p.gap = firstGap
	} else {
		p.gap = min(2*p.gap, lastGap)
	}
	p.last = now
}

// space returns when to go on after a call that was told to wait: failures come later each time, what was put off does not count.
func (r *SweepReconciler) space(account *v1alpha1.CertCentralAccount, open *session, failure *certcentral.Error, now time.Time) time.Duration {
	of := identityOf(account, open.client)
	if failure.Kind == certcentral.Deferred || failure.Kind == certcentral.Throttled {
		return max(failure.RetryAfter, r.retries.left(of, now))
	}
	return r.retries.fails(of, failure.RetryAfter, now)
}

// overview is what there is to say of an account's users.
func (r *SweepReconciler) overview(
	account *v1alpha1.CertCentralAccount, open *session, managed []*v1alpha1.CertCentralUser, s *sweep,
) *v1alpha1.AccountSweep {
	o := &v1alpha1.AccountSweep{Managed: int64(len(managed))}
	if last := account.Status.Sweep; last != nil && s.state == "" {
		o = last.DeepCopy() // what this process does not know yet
		o.Managed, o.InSync, o.OutOfSync, o.Waiting, o.WaitingTime = int64(len(managed)), 0, 0, 0, nil
	}
	for _, user := range managed {
		switch inSync(user) {
		case metav1.ConditionTrue:
			o.InSync++
		case metav1.ConditionFalse:
			o.OutOfSync++
		default: // of the rest it is not known
		}
		if waiting(user) {
			o.Waiting++
		}
	}
	if o.Waiting > 0 {
		minutes := (o.Waiting + int64(account.Spec.Budget.RequestsPerMinute) - 1) / int64(account.Spec.Budget.RequestsPerMinute)
		o.WaitingTime = &metav1.Duration{Duration: time.Duration(minutes) * time.Minute}
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
	case v1alpha1.SweepTooSlow:
		return fmt.Sprintf("The list of users can't be read to its end within %d intervals at this budget: "+
			"each user is looked at alone, every %s as far as the budget allows.", lapse, every)
	case v1alpha1.SweepTooLong:
		return fmt.Sprintf("The list of users has more than %d: it is not read, and each managed user is looked at alone, "+
			"every %s as far as the budget allows.", certcentral.MaxUsers, every)
	case v1alpha1.SweepSingle:
		return fmt.Sprintf("Each user is looked at alone every %s: they are few.", every)
	}
	return ""
}

// waiting tells whether nobody has looked at a user yet, or found why not to.
func waiting(user *v1alpha1.CertCentralUser) bool {
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	return (ready == nil || ready.Reason == v1alpha1.ReasonWaiting) && !user.Spec.Suspend
}

// isNews tells whether anything changed but times and requests, or these are old, and whether the counts of users did.
func isNews(before, after *v1alpha1.AccountSweep, now time.Time) (all, counts bool) {
	if before == nil {
		return true, true
	}
	is := *after
	is.LastTime, is.Requests = before.LastTime, before.Requests
	is.Managed, is.InSync, is.OutOfSync, is.Waiting = before.Managed, before.InSync, before.OutOfSync, before.Waiting
	is.WaitingTime, is.Unmanaged, is.SafeInterval = before.WaitingTime, before.Unmanaged, before.SafeInterval
	counts = before.Managed != after.Managed || before.InSync != after.InSync || before.OutOfSync != after.OutOfSync ||
		before.Waiting != after.Waiting || !equality.Semantic.DeepEqual(before.WaitingTime, after.WaitingTime) ||
		!equality.Semantic.DeepEqual(before.Unmanaged, after.Unmanaged) || !equality.Semantic.DeepEqual(before.SafeInterval, after.SafeInterval)
	old := after.LastTime != nil && after.LastTime.Sub(notAhead(now, before.LastTime)) >= freshness
	return old || !equality.Semantic.DeepEqual(*before, is), counts
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
