package controller

import (
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const keyRefusedSaid = "KeyRefused: Ready=False Stalled=True"

var _ = Describe("An API key", func() {
	It("that is rotated is in use at the next look at the account", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		Expect(w.Calls()[0].Key).To(Equal(simulator.Fingerprint(w.key)))

		w.setSecret(ctx, []byte(w.spare))
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(Equal([]string{getMe, getServices}))
		Expect(s.writes).To(BeEmpty(), "of the same account and user")
		w.reconcile(ctx, user)
		Expect(w.Calls()[0].Key).To(Equal(simulator.Fingerprint(w.spare)))
	})

	DescribeTable("that is refused stops the users; one slow probe finds recovery", func(ctx SpecContext, status int) {
		w := openWorld(ctx, ``)
		w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, BadKeyStatus: status})
		user, other := w.newUser(ctx, "john-smith", ``), w.newUser(ctx, "jane-doe", `userRef: {id: 125040}`)
		w.reconcile(ctx, user)
		w.opened()
		Expect(w.RevokeKey(w.key)).To(Succeed())

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.writes).To(BeEmpty(), "it is the account's matter")
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(w.doubted()).To(Equal(1), "the account is woken")
		Expect(w.reconcile(ctx, other).requests).To(BeEmpty())
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(w.doubted()).To(BeZero())

		s = w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty(), "it was refused just now")
		Expect(s.result.RequeueAfter).To(beIn(time.Minute))
		Expect(s.events).To(ConsistOf(HavePrefix("Warning KeyRefused")))
		Expect(saidOf(w.account)).To(Equal(keyRefusedSaid))
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))

		for range 3 {
			w.step(30 * time.Second)
			Expect(w.reconcileAccount(ctx).requests).To(BeEmpty())
			w.step(30 * time.Second)
			s = w.reconcileAccount(ctx)
			Expect(s.requests).To(Equal([]string{getMe}), "once a minute")
			Expect(s.writes).To(BeEmpty())
		}
		Expect(w.RestoreKey(w.key)).To(Succeed())
		w.step(time.Minute)
		Expect(w.reconcileAccount(ctx).events).To(ConsistOf(HavePrefix("Normal Available")))
		Expect(w.opened()).To(BeZero(), "the status wakes the users")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	},
		Entry("with 403, as seen", http.StatusForbidden),
		Entry("with 401", http.StatusUnauthorized),
	)

	It("that is refused is replaced at once by one that is in the Secret already", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		Expect(w.RevokeKey(w.key)).To(Succeed())
		w.setSecret(ctx, []byte(w.spare))
		w.reconcile(ctx, user)
		Expect(w.doubted()).To(Equal(1))
		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe, getServices}))
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
	})

	It("that is refused before it was ever accepted is said so", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		Expect(w.RevokeKey(w.key)).To(Succeed())
		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe}))
		Expect(saidOf(w.account)).To(Equal(keyRefusedSaid))
		Expect(w.account.Status.AccountID).To(BeZero())
		Expect(w.reconcileAccount(ctx).requests).To(BeEmpty())
		annotate(ctx, w.account, v1alpha1.AnnotationReconcileRequestedAt, "now")
		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe}), "a person asks")
	})

	It("that was refused in a call from before the rotation says nothing about the new one", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		before := w.accounts.Sessions.last(nameOf(w.account))
		w.setSecret(ctx, []byte(w.spare))
		w.reconcileAccount(ctx)
		w.accounts.Sessions.refuse(nameOf(w.account), before, w.clock.Now())
		Expect(w.doubted()).To(BeZero())
		Expect(w.accounts.Sessions.get(nameOf(w.account), w.account)).NotTo(BeNil())
	})

	It("never gets to the log through the client's configuration", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		session := w.accounts.Sessions.last(nameOf(w.account))
		w.tell(fmt.Sprintf("%v %+v %#v", session, *session, session.client))
	})
})

var _ = It("A session whose key was refused is not opened again by a look that began before", func(ctx SpecContext) {
	w := openWorld(ctx, ``)
	sessions, key := w.accounts.Sessions, nameOf(w.account)
	before := sessions.get(key, w.account)
	sessions.refuse(key, before, w.clock.Now().Add(time.Second))
	again := *before
	sessions.admit(key, &again)
	Expect(sessions.get(key, w.account)).To(BeNil())

	again.askedAt = w.clock.Now().Add(time.Minute)
	sessions.admit(key, &again)
	Expect(sessions.get(key, w.account)).NotTo(BeNil(), "CertCentral has accepted it since")
})
