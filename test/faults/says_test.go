package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// situation says how things are, for a run that can't go on.
func (r *run) situation() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var said []string
	for i := range min(3, len(r.people)) {
		if user := r.user(ctx, i); user != nil {
			said = append(said, fmt.Sprintf("person %d (generation %d): %s", i, user.Generation, conditionsOf(user.Status.Conditions)))
		}
	}
	calls := r.certcentral.Calls()
	for _, c := range calls[max(0, len(calls)-8):] {
		said = append(said, fmt.Sprintf("%s %s %s", c.Time.Format("05.000"), c, c.Fault))
	}
	log := r.operators.output.bytes()
	return strings.Join(said, "; ") + "\n" + string(log[max(0, len(log)-3000):])
}

// user returns the resource of a person, nil when there is none.
func (r *run) user(ctx context.Context, i int) *v1alpha1.CertCentralUser {
	user := &v1alpha1.CertCentralUser{}
	if r.Client.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: userName(i)}, user) != nil {
		return nil
	}
	return user
}

func userName(i int) string { return fmt.Sprintf("person-%03d", i) }

// says tells whether a resource says so of its newest generation, as in "Throttled: Ready=Unknown".
func (r *run) says(ctx context.Context, i int, what string) bool {
	user := r.user(ctx, i)
	return user != nil && strings.HasPrefix(conditionsOf(user.Status.Conditions), what) &&
		meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady).ObservedGeneration == user.Generation
}

func (r *run) accountSays(ctx context.Context, what string) bool {
	account := &v1alpha1.CertCentralAccount{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: "account"}, account)
	return err == nil && strings.HasPrefix(conditionsOf(account.Status.Conditions), what)
}

// conditionsOf is what a resource says.
func (r *run) conditionsOf(ctx context.Context, name string) string {
	user := &v1alpha1.CertCentralUser{ObjectMeta: r.meta(name)}
	if r.Client.Get(ctx, client.ObjectKeyFromObject(user), user) != nil {
		return ""
	}
	return conditionsOf(user.Status.Conditions)
}

// accountID is the CertCentral account that the key belongs to.
func (r *run) accountID(ctx context.Context) int64 {
	account := r.account()
	r.must(r.Client.Get(ctx, client.ObjectKeyFromObject(account), account))
	return account.Status.AccountID
}

// settled tells whether each resource says what it must say in the end, and CertCentral has it so.
func (r *run) settled(ctx context.Context) bool {
	account := r.account()
	if r.Client.Get(ctx, client.ObjectKeyFromObject(account), account) != nil ||
		pending(account.Annotations, account.Status.LastHandledReconcileAt) {
		return false
	}
	for i, p := range r.people {
		if p.title != "" && !r.personSettled(ctx, i) {
			return false
		}
	}
	return true
}

func (r *run) personSettled(ctx context.Context, i int) bool {
	user := r.user(ctx, i)
	if r.plan.fault.ends != "" && (i == 0 || r.plan.fault.others) && !r.healed.IsZero() {
		return r.says(ctx, i, r.plan.fault.ends)
	}
	if user == nil || user.Status.ObservedGeneration != user.Generation {
		return false
	}
	if pending(user.Annotations, user.Status.LastHandledReconcileAt) {
		return false
	}
	said := normal(conditionsOf(user.Status.Conditions))
	if r.plan.workload.mode == v1alpha1.ModeObserve {
		return said == "DriftReported: Ready=True InSync=False"
	}
	return said == "InSync: Ready=True InSync=True" && r.certcentral.User(r.people[i].id)["job_title"] == r.people[i].title
}

// pending tells whether somebody asked for a look that was not made yet.
func pending(annotations map[string]string, handled string) bool {
	asked := annotations[v1alpha1.AnnotationReconcileRequestedAt]
	return asked != "" && asked != handled
}

// normal takes Updated and InSync for the same: which one it is depends on whether the status got lost after the write.
func normal(said string) string { return strings.Replace(said, "Updated:", "InSync:", 1) }

// describeEnd is all that is in the end, to be compared with that of a quiet run.
func (r *run) describeEnd(ctx context.Context) string {
	var lines []string
	for i, p := range r.people {
		has := r.certcentral.User(p.id)
		if title := has["job_title"]; p.title == "" && (title == r.text("title", i, "A") || title == r.text("title", i, "B")) {
			has["job_title"] = "one that was declared" // when the resource went, a write may have been on its way or not
		}
		stored, err := json.Marshal(has)
		r.must(err)
		line := string(stored)
		if user := r.user(ctx, i); user != nil {
			line += " | " + normal(conditionsOf(user.Status.Conditions)) + fmt.Sprintf(" %v", user.Status.Differences)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// conditionsOf is conditions in one line: "Throttled: Ready=Unknown InSync=Unknown Reconciling=True".
func conditionsOf(conditions []metav1.Condition) string {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return ""
	}
	line := ready.Reason + ":"
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionInSync, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if c := meta.FindStatusCondition(conditions, kind); c != nil {
			line += fmt.Sprintf(" %s=%s", kind, c.Status)
		}
	}
	return line
}
