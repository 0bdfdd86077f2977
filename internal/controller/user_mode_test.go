package controller

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The mode", func() {
	// The stricter of the user's mode and the account's counts, so each of the strict ones is given in both places.
	DescribeTable("Observe never writes", func(ctx SpecContext, account, user string) {
		w := openWorld(ctx, account)
		u := w.newUser(ctx, "john-smith", user+`profile: {jobTitle: Senior Admin}`)
		s := w.reconcile(ctx, u)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.events).To(ConsistOf(And(HavePrefix("Normal DriftReported"), ContainSubstring("jobTitle (SpecChange)"), ContainSubstring("Observe"))))
		Expect(saidOf(u)).To(Equal("DriftReported: Ready=True InSync=False"))
		Expect(u.Status.ObservedGeneration).To(Equal(int64(1)))
		Expect(differences(u)).To(Equal([]string{"jobTitle SpecChange"}))
		w.expectQuiet(ctx, u)

		Expect(w.Edit(john, map[string]any{"job_title": "Senior Admin"})).To(Succeed())
		w.reconcile(ctx, u)
		Expect(saidOf(u)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
		Expect(w.reconcile(ctx, u).requests).To(Equal([]string{getJohn}))
		Expect(differences(u)).To(Equal([]string{"jobTitle Drift"}))
	},
		Entry("as the user's", ``, "mode: Observe\n"),
		Entry("as the account's, a ceiling", `mode: Observe`, "mode: Enforce\n"),
		Entry("as the account's, over the user's ReportDrift", `mode: Observe`, "mode: ReportDrift\n"),
	)

	DescribeTable("ReportDrift writes what is declared and reports what others change", func(ctx SpecContext, account, user string) {
		w := openWorld(ctx, account)
		u := w.newUser(ctx, "john-smith", user+`profile: {jobTitle: Senior Admin, telephone: 1-555-555-5555}`)
		Expect(w.reconcile(ctx, u).requests).To(Equal([]string{getJohn, putJohn, getJohn}))

		Expect(w.Edit(john, map[string]any{"telephone": "1-800-555-0199"})).To(Succeed())
		Expect(w.reconcile(ctx, u).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(u)).To(Equal("DriftReported: Ready=True InSync=False"))
		Expect(differences(u)).To(Equal([]string{"telephone Drift"}))

		edit(ctx, u, `profile: {jobTitle: Boss of Admins}`)
		s := w.reconcile(ctx, u)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(s.events).To(Equal([]string{"Normal Updated Wrote jobTitle (SpecChange)."}))
		Expect(w.live("job_title")).To(Equal("Boss of Admins"))
		Expect(w.live("telephone")).To(Equal("1-800-555-0199"), "a drifted value is sent back as it is")
		Expect(saidOf(u)).To(Equal("DriftReported: Ready=True InSync=False"))
		Expect(message(u)).To(HavePrefix("Wrote jobTitle (SpecChange). "))

		edit(ctx, u, `profile: {telephone: 1-555-555-0000}`)
		w.reconcile(ctx, u)
		Expect(w.live("telephone")).To(Equal("1-555-555-0000"), "a new value is a change of the spec again")
		Expect(saidOf(u)).To(Equal("Updated: Ready=True InSync=True"))
	},
		Entry("as the user's", ``, "mode: ReportDrift\n"),
		Entry("as the account's", `mode: ReportDrift`, ``),
	)

	It("Enforce sets back what others change", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		u := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.reconcile(ctx, u)
		Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin", "telephone": "1-800-555-0199"})).To(Succeed())
		s := w.reconcile(ctx, u)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(s.events).To(Equal([]string{"Normal Updated Wrote jobTitle (Drift)."}))
		Expect(w.live("job_title")).To(Equal("Senior Admin"))
		Expect(w.live("telephone")).To(Equal("1-800-555-0199"), "undeclared, so it is anybody's")
	})

	It("of an account stops all writing once it is Observe, and lets it go on after", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		u := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		edit(ctx, w.account, `mode: Observe`)
		Expect(w.reconcile(ctx, u).requests).To(BeEmpty(), "the account has not been reconciled since")
		w.reconcileAccount(ctx)
		Expect(w.reconcile(ctx, u).requests).To(Equal([]string{getJohn}))

		edit(ctx, w.account, `mode: Enforce`)
		w.reconcileAccount(ctx)
		Expect(w.reconcile(ctx, u).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	})

	It("Observe asks nothing but GET, whatever a story does", func(ctx SpecContext) {
		w := openWorld(ctx, `mode: Observe`)
		u := w.newUser(ctx, "john-smith", `profile: {username: other@example.com, email: other@example.com, jobTitle: "", samlSSOOnly: true}`)
		for range 3 {
			for _, request := range w.reconcile(ctx, u).requests {
				Expect(strings.HasPrefix(request, "GET ")).To(BeTrue(), request)
			}
		}
		Expect(saidOf(u)).To(Equal("DriftReported: Ready=True InSync=False"))
	})

	DescribeTable("that counts is shown", func(ctx SpecContext, account, user, shown string) {
		w := openWorld(ctx, account)
		u := w.newUser(ctx, "john-smith", user)
		w.reconcile(ctx, u)
		Expect(u.Status.Mode).To(BeEquivalentTo(shown))
		Expect(w.reconcile(ctx, u).writes).To(BeEmpty())
	},
		Entry("as the user's", ``, `mode: ReportDrift`, "ReportDrift"),
		Entry("as the account's, where that is stricter", `mode: Observe`, `mode: Enforce`, "Observe"),
		Entry("as the user's, where that is stricter", `mode: ReportDrift`, `mode: Observe`, "Observe"),
		Entry("as Suspended, whatever the modes", `mode: Observe`, `suspend: true`, "Suspended"),
		Entry("not at all without an account", ``, `accountRef: {name: elsewhere}`, ""),
	)

	It("that an account is turned to shows on its users at their next turn, in one write and no event", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		u := w.newUser(ctx, "john-smith", `{}`)
		w.reconcile(ctx, u)
		for _, mode := range []string{"Observe", "Enforce"} {
			edit(ctx, w.account, `mode: `+mode)
			w.reconcileAccount(ctx)
			s := w.reconcile(ctx, u)
			Expect(s.writes).To(Equal(patchedJohn))
			Expect(s.events).To(BeEmpty())
			Expect(u.Status.Mode).To(BeEquivalentTo(mode))
			w.expectQuiet(ctx, u)
		}
	})

	It("that an account is turned to shows also while nobody can look", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		u := w.newUser(ctx, "john-smith", `{}`)
		w.reconcile(ctx, u)
		edit(ctx, w.account, `mode: Observe`)
		Expect(w.reconcile(ctx, u).writes).To(Equal(patchedJohn))
		Expect(u.Status.Mode).To(BeEquivalentTo("Observe"), "the account was not looked at since")
		Expect(saidOf(u)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(w.reconcile(ctx, u).writes).To(BeEmpty())
	})

	DescribeTable("that only reports says also that another person may be meant", func(ctx SpecContext, mode, spec, want string) {
		w := openWorld(ctx, `mode: `+mode)
		u := w.newUser(ctx, "john-smith", spec)
		w.reconcile(ctx, u)
		Expect(saidOf(u)).To(Equal("DriftReported: Ready=True InSync=False"))
		Expect(message(u)).To(HavePrefix(want))
	},
		Entry("by id", "Observe", `profile: {firstName: Jack, lastName: Jones, jobTitle: Boss}`,
			"CertCentral user 125039 has none of the declared values of firstName, lastName: is spec.userRef.id mistyped? The live profile differs"),
		Entry("by username", "Observe", `{userRef: {username: john.smith@example.com}, profile: {firstName: Jack, lastName: Jones}}`,
			"CertCentral user 125039 has none of the declared values of firstName, lastName: is another person meant? The live profile differs"),
		Entry("not by one name", "Observe", `profile: {firstName: Jack, jobTitle: Boss}`, "The live profile differs"),
		Entry("not where one of them fits", "Observe", `profile: {firstName: Jack, lastName: Smithson}`, "The live profile differs"),
	)

	It("that only reports gives a hint where a difference can't be seen", func(ctx SpecContext) {
		w := openWorld(ctx, `mode: Observe`)
		u := w.newUser(ctx, "john-smith", `profile: {firstName: JONATHAN, jobTitle: Boss}`)
		w.reconcile(ctx, u)
		Expect(u.Status.Differences).To(HaveExactElements(
			And(HaveField("Field", "firstName"), HaveField("Hint", "differs only in case")),
			And(HaveField("Field", "jobTitle"), HaveField("Hint", "")),
		))
	})
})
