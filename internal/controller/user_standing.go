package controller

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// standing is how a resource is in the running for a CertCentral user: by what is declared and allowed, never by what its status says.
type standing struct {
	// outside is true if its account does not allow its namespace.
	outside bool
	// waits is true if its account can't be used, or nobody can tell whether it allows the namespace. What it has it keeps.
	waits bool
	// accountID is the CertCentral account that it refers to; 0 when it is not known.
	accountID int64
}

// standings are those found in one turn, by account and namespace: labels are read once for each.
type standings map[[2]types.NamespacedName]standing

// standing returns how a rival is in the running.
func (r *UserReconciler) standing(ctx context.Context, rival *v1alpha1.CertCentralUser, known standings) (standing, error) {
	key := accountOf(rival)
	at := [2]types.NamespacedName{key, {Name: rival.Namespace}}
	if s, ok := known[at]; ok {
		return s, nil
	}
	s, err := r.standingIn(ctx, key, rival.Namespace)
	if err == nil {
		known[at] = s
	}
	return s, err
}

// standingIn returns how resources of a namespace that refer to an account are in the running.
func (r *UserReconciler) standingIn(ctx context.Context, key types.NamespacedName, namespace string) (standing, error) {
	s := standing{accountID: r.Sessions.accountID(key)}
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, key.Namespace) {
		s.waits = true
		return s, nil
	}
	account := &v1alpha1.CertCentralAccount{}
	if err := r.Get(ctx, key, account); apierrors.IsNotFound(err) {
		s.waits = true
		return s, nil
	} else if err != nil {
		return s, err
	}
	if s.accountID == 0 {
		s.accountID = account.Status.AccountID
	}
	allowed, err := r.allows(ctx, account, namespace)
	switch _, unreadable := err.(*verdict); { //nolint:errorlint // made by allows itself, never wrapped
	case apierrors.IsNotFound(err):
		s.outside = true // the namespace is gone
	case unreadable:
		s.waits = true
	case err != nil:
		return s, err
	default:
		s.outside = !allowed
		s.waits = !account.DeletionTimestamp.IsZero() || unusable(account)
	}
	return s, nil
}

// unusable tells whether an account, as it is declared now, is known not to be usable.
func unusable(account *v1alpha1.CertCentralAccount) bool {
	ready := meta.FindStatusCondition(account.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.ObservedGeneration == account.Generation && refusal(account) != ""
}

// meets tells whether the user that a rival means is the one that was found: of the same account object, of the same CertCentral
// account, or of the account that the user itself was seen to belong to.
func (s standing) meets(rival *v1alpha1.CertCentralUser, found *findings, persons []personKey) bool {
	if accountOf(rival) == found.access.key {
		return true
	}
	if slices.ContainsFunc(persons, func(p personKey) bool { return p.account == s.accountID }) {
		return true
	}
	status := &rival.Status // of an earlier spec it tells nothing, once the account that is meant now is known
	return (s.accountID == 0 || status.ObservedGeneration == rival.Generation) &&
		slices.Contains(persons, personKey{account: status.AccountID, user: status.UserID})
}
