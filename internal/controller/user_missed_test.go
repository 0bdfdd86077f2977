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

var _ = Describe("A look that CertCentral refuses", func() {
	DescribeTable("once is made again in a minute, and taken for true when it is refused again, less and less often",
		func(ctx SpecContext, status int, code, reason string) {
			w := openWorld(ctx, ``)
			user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`)
			w.reconcile(ctx, user)
			w.fault(simulator.Fault{Match: simulator.Match{Path: "/user/125039"}, Do: simulator.Do{
				Status: status, Body: `{"errors": [{"code": "` + code + `", "message": "no"}]}`,
			}})
			s := w.reconcile(ctx, user)
			Expect(saidOf(user)).To(Equal(reason + ": Ready=Unknown InSync=Unknown Reconciling=True"))
			Expect(s.result.RequeueAfter).To(Equal(time.Minute))
			for _, wait := range []time.Duration{2 * time.Minute, 4 * time.Minute} {
				w.step(s.result.RequeueAfter)
				s = w.reconcile(ctx, user)
				Expect(saidOf(user)).To(Equal(reason + ": Ready=False InSync=Unknown Stalled=True"))
				Expect(s.result.RequeueAfter).To(beIn(wait))
			}
			for range 6 {
				s = w.reconcile(ctx, user)
			}
			Expect(s.result.RequeueAfter).To(beIn(time.Hour))
			Expect(s.writes).To(BeEmpty())

			w.restart(ctx)
			Expect(w.reconcile(ctx, user).result.RequeueAfter).To(beIn(time.Hour), "the status tells that it is known")
			w.ClearFaults()
			w.reconcile(ctx, user)
			Expect(saidOf(user)).To(HavePrefix("InSync: Ready=True"))
		},
		Entry("as if there were no such user", http.StatusNotFound, "not_found", v1alpha1.ReasonUserNotFound),
		Entry("for a lack of rights", http.StatusForbidden, "access_denied|missing_permission", v1alpha1.ReasonForbidden),
	)

	It("is made again at once when the list shows the user", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[0]
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "now")
		c.fault(simulator.Fault{Match: simulator.Match{Path: "/user/*"}, Do: simulator.Do{
			Status: http.StatusNotFound, Body: `{"errors": [{"code": "not_found", "message": "no"}]}`,
		}})
		c.reconcile(ctx, user)
		c.reconcile(ctx, user)
		Expect(saidOf(user)).To(HavePrefix("UserNotFound: Ready=False"))
		c.ClearFaults()
		c.sweep(ctx)
		Expect(c.tipped()).To(Equal([]string{user.Name}))
		c.reconcile(ctx, user)
		Expect(saidOf(user)).To(HavePrefix("InSync: Ready=True"))
	})
})

var _ = Describe("A pause that CertCentral asks for", func() {
	It("is said by the account once, with its end to the minute, and goes by itself", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.fault(simulator.Fault{Match: simulator.Match{Times: 1}, Do: later(http.StatusTooManyRequests, "600")})
		w.reconcile(ctx, user)
		end := w.clock.Now().Add(10 * time.Minute).Add(time.Minute - 1).Truncate(time.Minute)
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal("Throttled: Ready=Unknown Reconciling=True"))
		Expect(message(w.account)).To(HaveSuffix("until " + end.Format("15:04") + " UTC."))
		for range 9 {
			w.step(time.Minute)
			Expect(w.reconcileAccount(ctx).writes).To(BeEmpty())
		}
		w.step(2 * time.Minute)
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
	})

	It("is no news when it is short", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.fault(simulator.Fault{Match: simulator.Match{Times: 1}, Do: later(http.StatusTooManyRequests, "5")})
		w.reconcile(ctx, user)
		Expect(w.reconcileAccount(ctx).writes).To(BeEmpty())
	})
})

var _ = Describe("Many new users at once", func() {
	It("are Waiting without a write, are written once each, and the account tells how many wait", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		edit(ctx, c.account, `budget: {requestsPerMinute: 12, burst: 3}`)
		c.restart(ctx)
		c.sweep(ctx)
		user := c.newUser(ctx, "one-more", `userRef: {id: 7}`)
		reread(user)
		Expect(user.Status.Conditions).To(ContainElement(HaveField("Reason", v1alpha1.ReasonWaiting)))
		Expect(user.Status.UserID).To(BeZero())
		describe(user, findings{userID: 7}, &verdict{silent: true})
		Expect(user.Status.UserID).To(BeZero(), "a look that comes later is nothing to say")
		c.step(time.Hour)
		c.sweep(ctx)
		Expect(c.account.Status.Sweep.Waiting).To(BeEquivalentTo(1))
		Expect(c.account.Status.Sweep.WaitingTime.Duration).To(Equal(time.Minute))

		By("writing the counts less and less often while they move and it waits")
		waiting, writes := []*v1alpha1.CertCentralUser{user}, 0
		for i := range 34 {
			c.step(10 * time.Second)
			waiting = append(waiting, c.newUser(ctx, fmt.Sprintf("waits-%d", i), fmt.Sprintf(`userRef: {id: %d}`, 100+i)))
			writes += len(c.sweep(ctx).writes)
		}
		Expect(writes).To(BeNumerically("<=", 8))

		By("writing them every ten seconds when nobody waits")
		for _, user := range waiting {
			Expect(direct.Delete(ctx, user)).To(Succeed())
		}
		c.step(time.Hour)
		c.sweep(ctx)
		for _, user := range c.people[:12] {
			c.step(10 * time.Second)
			Expect(direct.Delete(ctx, user)).To(Succeed())
			Expect(c.sweep(ctx).writes).To(HaveLen(1))
		}
	})
})
