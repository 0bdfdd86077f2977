package controller

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const identitySaid = "IdentityMismatch: Ready=False InSync=False Stalled=True"

var _ = Describe("The person meant", func() {
	It("by a username that nobody has is not found, and searched again slowly", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `userRef: {username: jonathan@example.com}`)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{"GET /user?filters[search]=jonathan@example.com&limit=500&offset=0"}))
		Expect(s.result.RequeueAfter).To(beIn(time.Minute))
		for range 6 {
			s = w.reconcile(ctx, user)
		}
		Expect(s.result.RequeueAfter).To(anHour)
		Expect(saidOf(user)).To(Equal(notFoundSaid))
		Expect(user.Status.UserID).To(BeZero())

		Expect(w.Edit(john, map[string]any{"username": "jonathan@example.com"})).To(Succeed())
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	})

	It("is not somebody whose last name is the username searched for", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(jane, map[string]any{"last_name": "john.smith@example.com"})).To(Succeed())
		user := w.newUser(ctx, "john-smith", `{userRef: {username: john.smith@example.com}, profile: {jobTitle: Senior Admin}}`)
		w.reconcile(ctx, user)
		Expect(user.Status.UserID).To(Equal(int64(john)))
		Expect(w.live("job_title")).To(Equal("Senior Admin"))
	})

	It("has gone when the live username is no longer the one referred to", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `{userRef: {username: john.smith@example.com}, profile: {jobTitle: Senior Admin}}`)
		w.reconcile(ctx, user)
		Expect(w.Edit(john, map[string]any{"username": "somebody.else@example.com", "job_title": "Other"})).To(Succeed())

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.result.RequeueAfter).To(anHour)
		Expect(saidOf(user)).To(Equal("IdentityMismatch: Ready=False InSync=Unknown Stalled=True"))
		Expect(differences(user)).To(BeEmpty(), "of somebody else")
		Expect(w.reconcile(ctx, user).writes).To(BeEmpty())

		Expect(w.Edit(john, map[string]any{"username": "john.smith@example.com"})).To(Succeed())
		Expect(w.reconcile(ctx, user).events).To(Equal([]string{"Normal Updated Wrote jobTitle (Drift)."}), "what was settled still is")
	})

	It("is likely another one when no declared name is the live one; a person may confirm it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {firstName: Jacqueline, lastName: Jonesey, jobTitle: Senior Admin}`)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.result.RequeueAfter).To(anHour)
		Expect(saidOf(user)).To(Equal(identitySaid))
		Expect(message(user)).To(And(ContainSubstring("firstName, lastName"), ContainSubstring(`certcentral.io/confirm-user: "125039"`)))
		Expect(differences(user)).To(Equal([]string{"firstName SpecChange", "lastName SpecChange", "jobTitle SpecChange"}))

		annotate(ctx, user, v1alpha1.AnnotationConfirmUser, "125040")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "another id confirms nothing")
		annotate(ctx, user, v1alpha1.AnnotationConfirmUser, "125039")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(w.live("last_name")).To(Equal("Jonesey"))

		annotate(ctx, user, v1alpha1.AnnotationConfirmUser, "")
		edit(ctx, user, `profile: {firstName: Jonathan, lastName: Smithson}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue(), "written before, it is known to be the one meant")
	})

	It("is known from one name that fits", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {email: john.smith@example.com, firstName: Johnny, lastName: Jonesey}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})

	It("may be a service user, of which only the email can be managed", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "robot", `{userRef: {id: 90}, profile: {email: the.robot@example.com, jobTitle: Senior Robot}}`)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{"GET /user/90"}))
		Expect(saidOf(user)).To(Equal(rejectedSaid))
		Expect(message(user)).To(And(ContainSubstring("service user"), HaveSuffix("remove jobTitle from spec.profile.")))

		edit(ctx, user, `profile: {jobTitle: null}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{"GET /user/90", "PUT /user/90", "GET /user/90"}))
		Expect(w.User(robot)["email"]).To(Equal("the.robot@example.com"))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("is looked up anew in another account, and nothing of the former one is left in the status", func(ctx SpecContext) {
		w, other := openWorld(ctx, ``), newWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `{userRef: {username: john.smith@example.com}, profile: {jobTitle: Senior Admin}}`)
		w.reconcile(ctx, user)
		Expect(w.AddKey(simulator.Key{Key: w.spare, UserID: 8, AccountID: other.accountID})).To(Succeed())
		Expect(w.AddUser(8, map[string]any{"account_id": other.accountID})).To(Succeed())
		Expect(w.AddUser(300, map[string]any{"account_id": other.accountID, "username": "john.smith@example.com"})).To(Succeed())
		w.setSecret(ctx, []byte(w.spare))
		w.reconcileAccount(ctx)

		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{searchJohn, "GET /user/300", "PUT /user/300", "GET /user/300"}))
		Expect(user.Status.UserID).To(Equal(int64(300)))
		Expect(user.Status.AccountID).To(Equal(other.accountID))
		Expect(user.Status.Applied.Profile.LastName).To(Equal("300"))
	})
})

