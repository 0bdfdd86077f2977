package faults

import (
	"context"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// people12 are in sync, and then something is declared anew for all of them.
var people12 = workload{name: "12 resources", people: 12, writes: 2, before: declareAll, act: func(ctx context.Context, r *run) {
	for i := range r.people {
		r.retitle(ctx, i, "B")
	}
}}

// failingPlans have all users fail, with a budget that is small, over restarts: the calls for each of them become ever fewer. With a small
// one an operator that did not count writes of unknown outcome would not come to more than five of them.
func failingPlans() (list []plan) {
	small := v1alpha1.Budget{RequestsPerMinute: 60, Burst: 6}
	for _, p := range []struct {
		name   string
		fault  simulator.Fault
		budget v1alpha1.Budget
	}{
		{"looks fail", simulator.Fault{Match: simulator.Match{Method: "GET", Path: "/user/[1-9]*"}, Do: simulator.Do{Status: 500}}, small},
		{"looks get no answer", simulator.Fault{Match: simulator.Match{Method: "GET", Path: "/user/[1-9]*"}, Do: simulator.Do{Drop: true}}, small},
		{"looks fail, with the usual budget", simulator.Fault{Match: simulator.Match{Method: "GET", Path: "/user/[1-9]*"}, Do: simulator.Do{Status: 503}}, v1alpha1.Budget{}},
		{"writes fail", simulator.Fault{Match: simulator.Match{Method: "PUT"}, Do: simulator.Do{Status: 500}}, v1alpha1.Budget{}},
		{"writes fail, though they are made", simulator.Fault{Match: simulator.Match{Method: "PUT"}, Do: simulator.Do{Apply: true, Status: 500}}, small},
	} {
		list = append(list, plan{group: "failing", name: p.name, workload: people12, once: true, fault: fault{
			others: true, differs: true, budget: p.budget, curve: true, certcentral: []simulator.Fault{p.fault},
			within: 5 * time.Minute, limit: 9 * time.Minute, // the fourth write of which nobody knows comes two minutes after the third
			meanwhile: func(ctx context.Context, r *run) {
				r.pass(ctx, 40*time.Second)
				r.operators.manager().Kill()
				r.pass(ctx, 80*time.Second)
			},
		}})
	}
	return list
}
