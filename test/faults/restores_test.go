package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// contested has a second resource for the first person, which waits: it is the younger one, and the first by name.
var contested = workload{name: "contested", people: 1, writes: 2, before: func(ctx context.Context, r *run) {
	declareAll(ctx, r)
	r.await(ctx, strikeWithin, "the owner", func() bool { return r.settled(ctx) })
	r.pass(ctx, 1100*time.Millisecond) // ages are told in seconds
	title := r.text("title", 0, "loser")
	r.foreign = append(r.foreign, title)
	r.must(r.Client.Create(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta(loser), Spec: v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "account"}, UserRef: v1alpha1.UserRef{ID: &r.people[0].id}, Profile: v1alpha1.Profile{JobTitle: &title},
	}}))
	r.await(ctx, strikeWithin, "the younger one to give way", func() bool { return r.loses(ctx) })
}, act: func(ctx context.Context, r *run) {
	r.retitle(ctx, 0, "B")
	r.await(ctx, strikeWithin, "B", func() bool { return r.settled(ctx) })
}}

const loser = "a-loser"

func (r *run) loses(ctx context.Context) bool {
	return conflicts(r.conditionsOf(ctx, loser))
}

func conflicts(said string) bool { return said == saysConflict }

const saysConflict = "Conflict: Ready=False InSync=Unknown Stalled=True"

// restorePlans delete what is declared, and make it anew as it was, as after a backup, a move to another cluster, or kubectl replace
// --force. Who owned a user still does.
func restorePlans() (list []plan) {
	for _, process := range []string{"the manager runs", "the manager restarts"} {
		for _, status := range []string{"with statuses", "without statuses"} {
			for _, first := range []string{"the loser first", "the owner first"} {
				b := backup{restarts: process == "the manager restarts", statuses: status == "with statuses", loserFirst: first == "the loser first"}
				list = append(list, plan{
					group: "restores", name: fmt.Sprintf("%s, %s, %s", process, status, first), workload: contested, sample: b == backup{loserFirst: true},
					fault: fault{differs: true, meanwhile: b.restore, heal: func(ctx context.Context, r *run) {
						r.await(ctx, strikeWithin, "the loser to give way", func() bool { return r.loses(ctx) })
						r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
						r.request(ctx, 0)
					}, more: 1},
				})
			}
		}
	}
	nothing := backup{restarts: true, loserFirst: true, drifted: true}
	return append(list,
		plan{group: "restores", name: "nothing tells who owned", workload: contested, fault: fault{
			meanwhile: nothing.restore, says: saysConflict, lasts: 20 * time.Second, differs: true, more: 1, heal: func(ctx context.Context, r *run) {
				r.await(ctx, strikeWithin, "the other one to give way too", func() bool { return r.loses(ctx) })
				r.must(r.Client.Delete(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta(loser)}))
			},
		}},
		plan{group: "restores", name: "etcd set back, a look was asked for on schedule", workload: rolledBack, fault: fault{
			args:      []string{"--leader-elect=false"},
			meanwhile: func(ctx context.Context, r *run) { setBack(ctx, r); r.askOnSchedule(ctx) }, loses: true,
			ends: saysRolledBack, patient: true,
		}},
		plan{group: "restores", name: "etcd set back, until a person accepts it", workload: rolledBack, fault: fault{
			args:      []string{"--leader-elect=false"},
			meanwhile: func(ctx context.Context, r *run) { setBack(ctx, r); r.askOnSchedule(ctx) }, loses: true, more: 1,
			says: saysRolledBack,
			heal: func(ctx context.Context, r *run) {
				r.frozen = time.Time{}
				r.accept(ctx, 0, "certcentral.io/accept-rollback")
			},
		}})
}

const saysRolledBack = "RolledBack: Ready=False InSync=False Stalled=True"

// askOnSchedule has something ask for looks time and again, as a CronJob would. Nobody accepted anything by that.
func (r *run) askOnSchedule(ctx context.Context) {
	r.frozen = time.Now()
	ask := func() {
		r.await(ctx, strikeWithin, "the API server", func() bool { return r.user(ctx, 0) != nil })
		r.request(ctx, 0)
		r.pass(ctx, 2*time.Second)
	}
	for range 20 {
		if ask(); r.says(ctx, 0, saysRolledBack) {
			break
		}
	}
	for range 3 {
		ask()
	}
}

// backup says how a restore goes.
type backup struct{ restarts, statuses, loserFirst, drifted bool }

// restore deletes both resources, and makes them anew.
func (b backup) restore(ctx context.Context, r *run) {
	names := []string{userName(0), loser}
	if b.loserFirst {
		slices.Reverse(names)
	}
	saved := map[string]*v1alpha1.CertCentralUser{}
	for _, name := range names {
		user := &v1alpha1.CertCentralUser{ObjectMeta: r.meta(name)}
		r.must(r.Client.Get(ctx, client.ObjectKeyFromObject(user), user))
		saved[name] = user
	}
	if b.restarts {
		r.stop(ctx)
	}
	r.must(r.Client.Delete(ctx, saved[loser])) // so that there is no moment at which it is the only one
	r.must(r.Client.Delete(ctx, saved[userName(0)]))
	if b.drifted {
		r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
		r.frozen = time.Now()
	}
	for i, name := range names {
		if i > 0 && b.restarts {
			r.pass(ctx, 1100*time.Millisecond) // ages are told in seconds
		}
		anew := &v1alpha1.CertCentralUser{ObjectMeta: r.meta(name), Spec: saved[name].Spec}
		anew.Annotations = saved[name].Annotations
		r.must(r.Client.Create(ctx, anew))
		if b.statuses {
			encoded, err := json.Marshal(map[string]any{"status": saved[name].Status})
			r.must(err)
			r.patchStatus(ctx, anew, encoded)
		}
	}
	if b.restarts {
		r.must(r.operators.start(ctx))
	}
}

// patchStatus merges into a status by hand.
func (r *run) patchStatus(ctx context.Context, object client.Object, patch []byte) {
	r.must(r.Client.Status().Patch(ctx, object, client.RawPatch(types.MergePatchType, patch)))
}
