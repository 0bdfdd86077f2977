package faults

import (
	"context"
	"slices"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// callTakes is how long a call takes in these plans.
const callTakes = 300 * time.Millisecond

// bulk declares something new for many people at once.
func bulk(people int) workload {
	return workload{name: "bulk", people: people, writes: 2, before: declareAll, act: func(ctx context.Context, r *run) {
		for i := range r.people {
			r.retitle(ctx, i, "B")
		}
	}}
}

// bulkPlans have colleagues edit people at random moments, while much is written. What they do is lost only where nobody can prevent it:
// between the look and the PUT that follows it at once.
func bulkPlans() (list []plan) {
	for _, p := range []struct {
		name     string
		people   int
		budget   v1alpha1.Budget
		restarts bool
	}{
		{"edits at random", 40, v1alpha1.Budget{RequestsPerMinute: 180, Burst: 40}, false},
		{"edits at random, after a restart", 40, v1alpha1.Budget{RequestsPerMinute: 180, Burst: 40}, true},
		{"edits at random, with a small budget", 20, v1alpha1.Budget{RequestsPerMinute: 60, Burst: 6}, false},
	} {
		list = append(list, plan{group: "bulk", name: p.name, workload: bulk(p.people), fault: fault{
			budget: p.budget, differs: true, rules: simulator.Rules{Latency: simulator.Duration(callTakes)}, within: 3 * time.Minute, prompt: !p.restarts,
			meanwhile: func(ctx context.Context, r *run) {
				if p.restarts {
					r.operators.manager().Kill()
				}
				r.editAtRandom(ctx)
			},
			heal: func(ctx context.Context, r *run) {
				r.await(ctx, 2*time.Minute+r.backlog(), "the edits to be seen", func() bool { return r.observed(ctx) })
			},
		}})
	}
	return list
}

// editAtRandom edits what nobody declares, of one person after another, until everybody is as declared.
func (r *run) editAtRandom(ctx context.Context) {
	order := r.random.Perm(len(r.people))
	for n := 0; n < 3*len(order) && !r.settled(ctx); n++ {
		r.edit(order[n%len(order)], map[string]any{"telephone": r.text("telephone", n, "edited")})
		r.pass(ctx, time.Duration(r.random.IntN(400))*time.Millisecond)
	}
}

// observed tells whether every status shows the telephone number that there is.
func (r *run) observed(ctx context.Context) bool {
	for i, p := range r.people {
		if user := r.user(ctx, i); user == nil || user.Status.Profile == nil || user.Status.Profile.Telephone != r.certcentral.User(p.id)["telephone"] {
			return false
		}
	}
	return true
}

// promptWithin is how long after its look a PUT may come for most people: far less than a PUT that waits for a budget's next tokens, and
// more than a machine takes that many runs share. How many calls may lie between them is for the client's own tests.
const promptWithin = 5 * callTakes

// judgePrompt checks that a PUT comes right after its look, however many there are.
func (r *run) judgePrompt(e evidence) {
	if !r.plan.fault.prompt {
		return
	}
	var took []time.Duration
	began := r.armed
	for _, put := range e.calls {
		if put.Method != "PUT" || put.Time.Before(began) {
			continue
		}
		if look, seen := e.lookBefore(put); seen {
			took = append(took, put.Time.Sub(look.Time))
		}
	}
	if len(took) == 0 {
		r.violate("prompt", "nothing was written")
		return
	}
	slices.Sort(took)
	median := took[len(took)/2]
	r.note("look to PUT: p50 %s, p90 %s, at most %s; %d edits lost", median, took[len(took)*9/10], took[len(took)-1], r.lost)
	if median > promptWithin {
		r.violate("prompt", "half of the PUTs come later than %s after their look begins", median)
	}
}
