package controller

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// freshness is how often a status is written only to say that it is still true.
const freshness = time.Hour

// judge turns what a reconcile found, and the error that ended it, into what there is to say. It returns nil for an error of
// the Kubernetes API: there is nothing to say of the user then, and nowhere to say it.
func judge(user *v1alpha1.CertCentralUser, found findings, now time.Time, err error) *verdict {
	var v *verdict
	if errors.As(err, &v) {
		return v
	}
	var failure *certcentral.Error
	if errors.As(err, &failure) {
		return callFailed(user, found, now, failure)
	}
	if err != nil {
		return nil
	}
	switch found.plan.Verb {
	case profile.Report:
		return drifted(user, found)
	case profile.Refuse:
		return refused(user, found)
	default:
		return kept(user, found)
	}
}

// callFailed is what a failed call means here and now: that of the look, of the write, or of the look after it.
func callFailed(user *v1alpha1.CertCentralUser, found findings, now time.Time, failure *certcentral.Error) *verdict {
	v := failed(failure)
	writing := found.plan.Verb == profile.Update && found.written == nil
	unsent := !failure.Sent && (failure.Kind == certcentral.Throttled || failure.Kind == certcentral.Deferred)
	switch {
	case found.misses > 0:
		v = v.again(found.misses)
	case found.written != nil && v.silent:
		v = transient(v1alpha1.ReasonUnavailable, "Written, but not looked at since.", failure, failure)
	case failure.Kind == certcentral.Rejected && !writing:
		v = transient(v1alpha1.ReasonBadResponse, "CertCentral does not show the user.", failure, failure)
	case failure.Kind == certcentral.Rejected:
		v = refusedProfile(user, found.plan.Update, failure)
	case failure.Kind == certcentral.Deferred && writing:
		token := time.Minute / time.Duration(found.access.account.Spec.Budget.RequestsPerMinute)
		v = outOfBudget(failure)
		v.after += 2 * token // for the look before the write and the one after it
	case unsent && found.written == nil && laneOf(user) == certcentral.Poll:
		if failure.Kind == certcentral.Deferred {
			v = outOfBudget(failure)
		}
		v.silent = fresh(user, found, now) // a poll that comes a little late is no news
	}
	return v
}

func outOfBudget(failure *certcentral.Error) *verdict {
	return transient(v1alpha1.ReasonThrottled, "The budget of this API key has no room now.", failure, failure)
}

// fresh tells whether what the status says was confirmed as lately as it is in quiet times, give or take a poll.
func fresh(user *v1alpha1.CertCentralUser, found findings, now time.Time) bool {
	switch {
	case found.hearsay:
		return false
	case user.Status.LastObservedTime == nil:
		return true
	}
	return now.Sub(notAhead(now, user.Status.LastObservedTime)) < freshness+2*found.access.account.Spec.Interval.Duration
}

// kept says that the live profile satisfies the declared one. A write stays the reason until there is other news.
func kept(user *v1alpha1.CertCentralUser, found findings) *verdict {
	v := &verdict{
		reason: v1alpha1.ReasonInSync, ready: metav1.ConditionTrue, inSync: metav1.ConditionTrue,
		note: "The live profile has every declared value.", after: found.access.account.Spec.Interval.Duration,
	}
	if user.Spec.Profile == (v1alpha1.Profile{}) {
		v.note = "Nothing is declared, and so nothing is managed."
	}
	before := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case found.written != nil:
		v.reason, v.note = v1alpha1.ReasonUpdated, "Wrote "+causes(found.changed)+"."
	case before != nil && before.Reason == v1alpha1.ReasonUpdated && before.ObservedGeneration == user.Generation:
		v.reason, v.note = before.Reason, before.Message
	}
	return v
}

// drifted says what differs and is not written, because the mode forbids it.
func drifted(user *v1alpha1.CertCentralUser, found findings) *verdict {
	note := fmt.Sprintf("The live profile differs in %s, which mode %s only reports.", causes(found.plan.Differences), found.mode)
	if found.written != nil {
		note = fmt.Sprintf("Wrote %s. %s", causes(found.changed), note)
	}
	if len(found.plan.Strangers) > 0 {
		note = doubt(user, found.userID, found.plan.Strangers) + " " + note
	}
	return &verdict{
		reason: v1alpha1.ReasonDriftReported, ready: metav1.ConditionTrue, inSync: metav1.ConditionFalse,
		note: note, after: found.access.account.Spec.Interval.Duration,
	}
}

// doubt says that it is in doubt whether the live user is the one meant, by the declared fields that tell who somebody is.
func doubt(user *v1alpha1.CertCentralUser, id int64, fields []profile.Field) string {
	question := "is another person meant?"
	if user.Spec.UserRef.ID != nil {
		question = "is spec.userRef.id mistyped?"
	}
	return fmt.Sprintf("CertCentral user %d has none of the declared values of %s: %s", id, strings.Join(profile.Names(fields), ", "), question)
}

