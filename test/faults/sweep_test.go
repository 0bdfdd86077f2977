package faults

import (
	"cmp"
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// aloneUpTo is how many people are looked at each for themselves; more are found in the list of users.
const aloneUpTo = 20

// swept is an account with so many people that the list of users is walked through, which has two pages, and with a drift on each.
var swept = workload{
	name: "swept", people: 25, strangers: 700, writes: 2, before: func(ctx context.Context, r *run) {
		declareAll(ctx, r)
		r.await(ctx, strikeWithin, "everybody", func() bool { return r.settled(ctx) })
		r.requestAccount(ctx)
		r.await(ctx, strikeWithin, "the first walk", func() bool { return r.sweep(ctx).State == v1alpha1.SweepSwept })
	},
	act: func(ctx context.Context, r *run) {
		for _, i := range []int{0, 24} {
			r.edit(i, map[string]any{"job_title": r.text("title", i, "drifted"), "telephone": r.text("telephone", i, "edited")})
		}
		r.requestAccount(ctx)
	},
}

// sweptLast is an account with five pages of users, of whom the people are on the last one.
var sweptLast = workload{
	name: "swept last", people: 25, strangers: 2100, strangersFirst: true, writes: 2, before: swept.before,
	act: func(_ context.Context, r *run) {
		for _, i := range []int{0, 24} {
			r.edit(i, map[string]any{"job_title": r.text("title", i, "drifted")})
		}
	},
}

// sweepPlans spoil the walk through the list of users. Whatever it tells, who drifted is set back, and nobody else is touched.
func sweepPlans() (list []plan) {
	page := func(nth, times int) simulator.Match {
		return simulator.Match{Method: "GET", Path: "/user", Nth: nth, Times: times}
	}
	add := func(name string, sample bool, f fault) {
		list = append(list, plan{group: "sweep", name: name, workload: swept, fault: f, sample: sample})
	}
	for _, p := range []struct {
		name string
		do   simulator.Do
	}{
		{"500", simulator.Do{Status: 500}},
		{"429", simulator.Do{Status: 429, Headers: map[string]string{"Retry-After": "2"}}},
		{"a proxy's page", simulator.Do{Status: 200, Body: proxyPage}},
		{"half an answer", simulator.Do{Malform: simulator.Truncated}},
		{"no answer", simulator.Do{Drop: true}},
		{"no users", simulator.Do{Status: 200, Body: `{"page": {"total": 0}}`}},
		{"an error with status 200", simulator.Do{Status: 200, Body: `{"errors":[{"code":"server_error","message":"Sorry."}]}`}},
	} {
		for nth, which := range map[int]string{1: "the first page", 2: "the second page"} {
			add(p.name+" for "+which, p.name == "500" && nth == 2, fault{certcentral: []simulator.Fault{{Match: page(nth, 1), Do: p.do}}})
		}
	}
	add("every page fails for 20 s", false, fault{
		certcentral: []simulator.Fault{{Match: page(1, 0), Do: simulator.Do{Status: 503}}}, lasts: 20 * time.Second, within: keyTriedWithin,
	})
	add("the key may not list users, and may again", true, fault{
		certcentral: []simulator.Fault{{Match: page(1, 0), Do: simulator.Do{Status: 403}}},
		meanwhile: func(ctx context.Context, r *run) {
			r.await(ctx, strikeWithin, "the account to say so", func() bool { return r.sweep(ctx).State == v1alpha1.SweepRefused })
			r.await(ctx, time.Minute, "looks at each alone", func() bool { return r.settled(ctx) })
		},
		heal: func(ctx context.Context, r *run) {
			r.certcentral.ClearFaults()
			r.requestAccount(ctx)
			r.await(ctx, strikeWithin, "the list again", func() bool { return r.sweep(ctx).State == v1alpha1.SweepSwept })
		},
	})
	lies := simulator.Fault{Match: page(1, 0), Do: simulator.Do{Stale: true}}
	add("rows are as before the last write", false, fault{certcentral: []simulator.Fault{lies}, lasts: 30 * time.Second, within: keyTriedWithin})
	add("the same page again and again", false, fault{
		certcentral: []simulator.Fault{{Match: page(1, 0), Do: simulator.Do{Status: 200, Body: strings.Repeat(" ", 3) + `{"users": [{{{fields}}}], "page": {"total": 9000, "limit": 1}}`}}},
		lasts:       20 * time.Second, within: keyTriedWithin,
		heal: func(ctx context.Context, r *run) {
			r.certcentral.ClearFaults()
			r.requestAccount(ctx) // who asks is told how many users there are now
			r.await(ctx, strikeWithin, "the list again", func() bool { return r.sweep(ctx).State == v1alpha1.SweepSwept })
		},
	})
	add("a mode only reports that another person may be meant", true, fault{
		strike: func(ctx context.Context, r *run) {
			mistyped := r.visitor(0) // a stranger
			mistyped.Spec.Mode, mistyped.Spec.Profile = v1alpha1.ModeObserve, v1alpha1.Profile{FirstName: new("Other"), LastName: new("Person")}
			r.must(r.Client.Create(ctx, mistyped))
			r.await(ctx, strikeWithin, "the doubt to be said", func() bool {
				return strings.HasPrefix(r.conditionsOf(ctx, mistyped.Name), "DriftReported: Ready=True")
			})
		},
		meanwhile: func(ctx context.Context, r *run) {
			from := time.Now()
			r.requestAccount(ctx)
			r.await(ctx, time.Minute, "a walk", func() bool { return r.walked(from) })
			r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"fullInterval": "7h"}}) // everybody is judged anew
			r.await(ctx, time.Minute, "the account", func() bool { return r.accountSays(ctx, "Available: Ready=True") })
			r.pass(ctx, 5*time.Second)
		},
	})
	list = append(list, plan{group: "sweep", name: "a walk takes longer than the interval", workload: sweptLast, once: true, fault: fault{
		certcentral: []simulator.Fault{{Match: page(1, 0), Do: simulator.Do{Delay: simulator.Duration(18 * time.Second)}}}, limit: 12 * time.Minute,
		meanwhile: func(ctx context.Context, r *run) {
			r.await(ctx, 5*time.Minute, "who drifted on the last page to be set back", func() bool { return r.settled(ctx) })
		},
	}})
	for _, place := range []string{"looked", "written"} {
		add("killed when "+place, false, fault{failpoint: place + ":kill:1"})
	}
	return list
}

