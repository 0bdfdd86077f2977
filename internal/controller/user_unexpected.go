package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

const (
	// promptly is how long after a write a look still tells what that write did, rather than others.
	promptly = time.Minute
	// readsLag is how long a read may lag behind a write: until then looks that do not show it are compared with it again.
	readsLag = 10 * time.Minute
)

// accepts tells whether a person newly takes, of this generation, what a write changed beside what it was to change.
func accepts(user *v1alpha1.CertCentralUser) bool {
	value := user.Annotations[v1alpha1.AnnotationAcceptUnexpectedChange]
	return value == strconv.FormatInt(user.Generation, 10) && value != user.Status.LastHandledAcceptance
}

// sendsFlag tells whether every write of the account carries the SSO flag.
func (f *findings) sendsFlag() bool {
	return f.access.account.Spec.SAMLSSOOnlyWrites == v1alpha1.FlagAlways
}

// recall takes from the status what writes before this turn left to be seen, unless it is another user's. Changes of an older
// generation hold nothing back any more, but for a flag that was left out: that is the account's matter.
func (f *findings) recall(user *v1alpha1.CertCentralUser) {
	f.recalled, f.accepted = true, accepts(user)
	if !f.same(user) {
		return
	}
	f.attempt = user.Status.Attempt.DeepCopy()
	for _, c := range user.Status.UnexpectedChanges {
		ours := c.Origin == v1alpha1.OriginUnclear || c.Omitted || c.Generation == user.Generation
		if ours && !f.accepted && !(c.Omitted && f.sendsFlag()) {
			f.changes = append(f.changes, c)
		}
	}
}

// review compares the look with the last write, as long as its outcome was not seen: each field that was not to change and came
// back other than it was sent is kept.
func (f *findings) review(user *v1alpha1.CertCentralUser, now time.Time) {
	if f.attempt == nil || f.attempt.Compared {
		f.forget(user)
		return
	}
	age := now.Sub(f.attempt.Time.Time)
	write := writeOf(f.attempt, age > promptly)
	found := profile.Unexpected(write, f.have.Profile, f.plan, f.suspects())
	if len(found) == 0 && !write.Arrived(f.have.Profile) && f.attempt.Generation == user.Generation && age <= readsLag {
		return
	}
	f.changes = slices.DeleteFunc(f.changes, func(c v1alpha1.UnexpectedChange) bool {
		again := slices.ContainsFunc(found, func(n profile.Change) bool { return string(n.Field) == c.Field })
		return again || !c.Omitted || c.Origin == v1alpha1.OriginUnclear
	})
	for _, c := range found {
		change := v1alpha1.UnexpectedChange{
			Field: string(c.Field), Origin: v1alpha1.ChangeOrigin(c.Origin), Generation: f.attempt.Generation, Omitted: c.Omitted,
			Before: clip(c.Before), Observed: clip(c.Observed),
		}
		f.changes = append(f.changes, change)
		if c.Origin == profile.ByService {
			f.news = append(f.news, change)
		}
	}
	f.attempt = f.attempt.DeepCopy()
	f.attempt.Compared = true
	f.forget(user)
}

// forget drops a write whose outcome was seen, unless it counts still: one that was not acknowledged, of this generation.
func (f *findings) forget(user *v1alpha1.CertCentralUser) {
	if f.attempt != nil && (f.acknowledged(user) || f.attempt.Generation != user.Generation) {
		f.attempt = nil
	}
}

// acknowledged tells whether the attempt is on record as a write, too.
func (f *findings) acknowledged(user *v1alpha1.CertCentralUser) bool {
	applied := f.written
	if applied == nil {
		applied = user.Status.Applied
	}
	return applied != nil && !applied.Time.Before(&f.attempt.Time)
}

// suspects are the fields that came back other than they were sent after the write before, too.
func (f *findings) suspects() []profile.Field {
	var fields []profile.Field
	for _, c := range f.changes {
		fields = append(fields, profile.Field(c.Field))
	}
	return fields
}

