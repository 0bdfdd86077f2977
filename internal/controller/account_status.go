package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// secretRetry is when a Secret that is missing or unusable is read again.
const secretRetry = 15 * time.Second

func endpointNotAllowed(endpoint string) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonEndpointNotAllowed, ready: metav1.ConditionFalse, phase: stalled,
		note: fmt.Sprintf("The operator does not send API keys to %s: see its flag --allowed-endpoints.", endpoint),
	}
}

func secretNotReady(note string) *verdict {
	return &verdict{reason: v1alpha1.ReasonSecretNotReady, ready: metav1.ConditionFalse, note: note, after: secretRetry}
}

func invalid(err error) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonInvalidSpec, ready: metav1.ConditionFalse, phase: stalled,
		note: fmt.Sprintf("The account can't be used as it is declared: %v.", err),
	}
}

func keyRefused(after time.Duration) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonKeyRefused, ready: metav1.ConditionFalse, phase: stalled, after: after,
		note: "CertCentral refuses the API key: put a valid one into the Secret, which is read once a minute.",
	}
}

func mismatched(id int64) *verdict {
	return mismatch(fmt.Sprintf("The API key belongs to CertCentral account %d, which is not spec.accountID: nothing is looked at or written.", id))
}

// judgeAccount turns a session, or the error that kept it shut, into what there is to say; nil for an error of the Kubernetes API.
func judgeAccount(account *v1alpha1.CertCentralAccount, current *session, now time.Time, err error) *verdict {
	var v *verdict
	if errors.As(err, &v) {
		return v
	}
	if err == nil || certcentral.KindOf(err) == certcentral.Throttled {
		if paused := pausedUntil(account, current, now); paused != nil {
			return paused
		}
	}
	if err == nil {
		return &verdict{
			reason: v1alpha1.ReasonAvailable, ready: metav1.ConditionTrue,
			note: fmt.Sprintf("The API key is accepted for CertCentral account %d.", current.accountID()),
		}
	}
	var failure *certcentral.Error
	if !errors.As(err, &failure) {
		return nil
	}
	if failure.Kind == certcentral.NotFound || failure.Kind == certcentral.Rejected {
		return transient(v1alpha1.ReasonBadResponse, "CertCentral does not tell whose API key it is.", failure, failure)
	}
	v = failed(failure)
	if failure.Kind == certcentral.Throttled && !failure.Sent && account.Generation == account.Status.ObservedGeneration {
		v.silent = true // a question that comes late is no news
	}
	return v
}

// longPause is from when on a pause that CertCentral asked for is said.
const longPause = 30 * time.Second

// pausedUntil says that CertCentral has asked for a pause, until it is over; nil when there is none, or one so short that it is no
// news. Its end is told to the minute, so that it is news once.
func pausedUntil(account *v1alpha1.CertCentralAccount, current *session, now time.Time) *verdict {
	if current == nil || current.client == nil {
		return nil
	}
	until := current.client.PausedUntil()
	ready := meta.FindStatusCondition(account.Status.Conditions, v1alpha1.ConditionReady)
	said := ready != nil && ready.Reason == v1alpha1.ReasonThrottled
	if left := until.Sub(now); left <= 0 || left < longPause && !said {
		return nil
	}
	end := until.Add(time.Minute - 1).Truncate(time.Minute)
	return &verdict{
		reason: v1alpha1.ReasonThrottled, ready: metav1.ConditionUnknown, phase: retrying, after: until.Sub(now),
		note: fmt.Sprintf("CertCentral's request limit for this API key is reached: nothing is looked at or written until %s UTC.",
			end.UTC().Format("15:04")),
	}
}

// report says the outcome once: in the status if it is news, then as event and log line, and to the queue. The account's users
// are woken by the status if it tells them something, and else if the account was opened: after a restart, or with another key.
func (r *AccountReconciler) report(
	ctx context.Context, before *v1alpha1.CertCentralAccount, current *session, opened bool, err error,
) (ctrl.Result, error) {
	v := judgeAccount(before, current, r.Clock.Now(), err)
	if v == nil {
		return ctrl.Result{}, err
	}
	if err := r.warnOfResets(ctx, before, v); err != nil {
		return ctrl.Result{}, err
	}
	after := before.DeepCopy()
	describeAccount(after, current, v)
	changed := false
	if !equality.Semantic.DeepEqual(before.Status, after.Status) {
		if changed, err = patchStatus(ctx, r.Client, before, after); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	if opened {
		wakeUp(r.Sessions.ready, client.ObjectKeyFromObject(after))
	}
	if opened && !concernsUsers(before, after) {
		r.Sessions.wake(client.ObjectKeyFromObject(after))
	}
	if changed {
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	r.announce(ctx, before, after, v)
	r.space(before, current, v, err)
	if v.retry != nil {
		return ctrl.Result{}, v.retry
	}
	if v.after == 0 || v.after > keyRecheck {
		v.after = keyRecheck
	}
	return ctrl.Result{RequeueAfter: v.after}, nil
}

// patchStatus writes what changed in the status of an account, unless it is another one by now, or somebody changed it: then that is
// told, and nothing was written.
func patchStatus(ctx context.Context, c client.Client, before, after *v1alpha1.CertCentralAccount) (changed bool, err error) {
	err = c.Status().Patch(ctx, after, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsConflict(err) {
		return true, nil
	}
	return false, err
}

// space has an account that fails wait longer each time, whatever else happens meanwhile.
func (r *AccountReconciler) space(account *v1alpha1.CertCentralAccount, current *session, v *verdict, err error) {
	if current == nil {
		return
	}
	of, now := identityOf(account, current.client), r.Clock.Now()
	switch {
	case err == nil:
		r.retries.succeeds(of.key)
	case v.retry != nil:
		r.retries.failing(of) // the queue counts it
	case v.phase == retrying && v.reason != v1alpha1.ReasonThrottled:
		v.after = r.retries.fails(of, v.after, now)
	case v.silent:
		v.after = max(v.after, r.retries.left(of, now))
	}
}

// describeAccount writes what is known into a status.
func describeAccount(account *v1alpha1.CertCentralAccount, current *session, v *verdict) {
	status := &account.Status
	if v.silent {
		return
	}
	if current != nil && current.owner != nil {
		status.AccountID = current.accountID()
		status.APIKeyUser = &v1alpha1.APIKeyUser{
			ID: current.owner.ID, Username: clip(current.owner.Profile.Username), Roles: roles(current.owner.Roles),
		}
	}
	conclude(&status.Conditions, v, account.Generation)
	status.ObservedGeneration = account.Generation
	if v.phase != retrying {
		status.LastHandledReconcileAt = account.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	}
}

// accountRequested tells whether a person asked for a look that was not made yet.
func accountRequested(account *v1alpha1.CertCentralAccount) bool {
	value := account.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	return value != "" && value != account.Status.LastHandledReconcileAt
}

// announce makes an event and a log line of a change of Ready.
func (r *AccountReconciler) announce(ctx context.Context, before, after *v1alpha1.CertCentralAccount, v *verdict) {
	if ready, news := turned(before.Status.Conditions, after.Status.Conditions); news {
		ctrl.LoggerFrom(ctx).Info(v.note, "reason", ready.Reason, "ready", ready.Status)
		r.Events.Eventf(after, nil, eventType(ready), ready.Reason, "Look", "%s", v.note)
	}
}
