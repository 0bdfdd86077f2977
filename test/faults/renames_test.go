package faults

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// renaming has a resource get another name in Git, time and again: the new one is made, and the old one goes right before, with, or
// right after it.
func renaming(times int) workload {
	return workload{name: fmt.Sprintf("%d renames", times), people: 1, writes: 1, before: declareAll, act: func(ctx context.Context, r *run) {
		r.must(r.Client.Delete(ctx, r.resource(0)))
		title := r.people[0].title
		before := ""
		for i := range times {
			now := fmt.Sprintf("name-%03d", i)
			r.must(r.Client.Create(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta(now), Spec: v1alpha1.CertCentralUserSpec{
				AccountRef: v1alpha1.AccountRef{Name: "account"}, UserRef: v1alpha1.UserRef{ID: &r.people[0].id}, Profile: v1alpha1.Profile{JobTitle: &title},
			}}))
			if before != "" {
				r.pass(ctx, time.Duration(r.random.IntN(50))*time.Millisecond)
				r.must(client.IgnoreNotFound(r.Client.Delete(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta(before)})))
			}
			r.await(ctx, renamedWithin, now+" to be in sync", func() bool { return normal(r.conditionsOf(ctx, now)) == saysInSync })
			before = now
		}
		r.must(r.Client.Delete(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta(before)}))
		r.declare(ctx, 0, "A")
	}}
}

// renamedWithin is how long a new name may take: much less than the account's interval.
const renamedWithin = 15 * time.Second

// renamePlans rename resources while all is well, and while events are late or come twice.
func renamePlans() []plan {
	return []plan{
		{group: "renames", name: "within 50 ms", workload: renaming(60), once: true, fault: fault{}},
		{group: "renames", name: "each event comes twice", workload: renaming(30), once: true, fault: fault{
			kubernetes: []kubeFault{{Verb: "event", Resource: "certcentralusers", Do: duplicate}},
		}},
		{group: "renames", name: "statuses are written slowly", workload: renaming(10), sample: true, fault: fault{
			kubernetes: []kubeFault{{Verb: "patch", Resource: "certcentralusers/status", Do: delay}},
		}},
	}
}
