package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// readKey reads the API key from the account's Secret, by name, from the API server. A verdict says what is wrong with the
// Secret, never what is in it.
func (r *AccountReconciler) readKey(ctx context.Context, account *v1alpha1.CertCentralAccount) (certcentral.APIKey, error) {
	ref := account.Spec.APIKeySecretRef
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: account.Namespace, Name: ref.Name}, secret)
	if apierrors.IsNotFound(err) {
		return certcentral.APIKey{}, secretNotReady(fmt.Sprintf("Secret %s does not exist in namespace %s.", ref.Name, account.Namespace))
	}
	if apierrors.IsForbidden(err) {
		return certcentral.APIKey{}, secretNotReady(fmt.Sprintf("The operator has no right to read Secret %s in namespace %s.", ref.Name, account.Namespace))
	}
	if err != nil {
		return certcentral.APIKey{}, err
	}
	raw, ok := secret.Data[ref.Key]
	if !ok {
		return certcentral.APIKey{}, secretNotReady(fmt.Sprintf("Secret %s has no key %s.", ref.Name, ref.Key))
	}
	key, err := certcentral.ParseAPIKey(raw)
	if err != nil {
		return certcentral.APIKey{}, secretNotReady(fmt.Sprintf("Secret %s, key %s: %v.", ref.Name, ref.Key, err))
	}
	return key, nil
}
