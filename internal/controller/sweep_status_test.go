package controller

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("A walk with more news than the queue takes", func() {
	It("does not keep a manager from ending", func(ctx SpecContext) {
		sweeps := NewSweeps(false)
		ending, end := context.WithCancel(ctx)
		for range cap(sweeps.tipped) {
			sweeps.tell(ending, client.ObjectKey{Name: "somebody"}, &tip{})
		}
		end()
		sweeps.tell(ending, client.ObjectKey{Name: "one more"}, &tip{full: true})
		Expect(sweeps.tip(client.ObjectKey{Name: "one more"})).To(Equal(&tip{full: true}), "whoever looks at it next knows")
	})
})

func TestCountsComeSeldomOnlyWhileACrowdWaits(t *testing.T) {
	g := NewWithT(t)
	var counts pace
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at, writes := began, 0
	for ; at.Before(began.Add(6 * time.Minute)); at = at.Add(2 * time.Second) { // as often as users' changes wake their account
		if !at.Before(counts.due(true)) {
			counts.wrote(at)
			writes++
		}
	}
	g.Expect(writes).To(BeNumerically("<=", 7), "in the 6 minutes that 1000 users take at the default budget")
	g.Expect(counts.due(false).Sub(counts.last)).To(Equal(firstGap), "the last of them makes it whole")
	counts.wrote(at.Add(time.Hour))
	g.Expect(counts.due(true).Sub(counts.last)).To(Equal(firstGap), "the next crowd is another one")
}

var _ = Describe("What an account says of its users", func() {
	It("is how many there are, and how they are", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		edit(ctx, c.people[0], `profile: {jobTitle: Senior Clerk}`)
		edit(ctx, c.people[1], `{mode: Observe, profile: {jobTitle: Senior Clerk}}`)
		c.reconcile(ctx, c.people[1])
		began := c.clock.Now()
		Expect(c.sweep(ctx).writes).To(Equal([]string{"patch status of digicert"}))
		said := c.account.Status.Sweep
		Expect([]int64{*said.Users, *said.Unmanaged, said.Managed, said.InSync, said.OutOfSync}).To(
			Equal([]int64{crowdSize + 3, 3, crowdSize, crowdSize - 2, 1}), "John, Jane and who owns the key have no resource; one is not seen yet")
		Expect(said.LastTime.Time).To(BeTemporally("==", began))
		Expect(said.Requests).To(BeEquivalentTo(2))
		Expect(said.RequestsAllowed).To(BeEquivalentTo(900))
		Expect(said.SafeInterval.Duration).To(Equal(time.Minute))
		Expect(said.Message).To(Equal("All users are looked at in the list of users every 10m, and alone where it shows news: 1 requests."))
	})

	It("does not take a page's lie about the number of users for one, and asks again how many there are", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		body := fmt.Sprintf(`{"users": [{"id": %d, "username": "u"}], "page": {"total": 9000, "limit": 1}}`, idOf(c.people[0]))
		Expect(c.Inject(simulator.Fault{Match: simulator.Match{Path: "/user"}, Do: simulator.Do{Status: http.StatusOK, Body: body}})).To(Succeed())
		s := c.sweep(ctx)
		Expect(s.requests).To(Equal([]string{firstPage}), "for so many it costs more than to look at each alone")
		Expect(c.account.Status.Sweep).To(And(HaveField("State", v1alpha1.SweepSingle), HaveField("Users", BeNil())))
		c.ClearFaults()
		c.step(10 * time.Minute)
		Expect(c.sweep(ctx).requests).To(BeEmpty())
		c.step(6 * time.Hour)
		Expect(c.sweep(ctx).requests).To(Equal([]string{firstPage}))
		Expect(c.account.Status.Sweep).To(And(HaveField("State", v1alpha1.SweepSwept), HaveField("Users", HaveValue(BeEquivalentTo(crowdSize+3)))))
	})

	It("is written when it changes, and else once an hour", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		writes := 0
		for range 12 {
			writes += len(c.sweep(ctx).writes)
			c.step(10 * time.Minute)
		}
		Expect(writes).To(Equal(2))
	})

	It("asks for nothing where users are few", func(ctx SpecContext) {
		c := &crowded{world: newWorld(ctx, ``)}
		c.swept = true
		c.restart(ctx)
		user := c.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`)
		c.reconcile(ctx, user)
		Expect(c.reconcile(ctx, user).requests).To(BeEmpty(), "it waits for what is found out about the account")
		s := c.sweep(ctx)
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(Equal([]string{"patch status of digicert"}))
		Expect(c.account.Status.Sweep).To(Equal(&v1alpha1.AccountSweep{
			State: v1alpha1.SweepSingle, Message: "Each user is looked at alone every 10m: they are few.",
			Managed: 1, InSync: 1, Requests: 3, RequestsAllowed: 900, SafeInterval: c.account.Status.Sweep.SafeInterval,
		}))
		Expect(c.users.Sweeps.lapsed).To(Receive(), "who waits for a first walk is woken")
		c.step(10 * time.Minute)
		Expect(c.sweep(ctx).writes).To(BeEmpty())
		Expect(c.users.Sweeps.lapsed).NotTo(Receive())
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "each interval")
	})

	It("is walked as soon as users are no longer few", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		c.restart(ctx)
		for _, user := range c.people[few:] {
			Expect(direct.Delete(ctx, user)).To(Succeed())
		}
		Expect(c.sweep(ctx).requests).To(BeEmpty())
		Expect(c.account.Status.Sweep.State).To(Equal(v1alpha1.SweepSingle))
		c.newUser(ctx, "one-more", `{userRef: {id: 1020}}`)
		Expect(c.sweep(ctx).requests).To(Equal([]string{firstPage}))
		Expect(c.sweep(ctx).requests).To(BeEmpty())
	})

	It("is counted while it is not open, and walked when a person asks", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		Expect(c.sweep(ctx).requests).To(HaveLen(1))
		Expect(c.sweep(ctx).requests).To(BeEmpty())
		annotate(ctx, c.account, v1alpha1.AnnotationReconcileRequestedAt, "now")
		Expect(c.sweep(ctx).requests).To(Equal([]string{firstPage}))
		Expect(c.sweep(ctx).requests).To(BeEmpty(), "once")

		c.sweeper.Sessions.forget(client.ObjectKeyFromObject(c.account))
		Expect(direct.Delete(ctx, c.people[0])).To(Succeed())
		Expect(c.sweep(ctx).requests).To(BeEmpty())
		Expect(c.account.Status.Sweep.Managed).To(BeEquivalentTo(crowdSize - 1))
	})
})
