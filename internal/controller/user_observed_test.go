package controller

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// small is what a status has to stay well under.
const small = 200 << 10

// list makes n of a thing, by id, the highest first.
func list[T any](n int, thing func(id int64) T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = thing(int64(n - i))
	}
	return all
}

var _ = Describe("The observed user", func() {
	It("is in the status, every field", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(john, map[string]any{
			"container_assignments": []any{map[string]any{"id": 6, "name": "Sub", "parent_id": 5, "is_active": true}},
			"container_visibility": []any{map[string]any{
				"id": 5, "name": "My Account", "allowed_domain_names": []string{"example.com"},
				"organization_assignments": []any{map[string]any{"id": 3, "name": "Example Inc."}},
			}},
		})).To(Succeed())
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		status := user.Status
		status.Conditions, status.LastObservedTime = nil, nil
		login := status.LastLoginTime
		status.LastLoginTime = nil
		Expect(login.Time).To(BeTemporally("==", time.Date(2019, 6, 21, 13, 37, 0, 0, time.UTC)))
		Expect(status).To(BeComparableTo(v1alpha1.CertCentralUserStatus{
			ObservedGeneration: 1, Mode: "Enforce", LastLoginDate: "2019-06-21", UserID: john, AccountID: w.accountID,
			ResourceUID: string(user.UID),
			Profile: &v1alpha1.ObservedProfile{
				Username: "john.smith@example.com", FirstName: "Jonathan", LastName: "Smithson", Email: "john.smith@example.com",
				JobTitle: "Sys Admin", Telephone: "1-555-555-5555", SAMLSSOOnly: new(false),
			},
			UserStatus: "active", Type: "standard", Roles: []v1alpha1.Role{{ID: 5, Name: "Standard User"}},
			Container: &v1alpha1.Container{
				ID: 5, PublicID: "9bba0f54e97e31abb0f2a7e6e9386f1", Name: "My Account", TemplateID: 5, HasLogo: true, Active: true,
			},
			ContainerAssignments: []v1alpha1.ContainerAssignment{{ID: 6, Name: "Sub", ParentID: 5, Active: true}},
			ContainerVisibility: []v1alpha1.VisibleContainer{{
				Container: v1alpha1.Container{ID: 5, Name: "My Account"}, AllowedDomainNames: []string{"example.com"},
				Organizations: []v1alpha1.Organization{{ID: 3, Name: "Example Inc."}},
			}},
			ContainerVisibilityCount: 1, LanguageID: 1, AccountLanguageID: 1, CertCentral: true, Enterprise: true,
		}))
	})

	It("is followed in what only CertCentral can change", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		Expect(w.Edit(john, map[string]any{"status": "inactive", "last_login_date": nil, "container": nil})).To(Succeed())
		s := w.reconcile(ctx, user)
		Expect(s.writes).To(Equal(patchedJohn))
		Expect(s.events).To(BeEmpty())
		Expect(user.Status.UserStatus).To(Equal("inactive"))
		Expect(user.Status.LastLoginTime).To(BeNil())
		Expect(user.Status.LastLoginDate).To(BeEmpty())
		Expect(user.Status.Container).To(BeNil())
	})

	It("may lack its account, and is the same user before a write and after it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		shows := func(nth, times int, title string) {
			shown := w.User(john)
			delete(shown, "account_id")
			shown["job_title"] = title
			body, err := json.Marshal(shown)
			Expect(err).NotTo(HaveOccurred())
			w.fault(simulator.Fault{
				Match: simulator.Match{Method: http.MethodGet, User: john, Nth: nth, Times: times}, Do: simulator.Do{Status: http.StatusOK, Body: string(body)},
			})
		}
		shows(1, 1, "Sys Admin")
		shows(2, 0, "Senior Admin")
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(user.Status.AccountID).To(Equal(w.accountID))
		Expect(user.Status.Settled).NotTo(BeNil())
		Expect(user.Status.Applied).NotTo(BeNil())
		w.expectQuiet(ctx, user)
	})

	It("may be huge; the status stays small, and the true number is told", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(john, map[string]any{
			"job_title": strings.Repeat("é", 1<<20),
			"container_visibility": list(5_000, func(id int64) any {
				return map[string]any{"id": id, "name": fmt.Sprintf("Container %d", id), "ekey": "secret"}
			}),
		})).To(Succeed())
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(user.Status.ContainerVisibilityCount).To(Equal(int64(5_000)))
		Expect(user.Status.ContainerVisibility[0].ID).To(Equal(int64(1)), "those with the lowest ids are shown")
		Expect(len(user.Status.ContainerVisibility)).To(BeNumerically(">", 100))
		w.expectQuiet(ctx, user)
	})

	It("stays small whatever is large of it", func() {
		long := strings.Repeat("x", 1<<20)
		container := func(id int64) certcentral.Container { return certcentral.Container{ID: id, PublicID: long, Name: long} }
		domains := list(100, func(int64) string { return long })
		organizations := list(100, func(id int64) certcentral.Organization { return certcentral.Organization{ID: id, Name: long} })
		have := &certcentral.User{
			ID: john, Status: long, Type: long,
			Profile:              certcentral.Profile{Username: long, FirstName: long, LastName: long, Email: long, JobTitle: long, Telephone: long},
			Roles:                list(100_000, func(id int64) certcentral.Role { return certcentral.Role{ID: id, Name: long} }),
			Container:            new(container(1)),
			ContainerAssignments: list(100_000, func(id int64) certcentral.Assignment { return certcentral.Assignment{ID: id, Name: long} }),
			ContainerVisibility: list(100_000, func(id int64) certcentral.VisibleContainer {
				return certcentral.VisibleContainer{Container: container(id), AllowedDomainNames: domains, Organizations: organizations}
			}),
		}
		var status v1alpha1.CertCentralUserStatus
		observe(&status, have)
		encoded, err := json.Marshal(status)
		Expect(err).NotTo(HaveOccurred())
		Expect(len(encoded)).To(BeNumerically("<", small))
		Expect(status.ContainerVisibilityCount).To(Equal(int64(100_000)))
		Expect(status.Roles).To(HaveLen(maxEntries))
		Expect(status.Roles[0].ID).To(Equal(int64(1)))
	})

	It("in another order is no news", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		named := func(id int64) any { return map[string]any{"id": id, "name": fmt.Sprint("Number ", id)} }
		lists := map[string]any{}
		for _, name := range []string{"access_roles", "container_assignments", "container_visibility"} {
			lists[name] = list(5, named)
		}
		Expect(w.Edit(john, lists)).To(Succeed())
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		for _, values := range lists {
			slices.Reverse(values.([]any))
		}
		Expect(w.Edit(john, lists)).To(Succeed())
		w.expectQuiet(ctx, user)
	})

	It("keeps whole characters of a text that is cut", func() {
		Expect(clip(strings.Repeat("x", maxText))).To(HaveLen(maxText))
		cut := clip(strings.Repeat("€", maxText))
		Expect(utf8.ValidString(cut)).To(BeTrue())
		Expect(len(cut)).To(And(BeNumerically("<=", maxText), BeNumerically(">", maxText-3)))
	})
})
