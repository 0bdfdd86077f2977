package controller

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// access is an account as one user may use it.
type access struct {
	*session
	key     types.NamespacedName
	account *v1alpha1.CertCentralAccount
}

// accountOf names the account that a user refers to.
func accountOf(user *v1alpha1.CertCentralUser) types.NamespacedName {
	ref := user.Spec.AccountRef
	if ref.Namespace == "" {
		return types.NamespacedName{Namespace: user.Namespace, Name: ref.Name}
	}
	return types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}
}

// admit returns the account if the user may use it now, and the mode that counts as soon as it is known which account that is.
func (r *UserReconciler) admit(ctx context.Context, user *v1alpha1.CertCentralUser) (*access, profile.Mode, error) {
	key := accountOf(user)
	account, err := r.accountFor(ctx, user)
	if err != nil {
		return nil, "", err
	}
	mode := modeOf(user, account)
	if err := usable(key, account); err != nil {
		return nil, mode, err
	}
	open := r.Sessions.get(key, account)
	if open == nil {
		return nil, mode, pending(key, account)
	}
	return &access{session: open, key: key, account: account}, mode, nil
}

// accountFor returns the account that a user refers to, if it is there, watched, and allows the user's namespace. That one comes
// first, so that nothing else about a foreign account is told.
func (r *UserReconciler) accountFor(ctx context.Context, user *v1alpha1.CertCentralUser) (*v1alpha1.CertCentralAccount, error) {
	key := accountOf(user)
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, key.Namespace) {
		return nil, accountNotReady(metav1.ConditionFalse,
			fmt.Sprintf("Account %s is in a namespace that this operator does not watch.", key))
	}
	account := &v1alpha1.CertCentralAccount{}
	err := r.Get(ctx, key, account)
	uncached := apierrors.IsNotFound(err) && r.Selector != nil
	if uncached { // the cache holds what the selector matches
		err = r.Live.Get(ctx, key, account)
	}
	if apierrors.IsNotFound(err) && r.Probed.Refused(key.Namespace) {
		return nil, accountNotReady(metav1.ConditionFalse,
			fmt.Sprintf("Account %s is in a namespace that this operator can't read: it does not exist, or the operator has no Role in it.", key))
	}
	if apierrors.IsNotFound(err) {
		r.seenAccounts.release(key)
		return nil, accountNotReady(metav1.ConditionFalse, fmt.Sprintf("Account %s does not exist.", key))
	} else if err != nil {
		return nil, err
	}
	r.seenAccounts.see(account)
	if !account.DeletionTimestamp.IsZero() {
		return nil, accountNotReady(metav1.ConditionFalse, fmt.Sprintf("Account %s is being deleted.", key))
	}
	if err := r.permits(ctx, account, user.Namespace); err != nil {
		return nil, err
	}
	if uncached {
		return nil, unselected(key, account, r.Selector)
	}
	return account, nil
}

// permits returns a verdict unless the account may be referred to from the namespace.
func (r *UserReconciler) permits(ctx context.Context, account *v1alpha1.CertCentralAccount, namespace string) error {
	allowed, err := r.allows(ctx, account, namespace)
	if err != nil || allowed {
		return err
	}
	return &verdict{
		reason: v1alpha1.ReasonAccountNotAllowed, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
		note: fmt.Sprintf("Account %s/%s does not allow users in namespace %s: see its spec.allowedNamespaces.",
			account.Namespace, account.Name, namespace),
		after: account.Spec.Interval.Duration,
	}
}

// unselected says why an account that exists is not in the cache: its labels, or the cache is late.
func unselected(key types.NamespacedName, account *v1alpha1.CertCentralAccount, selector labels.Selector) error {
	if selector.Matches(labels.Set(account.Labels)) {
		return unseen()
	}
	return accountNotReady(metav1.ConditionFalse, fmt.Sprintf("Account %s does not match the operator's --watch-label-selector.", key))
}

// allows tells whether the account may be referred to from the namespace. Labels are read from the API server: that happens
// for selectors only, and spares the right to list namespaces.
func (r *UserReconciler) allows(ctx context.Context, account *v1alpha1.CertCentralAccount, namespace string) (bool, error) {
	allowed := account.Spec.AllowedNamespaces
	if !byLabels(account, namespace) {
		return namespace == account.Namespace || allowed.From == v1alpha1.NamespacesFromAll, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(allowed.Selector)
	if err != nil {
		return false, nil //nolint:nilerr // a selector that can't be read allows nobody
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Live.Get(ctx, types.NamespacedName{Name: namespace}, object); apierrors.IsForbidden(err) {
		hold := accountNotReady(metav1.ConditionFalse, "The operator has no right to read the labels of namespaces, by which the account allows them.")
		hold.after = account.Spec.Interval.Duration
		return false, hold
	} else if err != nil {
		return false, err
	}
	return selector.Matches(labels.Set(object.Labels)), nil
}

// byLabels tells whether it is a matter of the namespace's labels that the account may be referred to from it.
func byLabels(account *v1alpha1.CertCentralAccount, namespace string) bool {
	return namespace != account.Namespace && account.Spec.AllowedNamespaces.From == v1alpha1.NamespacesFromSelector
}

// usable returns a verdict if the account's own status says that it can't be used.
func usable(key types.NamespacedName, account *v1alpha1.CertCentralAccount) error {
	ready := meta.FindStatusCondition(account.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil || ready.ObservedGeneration != account.Generation:
		return unseen()
	case ready.Status != metav1.ConditionFalse:
		return nil
	case ready.Reason == v1alpha1.ReasonAccountMismatch:
		return mismatch(fmt.Sprintf("The API key of account %s belongs to another CertCentral account than its spec.accountID.", key))
	default:
		return accountNotReady(metav1.ConditionFalse, fmt.Sprintf("Account %s is not ready: %s.", key, ready.Reason))
	}
}

// pending says why an account that looks usable has no session: CertCentral can't be reached, or this process has just begun.
func pending(key types.NamespacedName, account *v1alpha1.CertCentralAccount) error {
	if meta.IsStatusConditionTrue(account.Status.Conditions, v1alpha1.ConditionReady) {
		return unseen()
	}
	waiting := accountNotReady(metav1.ConditionUnknown, fmt.Sprintf("Account %s could not be looked at yet.", key))
	waiting.phase = retrying
	return waiting
}

func accountNotReady(ready metav1.ConditionStatus, note string) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonAccountNotReady, ready: ready, inSync: metav1.ConditionUnknown,
		note: note,
	}
}

func mismatch(note string) *verdict {
	return &verdict{
		reason: v1alpha1.ReasonAccountMismatch, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
		note: note,
	}
}
