package faults

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// workload is what people do, with resources and in CertCentral.
type workload struct {
	name string
	// people is how many there are.
	people int
	// strangers are CertCentral users without a resource.
	strangers int
	// strangersFirst have the strangers come first in the list of users.
	strangersFirst bool
	// account is that of the people, where it is not the key's but one below it.
	account int64
	// mode of the resources; "" is Enforce.
	mode v1alpha1.Mode
	// before is done in quiet; the fault comes after.
	before func(ctx context.Context, r *run)
	// act is done while the fault is in force.
	act func(ctx context.Context, r *run)
	// within is how long the recovery may take, where it waits for the interval to end; 0 is recoverWithin.
	within time.Duration
	// writes is how many PUTs may change each person at most.
	writes int
}

// Each person's job title is declared; in the end it is what the resource says. The telephone is not declared, and never changes
// but by a colleague.
var (
	create = workload{name: "create", people: 1, writes: 1, act: declareAll}
	change = workload{name: "change", people: 1, writes: 2, before: declareAll, act: func(ctx context.Context, r *run) {
		r.retitle(ctx, 0, "B")
	}}
	backAndForth = workload{name: "A-B-A", people: 1, writes: 3, before: declareAll, act: func(ctx context.Context, r *run) {
		before := len(puts(r))
		r.retitle(ctx, 0, "B")
		r.await(ctx, strikeWithin, "B to make a difference", func() bool { return len(puts(r)) > before || r.struck() })
		r.retitle(ctx, 0, "A")
	}}
	drift = workload{name: "drift", people: 1, writes: 2, before: declareAll, act: func(ctx context.Context, r *run) {
		r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted"), "telephone": r.text("telephone", 0, "edited")})
		r.request(ctx, 0)
	}}
	remove = workload{name: "delete", people: 2, writes: 2, before: declareAll, act: func(ctx context.Context, r *run) {
		r.retitle(ctx, 0, "B")
		r.delete(ctx, 0)
		r.retitle(ctx, 1, "B")
	}}
	rotate = workload{name: "rotate", people: 1, writes: 2, before: declareAll, act: func(ctx context.Context, r *run) {
		r.rotateKey(ctx)
		r.retitle(ctx, 0, "B")
	}}
	crowd     = workload{name: "200 resources", people: 200, writes: 1, act: declareAll}
	hugeCrowd = workload{name: "300 resources", people: 300, writes: 1, act: declareAll}
	long      = workload{name: "a long title", people: 1, writes: 5, before: declareAll, act: func(ctx context.Context, r *run) {
		r.retitle(ctx, 0, "B", " of Everything Else")
	}}
	watchOnly = workload{name: "observe", people: 1, mode: v1alpha1.ModeObserve, before: declareAll, act: func(ctx context.Context, r *run) {
		r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
		r.request(ctx, 0)
	}}

	workloads = []workload{create, change, backAndForth, drift, remove, rotate}
)

func declareAll(ctx context.Context, r *run) {
	for i := range r.plan.workload.people {
		r.declare(ctx, i, "A")
	}
}

// accountID is the CertCentral account of the people.
func (w workload) accountID() int64 { return cmp.Or(w.account, simulator.Account) }

// person is a CertCentral user of a run.
type person struct {
	id    int64
	title string // that the resource declares; "" when there is no resource
}

// populate fills CertCentral: with people of whom some of the 200 are as they will be declared already.
func (r *run) populate() error {
	for i := range r.plan.workload.people {
		id := 1000 + int64(r.random.IntN(1_000_000))*1000 + int64(i)
		r.people = append(r.people, &person{id: id})
		title := r.text("title", i, "before")
		if i >= 20 {
			title = r.text("title", i, "A")
		}
		if err := r.certcentral.AddUser(id, map[string]any{
			"username": r.text("username", i, "") + "@example.com", "email": r.text("mail", i, "") + "@example.com",
			"first_name": r.text("first", i, ""), "last_name": r.text("last", i, ""),
			"job_title": title, "telephone": r.text("telephone", i, ""), "account_id": r.plan.workload.accountID(),
		}); err != nil {
			return err
		}
	}
	first := int64(firstStranger)
	if r.plan.workload.strangersFirst {
		first = keyOwner + 10
	}
	for i := range r.plan.workload.strangers {
		if err := r.certcentral.AddUser(first+int64(i), map[string]any{"last_name": "Stranger"}); err != nil {
			return err
		}
	}
	if err := r.certcentral.AddUser(keyOwner, map[string]any{"last_name": "Keyholder"}); err != nil {
		return err
	}
	return r.certcentral.AddKey(simulator.Key{Key: r.key, UserID: keyOwner, SubAccounts: []int64{simulator.Account + 1}})
}

// keyOwner owns the keys of a run.
const keyOwner = 7

// text is a personal value of this run: the same for the same seed, found nowhere else.
func (r *run) text(what string, person int, variant string) string {
	random := rand.New(rand.NewPCG(r.seed, uint64(person)))
	return fmt.Sprintf("%s%s-%010x", what, variant, random.Uint64()>>24)
}
