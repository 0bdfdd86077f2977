package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// opened and doubted take what the sessions have queued so far.
func (w *world) opened() int  { return drainWakes(w.accounts.Sessions.opened) }
func (w *world) doubted() int { return drainWakes(w.accounts.Sessions.doubted) }

func drainWakes[T any](queue <-chan T) int {
	count := 0
	for len(queue) > 0 {
		<-queue
		count++
	}
	return count
}

var _ = Describe("An account", func() {
	It("is opened by asking whose key it is, and tells", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		s := w.reconcileAccount(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(Equal([]string{getMe, getServices}))
		Expect(s.writes).To(Equal([]string{"patch status of digicert"}))
		Expect(s.events).To(Equal([]string{fmt.Sprintf("Normal Available The API key is accepted for CertCentral account %d.", w.accountID)}))
		Expect(s.result.RequeueAfter).To(beIn(time.Minute), "the Secret is read once a minute")
		Expect(w.account.Status.AccountID).To(Equal(w.accountID))
		Expect(w.account.Status.APIKeyUser).To(HaveValue(Equal(v1alpha1.APIKeyUser{
			ID: keyUser, Username: "user-7@example.com", Roles: []v1alpha1.Role{{ID: 5, Name: "Standard User"}},
		})))
		Expect(w.account.Status.ObservedGeneration).To(Equal(int64(1)))
		Expect(w.opened()).To(BeZero(), "its users are woken by the status, and not twice")
	})

	It("is opened without a word after a restart, and its users are woken all the same", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.accounts.Sessions = NewSessions(w.accounts.Sessions.Budgets, nil)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(Equal([]string{getMe, getServices}))
		Expect(s.writes).To(BeEmpty())
		Expect(w.opened()).To(Equal(1))
		w.reconcileAccount(ctx)
		Expect(w.opened()).To(BeZero(), "once")
	})

	It("is asked for once per interval; in between only the Secret is read", func(ctx SpecContext) {
		w := openWorld(ctx, `interval: 3m`)
		w.opened()
		reads := 0
		w.accounts.Live = w.counted(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				reads++
				return c.Get(ctx, key, o, opts...)
			},
		})
		for minute := 1; minute <= 6; minute++ {
			w.step(time.Minute)
			s := w.reconcileAccount(ctx)
			Expect(s.requests).To(HaveLen(map[bool]int{true: 2}[minute%3 == 0]), "minute %d", minute)
			Expect(s.writes).To(BeEmpty())
			Expect(s.events).To(BeEmpty())
			Expect(reads).To(Equal(minute))
		}
		Expect(w.opened()).To(BeZero())
	})

	It("is asked for now when a person asks, and acknowledges that", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		annotate(ctx, w.account, v1alpha1.AnnotationReconcileRequestedAt, "now")
		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe, getServices}))
		Expect(w.account.Status.LastHandledReconcileAt).To(Equal("now"))
		Expect(w.reconcileAccount(ctx).requests).To(BeEmpty())
	})

	It("whose spec changed is open for the new generation at once", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.opened()
		edit(ctx, w.account, `interval: 20m`)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(Equal([]string{"patch status of digicert"}))
		Expect(w.account.Status.ObservedGeneration).To(Equal(int64(2)))
		Expect(w.opened()).To(BeZero(), "the status wakes the users")
		Expect(w.accounts.Sessions.get(nameOf(w.account), w.account)).NotTo(BeNil())
	})

	It("knows no service users where the key may not list them", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		w.fault(simulator.Fault{Match: simulator.Match{Path: "/user/api-only"}, Do: simulator.Do{Status: 403}})
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
		user := w.newUser(ctx, "robot", `{userRef: {id: 90}, profile: {jobTitle: Senior Robot}}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{"GET /user/90", "PUT /user/90"}))
		Expect(saidOf(user)).To(Equal(rejectedSaid), "CertCentral itself refuses it")
	})

	DescribeTable("that can't be asked", func(ctx SpecContext, do simulator.Do, said string, wait time.Duration) {
		w := openWorld(ctx, ``)
		w.fault(simulator.Fault{Match: simulator.Match{Path: "/user/me"}, Do: do})
		w.step(10 * time.Minute)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(Equal([]string{getMe}))
		Expect(saidOf(w.account)).To(Equal(said))
		if wait == 0 {
			Expect(s.err).To(HaveOccurred(), "the queue backs off")
		} else {
			Expect(s.err).NotTo(HaveOccurred())
			Expect(s.result.RequeueAfter).To(beIn(wait))
		}
		if strings.Contains(said, "Unknown") {
			user := w.newUser(ctx, "john-smith", ``)
			w.step(time.Hour)
			Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "its users go on as long as they can")
		}
		w.step(time.Hour)
		again := w.reconcileAccount(ctx)
		Expect(again.events).To(BeEmpty(), "the same again is no news")
		if !strings.HasPrefix(said, v1alpha1.ReasonThrottled) { // which has another end
			Expect(again.writes).To(BeEmpty())
		}
		w.ClearFaults()
		w.step(time.Hour)
		Expect(w.reconcileAccount(ctx).events).To(ConsistOf(HavePrefix("Normal Available")))
	},
		Entry("500", simulator.Do{Status: 500}, "Unavailable: Ready=Unknown Reconciling=True", time.Duration(0)),
		Entry("no answer", simulator.Do{Drop: true}, "Unavailable: Ready=Unknown Reconciling=True", time.Duration(0)),
		Entry("a proxy's page", simulator.Do{Malform: simulator.HTML}, "BadResponse: Ready=Unknown Reconciling=True", time.Duration(0)),
		Entry("404, which makes no sense here", simulator.Do{Status: 404}, "BadResponse: Ready=Unknown Reconciling=True", time.Duration(0)),
		Entry("400, which doesn't either", simulator.Do{Status: 400}, "BadResponse: Ready=Unknown Reconciling=True", time.Duration(0)),
		Entry("403: the key may not even look", simulator.Do{Status: 403}, "Forbidden: Ready=False Stalled=True", time.Minute),
		Entry("429", later(429, "20"), "Throttled: Ready=Unknown Reconciling=True", 20*time.Second),
		Entry("429 for long: the Secret is read all the same", later(429, "300"), "Throttled: Ready=Unknown Reconciling=True", time.Minute),
	)

	It("whose question comes late, because of others' 429, says until when", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.fault(simulator.Fault{Match: simulator.Match{User: john}, Do: later(429, "60")})
		w.step(10 * time.Minute)
		w.reconcile(ctx, user)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty())
		Expect(saidOf(w.account)).To(Equal("Throttled: Ready=Unknown Reconciling=True"))
		Expect(w.reconcileAccount(ctx).writes).To(BeEmpty(), "once")
	})

	It("on an endpoint that is not on the list gets not one request", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.accounts.Endpoints = nil
		user := w.newUser(ctx, "john-smith", ``)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty())
		Expect(s.events).To(ConsistOf(HavePrefix("Warning EndpointNotAllowed")))
		Expect(saidOf(w.account)).To(Equal("EndpointNotAllowed: Ready=False Stalled=True"))
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))
	})

	It("with a caBundle that can't be read is not usable", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		edit(ctx, w.account, `caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==`)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty())
		Expect(saidOf(w.account)).To(Equal("InvalidSpec: Ready=False Stalled=True"))
		Expect(w.accounts.Sessions.last(nameOf(w.account))).To(BeNil())
	})

	It("whose server nobody vouches for is not asked", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		edit(ctx, w.account, `caBundle: null`)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty())
		Expect(saidOf(w.account)).To(Equal("Unavailable: Ready=Unknown Reconciling=True"))
		Expect(s.err).To(MatchError(ContainSubstring("unknown authority")))
	})

	It("is held while the key is of another account than its pin, and goes on when that changes", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		edit(ctx, w.account, `accountID: 4711`)
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty(), "whose key it is was known")
		Expect(saidOf(w.account)).To(Equal("AccountMismatch: Ready=False Stalled=True"))
		Expect(message(w.account)).To(ContainSubstring(fmt.Sprint(w.accountID)))
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		w.step(time.Minute)
		Expect(w.reconcileAccount(ctx).requests).To(BeEmpty())
		w.opened()

		edit(ctx, w.account, fmt.Sprintf(`accountID: %d`, w.accountID))
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
		Expect(w.opened()).To(BeZero(), "the status wakes the users")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
	})

	It("that is deleted is forgotten, and made anew it is a new one", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		old := w.account.DeepCopy()
		Expect(direct.Delete(ctx, w.account)).To(Succeed())
		s := w.reconcileAccount(ctx)
		Expect(s.requests).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(BeZero())
		Expect(w.accounts.Sessions.last(nameOf(w.account))).To(BeNil())
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))

		w.account = w.newAccount(ctx, "digicert", ``)
		Expect(w.account.UID).NotTo(Equal(old.UID))
		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe, getServices}))
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
	})

	It("that was replaced before anybody noticed is asked anew", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(direct.Delete(ctx, w.account)).To(Succeed())
		w.account = w.newAccount(ctx, "digicert", ``)
		Expect(w.accounts.Sessions.get(nameOf(w.account), w.account)).To(BeNil())
		Expect(w.reconcileAccount(ctx).requests).To(Equal([]string{getMe, getServices}))
	})

	It("shares the budget with every other one of the same key", func(ctx SpecContext) {
		w := openWorld(ctx, `budget: {requestsPerMinute: 60, burst: 8}`)
		second := w.newAccount(ctx, "second", `budget: {requestsPerMinute: 300, burst: 75}`)
		w.reconcileOther(ctx, second)
		users := []*v1alpha1.CertCentralUser{w.newUser(ctx, "john-smith", ``), w.newUser(ctx, "jane-doe", `{accountRef: {name: second}, userRef: {id: 125040}}`)}
		w.step(time.Hour)
		calls := 0
		for range 20 {
			for _, user := range users {
				calls += len(w.reconcile(ctx, user).requests)
			}
		}
		Expect(calls).To(Equal(4), "polls leave 2 of the 8 for changes, and begin where there is room for a write")
	})

	It("is not reported on while the API server fails", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		down := errors.New("the API server is down")
		w.accounts.Live = w.counted(interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return down
			},
		})
		s := w.reconcileAccount(ctx)
		Expect(s.err).To(MatchError(down))
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
		w.accounts.Client = w.accounts.Live.(client.Client)
		Expect(w.reconcileAccount(ctx).err).To(MatchError(down))
	})
})
