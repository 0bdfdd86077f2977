package controller

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const accountNotReadySaid = "AccountNotReady: Ready=False InSync=Unknown"

var _ = Describe("An account that a user may not use", func() {
	const title = `profile: {jobTitle: Senior Admin}`

	It("because it does not exist is waited for, without a question", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `{accountRef: {name: elsewhere}, profile: {jobTitle: Senior Admin}}`)
		s := w.reconcile(ctx, user)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(BeZero(), "the account wakes its users")
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))
		Expect(message(user)).To(Equal(fmt.Sprintf("Account %s/elsewhere does not exist.", w.namespace)))
		Expect(user.Status.ObservedGeneration).To(Equal(int64(1)))
		Expect(w.reconcile(ctx, user).writes).To(BeEmpty())
	})

	It("because nobody has looked at it yet says nothing", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(Equal(time.Minute))
	})

	It("because its Secret is missing is said by name of the reason", func(ctx SpecContext) {
		w := newWorld(ctx, `apiKeySecretRef: {name: nowhere}`)
		w.reconcileAccount(ctx)
		user := w.newUser(ctx, "john-smith", title)
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))
		Expect(message(user)).To(Equal(fmt.Sprintf("Account %s/digicert is not ready: SecretNotReady.", w.namespace)))
	})

	It("because CertCentral could not be reached yet is tried again", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		w.SetRules(w.Rules())
		Expect(w.server.Close()).To(Succeed())
		Expect(w.reconcileAccount(ctx).err).To(HaveOccurred())
		Expect(saidOf(w.account)).To(Equal("Unavailable: Ready=Unknown Reconciling=True"))
		user := w.newUser(ctx, "john-smith", title)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("AccountNotReady: Ready=Unknown InSync=Unknown Reconciling=True"))
		Expect(user.Status.ObservedGeneration).To(Equal(int64(-1)))
	})

	It("after a restart waits until the account was looked at, and says nothing new", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.reconcile(ctx, user)
		w.makeReconcilers()
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
		w.reconcileAccount(ctx)
		w.expectQuiet(ctx, user)
	})

	It("because it is pinned to another CertCentral account", func(ctx SpecContext) {
		w := newWorld(ctx, `accountID: 4711`)
		w.reconcileAccount(ctx)
		user := w.newUser(ctx, "john-smith", title)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal("AccountMismatch: Ready=False InSync=Unknown Stalled=True"))

		edit(ctx, w.account, `accountID: null`)
		w.reconcileAccount(ctx)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	})

	It("because the user is of another one than it is pinned to", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		edit(ctx, w.account, fmt.Sprintf(`accountID: %d`, w.accountID))
		w.reconcileAccount(ctx)
		user := w.newUser(ctx, "john-smith", title)
		w.users.Sessions.last(nameOf(w.account)).owner.AccountID = w.accountID
		edit(ctx, w.account, `accountID: 4711`)
		w.reconcileAccount(ctx)
		w.users.Sessions.last(nameOf(w.account)).owner.AccountID = 4711 // as if the key's owner were of it, and John not
		w.reconcileAccount(ctx)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("AccountMismatch: Ready=False InSync=Unknown Stalled=True"))
		Expect(w.live("job_title")).To(Equal("Sys Admin"))
	})

	It("because its namespace is not one that the operator watches", func(ctx SpecContext) {
		w := openWorld(ctx, `allowedNamespaces: {from: All}`)
		w.users.Namespaces = []string{"somewhere-else"}
		user := w.newUser(ctx, "john-smith", title)
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))
		Expect(message(user)).To(ContainSubstring("does not watch"))
	})

	It("because its namespace can't be read", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.users.Probed = w.watching(w.refusing("gone"), w.namespace, "gone")
		w.users.Probed.Probe(ctx)
		user := w.newUser(ctx, "john-smith", `{accountRef: {name: digicert, namespace: gone}}`)
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))
		Expect(message(user)).To(Equal("Account gone/digicert is in a namespace that this operator can't read: " +
			"it does not exist, or the operator has no Role in it."))
	})

	It("because the operator's label selector leaves it out", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.users.Client, w.users.Selector = w.withoutAccounts(), labels.SelectorFromSet(labels.Set{"shard": "a"})
		user := w.newUser(ctx, "john-smith", title)
		s := w.reconcile(ctx, user)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))
		Expect(message(user)).To(Equal(fmt.Sprintf("Account %s/digicert does not match the operator's --watch-label-selector.", w.namespace)))

		missing := w.newUser(ctx, "jane-doe", `{accountRef: {name: elsewhere}, userRef: {id: 7}}`)
		w.reconcile(ctx, missing)
		Expect(message(missing)).To(Equal(fmt.Sprintf("Account %s/elsewhere does not exist.", w.namespace)))
		foreign := newUserIn(ctx, newNamespace(ctx, nil), "john-smith", fmt.Sprintf(`{accountRef: {name: digicert, namespace: %s}}`, w.namespace))
		w.reconcile(ctx, foreign)
		Expect(saidOf(foreign)).To(Equal("AccountNotAllowed: Ready=False InSync=Unknown Stalled=True"), "nothing else is told of a foreign account")

		w.account.Labels = map[string]string{"shard": "a"}
		Expect(direct.Update(ctx, w.account)).To(Succeed())
		s = w.reconcile(ctx, user)
		Expect(s.writes).To(BeEmpty(), "a cache that is late is no news")
		w.users.Client = w.counted(interceptor.Funcs{})
		w.reconcileAccount(ctx)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	})
})

