package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// decided writes the log line of a reconcile that was news: what was decided, why, and what it cost. It names fields, never values.
func (r *UserReconciler) decided(ctx context.Context, user *v1alpha1.CertCentralUser, found findings, ready metav1.Condition, note string) {
	verb, differences := found.plan.Verb, found.plan.Differences
	switch {
	case found.written != nil:
		verb, differences = profile.Update, found.changed
	case found.tried:
		differences = found.writes()
		note = cmp.Or(note, "The write was not acknowledged.")
	}
	line := []any{
		"generation", user.Generation, "userID", user.Status.UserID, "reason", ready.Reason, "ready", ready.Status,
	}
	if verb != "" {
		line = append(line, "verb", verb)
	}
	if fields, causes := fieldsOf(differences); fields != "" {
		line = append(line, "fields", fields, "cause", causes)
	}
	line = append(line, "calls", found.visit.Sent(), "seconds", r.Clock.Since(found.begun).Seconds())
	ctrl.LoggerFrom(ctx).Info(note, line...)
}

// audit writes the line that goes before each PUT, so that none is without: who is written, on whose behalf, which fields, and why.
// It is told apart from all other lines by the key "audit". What became of the PUT is in the line of the decision.
func audit(ctx context.Context, current *v1alpha1.CertCentralUser, found *findings) {
	fields, causes := fieldsOf(found.writes())
	ctrl.LoggerFrom(ctx).Info("About to write.", "audit", "PUT /user/{id}",
		"account", found.access.key.String(), "accountID", found.have.AccountID, "userID", found.userID, "keyUserID", found.access.owner.ID,
		"uid", current.UID, "generation", current.Generation, "mode", found.mode,
		"fields", fields, "cause", causes, "declaredBy", strings.Join(declaredBy(current.ManagedFields, found.plan.Fields), ","))
}

// fieldsOf lists the fields of differences and their causes, each cause once: "jobTitle,telephone", "SpecChange,Drift".
func fieldsOf(differences []profile.Difference) (fields, causes string) {
	var names, whys []string
	for _, d := range differences {
		names = append(names, string(d.Field))
		if !slices.Contains(whys, string(d.Cause)) {
			whys = append(whys, string(d.Cause))
		}
	}
	return strings.Join(names, ","), strings.Join(whys, ",")
}

// declaredBy returns the field managers, in the order of their names, that declare one of the fields: "argocd-controller", say.
// Managers that can't be read are left out.
func declaredBy(managers []metav1.ManagedFieldsEntry, fields []profile.Field) []string {
	var names []string
	for _, m := range managers {
		var owned struct {
			Spec struct {
				Profile map[string]any `json:"f:profile"`
			} `json:"f:spec"`
		}
		if m.FieldsV1 == nil || m.Subresource != "" || json.Unmarshal(m.FieldsV1.GetRawBytes(), &owned) != nil {
			continue
		}
		if slices.ContainsFunc(fields, func(f profile.Field) bool { _, owns := owned.Spec.Profile["f:"+string(f)]; return owns }) {
			names = append(names, m.Manager)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
