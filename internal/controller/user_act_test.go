package controller

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// patchedJohn is the one write of a status that a step with news makes.
var patchedJohn = []string{"patch status of john-smith"}

var _ = Describe("A change", func() {
	It("costs GET, PUT, GET and one write of the status; a look after it one GET", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)

		s := w.reconcile(ctx, user)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(s.writes).To(Equal(patchedJohn))
		Expect(s.events).To(Equal([]string{"Normal Updated Wrote jobTitle (SpecChange)."}))
		Expect(s.result.RequeueAfter).To(beIn(10 * time.Minute))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(user.Status.ObservedGeneration).To(Equal(int64(1)))
		Expect(user.Status.Profile.JobTitle).To(Equal("Senior Admin"))
		Expect(user.Status.Differences).To(BeEmpty())
		Expect(user.Status.Applied.Fields).To(Equal([]string{"jobTitle"}))
		Expect(user.Status.Applied.Generation).To(Equal(int64(1)))
		Expect(user.Status.Applied.Time.Time).To(BeTemporally("==", w.clock.Now()))

		w.step(10 * time.Minute)
		w.expectQuiet(ctx, user)
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"), "a write is the last news")
	})

	It("costs one GET and one write of the status when it is there already", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`)

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.writes).To(Equal(patchedJohn))
		Expect(s.events).To(Equal([]string{"Normal InSync The live profile has every declared value."}))
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(user.Status.Applied).To(BeNil())
		w.expectQuiet(ctx, user)
	})

	It("to a user referred to by name costs one search more, once", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `{userRef: {username: john.smith@example.com}, profile: {jobTitle: Senior Admin}}`)

		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{searchJohn, getJohn, putJohn, getJohn}))
		Expect(user.Status.UserID).To(Equal(int64(john)))
		w.expectQuiet(ctx, user)
		edit(ctx, user, `profile: {jobTitle: Boss of Admins}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	})

	DescribeTable("of one field sends all six, so that the others stay", func(ctx SpecContext, rules simulator.Rules) {
		w := openWorld(ctx, ``)
		w.SetRules(rules)
		user := w.newUser(ctx, "john-smith", `profile: {firstName: Johnny}`)

		w.reconcile(ctx, user)
		Expect(w.puts()).To(Equal([]map[string]any{{
			"username": "john.smith@example.com", "first_name": "Johnny", "last_name": "Smithson", "email": "john.smith@example.com",
			"job_title": "Sys Admin", "telephone": "1-555-555-5555",
		}}))
		Expect(w.live("first_name")).To(Equal("Johnny"))
		Expect(w.live("job_title")).To(Equal("Sys Admin"))
		Expect(w.live("telephone")).To(Equal("1-555-555-5555"))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	},
		Entry("where CertCentral removes what is left out", simulator.Rules{}),
		Entry("where CertCentral keeps what is left out", simulator.Rules{OmittedKept: true}),
	)

	It("to nothing clears a job title, and keeps it clear", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: ""}`)

		w.reconcile(ctx, user)
		Expect(w.live("job_title")).To(BeNil())
		Expect(w.live("telephone")).To(Equal("1-555-555-5555"))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		w.expectQuiet(ctx, user)
		Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
		Expect(w.reconcile(ctx, user).events).To(Equal([]string{"Normal Updated Wrote jobTitle (Drift)."}))
		Expect(w.live("job_title")).To(BeNil())
	})

	It("sends the SSO flag only when it differs, as the documented string", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {samlSSOOnly: false, jobTitle: Senior Admin}`)
		w.reconcile(ctx, user)
		Expect(w.puts()).To(ConsistOf(Not(HaveKey("is_saml_sso_only"))))
		Expect(user.Status.Applied.Profile.SAMLSSOOnly).To(BeNil())

		edit(ctx, user, `profile: {samlSSOOnly: true}`)
		w.reconcile(ctx, user)
		Expect(w.puts()).To(ConsistOf(HaveKeyWithValue("is_saml_sso_only", "true")))
		Expect(w.live("is_saml_sso_only")).To(BeTrue())
		Expect(user.Status.Applied.Profile.SAMLSSOOnly).To(HaveValue(BeTrue()))

		edit(ctx, user, `profile: {samlSSOOnly: null, jobTitle: Boss of Admins}`)
		w.reconcile(ctx, user)
		Expect(w.puts()).To(ConsistOf(Not(HaveKey("is_saml_sso_only"))))
		Expect(w.live("is_saml_sso_only")).To(BeTrue(), "undeclared it stays on")
	})

	It("of the username keeps the id that the resource refers to", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {username: jonathan@example.com}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(w.live("username")).To(Equal("jonathan@example.com"))
		w.expectQuiet(ctx, user)
	})

	It("tells a change of the spec from drift in one write", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin, telephone: 1-555-555-5555}`)
		w.reconcile(ctx, user)
		Expect(w.Edit(john, map[string]any{"telephone": "1-800-555-0199"})).To(Succeed())
		edit(ctx, user, `profile: {jobTitle: Boss of Admins}`)

		Expect(w.reconcile(ctx, user).events).To(Equal([]string{"Normal Updated Wrote jobTitle (SpecChange), telephone (Drift)."}))
		Expect(w.live("telephone")).To(Equal("1-555-555-5555"))
		Expect(user.Status.Applied.Fields).To(Equal([]string{"jobTitle", "telephone"}))
	})

	It("is looked at as soon as there was a write, whatever that says about it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "GET", User: john, Nth: 2, Times: 1}, Do: simulator.Do{Status: 500}})

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(s.err).To(HaveOccurred())
		Expect(s.events).To(ContainElement("Normal Updated Wrote jobTitle (SpecChange)."))
		Expect(saidOf(user)).To(Equal("Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"))
		Expect(user.Status.ObservedGeneration).To(Equal(int64(-1)), "nobody saw it satisfied")
		Expect(user.Status.Applied.Fields).To(Equal([]string{"jobTitle"}))

		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	})

	It("is on record when the key is refused right after it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "GET", User: john, Nth: 2, Times: 1}, Do: simulator.Do{Status: 401}})
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"))
		Expect(message(user)).To(HavePrefix("Written, but not looked at since: status 40"))
		Expect(user.Status.Applied.Fields).To(Equal([]string{"jobTitle"}))
	})

	It("is over when the answer of a write is a proxy's page, for any 2xx will do", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT"}, Do: simulator.Do{Malform: simulator.HTML}})
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})
})

// fault puts trouble in force.
func (w *world) fault(f simulator.Fault) {
	GinkgoHelper()
	Expect(w.Inject(f)).To(Succeed())
}
