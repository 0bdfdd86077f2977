package faults

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/internal/simulator"
	"github.com/certcentral-io/user-operator/test/world"
)

// clusterPlans take the API server away, in part or whole, and give it back.
func clusterPlans() (list []plan) {
	for _, call := range []kubeFault{
		{Verb: "get", Resource: "certcentralusers"},
		{Verb: "get", Resource: "certcentralaccounts"},
		{Verb: "get", Resource: "secrets"},
		{Verb: "patch", Resource: "certcentralusers/status"},
		{Verb: "patch", Resource: "certcentralaccounts/status"},
		{Verb: "create", Resource: "events"},
		{Verb: "watch", Resource: "certcentralusers"},
		{Verb: "update", Resource: "leases"},
	} {
		for _, do := range []kubeTrouble{conflict, gone, tooMany, broken, unavailable, hang, reset, delay, lostAnswer} {
			if call.Verb == "watch" && do == lostAnswer {
				continue // a watch has no answer to lose, but events
			}
			f := call
			f.Do = do
			list = append(list, plan{group: "cluster", name: f.String(), workload: change, sample: do == hang, fault: fault{
				kubernetes: []kubeFault{f}, meanwhile: reachFor[call.Resource+call.Verb], lasts: 3 * time.Second,
			}})
		}
	}
	add := func(name string, w workload, f fault) {
		list = append(list, plan{group: "cluster", name: name, workload: w, fault: f})
	}
	add("API server killed for 40 s", change, fault{meanwhile: func(ctx context.Context, r *run) {
		r.APIServer.Kill()
		r.driftUnseen(ctx, 40*time.Second)
		r.must(r.APIServer.Start(ctx))
	}})
	add("API server stopped for 60 s", change, fault{meanwhile: func(ctx context.Context, r *run) {
		r.must(r.APIServer.Pause())
		r.driftUnseen(ctx, time.Minute)
		r.must(r.APIServer.Resume())
	}})
	add("etcd killed for 20 s", change, fault{meanwhile: func(ctx context.Context, r *run) {
		r.Etcd.Kill()
		r.driftUnseen(ctx, 20*time.Second)
		r.must(r.Etcd.Start(ctx))
	}})
	add("etcd set back to an old snapshot", rolledBack, fault{
		args:      []string{"--leader-elect=false"}, // a leader may be gone with what it remembers, if that takes long
		meanwhile: setBack, loses: true, ends: "RolledBack: Ready=False InSync=False Stalled=True", patient: true,
		within: 2 * time.Minute, // the API server restores the operator's rights first, and client-go asks ever more seldom until then
	})
	add("etcd wiped", change, fault{meanwhile: wipe, loses: true, more: 1})
	add("lease stolen", change, fault{strike: stealLease, twice: true})
	add("two managers at once", drift, fault{strike: twoAtOnce, heal: endSecond, twice: true})
	for _, pause := range []struct {
		place string
		d     time.Duration
	}{
		{"looked", 30 * time.Second},
		{"confirmed", 30 * time.Second}, // longer than a write may take,
		{"confirmed", 12 * time.Second}, // and not as long as that
		{"written", 30 * time.Second},
	} {
		add(fmt.Sprintf("leader paused for %s when %s", pause.d, pause.place), change, fault{
			failpoint: pause.place + ":stop:1", meanwhile: pausedLeader(pause.d), heal: endSecond, twice: true, more: 1, differs: true,
		})
	}
	add("CRD removed and back", change, fault{meanwhile: crdGone, loses: true, more: 1})
	for _, right := range []string{"certcentralusers/status", "secrets", "certcentralusers", "events"} {
		add("no right to "+right, change, fault{meanwhile: func(ctx context.Context, r *run) {
			restore := r.withdraw(ctx, right)
			r.request(ctx, 0)
			r.pass(ctx, 15*time.Second)
			restore()
		}})
	}
	return list
}

// reachFor makes the operator come to a call that it makes only now and then.
var reachFor = map[string]func(context.Context, *run){
	"secretsget":                      askAccount,
	"certcentralaccounts/statuspatch": askAccount,
	"certcentraluserswatch":           func(_ context.Context, r *run) { r.gate.server.CloseClientConnections() },
}

func askAccount(ctx context.Context, r *run) { r.requestAccount(ctx) }

// driftUnseen changes the person while the API server is out of reach: nothing may be written on account of that after 10 s.
func (r *run) driftUnseen(ctx context.Context, d time.Duration) {
	r.pass(ctx, sureFor+slack)
	before := len(puts(r))
	r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
	r.pass(ctx, d-sureFor-slack)
	if made := puts(r)[before:]; len(made) > 0 {
		r.violate("P2", "%s while the API server was out of reach for over 10 s", made[0])
	}
}

// puts are the PUTs so far.
func puts(r *run) simulator.Calls {
	return r.certcentral.Calls().Where(func(c simulator.Call) bool { return c.Method == "PUT" })
}

// rolledBack declares B, and is satisfied.
var rolledBack = workload{name: "restore", people: 1, writes: 2, before: declareAll, act: func(ctx context.Context, r *run) {
	r.snapshot(ctx)
	r.retitle(ctx, 0, "B")
	r.await(ctx, recoverWithin, "B", func() bool { return r.settled(ctx) })
}}

