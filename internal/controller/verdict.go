package controller

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
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
	// cause is what was odd about an answer, or about the lack of one, in words that hold no values either. It is of one account's
	// way to CertCentral, so it goes into the status only.
	cause string
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

// message is the note with the cause and what CertCentral said.
func (v *verdict) message() string {
	text := v.note
	if v.cause != "" {
		text = v.beforeCause() + v.cause + "."
	}
	if v.detail != "" {
		text += saying + v.detail
	}
	return text
}

// beforeCause is how a message begins that has a cause.
func (v *verdict) beforeCause() string { return strings.TrimSuffix(v.note, ".") + ": " }

// saying comes between a note and what CertCentral said.
const saying = " CertCentral says: "

// unseen says nothing of what this process has not got to yet. What waits is woken when that changes, and looks again in a
// while all the same.
func unseen() *verdict {
	return &verdict{silent: true, after: time.Minute}
}

// conclude sets the conditions that a verdict implies: Ready, and one of Reconciling and Stalled at most.
func conclude(conditions *[]metav1.Condition, v *verdict, generation int64) {
	v.keepCause(meta.FindStatusCondition(*conditions, v1alpha1.ConditionReady))
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
	if before := meta.FindStatusCondition(*conditions, kind); before != nil && before.Reason == v1alpha1.ReasonWaiting {
		meta.RemoveStatusCondition(conditions, kind) // the API server's default: its transition time is none
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
	if ready.Reason == v1alpha1.ReasonUnexpectedChange {
		return corev1.EventTypeWarning
	}
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
		return rejected(rejectedNote+changeDeclared, quote(failure))
	case certcentral.Forbidden:
		return &verdict{
			reason: v1alpha1.ReasonForbidden, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
			note:   "The API key may not do this: writing needs the permission User Management, looking at least View Only.",
			detail: quote(failure), after: slowRecheck,
		}
	case certcentral.NotFound:
		return notFound(failure)
	case certcentral.Ambiguous:
		return &verdict{
			reason: v1alpha1.ReasonIdentityMismatch, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
			note: "Several users of CertCentral have the username that spec.userRef names, and nothing is looked at or written: " +
				"create a resource that refers to the right one by id.",
			after: slowRecheck,
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

func notFound(failure *certcentral.Error) *verdict {
	v := &verdict{
		reason: v1alpha1.ReasonUserNotFound, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
		note: "CertCentral has no such user, or does not show it to this API key: see spec.userRef.", after: slowRecheck,
	}
	if errors.Is(failure, certcentral.ErrOtherCase) {
		v.note = "CertCentral has no user with exactly the username that spec.userRef names, but one whose username differs in case only: " +
			"create a resource that names it so, or by id."
		v.cause = "it is " + failure.Detail
	}
	return v
}

const (
	// rejectedNote is how each note begins that tells of a profile which CertCentral itself refused.
	rejectedNote   = "CertCentral refuses this profile"
	changeDeclared = ": change what is declared."
)

// refusedProfile is what it means that CertCentral refused a write. What is at fault may well be a value that nobody declared, and that
// was only sent back.
func refusedProfile(user *v1alpha1.CertCentralUser, sent certcentral.Update, err error) *verdict {
	v := failed(err)
	undeclared := profile.Undeclared(declared(user.Spec.Profile), sent)
	if len(undeclared) == 0 {
		return v
	}
	fields := strings.Join(profile.Names(undeclared), ", ")
	return rejected(fmt.Sprintf("%s. The live value of %s, which is sent back as it is, breaks its rules: declare %s, or correct it in CertCentral.",
		rejectedNote, fields, fields), v.detail)
}

// blamesUndeclared tells of a refusal whether it can be cured at CertCentral. Nil can't.
func (v *verdict) blamesUndeclared() bool {
	return v != nil && strings.HasPrefix(v.note, rejectedNote) && v.note != rejectedNote+changeDeclared
}

func rejected(note, detail string) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonRejected, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse, phase: stalled,
		note: note, detail: detail, after: slowRecheck,
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
	if reason != v1alpha1.ReasonThrottled {
		v.cause = failure.Cause()
	}
	return v
}

// quote returns what CertCentral said: its code and its message, as far as there are any.
func quote(failure *certcentral.Error) string {
	said := slices.DeleteFunc(append(slices.Clone(failure.Codes), failure.Detail), func(s string) bool { return s == "" })
	return strings.Join(said, ": ")
}
