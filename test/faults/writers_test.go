package faults

import (
	"context"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// writerPlans have others write the same person.
func writerPlans() (list []plan) {
	add := func(name string, w workload, f fault) {
		list = append(list, plan{group: "writers", name: name, workload: w, fault: f, sample: true})
	}
	hold := []kubeFault{{Verb: "get", Resource: "certcentralusers", Do: hang, Times: 1}} // between look and PUT
	add("a colleague changes what is declared, between look and PUT", change, fault{kubernetes: hold, meanwhile: func(ctx context.Context, r *run) {
		r.await(ctx, strikeWithin, "the operator to be about to write", func() bool { return r.gate.hits() > 0 })
		r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
	}})
	add("a colleague changes what is not declared, before the look", change, fault{strike: func(_ context.Context, r *run) {
		r.edit(0, map[string]any{"telephone": r.text("telephone", 0, "edited")})
	}, differs: true, meanwhile: telephoneStays})
	add("a colleague changes what is not declared, after the PUT", change, fault{meanwhile: func(ctx context.Context, r *run) {
		r.await(ctx, strikeWithin, "a PUT", func() bool { return len(puts(r)) > 1 })
		r.edit(0, map[string]any{"telephone": r.text("telephone", 0, "edited")})
		r.request(ctx, 0)
	}, differs: true, heal: telephoneStays})
	for _, place := range []string{"looked", "confirmed"} {
		add("the manager stops for 12 s when "+place+", and a colleague changes what is not declared", change, fault{
			args: []string{"--leader-elect=false"}, failpoint: place + ":stop:1", differs: true, heal: telephoneStays,
			meanwhile: func(ctx context.Context, r *run) {
				r.await(ctx, strikeWithin, "the manager to stop", func() bool { return !isFile(r.operators.failpoint) })
				r.edit(0, map[string]any{"telephone": r.text("telephone", 0, "edited")})
				r.pass(ctx, 12*time.Second)
				r.must(r.operators.manager().Resume())
				r.await(ctx, strikeWithin, "B", func() bool { return r.settled(ctx) })
			},
		})
	}
	for _, fate := range []simulator.Fate{simulator.Ignored, simulator.Undone} {
		add("an identity provider: each PUT is "+string(fate), change, fault{meanwhile: func(ctx context.Context, r *run) {
			r.certcentral.SetRules(simulator.Rules{Owned: map[int64]simulator.Owned{r.people[0].id: {Put: fate}}})
			r.retitle(ctx, 0, "C")
			for range 10 {
				r.pass(ctx, time.Second)
				r.request(ctx, 0)
			}
		}, keepRules: true, fights: true, says: saysNotAccepted, ends: saysNotAccepted})
	}
	add("an identity provider: each PUT is refused", change, fault{meanwhile: func(ctx context.Context, r *run) {
		r.certcentral.SetRules(simulator.Rules{Owned: map[int64]simulator.Owned{r.people[0].id: {Put: simulator.Refused}}})
		r.retitle(ctx, 0, "C")
	}, keepRules: true, says: saysForbidden, ends: saysForbidden, patient: true})
	add("SCIM sets each change back", change, fault{meanwhile: fight, fights: true, ends: saysNotAccepted})
	add("a second cluster declares something else", change, fault{meanwhile: fight, fights: true, ends: saysNotAccepted})
	add("drift that mode ReportDrift only reports", drift, fault{strike: func(ctx context.Context, r *run) {
		r.patch(ctx, r.resource(0), map[string]any{"spec": map[string]any{"mode": v1alpha1.ModeReportDrift}})
		r.await(ctx, strikeWithin, "the mode", func() bool { return r.settled(ctx) })
	}, says: "DriftReported: Ready=True InSync=False", ends: "DriftReported: Ready=True InSync=False"})
	add("drift that mode Observe only reports", watchOnly, fault{noWrites: true})
	add("an account that only observes", drift, fault{strike: func(ctx context.Context, r *run) {
		r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"mode": v1alpha1.ModeObserve}})
		r.await(ctx, strikeWithin, "the mode", func() bool { return r.accountSays(ctx, "Available") && r.settled(ctx) })
	}, says: "DriftReported: Ready=True InSync=False", heal: func(ctx context.Context, r *run) {
		r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"mode": v1alpha1.ModeEnforce}})
	}})
	add("a resource that nobody waits for", bury, fault{})
	add("a younger resource for the same person", change, fault{strike: rival, heal: rivalSaysConflict})
	return list
}

// bury deletes a resource in quiet. Whatever a colleague does then stays.
var bury = workload{name: "delete in quiet", people: 1, writes: 1, before: declareAll, act: func(ctx context.Context, r *run) {
	r.pass(ctx, 2*slack)
	r.delete(ctx, 0)
	r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
	r.pass(ctx, 2*slack)
}}

func telephoneStays(_ context.Context, r *run) {
	if r.certcentral.User(r.people[0].id)["telephone"] != r.text("telephone", 0, "edited") {
		r.violate("P1", "the colleague's telephone number is gone")
	}
}

// fight sets back what is declared, time and again, and has the operator look.
func fight(ctx context.Context, r *run) {
	r.await(ctx, strikeWithin, "B", func() bool { return r.settled(ctx) })
	for range 8 {
		before := len(r.certcentral.Calls())
		r.edit(0, map[string]any{"job_title": r.text("title", 0, "set back")})
		r.request(ctx, 0)
		r.await(ctx, strikeWithin, "a look", func() bool { return len(r.certcentral.Calls()) > before })
		r.pass(ctx, time.Second)
	}
	if made := len(puts(r)); made > 6 {
		r.violate("brake", "%d PUTs in a fight", made)
	}
}

// rival declares the same person once more, otherwise.
func rival(ctx context.Context, r *run) {
	r.must(r.Client.Create(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta("z-rival"), Spec: v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "account"}, UserRef: v1alpha1.UserRef{ID: &r.people[0].id},
		Profile: v1alpha1.Profile{JobTitle: new(r.text("title", 0, "rival"))},
	}}))
}

func rivalSaysConflict(ctx context.Context, r *run) {
	r.await(ctx, strikeWithin, "the rival to give way", func() bool {
		return r.conditionsOf(ctx, "z-rival") == "Conflict: Ready=False InSync=Unknown Stalled=True"
	})
}
