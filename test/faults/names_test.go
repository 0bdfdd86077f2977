package faults

import (
	"context"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// named has resources that refer to their people by username, in the key's account or in one below it.
func named(subAccount bool) workload {
	w := workload{name: "by username", people: 1, strangers: 1, writes: 2, before: func(ctx context.Context, r *run) {
		r.declareByName(ctx)
	}, act: func(ctx context.Context, r *run) {
		r.retitle(ctx, 0, "B")
		r.await(ctx, strikeWithin, "B", func() bool { return r.settled(ctx) })
	}}
	if subAccount {
		w.name, w.account = "by username, in a sub-account", simulator.Account+1
	}
	return w
}

// declareByName creates the resource of the first person, by username.
func (r *run) declareByName(ctx context.Context) {
	p := r.people[0]
	p.title = r.text("title", 0, "A")
	username, _ := r.certcentral.User(p.id)["username"].(string)
	r.named = map[string]int64{username: p.id}
	r.must(r.Client.Create(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta(userName(0)), Spec: v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "account"}, UserRef: v1alpha1.UserRef{Username: &username}, Profile: v1alpha1.Profile{JobTitle: &p.title},
	}}))
}

// firstStranger is the id of a user without a resource.
const firstStranger = 2_000_000_000

// namePlans have usernames go from one person to another.
func namePlans() (list []plan) {
	for _, subAccount := range []bool{false, true} {
		add := func(name string, f fault) {
			list = append(list, plan{group: "names", name: name, workload: named(subAccount), fault: f, sample: subAccount})
		}
		add("the name goes to somebody else", fault{
			ends: "IdentityMismatch: Ready=False", patient: true, meanwhile: func(ctx context.Context, r *run) {
				username := r.certcentral.User(r.people[0].id)["username"]
				r.edit(0, map[string]any{"username": "renamed@example.com"})
				r.must(r.certcentral.Edit(firstStranger, map[string]any{"username": username, "account_id": r.plan.workload.accountID()}))
				r.strangerIsLeftAlone(ctx)
			},
		})
		add("the name goes to somebody else, and the manager restarts", fault{
			ends: "IdentityMismatch: Ready=False", patient: true, meanwhile: func(ctx context.Context, r *run) {
				r.stop(ctx)
				username := r.certcentral.User(r.people[0].id)["username"]
				r.edit(0, map[string]any{"username": "renamed@example.com"})
				r.must(r.certcentral.Edit(firstStranger, map[string]any{"username": username, "account_id": r.plan.workload.accountID()}))
				r.must(r.operators.start(ctx))
				r.strangerIsLeftAlone(ctx)
			},
		})
		add("the person is made anew", fault{
			asked: true, differs: true, says: saysNotFound, meanwhile: func(ctx context.Context, r *run) {
				user := r.certcentral.User(r.people[0].id)
				r.certcentral.RemoveUser(r.people[0].id)
				r.request(ctx, 0)
				r.await(ctx, strikeWithin, "the user to be missed", func() bool { return r.says(ctx, 0, saysNotFound) })
				delete(user, "id")
				user["job_title"] = "New here"
				former := r.people[0].id
				r.people[0].id += 500
				r.anew = map[int64]int64{former: r.people[0].id}
				r.must(r.certcentral.AddUser(r.people[0].id, user))
			},
		})
	}
	return list
}

// strangerIsLeftAlone has the operator look several times, also for a new declaration, and expects no write for the stranger.
func (r *run) strangerIsLeftAlone(ctx context.Context) {
	for i := range 5 {
		if i == 2 {
			r.retitle(ctx, 0, "C")
		}
		r.request(ctx, 0)
		r.pass(ctx, 2*time.Second)
	}
	for _, put := range puts(r) {
		if put.User == firstStranger {
			r.violate("owner", "%s: that is somebody else by now", put)
		}
	}
}
