package faults

import (
	"context"
	"fmt"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// stalePlans have the operator judge by what was true a while ago.
func stalePlans() (list []plan) {
	add := func(name string, w workload, f fault) {
		list = append(list, plan{group: "stale", name: name, workload: w, fault: f, sample: true})
	}
	late := kubeFault{Verb: "event", Resource: "certcentralusers", Do: hold}
	add("1 generation behind", behind(1), fault{kubernetes: []kubeFault{late}, meanwhile: lookAtOldSpec})
	add("3 generations behind", behind(3), fault{kubernetes: []kubeFault{late}, meanwhile: lookAtOldSpec})
	add("the last event is lost", behind(2), fault{
		kubernetes: []kubeFault{{Verb: "event", Resource: "certcentralusers", Do: drop, Skip: 1, Times: 1}}, meanwhile: wakeTheLost,
	})
	add("each event comes twice", behind(3), fault{kubernetes: []kubeFault{{Verb: "event", Resource: "certcentralusers", Do: duplicate}}})
	add("A-B-A unseen", backAndForth, fault{
		kubernetes: []kubeFault{{Verb: "event", Resource: "certcentralusers", Do: drop, Times: 2}}, meanwhile: wakeTheLost,
	})
	add("events of the account are held", change, fault{kubernetes: []kubeFault{{Verb: "event", Resource: "certcentralaccounts", Do: hold}}, meanwhile: observeUnseen})
	add("deleted and made again for another person", swap, fault{
		kubernetes: []kubeFault{late}, meanwhile: lookAtOldSpec, differs: true, // whom nobody declares any more stays as a colleague left them
	})
	return list
}

// behind changes a resource so many times in a row.
func behind(generations int) workload {
	return workload{name: fmt.Sprintf("%d changes", generations), people: 1, writes: generations + 1, before: declareAll, act: func(ctx context.Context, r *run) {
		for i := range generations {
			r.retitle(ctx, 0, string(rune('B'+i)))
		}
	}}
}

// swap deletes the resource of one person, and makes one of the same name for another.
var swap = workload{
	name: "swap", people: 2, writes: 2,
	before: func(ctx context.Context, r *run) { r.declare(ctx, 0, "A") },
	act: func(ctx context.Context, r *run) {
		r.retitle(ctx, 0, "B")
		r.delete(ctx, 0)
		r.people[0], r.people[1] = r.people[1], r.people[0]
		r.declare(ctx, 0, "C")
	},
}

// lookAtOldSpec has the operator look at the person that its cache still knows, and makes them differ, so that it would write.
func lookAtOldSpec(ctx context.Context, r *run) {
	for i := range r.people {
		r.edit(i, map[string]any{"job_title": r.text("title", i, "drifted")})
	}
	r.wakeByAccount(ctx)
	began := len(r.certcentral.Calls())
	r.await(ctx, strikeWithin, "a look", func() bool { return len(r.certcentral.Calls()) > began+1 })
}

// wakeByAccount changes the account, so that it looks at all its users.
func (r *run) wakeByAccount(ctx context.Context) {
	r.intervals++
	r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"interval": fmt.Sprintf("%dm", 1+r.intervals)}})
}

// wakeTheLost has the watch begin anew, as an API server does now and then: what got lost of it comes to light.
func wakeTheLost(ctx context.Context, r *run) {
	r.await(ctx, strikeWithin, "events to be lost", func() bool { return r.gate.hits() > 0 })
	r.gate.server.CloseClientConnections()
}

// observeUnseen turns all writing off while the operator does not see that, and then has it see a difference.
func observeUnseen(ctx context.Context, r *run) {
	r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"mode": v1alpha1.ModeObserve}})
	before := len(puts(r))
	r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
	r.request(ctx, 0)
	looks := len(r.certcentral.Calls())
	r.await(ctx, strikeWithin, "a look", func() bool { return len(r.certcentral.Calls()) > looks })
	if len(puts(r)) > before {
		r.violate("P3", "written while the account's mode is Observe")
	}
	r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"mode": v1alpha1.ModeEnforce}})
}
