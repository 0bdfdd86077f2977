package controller

import (
	"container/heap"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("Retries", func() {
	var (
		clock *clocktesting.FakePassiveClock
		l     limiter
		john  *v1alpha1.CertCentralUser
		of    identity
	)
	BeforeEach(func() {
		clock = clocktesting.NewFakePassiveClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		l = limiter{&retries{}, clock}
		john = &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: "pki", Name: "john", UID: "1", Generation: 1}}
		of = identityOf(john, nil)
	})
	left := func() time.Duration { return l.left(identityOf(john, nil), clock.Now()) }

	It("come after 1 s, doubling, at most 1 min, up to 10 % early, for each object on its own", func() {
		for wait := time.Second; wait < lastRetry; wait *= 2 {
			Expect(l.When(request("john"))).To(beIn(wait))
		}
		for range 100 {
			Expect(l.When(request("john"))).To(beIn(time.Minute))
		}
		Expect(l.NumRequeues(request("john"))).To(Equal(106))
		Expect(l.When(request("jane"))).To(beIn(time.Second))
		l.succeeds(request("john").NamespacedName)
		Expect(l.NumRequeues(request("john"))).To(BeZero())
		Expect(l.When(request("john"))).To(beIn(time.Second))
	})

	It("are remembered although the queue forgets them", func() {
		for range 10 {
			l.failing(of)
			l.When(request("john"))
			l.Forget(request("john")) // as for each result with a time to come back
		}
		Expect(l.When(request("john"))).To(beIn(time.Minute))
		Expect(left()).To(beIn(time.Minute))
		clock.SetTime(clock.Now().Add(time.Minute))
		Expect(left()).To(BeNumerically("<=", 0))
		Expect(l.When(request("john"))).To(beIn(time.Minute), "also once their time is over")
	})

	It("are not sooner than CertCentral says, nor than the others", func() {
		Expect(l.fails(of, 7*time.Second, clock.Now())).To(Equal(7 * time.Second))
		for range 10 {
			l.fails(of, time.Second, clock.Now())
		}
		Expect(l.fails(of, time.Second, clock.Now())).To(beIn(time.Minute))
	})

	DescribeTable("begin anew", func(change func()) {
		l.fails(of, 0, clock.Now())
		Expect(left()).To(BeNumerically(">", 0))
		change()
		Expect(left()).To(BeZero())
		Expect(l.When(request("john"))).To(beIn(time.Second))
	},
		Entry("with a new declaration", func() { john.Generation = 2 }),
		Entry("with a resource made anew", func() { john.UID = "2" }),
		Entry("with a look that a person asks for", func() {
			john.Annotations = map[string]string{v1alpha1.AnnotationReconcileRequestedAt: "now"}
		}),
	)

	It("begin anew with another key", func() {
		l.fails(of, 0, clock.Now())
		Expect(l.left(identityOf(john, &certcentral.Client{}), clock.Now())).To(BeZero())
	})
})

var _ = Describe("Users that fail, in an account with a small budget", func() {
	const failing, others, perMinute, burst = 10, 20, 60, 10

	DescribeTable("are asked for less and less often, after a restart too, and leave the budget to others",
		func(ctx SpecContext, do simulator.Do, method string) {
			w := openWorld(ctx, fmt.Sprintf(`{interval: 1m, budget: {requestsPerMinute: %d, burst: %d}}`, perMinute, burst))
			w.SetRules(simulator.Rules{})
			c := w.newCrowd(failing + others)
			for i := range failing {
				w.fault(simulator.Fault{Match: simulator.Match{Method: method, User: int64(1000 + i)}, Do: do})
				user := c.users[c.name(int64(1000+i))]
				user.Spec.Profile.JobTitle = new("Boss") // drifted, so that all of it is background work
				user.Status.UserID, user.Status.AccountID = int64(1000+i), w.accountID
				user.Status.Settled = &v1alpha1.SettledProfile{JobTitle: new("Boss")}
			}
			for range 2 {
				w.restart(ctx)
				w.users.Client, w.users.Live = c.client(), c.client()
				w.Reset()
				for i := range c.queue {
					c.queue[i].at = w.clock.Now()
				}
				heap.Init(&c.queue)
				c.run(ctx, 10*time.Minute)
				tries, looked := map[int64]int{}, map[int64]bool{}
				for _, call := range w.Calls() {
					looked[call.User] = true
					if call.Method == method {
						tries[call.User]++
					}
				}
				for i := range failing {
					Expect(tries[int64(1000+i)]).To(BeNumerically("<=", 7+11), "1, 2, 4 … s, then once a minute")
				}
				Expect(len(looked)).To(BeNumerically(">=", failing+others))
			}
		},
		Entry("when looks fail", simulator.Do{Status: 500}, "GET"),
		Entry("when looks fail, and CertCentral asks to come back at once", simulator.Do{Status: 503, Headers: map[string]string{"Retry-After": "1"}}, "GET"),
		Entry("when writes fail", simulator.Do{Status: 500}, "PUT"),
		Entry("when writes get no answer", simulator.Do{Drop: true}, "PUT"),
	)
})
