package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// renames is one person, whose resource goes by one name after another.
var renames = workload{name: "renames", people: 1, writes: 1, act: declareAll}

// rename has the resource get another name in Git, time and again: the new one is made, and the old one goes at the same moment, or
// some milliseconds later.
func rename(times int) func(context.Context, *run) {
	return func(ctx context.Context, r *run) {
		r.await(ctx, strikeWithin, "the first name", func() bool { return r.settled(ctx) })
		before := r.resource(0)
		for i := range times {
			now := r.again(0, fmt.Sprintf("name-%03d", i))
			r.must(r.Client.Create(ctx, now))
			r.pass(ctx, time.Duration(r.random.IntN(50))*time.Millisecond)
			r.must(r.Client.Delete(ctx, before))
			r.awaitName(ctx, now.Name)
			before = now
		}
		last := r.again(0, userName(0))
		r.must(r.Client.Create(ctx, last))
		r.must(r.Client.Delete(ctx, before))
		r.awaitName(ctx, last.Name)
	}
}

// again is the resource of a person once more, by another name.
func (r *run) again(i int, name string) *v1alpha1.CertCentralUser {
	p := r.people[i]
	return &v1alpha1.CertCentralUser{ObjectMeta: r.meta(name), Spec: v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "account"}, UserRef: v1alpha1.UserRef{ID: &p.id}, Profile: v1alpha1.Profile{JobTitle: &p.title},
	}}
}

// awaitName waits until a new name has the person.
func (r *run) awaitName(ctx context.Context, name string) {
	r.await(ctx, renamedWithin, name+" to be in sync", func() bool { return normal(r.conditionsOf(ctx, name)) == saysInSync })
}

// renamedWithin is how long a new name may take: much less than the account's interval.
const renamedWithin = 15 * time.Second

// renamePlans rename resources while all is well, and while events are late or come twice.
func renamePlans() []plan {
	return []plan{
		{group: "renames", name: "40 within 50 ms", workload: renames, fault: fault{meanwhile: rename(40)}},
		{group: "renames", name: "each event comes twice", workload: renames, fault: fault{
			kubernetes: []kubeFault{{Verb: "event", Resource: "certcentralusers", Do: duplicate}}, meanwhile: rename(20),
		}},
		{group: "renames", name: "statuses are written slowly", workload: renames, sample: true, fault: fault{
			kubernetes: []kubeFault{{Verb: "patch", Resource: "certcentralusers/status", Do: delay}}, meanwhile: rename(4),
		}},
	}
}
