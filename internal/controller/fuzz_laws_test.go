package controller

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// expect notes a promise that is broken. It may be called while a reconcile is under way; expectKept tells.
func (p *play) expect(kept bool, format string, args ...any) {
	if kept {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = append(p.broken, fmt.Sprintf(format, args...))
}

// expectKept ends the play if a promise was broken.
func (p *play) expectKept() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	heard := p.told.String()
	for what, word := range map[string]string{"P7: the API key": keyWord, "P10: a personal value": personalWord} {
		if i := strings.Index(heard, word); i >= 0 {
			p.broken = append(p.broken, fmt.Sprintf("%s got out: %s", what, heard[max(0, i-200):min(len(heard), i+100)]))
		}
	}
	p.told.Reset()
	if len(p.broken) > 0 {
		p.t.Fatalf("%s\nafter:\n  %s", strings.Join(p.broken, "\n"), strings.Join(p.moves, "\n  "))
	}
}

// expectWanted judges a call that is no GET, as it arrives, by what is declared at this moment.
func (p *play) expectWanted(id int64, body []byte) {
	if p.acting == nil {
		p.expect(false, "a write that is nobody's")
		return
	}
	user, account := p.user(p.acting.Name), p.account()
	if user == nil || user.UID != p.acting.UID {
		p.expect(false, "P8: a write for resource %s, which is gone", p.acting.Name)
		return
	}
	if ref := user.Spec.UserRef.ID; ref != nil {
		p.expect(*ref == id, "a write to user %d for a resource that means %d", id, *ref)
	}
	p.expect(p.step.puts == 0, "P9: two writes in a row")
	shown := p.step.looked[id]
	p.expect(shown != nil, "P9: a write without a look before it")

	mode := stricterOf(user.Spec.Mode, account.Spec.Mode)
	p.expect(mode != v1alpha1.ModeObserve, "P3: a write in Observe")
	p.expect(!user.Spec.Suspend, "P3: a write while suspended")
	p.expect(p.rivalOf(user) == "", "P3: a write in conflict with %s", p.rivalOf(user))
	pinned := account.Spec.AccountID
	p.expect(pinned == nil || *pinned == simulator.Account, "P3: a write to another account than pinned")
	p.expect(!meta.IsStatusConditionFalse(account.Status.Conditions, v1alpha1.ConditionReady), "P3: a write while the account is held")

	accepted := user.Annotations[v1alpha1.AnnotationAcceptUnexpectedChange] == fmt.Sprint(user.Generation)
	p.expect(len(user.Status.UnexpectedChanges) == 0 || user.Status.ObservedGeneration < user.Generation || accepted,
		"a write after one that changed what it was not to change")

	var sent values
	if err := json.Unmarshal(body, &sent); err != nil || shown == nil {
		p.expect(err == nil, "a body that is no object of texts: %s", body)
		return
	}
	declared := declaredValues(user.Spec.Profile)
	p.expectSent(sent, shown, declared, mode)
	confirmed := user.Annotations[v1alpha1.AnnotationConfirmUser] == fmt.Sprint(id)
	p.expect(user.Status.Applied != nil || user.Status.IdentityKnown || knownBy(user.Status.Settled) || confirmed || !stranger(declared, shown), "a first write to somebody who is likely not meant")
}

// expectSent compares the body of a write with what was shown just before, and with what the newest generation declares.
func (p *play) expectSent(sent, shown, declared values, mode v1alpha1.Mode) {
	news := false
	for _, f := range append([]string{ssoField}, profileFields...) {
		value, isSent := sent[f]
		want, isDeclared := declared[f]
		if !isSent {
			p.expect(f == ssoField, "P1: %s is left out, which may clear it", f)
			p.expect(mode != v1alpha1.ModeEnforce || !isDeclared || want == shown[f], "P2: %s is not written", f)
			continue
		}
		news = news || value != shown[f]
		switch {
		case !isDeclared:
			p.expect(value == shown[f], "P1: %s is not declared and changes", f)
			p.expect(f != ssoField, "P1: the flag is sent and not declared")
		case mode == v1alpha1.ModeEnforce:
			p.expect(value == want, "P2: %s is not what the newest generation declares", f)
		default:
			p.expect(value == want || value == shown[f], "P2: %s is neither what is declared nor what there is", f)
		}
		p.expect(f != ssoField || value != shown[f], "P1: the flag is sent and does not change")
	}
	p.expect(news, "P5: a write that changes nothing")
}

