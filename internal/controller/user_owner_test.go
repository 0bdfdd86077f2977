package controller

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// anew deletes resources, and makes them again in that order. Nothing of their statuses is left.
func (w *world) anew(ctx context.Context, users ...*v1alpha1.CertCentralUser) {
	GinkgoHelper()
	for _, user := range users {
		Expect(direct.Delete(ctx, user)).To(Succeed())
	}
	for _, user := range users {
		w.create(ctx, user)
	}
}

// create makes a resource again that is gone.
func (w *world) create(ctx context.Context, user *v1alpha1.CertCentralUser) {
	GinkgoHelper()
	again := &v1alpha1.CertCentralUser{Spec: user.Spec}
	again.Namespace, again.Name = user.Namespace, user.Name
	Expect(direct.Create(ctx, again)).To(Succeed())
	*user = *again
}

// restore writes a status, as who restores a backup does.
func restore(ctx context.Context, user *v1alpha1.CertCentralUser, status v1alpha1.CertCentralUserStatus) {
	GinkgoHelper()
	user.Status = status
	Expect(direct.Status().Update(ctx, user)).To(Succeed())
}

var _ = Describe("A resource that no account allows", func() {
	It("takes nobody from their owner, whatever it declares and its status says", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		tenant := newNamespace(ctx, nil)
		foreign := fmt.Sprintf(`{accountRef: {name: digicert, namespace: %s}, suspend: true}`, w.namespace)
		newUserIn(ctx, tenant, "never-looked-at", foreign)
		rival := newUserIn(ctx, tenant, "a-rival", foreign)
		w.reconcile(ctx, rival)
		Expect(saidOf(rival)).To(HavePrefix("Suspended:"))
		restore(ctx, rival, v1alpha1.CertCentralUserStatus{
			UserID: john, AccountID: w.accountID, Conditions: rival.Status.Conditions, Settled: &v1alpha1.SettledProfile{JobTitle: new("Boss")},
		})
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		w.restart(ctx)
		w.expectQuiet(ctx, user)

		edit(ctx, rival, `suspend: false`)
		w.reconcile(ctx, rival)
		Expect(saidOf(rival)).To(HavePrefix("AccountNotAllowed:"))
		edit(ctx, rival, `suspend: true`)
		w.reconcile(ctx, rival)
		w.expectQuiet(ctx, user)
	})

	It("is judged by the labels of its namespace, which are read once a turn", func(ctx SpecContext) {
		w := openWorld(ctx, `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: pki}}}`)
		foreign := fmt.Sprintf(`{accountRef: {name: digicert, namespace: %s}, profile: {jobTitle: Boss}}`, w.namespace)
		outside := newNamespace(ctx, nil)
		for i := range 3 {
			newUserIn(ctx, outside, fmt.Sprintf("rival-%d", i), foreign)
		}
		reads := 0
		w.users.Live = w.counted(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
				if key.Name == outside {
					reads++
				}
				return c.Get(ctx, key, into, opts...)
			},
		})
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(reads).To(Equal(3), "before the look, after it, and before the write")

		inside := newUserIn(ctx, newNamespace(ctx, map[string]string{"team": "pki"}), "rival", foreign)
		Expect(w.reconcile(ctx, inside).requests).To(BeEmpty())
		Expect(saidOf(inside)).To(Equal(conflictSaid))
	})

	It("and one whose account can't be used don't take a user, but don't lose one either", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		second := w.newAccount(ctx, "second", ``)
		w.reconcileOther(ctx, second)
		owner := w.newUser(ctx, "z-owner", `{accountRef: {name: second}, profile: {jobTitle: Boss}}`)
		Expect(w.reconcile(ctx, owner).wrote()).To(BeTrue())
		w.newUser(ctx, "nowhere", `{accountRef: {name: missing}, profile: {jobTitle: Intern}}`)
		edit(ctx, second, `apiKeySecretRef: {name: missing}`)
		w.reconcileOther(ctx, second)
		w.reconcile(ctx, owner)
		Expect(saidOf(owner)).To(HavePrefix("AccountNotReady:"))

		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(message(user)).To(ContainSubstring("/z-owner:"))
		Expect(direct.Delete(ctx, owner)).To(Succeed())
		w.restart(ctx)
		w.reconcile(ctx, user)
		w.step(takeOverAfter)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})
})

