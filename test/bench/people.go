package main

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// id is CertCentral's id of a user, who are counted from 0 here.
func id(i int) int64 { return firstID + int64(i) }

// person is a user as CertCentral has them.
func person(i int) map[string]any {
	return map[string]any{
		"first_name": fmt.Sprintf("First%d", i), "last_name": fmt.Sprintf("Last%d", i),
		"username": address(i), "email": address(i), "job_title": title(i), "telephone": telephone(i),
		"last_login_date": "2026-01-02 03:04:05",
	}
}

// resource declares a user as CertCentral has them.
func resource(i int) *v1alpha1.CertCentralUser {
	user := named(i)
	user.Spec = v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "bench"},
		UserRef:    v1alpha1.UserRef{ID: new(id(i))},
		Profile: v1alpha1.Profile{
			FirstName: new(fmt.Sprintf("First%d", i)), LastName: new(fmt.Sprintf("Last%d", i)),
			Email: new(address(i)), JobTitle: new(title(i)), Telephone: new(telephone(i)),
		},
	}
	return user
}

// named is a user's resource by its name alone.
func named(i int) *v1alpha1.CertCentralUser {
	return &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("user-%05d", i)}}
}

func address(i int) string   { return fmt.Sprintf("user.%05d@example.com", i) }
func title(i int) string     { return fmt.Sprintf("Administrator of %d", i) }
func telephone(i int) string { return fmt.Sprintf("1-555-%07d", i) }
