package controller

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

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
		Entry("no single sign-on flag", map[string]any{"is_saml_sso_only": nil}),
		Entry("the flag as it is", map[string]any{"is_saml_sso_only": "0"}),
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
		Entry("with another single sign-on flag", map[string]any{"is_saml_sso_only": true}),
		Entry("with one that can't be read", map[string]any{"is_saml_sso_only": "maybe"}),
		Entry("with a telephone number that can't be read", map[string]any{"telephone": []any{}}),
	)

	It("has a drift of the single sign-on flag found within an interval where the list shows the flag", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[1]
		Expect(c.Edit(idOf(user), map[string]any{"is_saml_sso_only": true})).To(Succeed())
		c.lie(map[int64]map[string]any{idOf(user): {"is_saml_sso_only": true}})
		c.sweep(ctx)
		Expect(c.tipped()).To(Equal([]string{user.Name}))
		c.reconcile(ctx, user)
		Expect(*user.Status.Profile.SAMLSSOOnly).To(BeTrue())
		c.step(10 * time.Minute)
		c.expectCalm(ctx)
	})

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
		Expect(c.reconcile(ctx, late).requests).To(BeEmpty(), "it was looked at since the walk before")

		s = c.sweep(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(Equal([]string{secondPage}))
		Expect(c.tipped()).To(Equal([]string{late.Name}))
		Expect(c.reconcile(ctx, late).requests).To(Equal([]string{lookAt(late), "PUT /user/9000", lookAt(late)}))
	})

	It("has everybody looked at alone while its key may not list users, says so, and tries again", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		c.failList(http.StatusForbidden)
		s := c.sweep(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.events).To(Equal([]string{"Warning Refused The API key may not list users: each is looked at alone every 10m."}))
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

	It("waits a little for a first walk that fails", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		c.restart(ctx)
		c.failList(http.StatusServiceUnavailable)
		lastLook := func() string {
			lines := c.measured()
			return lines[slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "certcentral_last_look_timestamp_seconds") })]
		}
		before := lastLook()
		Expect(c.sweep(ctx).err).To(HaveOccurred())
		Expect(c.reconcile(ctx, c.people[0]).requests).To(BeEmpty())
		Expect(lastLook()).To(Equal(before), "a page that failed is no look")
		c.step(firstWalk + time.Second)
		Expect(c.sweep(ctx).err).To(HaveOccurred())
		Expect(c.users.Sweeps.lapsed).To(Receive(), "who waits is woken")
		Expect(c.reconcile(ctx, c.people[0]).requests).To(Equal([]string{lookAt(c.people[0])}))
	})

	It("is closed when the list refuses its key", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		Expect(c.RevokeKey(c.key)).To(Succeed())
		Expect(c.sweep(ctx).err).NotTo(HaveOccurred())
		Expect(c.sweep(ctx).result).To(BeZero(), "it is woken when the account opens")
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
