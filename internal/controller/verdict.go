package controller

import (
	"errors"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// verdict is the outcome of a reconcile, said once: conditions, event, log line and the queue's answer all come from it. A
// step that can't go on returns one as its error.
type verdict struct {
	reason string
	ready  metav1.ConditionStatus // "" leaves Ready as it is, but for reason and message
	inSync metav1.ConditionStatus
	// phase tells who acts next: the queue, a person, or neither.
	phase phase
	// note says what happened in words that are safe everywhere: it names fields, never values.
	note string
	// detail is what CertCentral said about it. It may hold personal values, so it goes into the status only.
	detail string
	// after is when to look again; 0 means when something changes.
	after time.Duration
	// retry, when set, goes to the queue, which backs off.
	retry error
	// silent leaves the status alone: nothing is known that wasn't before.
	silent bool
}

type phase int

const (
	settled  phase = iota // nothing more to do for now
	retrying              // Reconciling: the queue tries again
	stalled               // Stalled: a person must act
)

// Error makes a verdict what a step returns when it can't go on.
func (v *verdict) Error() string { return v.note }

// message is the note with what CertCentral said.
func (v *verdict) message() string {
	if v.detail == "" {
		return v.note
	}
	return v.note + saying + v.detail
}

// saying comes between a note and what CertCentral said.
const saying = " CertCentral says: "

// unseen says nothing of what this process has not got to yet. What waits is woken when that changes, and looks again in a
// while all the same.
func unseen() *verdict {
	return &verdict{silent: true, after: time.Minute}
}

// conclude sets the conditions that a verdict implies: Ready, and one of Reconciling and Stalled at most.
func conclude(conditions *[]metav1.Condition, v *verdict, generation int64) {
	set(conditions, v1alpha1.ConditionReady, v.ready, v, generation)
	for kind, phase := range map[string]phase{v1alpha1.ConditionReconciling: retrying, v1alpha1.ConditionStalled: stalled} {
		if v.phase == phase { // one that stays is not set anew: its transition time would be news
			set(conditions, kind, metav1.ConditionTrue, v, generation)
		} else {
			meta.RemoveStatusCondition(conditions, kind)
		}
	}
}

// set sets one condition, in the words of a verdict. An empty status leaves it as it is, Unknown if it isn't there.
func set(conditions *[]metav1.Condition, kind string, status metav1.ConditionStatus, v *verdict, generation int64) {
	if status == "" {
		status = metav1.ConditionUnknown
		if before := meta.FindStatusCondition(*conditions, kind); before != nil {
			status = before.Status
		}
	}
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: kind, Status: status, Reason: v.reason, Message: v.message(), ObservedGeneration: generation,
	})
}

// turned returns Ready as it is now, and whether its status or its reason is news.
func turned(before, after []metav1.Condition) (ready metav1.Condition, news bool) {
	was := ptr.Deref(meta.FindStatusCondition(before, v1alpha1.ConditionReady), metav1.Condition{})
	ready = ptr.Deref(meta.FindStatusCondition(after, v1alpha1.ConditionReady), metav1.Condition{})
	return ready, ready.Status != was.Status || ready.Reason != was.Reason
}

// eventType calls Normal what is as declared, or as a person set it.
func eventType(ready metav1.Condition) string {
	if ready.Status == metav1.ConditionTrue || ready.Reason == v1alpha1.ReasonSuspended {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// failed says what an error of the client means. The unknown falls on the safe side: look again, don't write.
func failed(err error) *verdict {
	var failure *certcentral.Error
	if !errors.As(err, &failure) {
		failure = &certcentral.Error{}
	}
	switch certcentral.KindOf(err) {
	case certcentral.Rejected:
		return rejected(quote(failure))
	case certcentral.Forbidden:
		return &verdict{
			reason: v1alpha1.ReasonForbidden, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
			note:   "The API key may not do this: writing needs the permission User Management, looking at least View Only.",
			detail: quote(failure), after: slowRecheck,
		}
	case certcentral.NotFound:
		return &verdict{
			reason: v1alpha1.ReasonUserNotFound, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
			note: "CertCentral has no such user, or does not show it to this API key: see spec.userRef.", after: slowRecheck,
		}
	case certcentral.KeyRefused:
		return unseen() // the account says it, and wakes its users when the key is good again
	case certcentral.Deferred:
		return &verdict{silent: true, after: failure.RetryAfter}
	case certcentral.Canceled:
		return &verdict{silent: true, after: time.Second}
	case certcentral.Throttled:
		return transient(v1alpha1.ReasonThrottled, "CertCentral's request limit for this API key is reached.", failure, err)
	case certcentral.BadResponse:
		return transient(v1alpha1.ReasonBadResponse, "CertCentral, or something before it, answered what makes no sense.", failure, err)
	default:
		return transient(v1alpha1.ReasonUnavailable, "CertCentral can't be reached, or fails.", failure, err)
	}
}

const rejectedNote = "CertCentral refuses this profile: change what is declared."

func rejected(detail string) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonRejected, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse, phase: stalled,
		note: rejectedNote, detail: detail, after: slowRecheck,
	}
}

// transient is tried again when the other side says so, else by the queue's backoff.
func transient(reason, note string, failure *certcentral.Error, err error) *verdict {
	v := &verdict{
		reason: reason, ready: metav1.ConditionUnknown, inSync: metav1.ConditionUnknown, phase: retrying,
		note: note, after: failure.RetryAfter,
	}
	if v.after == 0 {
		v.retry = err
	}
	return v
}

// quote returns what CertCentral said: its code and its message, as far as there are any.
func quote(failure *certcentral.Error) string {
	said := slices.DeleteFunc(append(slices.Clone(failure.Codes), failure.Detail), func(s string) bool { return s == "" })
	return strings.Join(said, ": ")
}