var _ = Describe("Who owns a user", func() {
	const title, other = `profile: {jobTitle: Senior Admin}`, `profile: {jobTitle: Boss of Admins}`
	var (
		w            *world
		zeta, alpha  *v1alpha1.CertCentralUser
		zetas, lost  v1alpha1.CertCentralUserStatus
		expectAlphas = func(ctx context.Context, requests ...string) {
			GinkgoHelper()
			s := w.reconcile(ctx, alpha)
			Expect(s.requests).To(HaveExactElements(requests))
			Expect(alpha.Status.Conditions).To(ContainElement(HaveField("Reason", v1alpha1.ReasonConflict)))
			Expect(w.live("job_title")).To(Equal("Senior Admin"))
		}
	)
	BeforeEach(func(ctx SpecContext) {
		w = openWorld(ctx, ``)
		zeta = w.newUser(ctx, "zeta", title)
		Expect(w.reconcile(ctx, zeta).wrote()).To(BeTrue())
		alpha = w.newUser(ctx, "alpha", other)
		expectAlphas(ctx)
		zetas, lost = zeta.Status, alpha.Status
	})

	It("still does after both were made anew", func(ctx SpecContext) {
		w.anew(ctx, alpha, zeta)
		expectAlphas(ctx)
		Expect(w.reconcile(ctx, zeta).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(zeta)).To(Equal("InSync: Ready=True InSync=True"))
	})

	It("is waited for by whoever was there before", func(ctx SpecContext) {
		Expect(direct.Delete(ctx, alpha)).To(Succeed())
		Expect(direct.Delete(ctx, zeta)).To(Succeed())
		w.reconcile(ctx, alpha)
		w.reconcile(ctx, zeta)
		w.step(time.Hour)
		w.create(ctx, alpha)
		expectAlphas(ctx, getJohn)
		Expect(message(alpha)).To(HaveSuffix("/zeta, which is gone: it is taken over unless that comes back within 10s."))
		w.step(takeOverAfter - time.Second)
		w.create(ctx, zeta)
		expectAlphas(ctx)
		Expect(message(alpha)).To(ContainSubstring("is owned by"))
	})

	It("still does after a restart, by the statuses that were restored", func(ctx SpecContext) {
		w.anew(ctx, alpha, zeta)
		restore(ctx, alpha, lost)
		restore(ctx, zeta, zetas)
		w.restart(ctx)
		expectAlphas(ctx)
		Expect(w.reconcile(ctx, zeta).requests).To(Equal([]string{getJohn}))
	})

	It("still does after a restart, by the one status that is left", func(ctx SpecContext) {
		w.anew(ctx, alpha, zeta)
		restore(ctx, alpha, lost)
		w.restart(ctx)
		expectAlphas(ctx)
	})

	It("still does after a restart without statuses, by what is live", func(ctx SpecContext) {
		w.anew(ctx, alpha, zeta)
		w.restart(ctx)
		expectAlphas(ctx, getJohn)
		Expect(w.reconcile(ctx, zeta).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(zeta)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(w.reconcile(ctx, alpha).writes).To(BeEmpty())
	})

	It("is not who says so in a status that somebody else wrote", func(ctx SpecContext) {
		restore(ctx, alpha, zetas)
		expectAlphas(ctx)
	})

	It("is nobody, where nothing tells: both say so until they agree", func(ctx SpecContext) {
		w.anew(ctx, alpha, zeta)
		w.restart(ctx)
		Expect(w.Edit(john, map[string]any{"job_title": "Intern"})).To(Succeed())
		for range 2 {
			for _, user := range []*v1alpha1.CertCentralUser{alpha, zeta} {
				Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
				Expect(saidOf(user)).To(Equal(conflictSaid))
			}
		}
		Expect(message(alpha)).To(Equal(fmt.Sprintf("CertCentral user 125039 is also declared by %s/zeta, with another jobTitle, and nothing "+
			"tells whose it is: nothing is written until all but one are deleted, or they agree.", w.namespace)))
		Expect(message(zeta)).To(ContainSubstring(w.namespace + "/alpha"))
		Expect(w.reconcile(ctx, zeta).writes).To(BeEmpty())

		before := zeta.DeepCopy()
		edit(ctx, zeta, other)
		Expect(gaveUp().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: zeta})).To(BeTrue())
		Expect(w.users.claimants(ctx, zeta)).To(ContainElement(ctrl.Request{NamespacedName: nameOf(alpha)}))
		Expect(w.reconcile(ctx, alpha).wrote()).To(BeTrue(), "the older, by name")
		Expect(w.reconcile(ctx, zeta).requests).To(BeEmpty())
		Expect(message(zeta)).To(ContainSubstring("is owned by " + w.namespace + "/alpha:"))
	})

	It("is asked once more right before a write", func(ctx SpecContext) {
		w.clear(ctx)
		w.restart(ctx)
		first := w.newUser(ctx, "first", other)
		w.users.Live = w.counted(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
				if key.Name == "first" {
					w.newUser(ctx, "second", `profile: {jobTitle: Intern}`)
				}
				return c.Get(ctx, key, into, opts...)
			},
		})
		Expect(w.reconcile(ctx, first).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(first)).To(Equal(conflictSaid))
	})
})

