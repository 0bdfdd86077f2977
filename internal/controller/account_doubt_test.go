package controller

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("A 401 that is not CertCentral's own word", func() {
	It("stops nobody when it comes once: the account asks about the key, and it is good", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user, other := w.newUser(ctx, "john-smith", ``), w.newUser(ctx, "jane-doe", `userRef: {id: 125040}`)
		w.fault(simulator.Fault{Match: simulator.Match{User: john, Times: 1}, Do: page(401)})
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal(badResponseSaid))
		Expect(message(user)).To(ContainSubstring("status 401, not from CertCentral"))
		Expect(w.doubted()).To(Equal(1), "the account is woken")
		Expect(w.reconcile(ctx, other).requests).NotTo(BeEmpty(), "nobody waits for it")

		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe, getServices}))
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
		Expect(w.reconcileAccount(ctx).requests).To(BeEmpty(), "once")
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	})

	It("refuses the key when the question about it is answered so too", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		w.fault(simulator.Fault{Do: simulator.Do{Status: 401, Body: "<html>Sign in</html>"}})
		w.reconcile(ctx, user)
		Expect(w.doubted()).To(Equal(1))
		w.reconcile(ctx, user)
		Expect(w.doubted()).To(BeZero(), "the account knows")
		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe}))
		Expect(saidOf(w.account)).To(Equal(keyRefusedSaid))
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())

		w.step(time.Minute)
		Expect(w.reconcileAccount(ctx).writes).To(BeEmpty(), "refused again")
		w.ClearFaults()
		w.step(time.Minute)
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
	})

	It("to the account's own question is one odd answer at first", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.fault(simulator.Fault{Match: simulator.Match{Path: "/user/me", Times: 2}, Do: page(401)})
		w.step(time.Hour)
		Expect(w.reconcileAccount(ctx).err).To(HaveOccurred(), "the queue backs off")
		Expect(saidOf(w.account)).To(HavePrefix("BadResponse: Ready=Unknown"))
		Expect(w.doubted()).To(BeZero(), "it asks again by itself")
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal(keyRefusedSaid))
	})
})
