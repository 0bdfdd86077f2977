package faults

import (
	"context"
	"slices"
	"time"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// betweenSteps are the places of a reconcile at which a failpoint can fail.
var betweenSteps = []string{"looked", "confirmed", "written", "verified", "reporting", "reported"}

// put is a fault of the first PUT for the first person.
func put(do simulator.Do) []simulator.Fault {
	return []simulator.Fault{{Match: simulator.Match{Method: "PUT", User: -1, Times: 1}, Do: do}}
}

// crashPlans have the manager die between every two steps, with each workload: by itself, at a failpoint, or when CertCentral got
// its PUT (sent) and when it made the change and did not say so (applied).
func crashPlans() (list []plan) {
	for _, w := range append(slices.Clone(workloads), crowd) {
		add := func(name string, f fault) {
			list = append(list, plan{group: "crash", name: name, workload: w, fault: f, sample: w.name == change.name, once: w.name == crowd.name})
		}
		for _, place := range betweenSteps {
			add("killed when "+place, fault{failpoint: place + ":kill:1"})
			if w.name != crowd.name { // which takes its time
				add("panic when "+place, fault{failpoint: place + ":panic:1"})
			}
		}
		if w.name == remove.name {
			continue // a resource that is gone may be written no more: there is no PUT to wait for
		}
		add("killed when sent", fault{certcentral: put(simulator.Do{Hang: true}), meanwhile: killAtPut})
		add("killed when applied", fault{certcentral: put(simulator.Do{Hang: true, Apply: true}), meanwhile: killAtPut})
		if w.name == crowd.name {
			continue
		}
		add("SIGTERM when applied, the answer is late", fault{
			certcentral: put(simulator.Do{Delay: simulator.Duration(3 * time.Second), Apply: true}), meanwhile: stopAtPut,
		})
		add("SIGTERM when sent, there is no answer", fault{certcentral: put(simulator.Do{Hang: true}), meanwhile: stopAtPut})
	}
	return append(list, plan{group: "crash", name: "killed every 3 s, 40 times", workload: hugeCrowd, once: true, fault: fault{
		meanwhile: func(ctx context.Context, r *run) {
			for range 40 {
				r.pass(ctx, 3*time.Second)
				r.operators.manager().Kill()
			}
		},
	}})
}

// killAtPut kills the manager once CertCentral has got its PUT.
func killAtPut(ctx context.Context, r *run) {
	r.awaitPut(ctx)
	r.operators.manager().Kill()
}

// stopAtPut ends the manager once CertCentral has got its PUT; it must not take long over that. Another one follows.
func stopAtPut(ctx context.Context, r *run) {
	r.awaitPut(ctx)
	r.stop(ctx)
	r.must(r.operators.start(ctx))
}

// awaitPut waits until the fault of a PUT has struck.
func (r *run) awaitPut(ctx context.Context) {
	r.await(ctx, strikeWithin, "a PUT", func() bool {
		return slices.ContainsFunc(r.certcentral.Faults(), func(a simulator.Armed) bool { return a.Used > 0 })
	})
}

// pass lets time pass.
func (r *run) pass(ctx context.Context, d time.Duration) {
	began := time.Now()
	r.await(ctx, d+time.Second, "time to pass", func() bool { return time.Since(began) >= d })
}
