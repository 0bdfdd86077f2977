package controller

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// BenchmarkSweep compares a page of rows that bring no news with the resources of their users.
func BenchmarkSweep(b *testing.B) {
	const rows = 500
	login := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	managed := make([]*v1alpha1.CertCentralUser, rows)
	page := make([]certcentral.Row, rows)
	for i := range rows {
		live := certcentral.Profile{
			Username: fmt.Sprintf("user.%d", i), FirstName: "John", LastName: fmt.Sprintf("Smith %d", i), Email: fmt.Sprintf("user.%d@example.com", i),
			JobTitle: "Boss", Telephone: "1-555-555-5555",
		}
		roles := []certcentral.Role{{ID: 1, Name: "Administrator"}}
		page[i] = certcentral.Row{ID: int64(i + 1), Profile: live, Status: "active", LastLogin: login, Roles: roles, ContainerID: 5}
		user := &v1alpha1.CertCentralUser{}
		user.Spec.UserRef.ID, user.Status.UserID = new(int64(i+1)), int64(i+1)
		observe(&user.Status, &certcentral.User{
			Profile: live, Status: "active", LastLogin: login, Roles: roles, Container: &certcentral.Container{ID: 5},
		})
		managed[i] = user
	}
	metrics, err := NewMetrics(prometheus.NewRegistry(), nil, clock.RealClock{})
	if err != nil {
		b.Fatal(err)
	}
	sweeper := &SweepReconciler{Clock: clock.RealClock{}, Metrics: metrics}
	for b.Loop() {
		s := &sweep{odd: oddities{}, walk: &walk{managed: byUser(managed), vouched: map[int64]time.Time{}}}
		for i := range page {
			for _, user := range s.walk.managed[page[i].ID] {
				sweeper.meet(b.Context(), user, &page[i], s)
			}
		}
		if len(s.walk.vouched) != rows {
			b.Fatal("a page in quiet brought news")
		}
	}
}