var _ = Describe("A resource that gets another name", func() {
	const flag = `profile: {samlSSOOnly: true}`

	// Flux applies, then prunes: the former one goes while the new one is judged, or its verdict is on its way.
	DescribeTable("does not stay in conflict with the one that is gone", func(ctx SpecContext, ref string, interleave func(*world, func())) {
		w := openWorld(ctx, ``)
		former := w.newUser(ctx, "one", ref)
		w.reconcile(ctx, former)
		two := w.newUser(ctx, "two", flag)
		var woken []reconcile.Request
		interleave(w, func() {
			Expect(direct.Delete(ctx, former)).To(Succeed())
			woken = w.users.claimants(ctx, former)
		})
		s := w.reconcile(ctx, two)
		if conflicted(two) {
			Expect(s.result.RequeueAfter).To(beIn(conflictRecheck))
		}
		Expect(woken).To(ContainElement(ctrl.Request{NamespacedName: nameOf(two)}))
		w.users.Client = w.counted(interceptor.Funcs{})
		w.reconcile(ctx, two)
		Expect(saidOf(two)).To(HavePrefix("InSync: Ready=True"))
	},
		Entry("when it goes as the new one is listed", flag, func(w *world, remove func()) {
			w.users.Client = w.counted(interceptor.Funcs{
				List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
					err := c.List(ctx, list, opts...)
					if going := remove; going != nil {
						remove = nil
						going()
					}
					return err
				},
			})
		}),
		Entry("when it goes as the conflict is about to be written", flag, removeBeforeSave),
		Entry("also one that refers to the user by name", `{userRef: {username: john.smith@example.com}, `+flag+`}`, removeBeforeSave),
		Entry("when it goes before", flag, func(_ *world, remove func()) { remove() }),
	)
})

// moveToSubAccount has John belong to a sub-account, which the key sees too.
func (w *world) moveToSubAccount(id int64) {
	GinkgoHelper()
	Expect(w.AddKey(simulator.Key{Key: w.key, UserID: keyUser, AccountID: w.accountID, SubAccounts: []int64{id}})).To(Succeed())
	Expect(w.Edit(john, map[string]any{"account_id": id})).To(Succeed())
}

// removeBeforeSave removes a resource when the next status is about to be written.
func removeBeforeSave(w *world, remove func()) {
	w.users.Client = w.counted(interceptor.Funcs{
		SubResourcePatch: func(
			ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption,
		) error {
			remove()
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
}

var _ = Describe("A status that somebody else wrote", func() {
	It("has the user looked at, and own ones don't", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[3]
		Expect(c.reconcile(ctx, user).requests).To(BeEmpty(), "the walk vouches for it")
		q := priorityqueue.New[reconcile.Request]("test")
		DeferCleanup(q.ShutDown)
		watch := c.users.statuses.watch()

		Expect(c.Edit(idOf(user), map[string]any{"job_title": "Boss"})).To(Succeed())
		before := user.DeepCopy()
		edit(ctx, user, `profile: {jobTitle: Senior Clerk}`)
		Expect(c.reconcile(ctx, user).writes).To(HaveLen(1))
		watch.Update(ctx, event.UpdateEvent{ObjectOld: before, ObjectNew: user.DeepCopy()}, q)
		Expect(c.users.statuses.hearsay(nameOf(user))).To(BeFalse())
		watch.Update(ctx, event.UpdateEvent{ObjectOld: user.DeepCopy(), ObjectNew: user.DeepCopy()}, q)
		Expect(c.users.statuses.hearsay(nameOf(user))).To(BeFalse(), "nothing of the status changed")

		before = user.DeepCopy()
		restored := *user.Status.DeepCopy()
		restored.Type = "robot"
		restore(ctx, user, restored)
		watch.Update(ctx, event.UpdateEvent{ObjectOld: before, ObjectNew: user.DeepCopy()}, q)
		Expect(c.users.statuses.hearsay(nameOf(user))).To(BeTrue())
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user)}))
		Expect(user.Status.Type).To(Equal("standard"))
		Expect(c.users.statuses.hearsay(nameOf(user))).To(BeFalse())
	})
})

