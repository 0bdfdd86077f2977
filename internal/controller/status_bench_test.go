package controller

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// BenchmarkStatus does what a look that brings no news does once CertCentral has answered: decide, build the status, and compare it
// with the one there is.
func BenchmarkStatus(b *testing.B) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	account := &v1alpha1.CertCentralAccount{}
	account.Spec.Interval.Duration = 10 * time.Minute
	container := certcentral.Container{ID: 5, PublicID: "9bba0f54e97e31abb0f2a7e6e9386f1", Name: "My Account", TemplateID: 5, Active: true}
	have := &certcentral.User{
		ID: 7, AccountID: 123654, Status: "active", Type: "standard", LastLogin: now,
		Profile: certcentral.Profile{Username: "john", FirstName: "John", LastName: "Smith", Email: "john@example.com", JobTitle: "Boss"},
		Roles:   []certcentral.Role{{ID: 1, Name: "Administrator"}}, Container: &container,
		ContainerVisibility: []certcentral.VisibleContainer{{Container: container, AllowedDomainNames: []string{"example.com"}}},
	}
	user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: "pki", Name: "john", Generation: 1}}
	user.Spec.Profile = v1alpha1.Profile{FirstName: new("John"), LastName: new("Smith"), JobTitle: new("Boss")}
	look := func(before *v1alpha1.CertCentralUser) *v1alpha1.CertCentralUser {
		found := findings{access: &access{session: &session{}, account: account}, userID: have.ID, have: have}
		found.decide(before)
		after := before.DeepCopy()
		describe(after, found, judge(before, found, now, nil))
		return after
	}
	user = look(user)
	if meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady).Reason != v1alpha1.ReasonInSync {
		b.Fatalf("the first look went otherwise: %v", user.Status)
	}
	for b.Loop() {
		if !equality.Semantic.DeepEqual(user.Status, look(user).Status) {
			b.Fatal("a look in quiet brought news")
		}
	}
}