// held returns what to say while a write of this generation changed what it was not to, and nobody took it as it is.
func (f *findings) held(user *v1alpha1.CertCentralUser) error {
	var fields []string
	for _, c := range f.changes {
		if c.Origin != v1alpha1.OriginService || c.Generation != user.Generation {
			continue
		}
		field := c.Field
		if c.Omitted {
			field += " (which it left out)"
		}
		fields = append(fields, field)
	}
	if len(fields) == 0 {
		return nil
	}
	v := unexpected(f, fmt.Sprintf("A write changed at CertCentral what it was not to change: %s. See status.unexpectedChanges. "+
		"Nothing more is written for this user until its spec is changed, or the annotation %s: %q says that it may stay so.",
		strings.Join(fields, ", "), v1alpha1.AnnotationAcceptUnexpectedChange, strconv.FormatInt(user.Generation, 10)))
	return v
}

// heldSince tells whether the API server's status has a field that holds writes back and that the cache's did not have yet.
func heldSince(known, current *v1alpha1.CertCentralUser) bool {
	return slices.ContainsFunc(current.Status.UnexpectedChanges, func(c v1alpha1.UnexpectedChange) bool {
		return c.Origin == v1alpha1.OriginService && !slices.Contains(known.Status.UnexpectedChanges, c)
	})
}

// unexpected is the verdict on a user who is not written because of what writes do.
func unexpected(f *findings, note string) *verdict {
	v := &verdict{
		reason: v1alpha1.ReasonUnexpectedChange, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse, phase: stalled,
		note: note, after: f.access.account.Spec.Interval.Duration,
	}
	if f.plan.Verb == profile.Keep {
		v.inSync = metav1.ConditionTrue
	}
	return v
}

// flagStopped returns a verdict if the write would leave the SSO flag out, and such a write changed the flag of a user of the account.
func (r *UserReconciler) flagStopped(ctx context.Context, found *findings) error {
	if found.plan.Update.SAMLSSOOnly != nil {
		return nil
	}
	affected, err := r.Sessions.resets.of(ctx, r.Client, found.access.key)
	if err != nil || len(affected) == 0 {
		return err
	}
	return unexpected(found, fmt.Sprintf("A write that left samlSSOOnly out changed it for another user of account %s: nothing is written "+
		"without it until spec.samlSSOOnlyWrites of the account is Always, or what changed is accepted. See the account.", found.access.key))
}

// tellResets has the account know of a flag that a write left out and that changed: no further one is to leave it out.
func (r *UserReconciler) tellResets(user *v1alpha1.CertCentralUser, found *findings) {
	if slices.ContainsFunc(found.news, leftOut) && r.Sessions.resets.add(found.access.key, nameOf(user)) {
		wakeUp(r.Sessions.doubted, found.access.key)
	}
}

// mayBeMade tells whether a write that came to this may have been made, for all one knows.
func mayBeMade(err error) bool {
	if err == nil {
		return true
	}
	var failure *certcentral.Error
	if !errors.As(err, &failure) || !failure.Sent {
		return false
	}
	switch certcentral.KindOf(err) {
	case certcentral.Rejected, certcentral.Forbidden, certcentral.KeyRefused, certcentral.NotFound, certcentral.Throttled, certcentral.Deferred:
		return false
	default:
		return true
	}
}

// attempted is the record of a write that may have been made.
func attempted(user *v1alpha1.CertCentralUser, found *findings, now time.Time, earlier []metav1.Time) *v1alpha1.Attempt {
	return &v1alpha1.Attempt{
		Generation: user.Generation, Time: metav1.NewTime(now), Earlier: earlier, Fields: profile.Names(found.plan.Fields),
		Profile: sentProfile(found.plan.Update), SAMLSSOOnlyBefore: found.have.Profile.SAMLSSOOnly,
	}
}

func sentProfile(u certcentral.Update) v1alpha1.ObservedProfile {
	return v1alpha1.ObservedProfile{
		Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, JobTitle: u.JobTitle, Telephone: u.Telephone,
		SAMLSSOOnly: u.SAMLSSOOnly,
	}
}

// writeOf is an attempt as the judgement takes it.
func writeOf(a *v1alpha1.Attempt, late bool) profile.Write {
	p := a.Profile
	write := profile.Write{
		Update: certcentral.Update{
			Username: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email, JobTitle: p.JobTitle, Telephone: p.Telephone,
			SAMLSSOOnly: p.SAMLSSOOnly,
		},
		SAMLSSOOnly: a.SAMLSSOOnlyBefore, Late: late,
	}
	for _, field := range a.Fields {
		write.Fields = append(write.Fields, profile.Field(field))
	}
	return write
}
