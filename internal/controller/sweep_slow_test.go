package controller

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// openSlow is a crowded world with 21 pages of users, the last of which has 40 more that are managed, and the smallest of budgets
// after a restart. It returns the last one's resource.
func openSlow(ctx context.Context) (c *crowded, last *v1alpha1.CertCentralUser) {
	GinkgoHelper()
	c = openCrowded(ctx, `interval: 1m`)
	for id := int64(2000); id < 2000+20*500; id++ {
		Expect(c.AddUser(id, map[string]any{"account_id": c.accountID})).To(Succeed())
	}
	for id := int64(20_000); id < 20_040; id++ {
		Expect(c.AddUser(id, map[string]any{"account_id": c.accountID, "job_title": "Clerk", "last_name": fmt.Sprintf("Late-%d", id)})).To(Succeed())
		last = c.newUser(ctx, fmt.Sprintf("person-%d", id), fmt.Sprintf(`{userRef: {id: %d}, profile: {jobTitle: Clerk}}`, id))
		c.step(time.Second)
		Expect(c.reconcile(ctx, last).err).NotTo(HaveOccurred())
		c.people = append(c.people, last)
	}
	c.step(time.Minute)
	edit(ctx, c.account, `budget: {requestsPerMinute: 12, burst: 3}`)
	c.restart(ctx)
	return c, last
}

// play has everything reconciled when it asked for it, until so much time has passed.
func (c *crowded) play(ctx context.Context, d time.Duration) {
	GinkgoHelper()
	end, walk := c.clock.Now().Add(d), c.clock.Now()
	due := map[string]time.Time{}
	for i, user := range c.people {
		due[user.Name] = c.clock.Now().Add(time.Duration(i) * time.Millisecond)
	}
	for {
		next, at := (*v1alpha1.CertCentralUser)(nil), walk
		for _, user := range c.people {
			if due[user.Name].Before(at) {
				next, at = user, due[user.Name]
			}
		}
		if at.After(end) {
			return
		}
		c.clock.SetTime(at)
		if next != nil {
			due[next.Name] = at.Add(max(c.reconcile(ctx, next).result.RequeueAfter, time.Second))
		} else {
			walk = at.Add(max(c.sweep(ctx).result.RequeueAfter, time.Second))
		}
		for _, name := range c.tipped() {
			due[name] = at
		}
		select {
		case <-c.users.Sweeps.lapsed:
			for name := range due {
				due[name] = at
			}
		default:
		}
	}
}

var _ = Describe("A walk that takes longer than the interval", func() {
	It("comes to its end, and finds the drift on its last page", func(ctx SpecContext) {
		c, last := openSlow(ctx)
		Expect(c.Edit(idOf(last), map[string]any{"job_title": "Boss"})).To(Succeed())
		c.play(ctx, 4*time.Minute)
		Expect(c.User(idOf(last))).To(HaveKeyWithValue("job_title", "Clerk"))
		Expect(c.account.Status.Sweep.State).To(Equal(v1alpha1.SweepSwept))
	})

	It("vouches for each user from when its page was read", func(ctx SpecContext) {
		c, last := openSlow(ctx)
		begun := c.clock.Now()
		for c.account.Status.Sweep.LastTime.Time.Before(begun) {
			s := c.sweep(ctx)
			c.step(s.result.RequeueAfter)
		}
		covered := c.users.Sweeps.await(client.ObjectKeyFromObject(c.account), c.sweeper.of(client.ObjectKeyFromObject(c.account)).client)
		first := covered.users[idOf(c.people[0])]
		Expect(covered.users[idOf(last)].Sub(first)).To(BeNumerically(">", time.Minute))
		Expect(covered.vouches(idOf(c.people[0]), first, first.Add(3*time.Minute+time.Second))).To(BeZero())
		Expect(covered.vouches(idOf(last), first, first.Add(3*time.Minute+time.Second))).NotTo(BeZero())
	})

	It("is given up after three intervals, which is said, and users are looked at alone meanwhile", func(ctx SpecContext) {
		c := openCrowded(ctx, `interval: 1m`)
		Expect(c.Inject(simulator.Fault{Match: simulator.Match{Path: "/user"}, Do: later(http.StatusTooManyRequests, "170")})).To(Succeed())
		for range 3 {
			c.step(c.sweep(ctx).result.RequeueAfter)
		}
		s := c.sweep(ctx)
		Expect(c.account.Status.Sweep.State).To(Equal(v1alpha1.SweepTooSlow))
		Expect(s.result.RequeueAfter).To(BeNumerically(">", 0))
		Expect(c.users.Sweeps.lapsed).To(Receive(), "its users are woken")
		c.step(3 * time.Minute)
		Expect(c.reconcile(ctx, c.people[0]).requests).To(Equal([]string{lookAt(c.people[0])}))
	})

	It("is not begun where the first page tells that it can't be finished, or is longer than any", func() {
		for total, state := range map[int]v1alpha1.SweepState{50_000: v1alpha1.SweepTooSlow, 100_001: v1alpha1.SweepTooLong} {
			account := &v1alpha1.CertCentralAccount{}
			account.Spec.Interval.Duration, account.Spec.Budget.RequestsPerMinute = time.Minute, 12
			Expect(tooLong(account, total)).To(Equal(state))
			Expect(tooLong(account, 10_000)).To(BeEmpty())
		}
	})
})

var _ = Describe("The time of the last look", func() {
	It("is that of the user who waits for the longest, whatever pages were read", func(ctx SpecContext) {
		c, _ := openSlow(ctx)
		seen := inMetrics(c.clock.Now())
		c.sweep(ctx)
		c.step(15 * time.Second)
		Expect(c.sweep(ctx).requests).NotTo(BeEmpty())
		Expect(c.measured()).NotTo(ContainElement(HaveSuffix(inMetrics(c.clock.Now()))))
		Expect(c.measured()).NotTo(ContainElement(HaveSuffix(seen)))
	})
})
