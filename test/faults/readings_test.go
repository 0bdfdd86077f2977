package faults

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// changeAndDrift declares a job title for two people, and then both drift, twice: there is something to write each time.
var changeAndDrift = workload{name: "change and drift", people: 2, writes: 4, before: declareAll, act: func(ctx context.Context, r *run) {
	for i := range r.people {
		r.retitle(ctx, i, "B")
	}
	r.await(ctx, strikeWithin, "B to be judged", func() bool { return r.judged(ctx, 0) && r.judged(ctx, 1) })
	for range 2 {
		r.driftAll(ctx)
	}
}}

// driftAll has a colleague change what is declared of everybody, and waits for what comes of it.
func (r *run) driftAll(ctx context.Context) {
	for i := range r.people {
		r.edit(i, map[string]any{"job_title": r.text("title", i, "drifted")})
		r.request(ctx, i)
	}
	r.await(ctx, strikeWithin, "the drift to be judged", func() bool { return r.judged(ctx, 0) && r.judged(ctx, 1) })
}

// judged tells whether a resource says something final of its newest generation.
func (r *run) judged(ctx context.Context, i int) bool {
	user := r.user(ctx, i)
	return user != nil && user.Status.ObservedGeneration == user.Generation && !pending(user.Annotations, user.Status.LastHandledReconcileAt) &&
		!strings.Contains(conditionsOf(user.Status.Conditions), "Reconciling")
}

// readingPlans have CertCentral read a PUT in each way that its documentation leaves open. Where nothing is damaged, nobody may
// notice. Where an undeclared field is, it is the first time and the last.
func readingPlans() (list []plan) {
	add := func(name string, rules simulator.Rules, undeclared map[string]any, ends string) {
		list = append(list, plan{group: "readings", name: name, workload: changeAndDrift, sample: strings.HasPrefix(name, "trimmed"), fault: fault{
			rules: rules, keepRules: true, ends: ends, differs: true,
			strike: func(_ context.Context, r *run) { r.edit(0, undeclared) },
		}})
	}
	odd := map[string]any{"last_name": " O'Müller 🙂 & Sons ", "telephone": " +49 (0)40 – 123 "}
	plain := map[string]any{"last_name": "Plain"}
	add("omitted fields are kept", simulator.Rules{OmittedKept: true}, odd, "")
	add("omitted fields are removed", simulator.Rules{}, odd, "")
	add("an omitted flag is kept", simulator.Rules{}, map[string]any{ssoFlag: true}, "")
	add("an omitted flag is reset, which is not set", simulator.Rules{OmittedSSOCleared: true}, odd, "")
	for name, rules := range map[string]simulator.Rules{
		"trimmed":                      {Trimmed: true},
		"cut":                          {CutTo: map[string]int{"last_name": 16}},
		"ASCII":                        {Charset: simulator.ASCII},
		"Latin-1":                      {Charset: simulator.Latin1},
		"UTF-8 taken for Latin-1":      {Charset: simulator.Mojibake},
		"escaped for HTML":             {Charset: simulator.Entities},
		"mail addresses in lower case": {EmailLowered: true},
	} {
		damaged := odd
		if rules.EmailLowered {
			damaged = map[string]any{"email": "Somebody@Example.com"}
		}
		add(name, rules, damaged, saysUnexpected)
		add(name+", which changes nothing", rules, plain, "")
	}
	add("an omitted flag is reset", simulator.Rules{OmittedSSOCleared: true}, map[string]any{ssoFlag: true}, saysUnexpected)
	list[len(list)-1].fault.others = true // nothing is written for others of the account either
	list = append(list,
		plan{group: "readings", name: "an omitted flag is reset, of two people", workload: changeAndDrift, fault: fault{
			rules: simulator.Rules{OmittedSSOCleared: true}, keepRules: true, ends: saysUnexpected, differs: true, patient: true, others: true,
			strike: func(_ context.Context, r *run) {
				for i := range r.people {
					r.edit(i, map[string]any{ssoFlag: true})
				}
			},
		}},
		plan{group: "readings", name: "trimmed, and the manager restarts", workload: changeAndDrift, fault: fault{
			rules: simulator.Rules{Trimmed: true}, keepRules: true, ends: saysUnexpected, differs: true, more: 1, // a drift more
			strike: func(_ context.Context, r *run) { r.edit(0, odd) },
			meanwhile: func(ctx context.Context, r *run) {
				r.operators.manager().Kill()
				r.await(ctx, strikeWithin, "a successor", func() bool { return r.operators.succeeded() })
				r.driftAll(ctx)
			},
		}},
		plan{group: "readings", name: "trimmed, until a person accepts it", workload: changeAndDrift, fault: fault{
			rules: simulator.Rules{Trimmed: true}, keepRules: true, says: saysUnexpected, differs: true,
			strike: func(_ context.Context, r *run) { r.edit(0, odd) },
			heal:   func(ctx context.Context, r *run) { r.accept(ctx, 0, "certcentral.io/accept-unexpected-change") },
		}})
	return list
}

// accept is a person's consent, by an annotation that names the newest generation.
func (r *run) accept(ctx context.Context, i int, annotation string) {
	user := r.user(ctx, i)
	if r.accepted == nil {
		r.accepted = map[int64]time.Time{}
	}
	r.accepted[r.people[i].id] = time.Now()
	r.patch(ctx, user, map[string]any{"metadata": map[string]any{"annotations": map[string]string{
		annotation: fmt.Sprint(user.Generation), v1alpha1.AnnotationReconcileRequestedAt: fmt.Sprint(time.Now()),
	}}})
}
