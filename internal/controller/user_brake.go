package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

const (
	// slowRecheck is when something is looked at, or tried, again that only a person can mend.
	slowRecheck = time.Hour
	// brakeWindow and brakeWrites bound the writes of one user for an unchanged generation.
	brakeWindow = time.Hour
	brakeWrites = 5
	// bouncesUntilStalled is how many writes in a row may fail to stay before a person is called.
	bouncesUntilStalled = 3
	// bouncePause is how long after the first write that did not stay the next may come; it doubles. A read that lags behind
	// the write is not a reason to write again.
	bouncePause = time.Minute
	// firstLookAgain is when a write that did not stay is looked at again.
	firstLookAgain = 5 * time.Second
)

// brake bounds how often one user is written for an unchanged generation. It stops fights with another writer, values that
// CertCentral rewrites, and profiles that it refuses. What it remembers is seeded from the status after a restart.
type brake struct {
	mu     sync.Mutex
	memory map[types.NamespacedName]*writes
}

// writes are the recent writes of one generation of one resource, those that may have been made among them.
type writes struct {
	uid        types.UID
	generation int64
	times      []time.Time // of those that were made, or may have been, within brakeWindow, oldest first
	bounces    int         // how many of the latest did not stay
	unanswered int         // how many of the latest may have been made: nobody knows
	flag       bool        // the SSO flag did not stay: a person must say that it is to be written again
	accepted   bool        // and said it, for one write
	refusal    *verdict    // what to say, when CertCentral refused the latest
	refusedAt  time.Time
	refusedKey *certcentral.Client // the client whose key was refused the right; nil when it is not a matter of the key
}

// hold returns why the plan must not be carried out now; nil when it may.
func (b *brake) hold(user *v1alpha1.CertCentralUser, found *findings, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.of(user, now)
	otherKey := w.refusedKey != nil && w.refusedKey != found.access.client
	corrected := w.refusal.blamesUndeclared() && len(profile.Undeclared(declared(user.Spec.Profile), found.plan.Update)) == 0
	if again := w.refusedAt.Add(slowRecheck); w.refusal != nil && !otherKey && !corrected && !requested(user) && now.Before(again) {
		hold := *w.refusal
		hold.after = again.Sub(now)
		return &hold
	}
	if found.accepted {
		w.accepted, w.flag = true, false
	}
	if w.flag && slices.Contains(found.plan.Fields, profile.SAMLSSOOnly) || now.Before(w.next()) {
		return w.comesBack(found, now)
	}
	return nil
}

// wrote records what became of a write that was sent, and returns when this generation was written before.
func (b *brake) wrote(user *v1alpha1.CertCentralUser, found *findings, now time.Time, err error) (earlier []time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.of(user, now)
	earlier = slices.Clone(w.times)
	if mayBeMade(err) {
		w.times, w.accepted = append(w.times, now), false
		w.unanswered++
	}
	switch certcentral.KindOf(err) {
	case "":
		w.unanswered, w.refusal, w.refusedKey = 0, nil, nil
	case certcentral.Rejected:
		w.refusal, w.refusedAt, w.refusedKey = refusedProfile(user, found.plan.Update, err), now, nil
	case certcentral.Forbidden:
		w.refusal, w.refusedAt, w.refusedKey = failed(err), now, found.access.client
	default:
	}
	return earlier
}

// stayed records that the latest write, if there was one, is not to be repeated: it was seen to have stayed.
func (b *brake) stayed(user *v1alpha1.CertCentralUser) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.memory[client.ObjectKeyFromObject(user)]; w != nil && w.generation == user.Generation {
		w.bounces, w.unanswered, w.flag = 0, 0, false
	}
}

// bounced records that the latest write was acknowledged and did not stay, and returns what to say of it.
func (b *brake) bounced(user *v1alpha1.CertCentralUser, found *findings, now time.Time) *verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.of(user, now)
	w.bounces++
	return w.comesBack(found, now)
}

// release forgets a resource that is gone.
func (b *brake) release(name types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.memory, name)
}

// of returns what is remembered of a generation, from the status if this process has not written it.
func (b *brake) of(user *v1alpha1.CertCentralUser, now time.Time) *writes {
	name := client.ObjectKeyFromObject(user)
	w := b.memory[name]
	if w == nil || w.uid != user.UID || w.generation != user.Generation {
		w = recall(user, now)
		if b.memory == nil {
			b.memory = map[types.NamespacedName]*writes{}
		}
		b.memory[name] = w
	}
	w.times = slices.DeleteFunc(w.times, func(t time.Time) bool { return now.Sub(t) >= brakeWindow })
	return w
}

