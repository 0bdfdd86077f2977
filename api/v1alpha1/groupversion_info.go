// Package v1alpha1 is what people write and read: the kinds CertCentralAccount and CertCentralUser, their conditions and
// reasons. It holds no behaviour.
//
// +kubebuilder:object:generate=true
// +groupName=certcentral.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion names this API.
var GroupVersion = schema.GroupVersion{Group: "certcentral.io", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(func(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&CertCentralAccount{}, &CertCentralAccountList{},
		&CertCentralUser{}, &CertCentralUserList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
})

// AddToScheme registers both kinds and their lists.
var AddToScheme = schemeBuilder.AddToScheme
