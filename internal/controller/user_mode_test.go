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
})