var _ = Describe("A suspended user", func() {
	It("is neither looked at nor written; Ready stays as it was", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.reconcile(ctx, user)
		edit(ctx, user, `suspend: true`)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(BeZero())
		Expect(s.events).To(Equal([]string{"Normal Suspended Suspended: nothing is looked at or written until spec.suspend is false."}))
		Expect(saidOf(user)).To(Equal("Suspended: Ready=True InSync=True"))
		Expect(user.Status.ObservedGeneration).To(Equal(user.Generation))
		Expect(w.reconcile(ctx, user).writes).To(BeEmpty())

		Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
		edit(ctx, user, `suspend: false`)
		Expect(w.reconcile(ctx, user).events).To(Equal([]string{"Normal Updated Wrote jobTitle (Drift)."}))
	})

	It("that is changed meanwhile is not known to be ready", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.reconcile(ctx, user)
		edit(ctx, user, `{suspend: true, profile: {jobTitle: Boss of Admins}}`)
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal("Suspended: Ready=Unknown InSync=Unknown"))
		Expect(message(user)).To(ContainSubstring("not applied until spec.suspend is false"))
		Expect(w.live("job_title")).To(Equal("Senior Admin"))
	})

	It("with drift that its mode reports stays as observed, until the mode would write it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `{mode: ReportDrift, profile: {jobTitle: Sys Admin}}`)
		w.reconcile(ctx, user)
		Expect(w.Edit(john, map[string]any{"job_title": "Intern"})).To(Succeed())
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("DriftReported: Ready=True InSync=False"))
		edit(ctx, user, `suspend: true`)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("Suspended: Ready=True InSync=False"))
		edit(ctx, user, `mode: Enforce`)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("Suspended: Ready=Unknown InSync=Unknown"))
	})

	It("stays as it was also while nobody has opened the account", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		w.makeReconcilers()
		edit(ctx, user, `suspend: true`)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("Suspended: Ready=True InSync=True"))
	})

	It("from the beginning was never looked at", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `suspend: true`)
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal("Suspended: Ready=Unknown InSync=Unknown"))
	})

	It("that is moved to another account is not known to be ready", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		edit(ctx, user, `{suspend: true, accountRef: {name: another}}`)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("Suspended: Ready=Unknown InSync=Unknown"))
	})

	It("does not answer requests for a look; they are answered after", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		edit(ctx, user, `suspend: true`)
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "now")
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(user.Status.LastHandledReconcileAt).To(BeEmpty())
		edit(ctx, user, `suspend: false`)
		w.reconcile(ctx, user)
		Expect(user.Status.LastHandledReconcileAt).To(Equal("now"))
	})
})

var _ = Describe("A quiet look", func() {
	It("is no news but for an hour's freshness", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`)
		w.reconcile(ctx, user)
		first := w.clock.Now()
		for range 5 {
			w.step(10 * time.Minute)
			w.expectQuiet(ctx, user)
		}
		Expect(user.Status.LastObservedTime.Time).To(BeTemporally("==", first))
		w.step(10 * time.Minute)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.writes).To(Equal(patchedJohn))
		Expect(s.events).To(BeEmpty())
		Expect(user.Status.LastObservedTime.Time).To(BeTemporally("==", w.clock.Now()))
		w.expectQuiet(ctx, user)
	})

	It("is made now for a person who asks, and acknowledged", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "now")
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.writes).To(Equal(patchedJohn))
		Expect(user.Status.LastHandledReconcileAt).To(Equal("now"))
		w.expectQuiet(ctx, user)
	})

	It("is not acknowledged while nobody can look", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, user)
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "now")
		w.fault(simulator.Fault{Match: simulator.Match{Times: 1}, Do: simulator.Do{Status: 500}})
		Expect(w.reconcile(ctx, user).result.Priority).To(HaveValue(BeZero()), "a person waits")
		Expect(user.Status.LastHandledReconcileAt).To(BeEmpty())
		Expect(w.reconcile(ctx, user).result.Priority).To(HaveValue(BeNumerically("<", 0)), "a poll again")
		Expect(user.Status.LastHandledReconcileAt).To(Equal("now"))
	})
})

var _ = It("A failed look forgets nothing of a user in another account than the key's", func() {
	status := v1alpha1.CertCentralUserStatus{UserID: john, AccountID: 4711, Applied: &v1alpha1.Applied{}}
	means(&status, findings{userID: john, access: &access{session: &session{owner: &certcentral.User{AccountID: 123654}}}})
	Expect(status.AccountID).To(Equal(int64(4711)))
	Expect(status.Applied).NotTo(BeNil())
})
