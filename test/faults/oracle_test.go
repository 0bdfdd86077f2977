package faults

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// The oracle judges a run by three records that the operator does not write: the calls that CertCentral saw, the audit log of the API
// server, and the objects in the end.

const (
	// sureFor is how long before a PUT the API server must have said that it is wanted.
	sureFor = 10 * time.Second
	// slack is how much later than the API server's answer a PUT may come that was on its way when the resource was deleted.
	slack = time.Second
)

// evidence is what a run left behind.
type evidence struct {
	calls simulator.Calls
	kube  []audited
}

// judge checks every promise.
func (r *run) judge() {
	r.awaitAudit()
	e := evidence{r.certcentral.Calls(), r.audit.in(r.namespace)}
	for _, put := range e.calls.Where(func(c simulator.Call) bool { return c.Method == "PUT" }) {
		r.judgePut(e, put)
	}
	r.judgeStored(e)
	r.judgeOwner(e)
	r.judgeOrder(e)
	r.judgeCurve(e)
	r.judgePrompt(e)
	r.judgeBudget(e)
	r.judgeQuiet(e)
	r.judgeReady(e)
	r.judgeDiscretion(e)
	r.judgeDeletion()
	r.judgeAudit(e)
	r.p99ed = r.p99()
}

// awaitAudit returns once the audit log has come to a call that is made now, so that nothing is missing of those before.
func (r *run) awaitAudit() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	marker := "marker-" + strings.ToLower(rand.Text())
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: marker}, r.account()); !apierrors.IsNotFound(err) {
		r.violate("run", "the API server does not answer in the end: %v", err)
		return
	}
	for !slices.ContainsFunc(r.audit.in(r.namespace), func(c audited) bool { return c.ObjectRef.Name == marker }) {
		if ctx.Err() != nil {
			r.violate("run", "the audit log is behind")
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

// fields are the API's names of the profile fields that a PUT carries.
var fields = map[string]func(v1alpha1.Profile) *string{
	"username":   func(p v1alpha1.Profile) *string { return p.Username },
	"first_name": func(p v1alpha1.Profile) *string { return p.FirstName },
	"last_name":  func(p v1alpha1.Profile) *string { return p.LastName },
	"email":      func(p v1alpha1.Profile) *string { return p.Email },
	"job_title":  func(p v1alpha1.Profile) *string { return p.JobTitle },
	"telephone":  func(p v1alpha1.Profile) *string { return p.Telephone },
}

// judgePut checks one write against what the API server said right before it: P1, P2, P3, P8.
func (r *run) judgePut(e evidence, put simulator.Call) {
	user, ok := e.lastRead(put.Time, "certcentralusers", func(c audited) bool { return r.means(c.user(), put.User) })
	account, known := e.lastRead(put.Time, "certcentralaccounts", func(audited) bool { return true })
	if !ok || !known {
		r.violate("P2", "%s: the API server was not asked within %s before it", put, sureFor)
		return
	}
	spec, ceiling := user.user().Spec, account.account().Spec
	for name, declared := range fields {
		sent, had := put.Sent()[name]
		want := declared(spec.Profile)
		switch {
		case !had:
			r.violate("P1", "%s: the body lacks %s", put, name)
		case want != nil && sent != *want:
			r.violate("P2", "%s: %s is not that of generation %d, the newest", put, name, user.user().Generation)
		}
	}
	if spec.Mode == v1alpha1.ModeObserve || spec.Suspend || ceiling.Mode == v1alpha1.ModeObserve || r.plan.fault.noWrites {
		r.violate("P3", "%s: writing is forbidden", put)
	}
	for _, deleted := range e.kube {
		if deleted.Verb == "delete" && deleted.ObjectRef.Name == user.ObjectRef.Name && deleted.ok() &&
			put.Time.After(deleted.Answered) && put.Time.Sub(user.Answered) > slack && !e.createdAgain(deleted, put.Time) {
			r.violate("P8", "%s: the resource was deleted before", put)
		}
	}
	if !e.asksForSomething(put) {
		r.violate("calls", "%s: it has what the look before it showed", put)
	}
}

// asksForSomething tells whether a PUT differs from the last look before it.
func (e evidence) asksForSomething(put simulator.Call) bool {
	for _, c := range slices.Backward(e.calls) {
		if c.Method == "GET" && c.User == put.User && c.Seq < put.Seq && c.Status == 200 {
			sent := put.Sent()
			return slices.ContainsFunc(slices.Collect(maps.Keys(fields)), func(name string) bool { return sent[name] != shownIn(c, name) })
		}
	}
	return false
}

// lastRead is the operator's last read of an object that fits from the API server before a time, if it was not long before.
func (e evidence) lastRead(before time.Time, resource string, fits func(audited) bool) (audited, bool) {
	for _, call := range slices.Backward(e.kube) {
		if call.is("get", resource) && call.ok() && call.Received.Before(before) && fits(call) {
			return call, before.Sub(call.Answered) < sureFor
		}
	}
	return audited{}, false
}

func (e evidence) createdAgain(deleted audited, before time.Time) bool {
	return slices.ContainsFunc(e.kube, func(c audited) bool {
		return c.Verb == "create" && c.ObjectRef.Name == deleted.ObjectRef.Name && c.Answered.After(deleted.Answered) && c.Answered.Before(before)
	})
}

// judgeOrder checks that there is a look between two writes, P9, and that nobody was written more often than the workload asks for.
func (r *run) judgeOrder(e evidence) {
	last := map[int64]simulator.Call{}
	effective := map[int64]int{}
	for _, c := range e.calls {
		if c.User == 0 || c.User == keyOwner {
			continue
		}
		if before, seen := last[c.User]; c.Method == "PUT" && (!seen || before.Method == "PUT") {
			r.violate("P9", "%s: the call before it was no look, but %s", c, before)
		}
		last[c.User] = c
		if c.Applied && len(c.Changed) > 0 {
			effective[c.User]++
		}
	}
	for id, count := range effective {
		if enough := r.plan.workload.writes + r.plan.fault.more; count > enough && !r.plan.fault.fights {
			r.violate("calls", "user %d was changed %d times, where %d is enough", id, count, enough)
		}
		if count > 5*len(r.keys)+r.plan.workload.writes {
			r.violate("brake", "user %d was changed %d times", id, count)
		}
	}
}

// judgeBudget checks P4 in windows of all sizes that CertCentral counts in, over restarts and for each key.
func (r *run) judgeBudget(e evidence) {
	for _, key := range r.keys {
		calls := e.calls.Where(func(c simulator.Call) bool { return c.Key == simulator.Fingerprint(key) })
		for _, window := range []time.Duration{time.Second, 5 * time.Second, time.Minute, 3 * time.Minute} {
			allowed := int(r.budget().Burst) + int(float64(r.budget().RequestsPerMinute)*window.Minutes()) + 1
			if r.plan.fault.twice {
				allowed *= 2
			}
			if peak := calls.Peak(window); peak > allowed {
				r.violate("P4", "%d calls in %s, %d are allowed", peak, window, allowed)
			}
		}
	}
}

// judgeQuiet checks P5: after the restart at the end there was nothing to do, to CertCentral or to Kubernetes.
func (r *run) judgeQuiet(e evidence) {
	if r.restartedAt.IsZero() || r.plan.fault.fights {
		return
	}
	for _, c := range e.calls {
		if c.Time.After(r.restartedAt) && c.Method != "GET" {
			r.violate("P5", "%s in quiet", c)
		}
	}
	for _, c := range e.kube {
		if c.writes() && c.Received.After(r.restartedAt) {
			r.violate("P5", "%s %s/%s %s in quiet", c.Verb, c.ObjectRef.Resource, c.ObjectRef.Subresource, c.ObjectRef.Name)
		}
	}
}

// judgeReady checks P6: whatever status comes to say that a generation is in place, CertCentral had shown it so in the look before. One
// in which something else is written, such as the mode, says nothing new of that.
func (r *run) judgeReady(e evidence) {
	specs := map[string]v1alpha1.Profile{} // by name and generation
	said := map[types.UID]metav1.Condition{}
	key := func(user v1alpha1.CertCentralUser, generation int64) string { return fmt.Sprint(user.UID, generation) }
	for _, c := range e.kube {
		if c.ObjectRef.Resource != "certcentralusers" || !c.ok() || len(c.ResponseObject) == 0 {
			continue
		}
		user := c.user()
		specs[key(user, user.Generation)] = user.Spec.Profile
		if len(user.Finalizers) > 0 {
			r.violate("P8", "%s has a finalizer", user.Name)
		}
		ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
		if !c.is("patch", "certcentralusers/status") || ready == nil || ready.Status != metav1.ConditionTrue ||
			ready.Reason == v1alpha1.ReasonDriftReported || ready.Reason == v1alpha1.ReasonSuspended {
			if c.is("patch", "certcentralusers/status") {
				delete(said, user.UID)
			}
			continue
		}
		before := said[user.UID]
		if said[user.UID] = *ready; before == *ready {
			continue
		}
		declared, known := specs[key(user, ready.ObservedGeneration)]
		if !known || !e.shown(c.Received, r.meant(user), declared) {
			r.violate("P6", "%s says %s of generation %d, which CertCentral did not show", user.Name, ready.Reason, ready.ObservedGeneration)
		}
	}
}

// shown tells whether the last look at a user before a time found what is declared.
func (e evidence) shown(before time.Time, id int64, declared v1alpha1.Profile) bool {
	for _, c := range slices.Backward(e.calls) {
		if c.Method != "GET" || c.User != id || !c.Time.Before(before) || c.Status != 200 {
			continue
		}
		for name, value := range fields {
			if want := value(declared); want != nil && shownIn(c, name) != *want {
				return false
			}
		}
		return true
	}
	return false
}

// shownIn is the value of a field in what was served, "" where it was absent.
func shownIn(c simulator.Call, name string) string {
	var served map[string]any
	_ = json.Unmarshal([]byte(c.Served), &served)
	value, _ := served[name].(string)
	return value
}

// judgeDiscretion checks P7 and P10.
func (r *run) judgeDiscretion(e evidence) {
	var objects, events []byte
	for _, c := range e.kube {
		if c.ObjectRef.Resource != "events" {
			objects = append(objects, c.line...)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	list := &eventsv1.EventList{}
	if err := r.Client.List(ctx, list, client.InNamespace(r.namespace)); err != nil {
		r.violate("run", "%v", err)
	}
	for _, event := range list.Items {
		events = append(events, event.Note+"\n"...)
	}
	log := r.operators.output.bytes()
	for _, key := range r.keys {
		for where, text := range map[string][]byte{"log": log, "metrics": r.metrics, "events": events, "objects": objects} {
			if bytes.Contains(text, []byte(key)) {
				r.violate("P7", "the API key is in the %s", where)
			}
		}
	}
	for i := range min(5, len(r.people)) {
		for _, what := range []string{"title", "telephone", "username", "mail", "first", "last"} {
			value := r.text(what, i, "")
			value = value[strings.LastIndexByte(value, '-'):] // whatever the variant
			for where, text := range map[string][]byte{"log": log, "metrics": r.metrics, "events": events} {
				if bytes.Contains(text, []byte(value)) {
					r.violate("P10", "a value of %s is in the %s", what, where)
				}
			}
		}
	}
	if bytes.Contains(log, []byte("DATA RACE")) {
		r.violate("race", "the race detector found one")
	}
	for line := range bytes.Lines(log) { // a reconciler that panics is tried again, and says nothing of itself
		if bytes.Contains(line, []byte("Observed a panic")) && !bytes.Contains(line, []byte(`"panic":"failpoint `)) {
			r.violate("panic", "%s", line)
		}
	}
}

// judgeDeletion checks the rest of P8: whoever is deleted keeps the profile that they had.
func (r *run) judgeDeletion() {
	for i, p := range r.people {
		if p.title == "" && r.user(context.Background(), i) != nil {
			r.violate("P8", "%s does not go away", userName(i))
		}
	}
}
