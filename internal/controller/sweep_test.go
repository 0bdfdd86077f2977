package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const (
	firstPage  = "GET /user?limit=500&offset=0"
	secondPage = "GET /user?limit=500&offset=500"
	crowdSize  = few + 2 // just more than are looked at alone
)

// crowded is a world whose account is swept: each of its users has a resource that declares the job title it has.
type crowded struct {
	*world
	people []*v1alpha1.CertCentralUser
}

// idOf is the CertCentral user of a resource.
func idOf(user *v1alpha1.CertCentralUser) int64 { return *user.Spec.UserRef.ID }

// lookAt is the request for a look at a user.
func lookAt(user *v1alpha1.CertCentralUser) string { return fmt.Sprintf("GET /user/%d", idOf(user)) }

// openCrowded makes one, in which everybody was looked at and a walk was made.
func openCrowded(ctx context.Context, spec string) *crowded {
	GinkgoHelper()
	c := &crowded{world: newWorld(ctx, spec)}
	c.swept = true
	for i := range crowdSize {
		id := int64(1000 + i)
		Expect(c.AddUser(id, map[string]any{
			"account_id": c.accountID, "job_title": "Clerk", "last_name": fmt.Sprintf("Crowd-%d", id), "last_login_date": "2026-02-01 10:00:00",
		})).To(Succeed())
		c.people = append(c.people, c.newUser(ctx, fmt.Sprintf("person-%d", id), fmt.Sprintf(`{userRef: {id: %d}, profile: {jobTitle: Clerk}}`, id)))
	}
	c.restart(ctx)
	for _, user := range c.people {
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user)}), "what is new is looked at before anybody walks")
	}
	s := c.sweep(ctx)
	Expect(s.err).NotTo(HaveOccurred())
	Expect(s.requests).To(Equal([]string{firstPage}))
	Expect(c.tipped()).To(BeEmpty())
	c.step(10 * time.Minute)
	return c
}

// sweep calls the sweep reconciler once.
func (c *crowded) sweep(ctx context.Context) step {
	GinkgoHelper()
	s := c.observe(ctx, func(ctx context.Context) (ctrl.Result, error) {
		return c.sweeper.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(c.account)})
	})
	reread(c.account)
	return s
}

// tipped returns the names of those whom the walks had looked at, and whom nobody has reconciled since this was last asked.
func (c *crowded) tipped() []string {
	var names []string
	for {
		select {
		case e := <-c.users.Sweeps.tipped:
			names = append(names, e.Object.GetName())
		default:
			return names
		}
	}
}

// expectCalm expects that a walk finds no news, and that nobody looks or writes.
func (c *crowded) expectCalm(ctx context.Context) {
	GinkgoHelper()
	s := c.sweep(ctx)
	Expect(s.err).NotTo(HaveOccurred())
	Expect(s.requests).To(Equal([]string{firstPage}))
	Expect(s.writes).To(BeEmpty())
	Expect(c.tipped()).To(BeEmpty())
	for _, user := range c.people {
		s := c.reconcile(ctx, user)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
	}
}

// lie has the list show users with the changes, by id, until it is told the truth again.
func (c *crowded) lie(changes map[int64]map[string]any) {
	GinkgoHelper()
	var rows []map[string]any
	ids := []int64{keyUser, john, jane}
	for _, person := range c.people {
		ids = append(ids, idOf(person))
	}
	for _, id := range ids {
		row := c.User(id)
		change, lies := changes[id]
		if lies && change == nil {
			continue // not listed
		}
		for name, value := range change {
			row[name] = value
			if value == nil {
				delete(row, name)
			}
		}
		rows = append(rows, row)
	}
	body, err := json.Marshal(map[string]any{"users": rows, "page": map[string]int{"total": len(rows), "limit": 500}})
	Expect(err).NotTo(HaveOccurred())
	c.ClearFaults()
	Expect(c.Inject(simulator.Fault{
		Match: simulator.Match{Method: http.MethodGet, Path: "/user"}, Do: simulator.Do{Status: http.StatusOK, Body: string(body)},
	})).To(Succeed())
}

// failList has each request for the list answered with a status.
func (c *crowded) failList(status int) {
	GinkgoHelper()
	c.ClearFaults()
	Expect(c.Inject(simulator.Fault{Match: simulator.Match{Method: http.MethodGet, Path: "/user"}, Do: simulator.Do{Status: status}})).To(Succeed())
}