// acknowledged counts a write against the brake.
func (p *play) acknowledged() {
	user := p.user(p.acting.Name)
	if user == nil {
		return
	}
	if id := user.Spec.UserRef.ID; id != nil {
		p.writers[*id] = user.Name
	}
	of, now := generation{user.UID, user.Generation}, p.clock.Now()
	p.acks[of] = append(p.acks[of], ack{at: now})
	recent := 0
	for _, a := range p.acks[of] {
		if now.Sub(a.at) < time.Hour {
			recent++
		}
	}
	p.expect(recent <= 5, "brake: %d writes of one generation within an hour", recent)
}

// expectTruth judges what the status of a resource says after a reconcile of it.
func (p *play) expectTruth(name string, before *v1alpha1.CertCentralUser) {
	user := p.user(name)
	if user == nil || p.acting == nil || user.UID != p.acting.UID {
		return
	}
	of := generation{user.UID, user.Generation}
	if applied := user.Status.Applied; applied != nil {
		for i := range p.acks[of] {
			a := &p.acks[of][i]
			a.recorded = a.recorded || applied.Generation == of.number && !a.at.After(applied.Time.Time)
		}
	}
	p.expect(user.Status.ObservedGeneration <= user.Generation, "P6: a generation is observed that there is not")
	ready := ptr.Deref(meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady), metav1.Condition{})
	looks := p.seen[user.UID]
	switch news := before == nil || !equality.Semantic.DeepEqual(before.Status, user.Status); {
	case ready.Status != metav1.ConditionTrue || !news: // nothing new is claimed
	case ready.Reason == v1alpha1.ReasonInSync || ready.Reason == v1alpha1.ReasonUpdated:
		p.expectSeen(user, ready, looks[max(0, len(looks)-1):])
	case ready.Reason == v1alpha1.ReasonSuspended && meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionInSync):
		p.expectSeen(user, ready, looks)
	}
	waits := ready.Reason == v1alpha1.ReasonAccountNotReady // for the account, which wakes it
	if meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionReconciling) && !waits {
		p.expect(p.step.err != nil || p.step.result.RequeueAfter > 0, "%s, and nobody looks again", ready.Reason)
	}
	for _, c := range user.Status.Conditions {
		p.expect(!strings.Contains(strings.ToLower(c.Message), keyWord), "P7: the API key is in a message")
	}
}

// expectSeen expects that one of the looks showed all that is declared in the generations that a status speaks of.
func (p *play) expectSeen(user *v1alpha1.CertCentralUser, ready metav1.Condition, looks []values) {
	for _, number := range []int64{ready.ObservedGeneration, user.Status.ObservedGeneration} {
		spec, found := p.spec(user.UID, number)
		p.expect(found && slices.ContainsFunc(looks, declaredValues(spec.Profile).in),
			"P6: %s at generation %d, of which the last look did not show every value", ready.Reason, number)
	}
}

// stricterOf is the mode that allows less.
func stricterOf(modes ...v1alpha1.Mode) v1alpha1.Mode {
	for _, strict := range []v1alpha1.Mode{v1alpha1.ModeObserve, v1alpha1.ModeReportDrift} {
		for _, mode := range modes {
			if mode == strict {
				return strict
			}
		}
	}
	return v1alpha1.ModeEnforce
}

// rivalOf names the resource that had the user before, if it is another one and there; "" for none. As long as the cache lags, nobody
// may know of it.
func (p *play) rivalOf(user *v1alpha1.CertCentralUser) string {
	if user.Spec.UserRef.ID == nil || p.cluster.users.lag > 0 {
		return ""
	}
	name := p.writers[*user.Spec.UserRef.ID]
	rival := p.user(name)
	if name == user.Name || rival == nil || ptr.Deref(rival.Spec.UserRef.ID, 0) != *user.Spec.UserRef.ID {
		return ""
	}
	return name
}

// sharing names another resource that refers to the same id and is not in conflict either; "" for none.
func (p *play) sharing(user *v1alpha1.CertCentralUser) string {
	for _, name := range names {
		rival := p.user(name)
		if rival == nil || rival.UID == user.UID || rival.Spec.UserRef.ID == nil || user.Spec.UserRef.ID == nil || rival.Spec.Suspend {
			continue
		}
		if *rival.Spec.UserRef.ID == *user.Spec.UserRef.ID && !conflicted(rival) {
			return name
		}
	}
	return ""
}

