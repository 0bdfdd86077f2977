package controller

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// BenchmarkSweep compares a page of 500 rows with the resources of their users, none of which has news.
func BenchmarkSweep(b *testing.B) {
	const users = 500
	rows, managed := make([]certcentral.Row, users), make([]*v1alpha1.CertCentralUser, users)
	for i := range users {
		id := int64(1000 + i)
		rows[i] = certcentral.Row{
			ID: id, Status: "active", LastLogin: time.Unix(1_700_000_000, 0), Roles: []certcentral.Role{{ID: 5, Name: "Standard User"}},
			Profile: certcentral.Profile{
				Username: fmt.Sprintf("user.%d@example.com", id), Email: fmt.Sprintf("user.%d@example.com", id),
				FirstName: "First", LastName: fmt.Sprintf("Last-%d", id), JobTitle: "Clerk", Telephone: "555",
			},
		}
		p := rows[i].Profile
		managed[i] = &v1alpha1.CertCentralUser{
			Spec: v1alpha1.CertCentralUserSpec{UserRef: v1alpha1.UserRef{ID: &id}},
			Status: v1alpha1.CertCentralUserStatus{
				UserID: id, UserStatus: "active", LastLoginTime: &metav1.Time{Time: rows[i].LastLogin}, Roles: roles(rows[i].Roles),
				Profile: &v1alpha1.ObservedProfile{
					Username: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email, JobTitle: p.JobTitle, Telephone: p.Telephone,
				},
			},
		}
	}
	sweeper := &SweepReconciler{Sweeps: NewSweeps(false)}
	b.ReportAllocs()
	for b.Loop() {
		s := &sweep{odd: oddities{}, walk: &walk{managed: byUser(managed), vouched: map[int64]struct{}{}}}
		for i := range rows {
			for _, user := range s.walk.managed[rows[i].ID] {
				sweeper.meet(context.Background(), user, &rows[i], s)
			}
		}
		if len(s.walk.vouched) != users {
			b.Fatal("somebody has news")
		}
	}
}