var _ = Describe("A user referred to by username", func() {
	const byName = `{userRef: {username: john.smith@example.com}, profile: {jobTitle: Senior Admin}}`

	It("is held to its id, also when it belongs to another account than the key", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.moveToSubAccount(99)
		user := w.newUser(ctx, "john-smith", byName)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{searchJohn, getJohn, putJohn, getJohn}))
		Expect(user.Status.UsernameLookup).To(Equal(&v1alpha1.UsernameLookup{
			Account: w.namespace + "/digicert", KeyAccountID: w.accountID, KeyUserID: keyUser,
		}))
		w.expectQuiet(ctx, user)

		Expect(w.Edit(john, map[string]any{"username": "john.married@example.com"})).To(Succeed())
		Expect(w.Edit(jane, map[string]any{"username": "john.smith@example.com"})).To(Succeed())
		for range 2 {
			Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
			Expect(saidOf(user)).To(HavePrefix("IdentityMismatch:"))
			w.restart(ctx)
		}
	})

	It("is the same one, whichever account's key shows it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.moveToSubAccount(w.accountID + 1e6)
		Expect(w.AddKey(simulator.Key{Key: w.spare, UserID: john, AccountID: w.accountID + 1e6})).To(Succeed())
		second := w.newAccount(ctx, "second", `apiKeySecretRef: {name: certcentral-api-key, key: spare}`)
		w.reconcileOther(ctx, second)
		owner := w.newUser(ctx, "owner", byName)
		Expect(w.reconcile(ctx, owner).wrote()).To(BeTrue())
		rival := w.newUser(ctx, "a-rival", `{accountRef: {name: second}, profile: {jobTitle: Boss}}`)
		Expect(w.reconcile(ctx, rival).requests).To(BeEmpty())
		Expect(saidOf(rival)).To(Equal(conflictSaid))
		w.expectQuiet(ctx, owner)
	})

	It("is looked up anew when the resource refers to another account", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		second := w.newAccount(ctx, "second", ``)
		w.reconcileOther(ctx, second)
		user := w.newUser(ctx, "john-smith", byName)
		w.reconcile(ctx, user)
		edit(ctx, user, `accountRef: {name: second}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{searchJohn, getJohn}))
		Expect(user.Status.UsernameLookup.Account).To(HaveSuffix("/second"))
		w.expectQuiet(ctx, user)
	})

	It("that was made anew at CertCentral is taken for a stranger", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `{userRef: {username: john.smith@example.com}, profile: {firstName: Jonathan, lastName: Smithson}}`)
		w.reconcile(ctx, user)
		Expect(w.RemoveUser(john)).To(BeTrue())
		Expect(w.AddUser(300, map[string]any{
			"account_id": w.accountID, "username": "john.smith@example.com", "first_name": "Johannes", "last_name": "Schmidt",
		})).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "it may be a mistake")
		Expect(saidOf(user)).To(HavePrefix("UserNotFound:"))

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, searchJohn, "GET /user/300"}))
		Expect(s.events).To(ContainElement("Warning UserReplaced CertCentral user 125039 is gone, and user 300 has the username that " +
			"spec.userRef names: it is taken for a new one."))
		Expect(user.Status.UserID).To(Equal(int64(300)))
		Expect(saidOf(user)).To(HavePrefix("IdentityMismatch:"), "nothing is known of that person")
		Expect(user.Status.Settled).To(BeNil())
		w.expectQuiet(ctx, user)
	})

	It("that stays away is not found, whatever is tried", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", byName)
		w.reconcile(ctx, user)
		Expect(w.RemoveUser(john)).To(BeTrue())
		w.reconcile(ctx, user)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, searchJohn}))
		Expect(saidOf(user)).To(HaveSuffix("Stalled=True"), "seen twice")
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, searchJohn}))
		Expect(s.writes).To(BeEmpty())
	})

	It("is the same in another case", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", byName)
		w.reconcile(ctx, user)
		Expect(w.Edit(john, map[string]any{"username": "John.Smith@example.com", "job_title": "Intern"})).To(Succeed())
		Expect(w.reconcile(ctx, user).events).To(Equal([]string{"Normal Updated Wrote jobTitle (Drift)."}))
		Expect(w.live("username")).To(Equal("John.Smith@example.com"), "which nobody declares")
	})
})