// sweep is what the account says of its users.
func (r *run) sweep(ctx context.Context) v1alpha1.AccountSweep {
	account := r.account()
	if r.Client.Get(ctx, client.ObjectKeyFromObject(account), account) != nil || account.Status.Sweep == nil {
		return v1alpha1.AccountSweep{}
	}
	return *account.Status.Sweep
}

// walked tells whether a walk has come to the end of the list since a time.
func (r *run) walked(since time.Time) bool {
	pages := r.certcentral.Calls().Where(func(c simulator.Call) bool {
		return c.Time.After(since) && c.Status == 200 && strings.HasPrefix(c.String(), "GET /user?")
	})
	return len(pages) > r.plan.workload.strangers/500
}

// counted tells whether the account says how many of its users are in sync, as they say it themselves.
func (r *run) counted(ctx context.Context) bool {
	users := &v1alpha1.CertCentralUserList{}
	if r.Client.List(ctx, users) != nil {
		return false
	}
	var inSync, outOfSync, managed int64
	for _, user := range users.Items {
		if ref := user.Spec.AccountRef; ref.Name != "account" || cmp.Or(ref.Namespace, user.Namespace) != r.namespace {
			continue
		}
		managed++
		said := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionInSync)
		switch {
		case said == nil || said.ObservedGeneration != user.Generation:
		case said.Status == metav1.ConditionTrue:
			inSync++
		case said.Status == metav1.ConditionFalse:
			outOfSync++
		}
	}
	said := r.sweep(ctx)
	if managed > aloneUpTo && said.State == v1alpha1.SweepSingle && r.plan.group != "sweep" {
		return false // the walk is on its way; but the lies of those plans may have ended walking for good
	}
	return said.Managed == managed && said.InSync == inSync && said.OutOfSync == outOfSync
}