// recall reads from the status what an earlier process wrote.
func recall(user *v1alpha1.CertCentralUser, now time.Time) *writes {
	w := &writes{uid: user.UID, generation: user.Generation}
	if applied := user.Status.Applied; applied != nil && applied.Generation == user.Generation {
		for _, t := range append(slices.Clone(applied.Earlier), applied.Time) {
			w.times = append(w.times, atMost(now, t.Time))
		}
	}
	if attempt := user.Status.Attempt; attempt != nil && attempt.Generation == user.Generation && attempt.Time.After(w.last()) {
		w.times = nil // the earlier ones are told once more
		for _, t := range append(slices.Clone(attempt.Earlier), attempt.Time) {
			w.times = append(w.times, t.Time)
		}
		w.unanswered = 1
	}
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != user.Generation {
		return w
	}
	switch ready.Reason {
	case v1alpha1.ReasonRejected:
		if strings.HasPrefix(ready.Message, rejectedNote) { // by CertCentral, not by us
			note, detail, _ := strings.Cut(ready.Message, saying)
			w.refusal, w.refusedAt = rejected(note, detail), now
		}
	case v1alpha1.ReasonNotAccepted:
		w.bounces = 1
		if w.flag = meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionStalled) &&
			slices.ContainsFunc(user.Status.Differences, func(d v1alpha1.Difference) bool { return d.Field == string(profile.SAMLSSOOnly) }); w.flag {
			w.bounces = bouncesUntilStalled
		}
	}
	return w
}

// last returns when the latest write was; the zero time when there was none within the window.
func (w *writes) last() time.Time {
	if len(w.times) == 0 {
		return time.Time{}
	}
	return w.times[len(w.times)-1]
}

// next returns the time from which the brake lets the next write pass.
func (w *writes) next() time.Time {
	var next time.Time
	if w.bounces > 0 && len(w.times) > 0 {
		next = w.last().Add(bouncePause << min(w.bounces-1, brakeWrites))
	}
	if w.unanswered > 1 && len(w.times) > 0 {
		next = w.last().Add(bouncePause << min(w.unanswered-2, brakeWrites))
	}
	if len(w.times) >= brakeWrites {
		if free := w.times[len(w.times)-brakeWrites].Add(brakeWindow); free.After(next) {
			next = free
		}
	}
	return next
}

// comesBack says that the planned fields were written and differ again. At first the look is repeated soon, since a read may
// lag behind a write; then a person is called.
func (w *writes) comesBack(found *findings, now time.Time) *verdict {
	fields := strings.Join(profile.Names(found.plan.Fields), ", ")
	hold := &verdict{reason: v1alpha1.ReasonNotAccepted, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse}
	switch {
	case w.unanswered > 0:
		return w.noAnswer(found, fields, now)
	case w.flag || w.bounces >= bouncesUntilStalled || w.bounces > 0 && len(w.times) >= brakeWrites:
		hold.note = fmt.Sprintf("CertCentral acknowledged the write of %s several times, but the value does not stay: "+
			"declare the value that CertCentral keeps, or find out who else writes it.", fields)
	case len(w.times) >= brakeWrites:
		hold.note = fmt.Sprintf("Written %d times within an hour, and set back each time: %s. "+
			"Find out who else writes it; meanwhile it is written at most %d times an hour.", brakeWrites, fields, brakeWrites)
	default:
		hold.note = fmt.Sprintf("CertCentral acknowledged the write of %s, but does not show the value yet.", fields)
		hold.phase = retrying
		hold.after = min(max(now.Sub(w.last()), firstLookAgain), max(w.next().Sub(now), firstLookAgain))
		return hold
	}
	if slices.Contains(found.plan.Fields, profile.SAMLSSOOnly) && !w.accepted {
		w.flag = true
		hold.note = fmt.Sprintf("CertCentral acknowledged the write of samlSSOOnly, and the value does not stay. Each write of it may revoke a "+
			"password and mail the person, so nothing is written until the spec is changed, or the annotation %s is set to %q.",
			v1alpha1.AnnotationAcceptUnexpectedChange, strconv.FormatInt(w.generation, 10))
	}
	hold.phase = stalled
	hold.after = found.access.account.Spec.Interval.Duration
	return hold
}

// noAnswer says that writes went out whose answers never came, and that the next one waits. Looks go on meanwhile.
func (w *writes) noAnswer(found *findings, fields string, now time.Time) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonUnavailable, ready: metav1.ConditionUnknown, inSync: metav1.ConditionFalse, phase: retrying,
		note: fmt.Sprintf("CertCentral acknowledged no write of %s, and does not show it. It is tried again later and later, at most %d times "+
			"an hour.", fields, brakeWrites),
		after: min(max(w.next().Sub(now), firstLookAgain), found.access.account.Spec.Interval.Duration),
	}
}