// snapshot saves etcd's data, with both stopped for it.
func (r *run) snapshot(ctx context.Context) {
	r.must(r.stopControlPlane(ctx))
	r.must(os.CopyFS(r.dir+"/snapshot", os.DirFS(r.DataDir)))
	r.must(r.startControlPlane(ctx))
}

func (r *run) stopControlPlane(ctx context.Context) error {
	if _, err := r.APIServer.Stop(ctx); err != nil {
		return err
	}
	_, err := r.Etcd.Stop(ctx)
	return err
}

func (r *run) startControlPlane(ctx context.Context) error {
	if err := r.Etcd.Start(ctx); err != nil {
		return err
	}
	return r.APIServer.Start(ctx)
}

// setBack puts the snapshot back. Nobody declared B then; the operator remembers.
func setBack(ctx context.Context, r *run) {
	r.must(r.stopControlPlane(ctx))
	r.must(os.RemoveAll(r.DataDir))
	r.must(os.CopyFS(r.DataDir, os.DirFS(r.dir+"/snapshot")))
	r.must(r.startControlPlane(ctx))
	r.people[0].title = r.text("title", 0, "A")
}

// wipe loses all that etcd holds. What is declared anew is in force again.
func wipe(ctx context.Context, r *run) {
	r.must(r.stopControlPlane(ctx))
	r.must(os.RemoveAll(r.DataDir))
	r.must(r.startControlPlane(ctx))
	r.pass(ctx, 5*time.Second)
	r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
	r.must(r.Reinstall(ctx))
	kubeconfig, err := r.ManagerKubeconfig(ctx, r.gate.Server)
	r.must(err)
	r.operators.kubeconfig = kubeconfig
	r.operators.manager().Kill() // its credentials are of an account that is gone, and a Pod would be gone with it
	r.declareAccount(ctx)
	r.declare(ctx, 0, "C")
}

// stealLease makes somebody else the leader for a while.
func stealLease(ctx context.Context, r *run) {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: world.Namespace, Name: leaseName}}
	r.patch(ctx, lease, map[string]any{"spec": map[string]any{
		"holderIdentity": "a thief", "renewTime": metav1.NowMicro(), "acquireTime": metav1.NowMicro(), "leaseDurationSeconds": 15,
	}})
}

// twoAtOnce starts a second manager that knows nothing of the lease.
func twoAtOnce(ctx context.Context, r *run) {
	r.second = r.operators.another("--leader-elect=false")
	r.must(r.second.start(ctx))
}

func endSecond(ctx context.Context, r *run) {
	_, _, err := r.second.stop(ctx)
	r.must(err)
}

// pausedLeader lets the leader stop in the middle of a write. Another one takes over, and a newer generation comes; then the first
// goes on.
func pausedLeader(d time.Duration) func(context.Context, *run) {
	return func(ctx context.Context, r *run) {
		r.await(ctx, strikeWithin, "the leader to stop", func() bool { return !isFile(r.operators.failpoint) })
		stopped := time.Now()
		r.must(r.operators.freeLease(ctx))
		r.second = r.operators.another()
		r.must(r.second.start(ctx))
		r.retitle(ctx, 0, "C")
		r.await(ctx, strikeWithin, "C", func() bool { return r.certcentral.User(r.people[0].id)["job_title"] == r.people[0].title })
		r.pass(ctx, d-time.Since(stopped))
		r.must(r.operators.manager().Resume())
		r.pass(ctx, 5*time.Second)
	}
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// crdGone removes the users' CRD, and with it all users. Nothing may come of that in CertCentral.
func crdGone(ctx context.Context, r *run) {
	crd := &unstructured.Unstructured{}
	crd.SetName("certcentralusers.certcentral.io")
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	r.await(ctx, strikeWithin, "B", func() bool { return r.settled(ctx) })
	r.must(r.Client.Delete(ctx, crd))
	r.await(ctx, strikeWithin, "the CRD to go", func() bool {
		return apierrors.IsNotFound(r.Client.Get(ctx, client.ObjectKeyFromObject(crd), crd))
	})
	before := len(puts(r))
	r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
	r.pass(ctx, 15*time.Second)
	if len(puts(r)) > before {
		r.violate("P8", "written although the CRD is gone")
	}
	r.must(r.InstallCRDs())
	r.declare(ctx, 0, "C")
}

// withdraw takes the rules about a resource out of the operator's role, and returns how to put them back.
func (r *run) withdraw(ctx context.Context, resource string) (restore func()) {
	role := &rbacv1.ClusterRole{}
	r.must(r.Client.Get(ctx, client.ObjectKey{Name: "user-operator"}, role))
	all := slices.Clone(role.Rules)
	role.Rules = slices.DeleteFunc(role.Rules, func(rule rbacv1.PolicyRule) bool { return slices.Contains(rule.Resources, resource) })
	r.must(r.Client.Update(ctx, role))
	return func() {
		role.Rules = all
		r.must(r.Client.Update(ctx, role))
	}
}