var _ = Describe("An account with many users", func() {
	It("is looked at in one request when nothing changes, again and again", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		for range 3 {
			c.expectCalm(ctx)
			c.step(10 * time.Minute)
		}
		Expect(c.reconcileAccount(ctx).requests).To(BeEmpty(), "the walks tell that the key is good")
	})

	It("has a drift found by the list, looked at, and set back, with no call for anybody else", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		drifted := c.people[3]
		Expect(c.Edit(idOf(drifted), map[string]any{"job_title": "Boss"})).To(Succeed())

		Expect(c.sweep(ctx).requests).To(Equal([]string{firstPage}))
		Expect(c.tipped()).To(Equal([]string{drifted.Name}))
		s := c.reconcile(ctx, drifted)
		put := fmt.Sprintf("PUT /user/%d", idOf(drifted))
		Expect(s.requests).To(Equal([]string{lookAt(drifted), put, lookAt(drifted)}))
		Expect(s.events).To(Equal([]string{"Normal Updated Wrote jobTitle (Drift)."}))
		c.step(10 * time.Minute)
		c.expectCalm(ctx)
	})

	It("has a sign-in, a role and a status shown after one walk, without a look", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[0]
		Expect(c.Edit(idOf(user), map[string]any{
			"last_login_date": "2026-03-01 11:59:00", "status": "locked", "access_roles": []any{map[string]any{"id": 4, "name": "Manager"}},
		})).To(Succeed())
		c.sweep(ctx)
		Expect(c.tipped()).To(Equal([]string{user.Name}))
		s := c.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(Equal([]string{"patch status of " + user.Name}))
		Expect(s.events).To(BeEmpty())
		Expect(user.Status.LastLoginTime.UTC()).To(Equal(time.Date(2026, 3, 1, 11, 59, 0, 0, time.UTC)))
		Expect(user.Status.UserStatus).To(Equal("locked"))
		Expect(user.Status.Roles).To(Equal([]v1alpha1.Role{{ID: 4, Name: "Manager"}}))
		c.step(10 * time.Minute)
		c.expectCalm(ctx)
	})

	DescribeTable("takes what a list tells less well for no news", func(ctx SpecContext, change map[string]any) {
		c := openCrowded(ctx, ``)
		c.lie(map[int64]map[string]any{1001: change})
		c.expectCalm(ctx)
	},
		Entry("an earlier sign-in", map[string]any{"last_login_date": "2020-01-01 00:00:00"}),
		Entry("no sign-in", map[string]any{"last_login_date": nil}),
		Entry("no roles", map[string]any{"access_roles": nil}),
		Entry("no status", map[string]any{"status": nil}),
		Entry("no container", map[string]any{"container": nil}),
		Entry("fields that it never has", map[string]any{"is_saml_sso_only": true}),
	)

	DescribeTable("looks at whom the list shows wrongly, until that is known for its way", func(ctx SpecContext, change map[string]any) {
		c := openCrowded(ctx, `interval: 5m`)
		user := c.people[1]
		c.lie(map[int64]map[string]any{idOf(user): change})
		for range habit {
			c.sweep(ctx)
			Expect(c.tipped()).To(Equal([]string{user.Name}))
			s := c.reconcile(ctx, user)
			Expect(s.requests).To(Equal([]string{lookAt(user)}))
			Expect(s.writes).To(BeEmpty())
			c.step(5 * time.Minute)
		}
		c.expectCalm(ctx)

		By("noticing when it changes its lie, or ends it")
		c.step(5 * time.Minute)
		c.lie(map[int64]map[string]any{idOf(user): {"job_title": "Other"}})
		c.sweep(ctx)
		Expect(c.tipped()).To(Equal([]string{user.Name}))
		c.ClearFaults()
		c.reconcile(ctx, user)
		c.step(5 * time.Minute)
		c.expectCalm(ctx)
	},
		Entry("with another job title", map[string]any{"job_title": "Cleaner"}),
		Entry("with no job title", map[string]any{"job_title": nil}),
		Entry("without a field that everybody has", map[string]any{"email": nil}),
		Entry("in another container", map[string]any{"container": map[string]any{"id": 99}}),
	)

	It("does not believe a role that looks deny", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[1]
		c.lie(map[int64]map[string]any{idOf(user): {"access_roles": []any{map[string]any{"id": 3, "name": "Finance Manager"}}}})
		writes := 0
		for range 2 * habit {
			c.sweep(ctx)
			if len(c.tipped()) > 0 {
				writes += len(c.reconcile(ctx, user).writes)
			}
			c.step(10 * time.Minute)
		}
		Expect(writes).To(BeNumerically("<=", 2), "the role is shown, and taken back by the next look")
		c.expectCalm(ctx)
	})

	It("looks alone at who is not listed before anything is said", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		hidden, gone := c.people[1], c.people[2]
		Expect(c.RemoveUser(idOf(gone))).To(BeTrue())
		c.lie(map[int64]map[string]any{idOf(hidden): nil, idOf(gone): nil})
		c.sweep(ctx)
		Expect(c.tipped()).To(ConsistOf(hidden.Name, gone.Name))
		Expect(saidOf(gone)).To(Equal("InSync: Ready=True InSync=True"))

		Expect(c.reconcile(ctx, hidden).writes).To(BeEmpty())
		Expect(saidOf(hidden)).To(Equal("InSync: Ready=True InSync=True"))
		c.reconcile(ctx, gone)
		Expect(saidOf(gone)).To(Equal("UserNotFound: Ready=False InSync=Unknown Stalled=True"))

		c.step(10 * time.Minute)
		c.sweep(ctx)
		Expect(c.tipped()).To(BeEmpty(), "that is no news any more")
		Expect(c.reconcile(ctx, hidden).requests).To(Equal([]string{lookAt(hidden)}), "nobody vouches for who is not listed")
		Expect(c.reconcile(ctx, c.people[0]).requests).To(BeEmpty())
	})

	It("is not taken in by a list that lacks most users", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		c.lie(nil)
		c.ClearFaults()
		Expect(c.Inject(simulator.Fault{
			Match: simulator.Match{Path: "/user"}, Do: simulator.Do{Status: http.StatusOK, Body: `{"page": {"total": 0}}`},
		})).To(Succeed())
		s := c.sweep(ctx)
		Expect(s.err).To(MatchError(errIncomplete))
		Expect(c.tipped()).To(BeEmpty())
		Expect(c.reconcile(ctx, c.people[0]).requests).To(BeEmpty(), "the walk before still vouches")

		c.step(3 * 10 * time.Minute)
		Expect(c.reconcile(ctx, c.people[0]).requests).To(Equal([]string{lookAt(c.people[0])}), "but not for ever")
		c.ClearFaults()
		Expect(c.sweep(ctx).err).NotTo(HaveOccurred())
		c.step(10 * time.Minute)
		c.expectCalm(ctx)
	})

	It("changes nothing for those whom a walk does not reach, and goes on where it failed", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		for i := range 600 { // between those who have a resource and one more
			Expect(c.AddUser(int64(5000+i), map[string]any{"account_id": c.accountID})).To(Succeed())
		}
		Expect(c.AddUser(9000, map[string]any{"account_id": c.accountID, "job_title": "Clerk", "last_name": "Latecomer"})).To(Succeed())
		late := c.newUser(ctx, "person-9000", `{userRef: {id: 9000}, profile: {jobTitle: Clerk}}`)
		c.reconcile(ctx, late)
		for _, id := range []int64{idOf(c.people[0]), 9000} {
			Expect(c.Edit(id, map[string]any{"job_title": "Boss"})).To(Succeed())
		}
		Expect(c.Inject(simulator.Fault{Match: simulator.Match{Path: "/user", Nth: 2, Times: 1}, Do: simulator.Do{Status: http.StatusBadGateway}})).To(Succeed())

		s := c.sweep(ctx)
		Expect(s.err).To(HaveOccurred())
		Expect(s.requests).To(Equal([]string{firstPage, secondPage}))
		Expect(c.tipped()).To(Equal([]string{c.people[0].Name}))
		Expect(c.reconcile(ctx, late).requests).To(Equal([]string{lookAt(late), "PUT /user/9000", lookAt(late)}), "no walk vouches for it yet")
		Expect(c.Edit(9000, map[string]any{"job_title": "Boss"})).To(Succeed())

		s = c.sweep(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(Equal([]string{secondPage}))
		Expect(c.tipped()).To(Equal([]string{late.Name}))
	})

	It("has everybody looked at alone while its key may not list users, says so, and tries again", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		c.failList(http.StatusForbidden)
		s := c.sweep(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.events).To(Equal([]string{"Warning Refused The API key may not list users: each is looked at alone every 10m0s."}))
		Expect(c.account.Status.Sweep.State).To(Equal(v1alpha1.SweepRefused))
		Expect(c.users.Sweeps.lapsed).To(Receive(), "its users are woken")
		for range 2 {
			Expect(c.reconcile(ctx, c.people[0]).requests).To(Equal([]string{lookAt(c.people[0])}))
			c.step(10 * time.Minute)
		}
		Expect(c.sweep(ctx).requests).To(BeEmpty(), "not asked again so soon")

		c.ClearFaults()
		c.step(time.Hour)
		s = c.sweep(ctx)
		Expect(s.requests).To(Equal([]string{firstPage}))
		Expect(s.events).To(ConsistOf(HavePrefix("Normal Swept")))
		c.step(10 * time.Minute)
		c.expectCalm(ctx)
	})

	It("has everybody looked at alone once the list has failed for long, and no sooner", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		c.failList(http.StatusServiceUnavailable)
		for range 2 {
			Expect(c.sweep(ctx).err).To(HaveOccurred())
			Expect(c.reconcile(ctx, c.people[0]).requests).To(BeEmpty())
			Expect(c.account.Status.Sweep.State).To(Equal(v1alpha1.SweepSwept))
			c.step(10 * time.Minute)
		}
		c.step(time.Second)
		Expect(c.sweep(ctx).err).To(HaveOccurred())
		Expect(c.account.Status.Sweep.State).To(Equal(v1alpha1.SweepFailing))
		Expect(c.users.Sweeps.lapsed).To(Receive())
		Expect(c.reconcile(ctx, c.people[0]).requests).To(Equal([]string{lookAt(c.people[0])}))
	})

	It("is closed when the list refuses its key", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		Expect(c.RevokeKey(c.key)).To(Succeed())
		c.sweep(ctx)
		Expect(c.users.Sessions.doubted).To(Receive())
		Expect(c.reconcile(ctx, c.people[0]).requests).To(BeEmpty())
		c.reconcileAccount(ctx)
		Expect(saidOf(c.account)).To(Equal("KeyRefused: Ready=False Stalled=True"))
	})

	It("has a walk put off, not given up, when the budget has no room", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		edit(ctx, c.account, `budget: {requestsPerMinute: 12, burst: 3}`)
		c.reconcileAccount(ctx)
		for _, user := range c.people[:3] {
			annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "now")
			c.reconcile(ctx, user)
		}
		s := c.sweep(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", 30*time.Second)))
		c.step(s.result.RequeueAfter)
		Expect(c.sweep(ctx).requests).To(Equal([]string{firstPage}))
	})
})

var _ = Describe("A user of a swept account", func() {
	It("is looked at in full when that is due, where the list lacks what changed", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[0]
		edit(ctx, user, `profile: {samlSSOOnly: false}`)
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user)}), "what a person changes is looked at")
		Expect(c.Edit(idOf(user), map[string]any{"is_saml_sso_only": true})).To(Succeed())
		asked := 0
		for range 6 * 6 {
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
			waits = append(waits, c.users.untilFullLook(user, 6*time.Hour))
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
		Expect(said.Message).To(Equal("All users are looked at in the list of users every 10m0s, and alone where it shows news: 1 requests."))
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
			State: v1alpha1.SweepSingle, Message: "Each user is looked at alone every 10m0s: they are few.",
			Managed: 1, InSync: 1, Requests: 3, RequestsAllowed: 900, SafeInterval: c.account.Status.Sweep.SafeInterval,
		}))
		Expect(c.users.Sweeps.lapsed).To(Receive(), "who waits for a first walk is woken")
		c.step(10 * time.Minute)
		Expect(c.sweep(ctx).writes).To(BeEmpty())
		Expect(c.users.Sweeps.lapsed).NotTo(Receive())
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "each interval")
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