// settle ends all trouble, lets hours go by, and expects that what is declared holds, or that the status says why not.
func (p *play) settle() {
	p.ClearFaults()
	p.setOwner(0)
	p.must(p.RestoreKey(firstKey))
	p.secret, p.refused, p.lost, p.midway = []byte(firstKey), 0, 0, nil
	p.cluster.users.lag, p.cluster.accounts.lag = 0, 0
	p.applyAccount(func(spec *v1alpha1.CertCentralAccountSpec) { spec.Mode, spec.AccountID = v1alpha1.ModeEnforce, nil })
	for round := range 4 {
		p.wait(61 * time.Minute)
		p.moves = append(p.moves, fmt.Sprintf("all is well, round %d", round))
		p.reconcileAccount()
		if p.swept {
			p.walk()
		}
		for _, name := range names {
			p.reconcile(name)
			p.expectKept()
		}
	}
	for _, name := range names {
		if user := p.user(name); user != nil && !user.Spec.Suspend {
			p.expectSettled(user)
		}
		p.reconcile(name)
		p.expect(p.step.quiet(), "P5: all is well, and there is still something to do for %s: %+v", name, p.step)
	}
	statuses, _ := json.Marshal([]any{p.cluster.users.states, p.cluster.accounts.states})
	p.expect(!strings.Contains(strings.ToLower(string(statuses)), keyWord), "P7: the API key was in a status")
	p.expectKept()
}

// expectSettled expects the declared values to be live, or a condition that gives a reason which there is.
func (p *play) expectSettled(user *v1alpha1.CertCentralUser) {
	ready := ptr.Deref(meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady), metav1.Condition{})
	live := valuesOf(p.User(user.Status.UserID))
	declared := declaredValues(user.Spec.Profile)
	excused := false
	switch ready.Reason {
	case v1alpha1.ReasonInSync, v1alpha1.ReasonUpdated:
		excused = declared.in(live)
	case v1alpha1.ReasonDriftReported:
		excused = user.Spec.Mode != v1alpha1.ModeEnforce && !declared.in(live)
	case v1alpha1.ReasonConflict:
		excused = p.contended(user, live)
	case v1alpha1.ReasonIdentityMismatch:
		named := ptr.Deref(user.Spec.UserRef.Username, live["username"])
		excused = named != live["username"] || user.Status.Applied == nil && !user.Status.IdentityKnown && stranger(declared, live)
	case v1alpha1.ReasonUserNotFound:
		excused = user.Spec.UserRef.Username != nil
	case v1alpha1.ReasonUnexpectedChange:
		excused = p.damaged
	case v1alpha1.ReasonRejected:
		excused = user.Status.UserID == robot || live["first_name"] == "" || live["last_name"] == ""
	}
	p.expect(excused, "in the end %s has %s: %s (%s), declares %v and CertCentral has %v",
		user.Name, ready.Reason, ready.Status, ready.Message, declared, live)
	p.expect(ready.ObservedGeneration == user.Generation, "in the end %s speaks of generation %d of %d", user.Name, ready.ObservedGeneration, user.Generation)
	p.expect(ready.Reason == v1alpha1.ReasonConflict || p.sharing(user) == "", "in the end %s is %s in spite of %s", user.Name, ready.Reason, p.sharing(user))
}

// contended tells whether another resource may mean the same user.
func (p *play) contended(user *v1alpha1.CertCentralUser, live values) bool {
	for _, name := range names {
		rival := p.user(name)
		if rival == nil || rival.UID == user.UID {
			continue
		}
		is := ptr.Deref(rival.Spec.UserRef.ID, rival.Status.UserID)
		if is == user.Status.UserID || ptr.Deref(rival.Spec.UserRef.Username, "") == live["username"] {
			return true
		}
	}
	return false
}

// knownBy tells whether one of the settled values tells who a person is.
func knownBy(settled *v1alpha1.SettledProfile) bool {
	return settled != nil && (settled.Username != nil || settled.FirstName != nil || settled.LastName != nil || settled.Email != nil)
}

// stranger tells whether at least two declared values say who a person is, and all of them are somebody else's.
func stranger(declared, live values) bool {
	count := 0
	for _, f := range []string{"username", "first_name", "last_name", "email"} {
		if value, ok := declared[f]; ok && value == live[f] {
			return false
		} else if ok {
			count++
		}
	}
	return count >= 2
}
