package faults

import (
	"context"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// people60 are as many as get through in half a minute.
var people60 = workload{name: "60 resources", people: 60, writes: 1, act: declareAll}

// healthyGoOn waits for everybody whose calls were all answered, while the others' are not.
func healthyGoOn(ctx context.Context, r *run) {
	r.await(ctx, time.Minute, "the healthy to be in sync", func() bool {
		sick := r.unanswered()
		for i, p := range r.people {
			if !sick[p.id] && !r.personSettled(ctx, i) {
				return false
			}
		}
		return true
	})
}

// unanswered are the people of whom a call was never answered.
func (r *run) unanswered() map[int64]bool {
	sick := map[int64]bool{}
	for _, c := range r.certcentral.Calls() {
		if strings.Contains(c.Fault, "hang") {
			sick[c.User] = true
		}
	}
	return sick
}

// p99 is the time from the creation of a healthy resource to its being in sync, for 99 of 100 of them.
func (r *run) p99() time.Duration {
	sick := r.unanswered()
	created := map[string]time.Time{}
	var took []time.Duration
	for _, c := range r.audit.in(r.namespace) {
		name := c.ObjectRef.Name
		switch {
		case c.ObjectRef.Resource != "certcentralusers" || !c.ok():
		case c.Verb == "create":
			created[name] = c.Received
		case c.is("patch", "certcentralusers/status"):
			user := c.user()
			began, waiting := created[name]
			if waiting && meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionReady) && !sick[r.meant(user)] {
				took = append(took, c.Answered.Sub(began))
				delete(created, name)
			}
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
