package world

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// NewAccount returns an account at the simulator, with the Secret that holds its API key; both have the same name and neither
// is created yet. Its budget is the largest there is for calls one by one: a budget starts empty.
func NewAccount(s *Simulator, namespace, name, key string) (*v1alpha1.CertCentralAccount, *corev1.Secret) {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	account := &v1alpha1.CertCentralAccount{ObjectMeta: meta, Spec: v1alpha1.CertCentralAccountSpec{
		Endpoint: s.URL, CABundle: s.CA, APIKeySecretRef: v1alpha1.SecretKeyRef{Name: name},
		Budget: v1alpha1.Budget{RequestsPerMinute: 330, Burst: 10},
	}}
	return account, &corev1.Secret{ObjectMeta: meta, StringData: map[string]string{"api-key": key}}
}
