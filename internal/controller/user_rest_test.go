package controller

import (
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("A user of a swept account", func() {
	It("is looked at in full when that is due, where the list lacks what changed", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[0]
		edit(ctx, user, `profile: {samlSSOOnly: false}`)
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user)}), "what a person changes is looked at")
		Expect(c.Edit(idOf(user), map[string]any{"is_saml_sso_only": true})).To(Succeed())
		asked := 0
		for range 6*6 + 1 {
			c.sweep(ctx)
			Expect(c.tipped()).To(BeEmpty())
			asked += len(c.reconcile(ctx, user).requests)
			c.step(10 * time.Minute)
		}
		Expect(asked).To(Equal(3), "within six hours: look, write, look")
		Expect(c.User(idOf(user))).To(HaveKeyWithValue("is_saml_sso_only", false))
	})

	It("has its full looks at other times than others", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		var waits []time.Duration
		for _, user := range c.people {
			waits = append(waits, c.users.untilFullLook(user, c.users.fullLooks.last(user, c.clock.Now()), 6*time.Hour))
		}
		Expect(slices.Min(waits)).To(BeNumerically(">", 2*time.Hour))
		Expect(slices.Max(waits)).To(BeNumerically("<=", 6*time.Hour))
		Expect(slices.Max(waits) - slices.Min(waits)).To(BeNumerically(">", time.Hour))
	})

	It("is not looked at after a restart, but for what a person changed meanwhile", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		changed := c.people[5]
		edit(ctx, changed, `profile: {jobTitle: Senior Clerk}`)
		c.restart(ctx)
		Expect(c.reconcile(ctx, changed).requests).To(HaveLen(3))
		s := c.reconcile(ctx, c.people[0])
		Expect(s.requests).To(BeEmpty(), "the first walk comes first")
		Expect(s.result.RequeueAfter).To(Equal(firstWalk))
		c.expectCalm(ctx)
	})

	It("is looked at after a tip though the first walk after a restart has not ended", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		signedIn, drifted := c.people[0], c.people[1]
		Expect(c.Edit(idOf(drifted), map[string]any{"job_title": "Boss"})).To(Succeed())
		c.restart(ctx)
		c.users.Sweeps.tell(ctx, client.ObjectKeyFromObject(drifted), &tip{full: true})
		Expect(c.reconcile(ctx, drifted).requests).To(HaveLen(3))
		c.users.Sweeps.tell(ctx, client.ObjectKeyFromObject(signedIn), &tip{row: certcentral.Row{ID: idOf(signedIn), LastLogin: c.clock.Now()}})
		Expect(c.reconcile(ctx, signedIn).result.RequeueAfter).To(Equal(recount), "it is told of once the walk has ended")
		c.sweep(ctx)
		Expect(c.reconcile(ctx, signedIn).writes).To(HaveLen(1))
	})

	It("is judged anew without a look when the account's mode changes, and looked at before it is written", func(ctx SpecContext) {
		c := openCrowded(ctx, `mode: Observe`)
		user := c.people[0]
		Expect(c.Edit(idOf(user), map[string]any{"job_title": "Boss"})).To(Succeed())
		c.sweep(ctx)
		Expect(c.tipped()).To(Equal([]string{user.Name}))
		c.reconcile(ctx, user)
		Expect(message(user)).To(ContainSubstring("mode Observe only reports"))
		c.step(10 * time.Minute)
		c.sweep(ctx)
		Expect(c.tipped()).To(BeEmpty())

		edit(ctx, c.account, `mode: ReportDrift`)
		c.reconcileAccount(ctx)
		Expect(c.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(message(user)).To(ContainSubstring("mode ReportDrift only reports"))

		edit(ctx, c.account, `mode: Enforce`)
		c.reconcileAccount(ctx)
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user), fmt.Sprintf("PUT /user/%d", idOf(user)), lookAt(user)}))
	})

	It("may be another person without being looked at more often", func(ctx SpecContext) {
		c := openCrowded(ctx, `mode: Observe`)
		user := c.people[0]
		edit(ctx, user, `profile: {firstName: Jack, lastName: Jones}`)
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user)}))
		Expect(message(user)).To(ContainSubstring("is spec.userRef.id mistyped?"))
		c.step(10 * time.Minute)
		c.sweep(ctx) // which counts
		c.step(10 * time.Minute)
		c.expectCalm(ctx)
	})

	It("is not looked at once more after a look that came after the walk", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		drifted := c.people[0]
		Expect(c.Edit(idOf(drifted), map[string]any{"job_title": "Boss"})).To(Succeed())
		c.sweep(ctx)
		Expect(c.reconcile(ctx, drifted).requests).To(HaveLen(3))
		edit(ctx, c.account, `budget: {requestsPerMinute: 60}`)
		c.reconcileAccount(ctx)
		Expect(c.reconcile(ctx, drifted).requests).To(BeEmpty(), "a change of the account wakes everybody")

		By("unless the next walk does not come upon it")
		c.step(10 * time.Minute)
		c.lie(map[int64]map[string]any{idOf(drifted): nil})
		c.sweep(ctx)
		Expect(c.reconcile(ctx, drifted).requests).To(Equal([]string{lookAt(drifted)}))
	})

	It("waits for no walk that has come to something meanwhile", func() {
		account, client := types.NamespacedName{Namespace: "pki", Name: "digicert"}, &certcentral.Client{}
		s := NewSweeps(false)
		Expect(s.of(account, client)).To(BeNil())
		s.set(account, &coverage{client: client})
		Expect(s.await(account, client)).NotTo(BeNil(), "nobody would wake it")
		s.set(account, &coverage{client: client})
		Expect(s.lapsed).NotTo(Receive())

		Expect(s.await(account, &certcentral.Client{})).To(BeNil())
		s.set(account, &coverage{client: client})
		Expect(s.lapsed).To(Receive())
	})

	It("gives back its place among the calls under way after each turn", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {}`)
		for range 40 { // more than there are places
			Expect(w.reconcile(ctx, user).requests).NotTo(BeEmpty())
			w.step(10 * time.Minute)
		}
	})

	It("keeps a tip until it could be followed", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[0]
		Expect(c.Edit(idOf(user), map[string]any{"job_title": "Boss"})).To(Succeed())
		c.sweep(ctx)
		Expect(c.Inject(simulator.Fault{Match: simulator.Match{Path: "/user/*", Times: 1}, Do: simulator.Do{Status: 429}})).To(Succeed())
		c.reconcile(ctx, user)
		c.step(5 * time.Minute)
		Expect(c.reconcile(ctx, user).requests).To(HaveLen(3))
		Expect(c.User(idOf(user))).To(HaveKeyWithValue("job_title", "Clerk"))
	})
})
