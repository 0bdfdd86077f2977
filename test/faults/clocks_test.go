package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// unasked is a drift, also of what the list of users does not show, and nobody asks for a look.
var unasked = workload{name: "drift unasked", people: 1, writes: 2, within: 90 * time.Second, before: declareAll, act: func(_ context.Context, r *run) {
	r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
}}

// clockPlans have times in the statuses that are not what they should be: of a node whose clock was wrong, or put there by hand.
func clockPlans() (list []plan) {
	add := func(name string, w workload, sample bool, f fault) {
		f.within = 3 * time.Minute // an interval, a walk and a tick more
		list = append(list, plan{group: "clocks", name: name, workload: w, fault: f, sample: sample})
	}
	for _, then := range []time.Time{time.Date(2036, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(1996, 2, 3, 4, 5, 6, 0, time.UTC)} {
		for _, restarts := range []bool{false, true} {
			name := fmt.Sprintf("statuses of %d", then.Year())
			if restarts {
				name += ", and a restart"
			}
			strike := func(ctx context.Context, r *run) {
				if restarts {
					r.stop(ctx)
				}
				for i := range r.people {
					r.patchTimes(ctx, i, then)
				}
				r.patchAccountTimes(ctx, then)
				if restarts {
					r.must(r.operators.start(ctx))
				}
			}
			right := func(ctx context.Context, r *run) {
				r.await(ctx, 2*time.Minute, "the times to be put right", func() bool { return !r.anyObserved(ctx, then) })
			}
			add(name, unasked, restarts && then.Year() == 2036, fault{strike: strike, meanwhile: right})
			add(name, swept, false, fault{strike: strike, meanwhile: right})
		}
	}
	for _, ahead := range []time.Duration{-10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		name := map[bool]string{true: "a leader whose clock is ahead, then one whose clock is right", false: "a leader whose clock is behind, then one whose clock is right"}[ahead > 0]
		for _, w := range []workload{unasked, swept} {
			add(name, w, false, fault{clock: ahead, strike: func(ctx context.Context, r *run) {
				r.operators.clock = 0
				r.operators.manager().Kill()
				r.await(ctx, strikeWithin, "a successor", func() bool { return r.operators.succeeded() })
			}})
		}
	}
	return append(list, plan{group: "clocks", name: "statuses of 2036, and full looks go on", workload: swept, once: true, fault: fault{
		limit: 18 * time.Minute, strike: func(ctx context.Context, r *run) {
			r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"fullInterval": "10m"}})
			r.stop(ctx)
			for i := range r.people {
				r.patchTimes(ctx, i, time.Date(2036, 2, 3, 4, 5, 6, 0, time.UTC))
			}
			r.must(r.operators.start(ctx))
		}, meanwhile: func(ctx context.Context, r *run) {
			r.await(ctx, 11*time.Minute, "everybody to be looked at in full", func() bool {
				seen := map[int64]bool{}
				for _, c := range r.certcentral.Calls() {
					seen[c.User] = seen[c.User] || c.Time.After(r.armed)
				}
				return !slices.ContainsFunc(r.people, func(p *person) bool { return !seen[p.id] })
			})
		},
	}}, plan{group: "clocks", name: "a status that says all is well, by hand", workload: unasked, fault: fault{
		interval: 30 * time.Minute, meanwhile: func(ctx context.Context, r *run) {
			status := r.user(ctx, 0).Status
			status.Profile.Telephone = "by hand"
			encoded, err := json.Marshal(map[string]any{"status": status})
			r.must(err)
			r.patchStatus(ctx, r.resource(0), encoded)
		},
	}})
}

// patchTimes has every time of a person's status be another one.
func (r *run) patchTimes(ctx context.Context, i int, t time.Time) {
	then, status := metav1.NewTime(t), r.user(ctx, i).Status
	status.LastObservedTime = &then
	for c := range status.Conditions {
		status.Conditions[c].LastTransitionTime = then
	}
	if applied := status.Applied; applied != nil {
		applied.Time = then
		for e := range applied.Earlier {
			applied.Earlier[e] = then
		}
	}
	encoded, err := json.Marshal(map[string]any{"status": status})
	r.must(err)
	r.patchStatus(ctx, r.resource(i), encoded)
}

// anyObserved tells whether a status says that its user was observed at that time.
func (r *run) anyObserved(ctx context.Context, t time.Time) bool {
	for i := range r.people {
		if user := r.user(ctx, i); user != nil && user.Status.LastObservedTime != nil && user.Status.LastObservedTime.Time.Equal(t) {
			return true
		}
	}
	return false
}

// patchAccountTimes has every time of the account's status be another one.
func (r *run) patchAccountTimes(ctx context.Context, t time.Time) {
	var account v1alpha1.CertCentralAccount
	r.must(r.Client.Get(ctx, client.ObjectKeyFromObject(r.account()), &account))
	then := metav1.NewTime(t)
	for c := range account.Status.Conditions {
		account.Status.Conditions[c].LastTransitionTime = then
	}
	encoded, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": account.Status.Conditions}})
	r.must(err)
	r.patchStatus(ctx, r.account(), encoded)
}
