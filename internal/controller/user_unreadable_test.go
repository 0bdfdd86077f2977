package controller

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A part of a user that can't be read", func() {
	It("is left out and named, said in one line for all users, and the user is managed all the same", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		odd := map[string]any{
			"container": []any{}, "access_roles": "", "language_id": "", "is_cert_central": "", "status": []any{}, "last_login_date": "soon",
			"container_assignments": map[string]any{}, "container_visibility": map[string]any{"1": map[string]any{"id": 12, "name": "Twelve"}},
			"errors": []any{},
		}
		Expect(w.Edit(john, odd)).To(Succeed())
		Expect(w.Edit(jane, odd)).To(Succeed())
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(user.Status.Unreadable).To(Equal([]string{"certCentral", "container", "languageID", "lastLoginTime", "roles", "userStatus"}))
		Expect(user.Status.Container).To(BeNil())
		Expect(user.Status.LastLoginTime).To(BeNil())
		Expect(user.Status.ContainerVisibility).To(HaveLen(1), "a list with names for its places is a list")
		Expect(strings.Count(strings.Join(s.log, "\n"), "can't be read")).To(Equal(6))

		s = w.reconcile(ctx, w.newUser(ctx, "jane-doe", `userRef: {id: 125040}`))
		Expect(s.log).NotTo(ContainElement(ContainSubstring("can't be read")), "it was said")
		w.expectQuiet(ctx, user)
		Expect(string(w.told)).NotTo(ContainSubstring("soon"))

		Expect(w.Edit(john, map[string]any{
			"container": map[string]any{"id": 5}, "access_roles": nil, "language_id": 1, "is_cert_central": true, "status": "active",
			"last_login_date": "2023-10-13T15:15:13+0000",
		})).To(Succeed())
		w.reconcile(ctx, user)
		Expect(user.Status.Unreadable).To(BeEmpty())
		Expect(user.Status.LastLoginTime.UTC().Format("2006-01-02 15:04:05")).To(Equal("2023-10-13 15:15:13"))
	})

	DescribeTable("that a write rests on leaves the user alone", func(ctx SpecContext, field, said string) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(john, map[string]any{field: []any{}})).To(Succeed())
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal(badResponseSaid))
		Expect(message(user)).To(Equal("CertCentral, or something before it, answered what makes no sense: " + said + "."))
		Expect(s.events).To(ConsistOf(Not(ContainSubstring(said))))
	},
		Entry(nil, "first_name", "unexpected type of first_name"),
		Entry(nil, "telephone", "unexpected type of telephone"),
		Entry(nil, "is_saml_sso_only", "unexpected type of is_saml_sso_only"),
	)

	It("may be a sign-in ahead of now", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(john, map[string]any{"last_login_date": "2036-03-01 12:00:00"})).To(Succeed())
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		Expect(user.Status.LastLoginTime).To(BeNil())
		Expect(user.Status.Unreadable).To(Equal([]string{"lastLoginTime"}))
	})

	It("is a sign-in that counts for nobody's dormancy", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(john, map[string]any{"access_roles": []any{map[string]any{"id": 1}}, "last_login_date": "the other day"})).To(Succeed())
		w.reconcile(ctx, w.newUser(ctx, "john-smith", ``))
		Expect(w.metrics()).To(And(
			ContainSubstring("certcentral_administrators{"),
			Not(ContainSubstring("certcentral_administrators_oldest_login_timestamp_seconds{"))))
	})
})
