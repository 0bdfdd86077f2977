package controller

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const unexpectedSaid = "UnexpectedChange: Ready=False InSync=True Stalled=True"

// during has a colleague edit John while a PUT is on its way: before the look that follows it.
func (w *world) during(ctx context.Context, user *v1alpha1.CertCentralUser, patch map[string]any) step {
	GinkgoHelper()
	w.fault(simulator.Fault{Match: simulator.Match{Method: "GET", User: john, Nth: 2, Times: 1}, Do: simulator.Do{Hang: true}})
	done := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(done)
		Eventually(func() []string { return w.Calls().Requests() }).Should(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(w.Edit(john, patch)).To(Succeed())
		w.Release()
	}()
	s := w.reconcile(ctx, user)
	<-done
	w.ClearFaults()
	return s
}

var _ = Describe("A write that changes what it is not to change", func() {
	rules := func(r simulator.Rules) simulator.Rules { r.Limits = []simulator.Limit{}; return r }
	const title = `profile: {jobTitle: Senior Admin}`

	DescribeTable("is said, and nothing more is written until a person acts", func(ctx SpecContext, r simulator.Rules, live map[string]any, field string) {
		w := openWorld(ctx, ``)
		w.SetRules(rules(r))
		Expect(w.Edit(john, live)).To(Succeed())
		user := w.newUser(ctx, "john-smith", title)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal(unexpectedSaid))
		Expect(message(user)).To(And(ContainSubstring("what it was not to change: "+field), ContainSubstring(`certcentral.io/accept-unexpected-change: "1"`)))
		Expect(s.events).To(ConsistOf(HavePrefix("Normal Updated Wrote jobTitle"), HavePrefix("Warning UnexpectedChange A write changed")))
		Expect(user.Status.UnexpectedChanges).To(ConsistOf(And(HaveField("Field", field), HaveField("Origin", v1alpha1.OriginService))))
		Expect(w.metrics()).To(ContainSubstring(`certcentral_unexpected_changes_total{account="` + w.namespace + `/digicert",field="` + field + `"} 1`))
		w.expectQuiet(ctx, user)

		By("also after a restart, while others change what is declared")
		w.restart(ctx)
		Expect(w.Edit(john, map[string]any{"job_title": "Boss of Admins"})).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("UnexpectedChange: Ready=False InSync=False Stalled=True"))

		By("a scheduled request for a look is no person")
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "nightly")
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())

		By("an acceptance of another generation says nothing")
		annotate(ctx, user, v1alpha1.AnnotationAcceptUnexpectedChange, "2")
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())

		By("one of this generation does, once")
		w.SetRules(rules(simulator.Rules{}))
		annotate(ctx, user, v1alpha1.AnnotationAcceptUnexpectedChange, "1")
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(user.Status.UnexpectedChanges).To(BeEmpty())
		Expect(user.Status.LastHandledAcceptance).To(Equal("1"))
		w.expectQuiet(ctx, user)
	},
		Entry("blanks taken off", simulator.Rules{Trimmed: true}, map[string]any{"telephone": " 1-555 "}, "telephone"),
		Entry("another case", simulator.Rules{EmailLowered: true}, map[string]any{"email": "John.Smith@example.com"}, "email"),
		Entry("cut", simulator.Rules{CutTo: map[string]int{"last_name": 5}}, map[string]any{}, "lastName"),
		Entry("question marks", simulator.Rules{Charset: simulator.ASCII}, map[string]any{"last_name": "Müllerström"}, "lastName"),
		Entry("mojibake", simulator.Rules{Charset: simulator.Mojibake}, map[string]any{"last_name": "Müllerström"}, "lastName"),
		Entry("entities", simulator.Rules{Charset: simulator.Entities}, map[string]any{"last_name": "O'Brien & Sons"}, "lastName"),
		Entry("taken over from another field", simulator.Rules{Follows: map[string]string{"job_title": "telephone"}}, map[string]any{}, "telephone"),
	)

	It("goes on with a new declaration", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.SetRules(rules(simulator.Rules{CutTo: map[string]int{"last_name": 5}}))
		user := w.newUser(ctx, "john-smith", title)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal(unexpectedSaid))
		edit(ctx, user, `profile: {telephone: 1-800-555-0199}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(user.Status.UnexpectedChanges).To(BeEmpty())
	})

	It("is accepted once more by an annotation that is taken away and set anew", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.SetRules(rules(simulator.Rules{Charset: simulator.Entities}))
		Expect(w.Edit(john, map[string]any{"last_name": "Smith & Sons"})).To(Succeed())
		user := w.newUser(ctx, "john-smith", title)
		w.reconcile(ctx, user)
		again := func() step {
			GinkgoHelper()
			Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
			return w.reconcile(ctx, user)
		}
		annotate(ctx, user, v1alpha1.AnnotationAcceptUnexpectedChange, "1")
		Expect(again().wrote()).To(BeTrue())
		Expect(saidOf(user)).To(Equal(unexpectedSaid), "it is damaged further")
		Expect(again().wrote()).To(BeFalse(), "the acceptance was used")
		annotate(ctx, user, v1alpha1.AnnotationAcceptUnexpectedChange, "")
		Expect(again().wrote()).To(BeFalse())
		annotate(ctx, user, v1alpha1.AnnotationAcceptUnexpectedChange, "1")
		Expect(again().wrote()).To(BeTrue())
	})

	It("is not said of a colleague who edits at the same moment, but of the same field after the next write", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.during(ctx, user, map[string]any{"telephone": "1-800-555-0100"})
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(user.Status.UnexpectedChanges).To(ConsistOf(HaveField("Origin", v1alpha1.OriginUnclear)))
		Expect(w.live("telephone")).To(Equal("1-800-555-0100"))
		w.expectQuiet(ctx, user)

		w.restart(ctx)
		Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
		w.during(ctx, user, map[string]any{"telephone": "1-800-555-0101"})
		Expect(saidOf(user)).To(Equal(unexpectedSaid))
	})

	It("clears a colleague of suspicion when the next write is clean", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.during(ctx, user, map[string]any{"telephone": "1-800-555-0100"})
		Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(user.Status.UnexpectedChanges).To(BeEmpty())
	})

	DescribeTable("is found at the next look when its answer, or the look after it, is lost", func(ctx SpecContext, fault simulator.Fault) {
		w := openWorld(ctx, ``)
		w.SetRules(rules(simulator.Rules{CutTo: map[string]int{"last_name": 5}}))
		user := w.newUser(ctx, "john-smith", title)
		w.fault(fault)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"))
		Expect(user.Status.Attempt).NotTo(BeNil())

		w.restart(ctx)
		w.step(2 * time.Hour)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal(unexpectedSaid))
		w.expectQuiet(ctx, user)
	},
		Entry("the answer", simulator.Fault{Match: simulator.Match{Method: "PUT", Times: 1}, Do: simulator.Do{Apply: true, Drop: true}}),
		Entry("the look", simulator.Fault{Match: simulator.Match{Method: "GET", User: john, Nth: 2, Times: 1}, Do: simulator.Do{Status: 500}}),
	)

	It("is found although reads lag behind the write", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.SetRules(rules(simulator.Rules{CutTo: map[string]int{"last_name": 5}, Lag: simulator.Duration(8 * time.Second)}))
		user := w.newUser(ctx, "john-smith", title)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal(bouncingSaid))
		w.step(10 * time.Second)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal(unexpectedSaid))
	})
})

var _ = Describe("A service that resets the SSO flag when a write leaves it out", func() {
	var w *world
	BeforeEach(func(ctx SpecContext) {
		w = openWorld(ctx, ``)
		w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, OmittedSSOCleared: true})
		Expect(w.Edit(john, map[string]any{"is_saml_sso_only": true})).To(Succeed())
	})
	// others is a user of the same account for whom there is something to write.
	others := func(ctx context.Context) *v1alpha1.CertCentralUser {
		GinkgoHelper()
		return w.newUser(ctx, "jane-doe", `{userRef: {id: 125040}, profile: {jobTitle: Boss of Admins}}`)
	}

	DescribeTable("does it once, whatever is declared of it", func(ctx SpecContext, declared, said string) {
		user := w.newUser(ctx, "john-smith", declared)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal(said))
		Expect(message(user)).To(ContainSubstring("samlSSOOnly (which it left out)"))
		Expect(message(user)).NotTo(ContainSubstring("acknowledged"))
		w.step(time.Minute)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "there is no second PUT")
	},
		Entry("nothing", `profile: {jobTitle: Senior Admin}`, unexpectedSaid),
		Entry("the value it had", `profile: {jobTitle: Senior Admin, samlSSOOnly: true}`, "UnexpectedChange: Ready=False InSync=False Stalled=True"),
	)

	It("stops the writes of the account that would do it again, over a restart, until each write carries the flag", func(ctx SpecContext) {
		user, jane := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`), others(ctx)
		w.reconcile(ctx, user)
		for range 2 {
			s := w.reconcile(ctx, jane)
			Expect(s.requests).To(Equal([]string{"GET /user/125040"}))
			Expect(saidOf(jane)).To(Equal("UnexpectedChange: Ready=False InSync=False Stalled=True"))
			Expect(message(jane)).To(ContainSubstring("spec.samlSSOOnlyWrites"))
			w.restart(ctx)
			Expect(saidOf(w.account)).To(Equal("UnexpectedChange: Ready=True"))
			Expect(message(w.account)).To(And(ContainSubstring(w.namespace+"/john-smith"), ContainSubstring("spec.samlSSOOnlyWrites is Always")))
		}
		edit(ctx, user, `profile: {telephone: 1-800-555-0199}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse(), "a new declaration does not decide how the flag is sent")

		edit(ctx, w.account, `samlSSOOnlyWrites: Always`)
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
		Expect(w.Edit(john, map[string]any{"is_saml_sso_only": true})).To(Succeed())
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(w.puts()[0]).To(HaveKeyWithValue("is_saml_sso_only", "true"))
		Expect(w.live("is_saml_sso_only")).To(BeTrue())
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(w.reconcile(ctx, jane).requests).To(ContainElement("PUT /user/125040"))
		Expect(saidOf(jane)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("goes on when what changed is accepted, and wakes those who wait", func(ctx SpecContext) {
		user, jane := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`), others(ctx)
		w.reconcile(ctx, user)
		w.reconcile(ctx, jane)
		w.opened()
		annotate(ctx, user, v1alpha1.AnnotationAcceptUnexpectedChange, "1")
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(w.opened()).To(Equal(1), "the users are woken")
		Expect(w.reconcile(ctx, jane).requests).To(ContainElement("PUT /user/125040"))
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
	})

	It("does not keep a write that carries the flag", func(ctx SpecContext) {
		w.reconcile(ctx, w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`))
		jane := w.newUser(ctx, "jane-doe", `{userRef: {id: 125040}, profile: {samlSSOOnly: true}}`)
		Expect(w.reconcile(ctx, jane).requests).To(ContainElement("PUT /user/125040"))
		Expect(saidOf(jane)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("is no matter of an account that is gone, nor of a user that is", func(ctx SpecContext) {
		user, jane := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`), others(ctx)
		w.reconcile(ctx, user)
		Expect(direct.Delete(ctx, user)).To(Succeed())
		w.reconcile(ctx, user)
		Expect(w.reconcile(ctx, jane).requests).To(ContainElement("PUT /user/125040"))
	})
})