// refused says why what differs must not be written.
func refused(user *v1alpha1.CertCentralUser, found findings) *verdict {
	v := &verdict{
		reason: v1alpha1.ReasonRejected, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse, phase: stalled, after: slowRecheck,
	}
	fields := strings.Join(profile.Names(found.plan.Fields), ", ")
	switch found.plan.Refusal {
	case profile.Renamed:
		v.reason, v.inSync = v1alpha1.ReasonIdentityMismatch, metav1.ConditionUnknown
		v.note = fmt.Sprintf("CertCentral user %d no longer has the username that spec.userRef names: nothing is written. "+
			"Create a resource that refers to the user by id, if this is the person meant.", found.have.ID)
	case profile.WrongPerson:
		v.reason = v1alpha1.ReasonIdentityMismatch
		doubt := "is spec.userRef.id mistyped?"
		if user.Spec.UserRef.Username != nil {
			doubt = "is it another person's username that spec.userRef names?"
		}
		v.note = fmt.Sprintf("CertCentral user %d has none of the declared values of %s: %s Nothing is written. "+
			"If this is the person meant, set the annotation %s: %q.", found.have.ID, fields, doubt, v1alpha1.AnnotationConfirmUser,
			fmt.Sprint(found.have.ID))
	case profile.ServiceUser:
		v.note = fmt.Sprintf("CertCentral user %d is a service user, of which only the email can be managed: remove %s from spec.profile.",
			found.have.ID, fields)
	case profile.Incomplete:
		v.note = fmt.Sprintf("CertCentral requires %s in every write, and the live profile has none: declare it in spec.profile, "+
			"or correct it in CertCentral.", fields)
	}
	return v
}

// causes lists differences as "jobTitle (Drift), telephone (SpecChange)".
func causes(differences []profile.Difference) string {
	parts := make([]string, 0, len(differences))
	for _, d := range differences {
		parts = append(parts, fmt.Sprintf("%s (%s)", d.Field, d.Cause))
	}
	return strings.Join(parts, ", ")
}

// describe writes what is known into a status. It says nothing that a silent verdict does not know, but a write that was made.
func describe(user *v1alpha1.CertCentralUser, found findings, v *verdict) {
	status := &user.Status
	showMode(user, found.mode, v)
	if v.silent && found.have == nil && found.written == nil && !found.rested && user.Spec.UserRef.ID != nil {
		return
	}
	means(status, found)
	lookedUp(user, found)
	if found.have != nil && !v.silent {
		observe(status, found.have)
		compareWith(status, found.plan)
	}
	if found.rested && found.tip != nil {
		observeRow(status, &found.tip.row, found.begun)
	}
	if found.written != nil {
		status.Applied = found.written
	}
	remember(user, found)
	if v.silent {
		return
	}
	showLogin(status)
	conclude(&status.Conditions, v, user.Generation)
	set(&status.Conditions, v1alpha1.ConditionInSync, v.inSync, v, user.Generation)
	// A generation is observed once there is a verdict on it; not when nobody could look.
	if v.phase != retrying || v.ready == metav1.ConditionFalse {
		status.ObservedGeneration = user.Generation
		if v.reason != v1alpha1.ReasonSuspended {
			status.LastHandledReconcileAt = user.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
		}
	}
}

// lookedUp records where the username was looked up that the user is referred to by.
func lookedUp(user *v1alpha1.CertCentralUser, found findings) {
	status := &user.Status
	if found.userID == 0 || user.Spec.UserRef.Username == nil {
		return
	}
	if status.UsernameLookup == nil || !sameLookup(*status.UsernameLookup, found.access) {
		status.UsernameLookup = new(lookupBy(found.access))
	}
}

// remember writes into a status what is to be seen, held back or accepted later, whatever else there is to say.
func remember(user *v1alpha1.CertCentralUser, found findings) {
	status := &user.Status
	status.RolledBack = found.rolledBack
	acceptance := clip(user.Annotations[v1alpha1.AnnotationAcceptUnexpectedChange])
	if acceptance != status.LastHandledAcceptance && !(found.recalled && found.accepted) {
		status.LastHandledAcceptance = ""
	}
	if !found.recalled {
		return
	}
	status.UnexpectedChanges, status.Attempt = found.changes, found.attempt
	if found.accepted {
		status.LastHandledAcceptance = acceptance
	}
}

// means records who is meant. What was known of somebody else goes. The account is the live user's, or as long as nobody saw that
// one, the key's.
func means(status *v1alpha1.CertCentralUserStatus, found findings) {
	if found.userID == 0 {
		return
	}
	account := found.access.accountID()
	switch {
	case found.have != nil:
		account = found.have.AccountID
	case status.UserID == found.userID:
		return
	}
	if status.UserID == found.userID && status.AccountID == account {
		return
	}
	*status = v1alpha1.CertCentralUserStatus{
		ObservedGeneration: status.ObservedGeneration, Conditions: status.Conditions, Mode: status.Mode,
		LastHandledReconcileAt: status.LastHandledReconcileAt,
		UserID:                 found.userID, AccountID: account,
	}
}