var _ = Describe("An account's allowedNamespaces", func() {
	DescribeTable("from another namespace", func(ctx SpecContext, spec string, allowed bool) {
		w := openWorld(ctx, spec)
		elsewhere := newNamespace(ctx, map[string]string{"team": "tls"})
		user := newUserIn(ctx, elsewhere, "john-smith",
			fmt.Sprintf(`{accountRef: {name: digicert, namespace: %s}, profile: {jobTitle: Senior Admin}}`, w.namespace))
		s := w.reconcile(ctx, user)
		Expect(s.err).NotTo(HaveOccurred())
		if allowed {
			Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
			return
		}
		Expect(s.requests).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(beIn(10*time.Minute), "nobody wakes it when a label changes")
		Expect(saidOf(user)).To(Equal("AccountNotAllowed: Ready=False InSync=Unknown Stalled=True"))
	},
		Entry("Same does not allow it", ``, false),
		Entry("All does", `allowedNamespaces: {from: All}`, true),
		Entry("Selector does where the labels match", `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: tls}}}`, true),
		Entry("Selector does not where they don't", `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: web}}}`, false),
		Entry("an empty selector matches every namespace", `allowedNamespaces: {from: Selector, selector: {}}`, true),
	)

	It("always has the account's own namespace", func(ctx SpecContext) {
		w := openWorld(ctx, `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: web}}}`)
		user := w.newUser(ctx, "john-smith", `{}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
	})

	It("is told before anything else about a foreign account", func(ctx SpecContext) {
		w := newWorld(ctx, `apiKeySecretRef: {name: nowhere}`)
		w.reconcileAccount(ctx)
		user := newUserIn(ctx, newNamespace(ctx, nil), "john-smith", fmt.Sprintf(`{accountRef: {name: digicert, namespace: %s}}`, w.namespace))
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("AccountNotAllowed: Ready=False InSync=Unknown Stalled=True"))
	})

	It("follows the labels of the namespace", func(ctx SpecContext) {
		w := openWorld(ctx, `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: tls}}}`)
		elsewhere := newNamespace(ctx, map[string]string{"team": "tls"})
		user := newUserIn(ctx, elsewhere, "john-smith", fmt.Sprintf(`{accountRef: {name: digicert, namespace: %s}}`, w.namespace))
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
		Expect(direct.Update(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: elsewhere}})).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal("AccountNotAllowed: Ready=False InSync=Unknown Stalled=True"))
	})

	It("allows nobody by a selector that can't be read", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		account := w.account.DeepCopy()
		account.Spec.AllowedNamespaces = v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "Likes"}},
		}}
		Expect(w.users.allows(ctx, account, "elsewhere")).To(BeFalse())
	})
})

// withoutAccounts is a client whose cache has none.
func (w *world) withoutAccounts() client.Client {
	return w.counted(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
			if _, ok := object.(*v1alpha1.CertCentralAccount); ok {
				return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("certcentralaccounts").GroupResource(), key.Name)
			}
			return c.Get(ctx, key, object, opts...)
		},
	})
}