var _ = Describe("A write of the SSO flag that does not stay", func() {
	It("is not repeated once a person was called, until they say so", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, PutOnly: []string{"job_title"}})
		user := w.newUser(ctx, "john-smith", `profile: {samlSSOOnly: true}`)
		Expect(w.countWrites(ctx, user, 30*time.Minute)).To(Equal(bouncesUntilStalled))
		Expect(saidOf(user)).To(Equal(notAcceptedSaid))
		Expect(message(user)).To(ContainSubstring(`certcentral.io/accept-unexpected-change is set to "1"`))

		w.restart(ctx)
		Expect(w.countWrites(ctx, user, 24*time.Hour)).To(BeZero())
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "nightly")
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())
		annotate(ctx, user, v1alpha1.AnnotationAcceptUnexpectedChange, "1")
		Expect(w.countWrites(ctx, user, 24*time.Hour)).To(Equal(1), "one more")
		edit(ctx, user, `profile: {samlSSOOnly: true, jobTitle: Senior Admin}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})
})

var _ = Describe("Writes whose answers are lost", func() {
	for name, do := range map[string]simulator.Do{
		"a 500": {Status: http.StatusInternalServerError}, "a reset": {Drop: true}, "a proxy's page": page(http.StatusBadGateway),
	} {
		It("count, as those that may have been made: "+name, func(ctx SpecContext) {
			w := openWorld(ctx, ``)
			user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
			w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT"}, Do: do})
			var sent []time.Time
			for end := w.clock.Now().Add(3 * time.Hour); w.clock.Now().Before(end); w.step(time.Minute) {
				if w.reconcile(ctx, user).wrote() {
					sent = append(sent, w.clock.Now())
				}
				if len(sent) == brakeWrites {
					w.users.brake = brake{} // what is known is in the status
				}
			}
			for i := range sent[brakeWrites:] {
				Expect(sent[i+brakeWrites].Sub(sent[i])).To(BeNumerically(">=", brakeWindow), "five an hour")
			}
			Expect(len(sent)).To(BeNumerically(">", 2*brakeWrites), "and it goes on")
			w.ClearFaults()
			w.step(time.Hour)
			w.reconcile(ctx, user)
			Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		})
	}
})

var _ = It("A write is not made from a cache that does not know of the hold yet", func(ctx SpecContext) {
	w := openWorld(ctx, ``)
	w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, CutTo: map[string]int{"last_name": 5}})
	user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
	w.cached(user)
	w.reconcile(ctx, user)
	Expect(saidOf(user)).To(Equal(unexpectedSaid))
	Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
	Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
	Expect(saidOf(user)).To(HavePrefix("UnexpectedChange"), "and what is known stays")
})
