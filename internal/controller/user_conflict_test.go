package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const conflictSaid = "Conflict: Ready=False InSync=Unknown Stalled=True"

// nameOf is an object's namespace and name.
var _ = Describe("Two resources for one CertCentral user", func() {
	// Ages have whole seconds, and two resources made at once are ordered by name: a before b.
	const title = `profile: {jobTitle: Senior Admin}`

	It("are the first one's; the other asks nothing until that goes", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		owner := w.newUser(ctx, "b-owner", title)
		Expect(w.reconcile(ctx, owner).wrote()).To(BeTrue())
		loser := w.newUser(ctx, "a-loser", `profile: {jobTitle: Boss of Admins}`)

		s := w.reconcile(ctx, loser)
		Expect(s.requests).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(beIn(time.Second), "what is news is checked once more")
		Expect(saidOf(loser)).To(Equal(conflictSaid))
		Expect(message(loser)).To(Equal(fmt.Sprintf(
			"CertCentral user 125039 is owned by %s/b-owner: delete one of the two.", w.namespace)))
		Expect(s.events).To(ConsistOf(HavePrefix("Warning Conflict")))
		s = w.reconcile(ctx, loser)
		Expect(s.writes).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(beIn(10 * time.Minute))
		w.expectQuiet(ctx, owner)
		Expect(w.users.claimants(ctx, owner)).To(ContainElement(ctrl.Request{NamespacedName: nameOf(loser)}))

		Expect(direct.Delete(ctx, owner)).To(Succeed())
		s = w.reconcile(ctx, loser)
		Expect(s.requests).To(Equal([]string{getJohn}), "the owner may come back")
		Expect(s.result.RequeueAfter).To(Equal(takeOverAfter))
		Expect(saidOf(loser)).To(Equal("Conflict: Ready=False InSync=Unknown Reconciling=True"))
		w.step(takeOverAfter)
		Expect(w.reconcile(ctx, loser).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(loser)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(w.users.claimants(ctx, loser)).NotTo(ContainElement(HaveField("Namespace", w.namespace)))
	})

	It("are found whichever way each refers to the user", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		owner := w.newUser(ctx, "a-owner", `userRef: {username: john.smith@example.com}`)
		loser := w.newUser(ctx, "b-loser", title)
		w.reconcile(ctx, owner)
		Expect(w.reconcile(ctx, loser).requests).To(BeEmpty())
		Expect(saidOf(loser)).To(Equal(conflictSaid))

		third := w.newUser(ctx, "c-loser", `userRef: {username: john.smith@example.com}`)
		Expect(w.reconcile(ctx, third).requests).To(Equal([]string{searchJohn}))
		Expect(saidOf(third)).To(Equal(conflictSaid))
	})

	It("are found before the older one's username was looked up", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		owner := w.newUser(ctx, "a-owner", `{userRef: {username: john.smith@example.com}, profile: {jobTitle: Senior Admin}}`)
		loser := w.newUser(ctx, "b-loser", title)
		Expect(w.reconcile(ctx, loser).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(loser)).To(Equal(conflictSaid))
		Expect(w.reconcile(ctx, owner).wrote()).To(BeTrue())
	})

	It("are found across account objects and namespaces of one CertCentral account", func(ctx SpecContext) {
		w := openWorld(ctx, `allowedNamespaces: {from: All}`)
		second := w.newAccount(ctx, "second", ``)
		w.reconcileOther(ctx, second)
		elsewhere := newNamespace(ctx, nil)
		users := []*v1alpha1.CertCentralUser{
			w.newUser(ctx, "john-smith", title),
			newUserIn(ctx, elsewhere, "john-smith", fmt.Sprintf(`accountRef: {name: digicert, namespace: %s}`, w.namespace)),
			w.newUser(ctx, "third", `accountRef: {name: second}`),
		}
		slices.SortFunc(users, func(a, b *v1alpha1.CertCentralUser) int {
			return map[bool]int{true: -1, false: 1}[claimOf(a, nil).before(claimOf(b, nil))]
		})
		w.reconcile(ctx, users[0])
		for _, user := range users[1:] {
			Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
			Expect(saidOf(user)).To(Equal(conflictSaid))
		}
	})

	It("are still found after a restart, before the other's account was looked at", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		second := w.newAccount(ctx, "second", ``)
		w.reconcileOther(ctx, second)
		owner, loser := w.newUser(ctx, "a-owner", `accountRef: {name: second}`), w.newUser(ctx, "b-loser", title)
		w.reconcile(ctx, owner)
		w.restart(ctx)
		Expect(w.reconcile(ctx, loser).requests).To(BeEmpty())
		Expect(saidOf(loser)).To(Equal(conflictSaid))
	})

	It("of different CertCentral accounts have nothing to do with each other", func(ctx SpecContext) {
		one, two := openWorld(ctx, ``), openWorld(ctx, ``)
		a, b := one.newUser(ctx, "john-smith", title), two.newUser(ctx, "john-smith", title)
		Expect(one.reconcile(ctx, a).wrote()).To(BeTrue())
		Expect(two.reconcile(ctx, b).wrote()).To(BeTrue())
		one.expectQuiet(ctx, a)
		two.expectQuiet(ctx, b)
	})

	It("are no conflict while the older one may not use the account, or is going", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		owner := newUserIn(ctx, newNamespace(ctx, nil), "a-owner", fmt.Sprintf(`accountRef: {name: digicert, namespace: %s}`, w.namespace))
		w.reconcile(ctx, owner)
		Expect(saidOf(owner)).To(HavePrefix("AccountNotAllowed:"))
		going := w.newUser(ctx, "a-going", ``)
		going.Finalizers = []string{"example.com/test"}
		Expect(direct.Update(ctx, going)).To(Succeed())
		Expect(direct.Delete(ctx, going)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			edit := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
			Expect(direct.Patch(ctx, going, edit)).To(Succeed())
		})
		user := w.newUser(ctx, "b-user", title)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})

	It("are no conflict as long as nobody can tell, for an API server that fails stops the look", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		down := errors.New("the API server is down")
		w.users.Client = w.counted(interceptor.Funcs{
			List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return down },
		})
		s := w.reconcile(ctx, user)
		Expect(s.err).To(MatchError(down))
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
		Expect(w.users.claimants(ctx, user)).To(BeEmpty())
		Expect(w.users.usersOf(ctx, w.account)).To(BeEmpty())
	})

	It("that agree are ordered by age, then namespace, then name", func() {
		user := func(namespace, name string, age time.Duration) *v1alpha1.CertCentralUser {
			return &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: name, CreationTimestamp: metav1.NewTime(time.Unix(1e9, 0).Add(-age)),
			}}
		}
		inOrder := []*v1alpha1.CertCentralUser{user("z", "z", time.Hour), user("a", "b", time.Minute), user("b", "a", time.Minute), user("b", "b", time.Minute)}
		for i, a := range inOrder {
			for j, b := range inOrder {
				Expect(claimOf(a, nil).before(claimOf(b, nil))).To(Equal(i < j), "%s and %s", nameOf(a), nameOf(b))
			}
		}
	})

	It("are woken by users only", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		Expect(w.users.claimants(ctx, w.account)).To(BeEmpty())
	})
})
