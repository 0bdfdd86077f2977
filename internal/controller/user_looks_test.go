package controller

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// ahead writes a time that lies ten years ahead into a status.
func (w *world) ahead(ctx SpecContext, user *v1alpha1.CertCentralUser) {
	GinkgoHelper()
	before := user.DeepCopy()
	user.Status.LastObservedTime = &metav1.Time{Time: w.clock.Now().AddDate(10, 0, 0)}
	Expect(direct.Status().Patch(ctx, user, client.MergeFrom(before))).To(Succeed())
}

var _ = Describe("Full looks", func() {
	It("are as often as they are due, however short fullInterval is", func(ctx SpecContext) {
		c := openCrowded(ctx, `fullInterval: 20m`)
		looks := 0
		for range 4 * 6 {
			c.sweep(ctx)
			looks += len(c.reconcile(ctx, c.people[0]).requests)
			c.step(10 * time.Minute)
		}
		Expect(looks).To(And(BeNumerically(">=", 8), BeNumerically("<=", 16)), "every 20 minutes at most, every 10 at least, as the interval rounds it")
	})

	It("are counted from what this process made, and from the status before", func() {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "1"}}
		var looks fullLooks
		Expect(looks.last(user, now)).To(BeZero())
		user.Status.LastObservedTime = &metav1.Time{Time: now.Add(-time.Hour)}
		Expect(looks.last(user, now)).To(Equal(now.Add(-time.Hour)))
		looks.made(user, now)
		Expect(looks.last(user, now)).To(Equal(now))
		another := user.DeepCopy()
		another.UID = "2"
		Expect(looks.last(another, now)).To(Equal(now.Add(-time.Hour)))
		looks.release(types.NamespacedName{Name: "a"})
		Expect(looks.last(user, now)).To(Equal(now.Add(-time.Hour)))
	})
})

var _ = Describe("A time that lies ahead", func() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ahead := metav1.NewTime(now.AddDate(10, 0, 0))

	It("is none", func() {
		Expect(notAhead(now, &ahead)).To(BeZero())
		Expect(notAhead(now, nil)).To(BeZero())
		Expect(notAhead(now, &metav1.Time{Time: now})).To(Equal(now))
		Expect(atMost(now, ahead.Time)).To(Equal(now))
	})

	It("does not keep a swept user from its look, and is set right", func(ctx SpecContext) {
		c := openCrowded(ctx, ``)
		user := c.people[0]
		c.ahead(ctx, user)
		c.restart(ctx)
		c.sweep(ctx)
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user)}))
		Expect(user.Status.LastObservedTime.Time).To(BeTemporally("==", c.clock.Now()))
		Expect(c.reconcile(ctx, user).requests).To(BeEmpty())
	})

	It("makes no old verdict a fresh one", func() {
		account := &v1alpha1.CertCentralAccount{}
		user := &v1alpha1.CertCentralUser{Status: v1alpha1.CertCentralUserStatus{LastObservedTime: &ahead}}
		Expect(fresh(user, findings{access: &access{account: account}}, now)).To(BeFalse())
	})

	It("does not hold the brake for longer than a write made now", func() {
		user := &v1alpha1.CertCentralUser{Status: v1alpha1.CertCentralUserStatus{Applied: &v1alpha1.Applied{Time: ahead, Earlier: []metav1.Time{ahead}}}}
		Expect(recall(user, now).times).To(Equal([]time.Time{now, now}))
	})

	It("is no look for the metrics, no sign-in, and no reason to leave an account's status as it is", func() {
		status := v1alpha1.CertCentralUserStatus{LastObservedTime: &ahead, LastLoginTime: &ahead}
		c := census{now: now, looks: map[types.NamespacedName]time.Time{}}
		c.countLook(types.NamespacedName{}, &v1alpha1.CertCentralUser{Status: status})
		Expect(c.looks).To(Equal(map[types.NamespacedName]time.Time{{}: {}}))
		Expect(signedIn(&certcentral.Row{LastLogin: now}, &status, now)).To(BeTrue())
		Expect(signedIn(&certcentral.Row{LastLogin: ahead.Time}, &v1alpha1.CertCentralUserStatus{}, now)).To(BeFalse())
		all, _ := isNews(&v1alpha1.AccountSweep{LastTime: &ahead}, &v1alpha1.AccountSweep{LastTime: &metav1.Time{Time: now}}, now)
		Expect(all).To(BeTrue())
	})
})

var _ = Describe("What is declared and was never tried", func() {
	It("is a person's change, whatever was said of it meanwhile", func() {
		title := "Boss"
		user := func(reason string, change func(*v1alpha1.CertCentralUser)) *v1alpha1.CertCentralUser {
			u := &v1alpha1.CertCentralUser{
				ObjectMeta: metav1.ObjectMeta{Generation: 2},
				Spec:       v1alpha1.CertCentralUserSpec{Profile: v1alpha1.Profile{JobTitle: &title}},
				Status:     v1alpha1.CertCentralUserStatus{ObservedGeneration: 2},
			}
			meta.SetStatusCondition(&u.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason})
			if change != nil {
				change(u)
			}
			return u
		}
		settled := func(u *v1alpha1.CertCentralUser) { u.Status.Settled = &v1alpha1.SettledProfile{JobTitle: &title} }
		observe := func(u *v1alpha1.CertCentralUser) { u.Spec.Mode = "Observe" }
		tried := func(u *v1alpha1.CertCentralUser) { u.Status.Applied = &v1alpha1.Applied{Generation: 2} }
		for _, reason := range []string{"AccountNotReady", "AccountNotAllowed", "AccountMismatch", "Conflict", "Throttled", "Unavailable", "BadResponse"} {
			Expect(laneOf(user(reason, nil))).To(Equal(certcentral.Change), reason)
			for _, change := range []func(*v1alpha1.CertCentralUser){settled, observe, tried} {
				Expect(laneOf(user(reason, change))).To(Equal(certcentral.Poll), reason)
			}
		}
		for _, reason := range []string{"Rejected", "NotAccepted", "IdentityMismatch", "RolledBack", "Forbidden", "UserNotFound", "DriftReported", "InSync", "Updated"} {
			Expect(laneOf(user(reason, nil))).To(Equal(certcentral.Poll), reason)
		}
	})

	It("keeps its place when its account was not ready", func(ctx SpecContext) {
		w := openWorld(ctx, `budget: {requestsPerMinute: 12, burst: 4}`)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`)
		w.reconcile(ctx, user)
		w.setSecret(ctx, nil)
		w.reconcileAccount(ctx)
		edit(ctx, user, `profile: {jobTitle: Boss}`)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(HavePrefix("AccountNotReady"))
		Expect(user.Status.ObservedGeneration).To(Equal(user.Generation))
		w.setSecret(ctx, []byte(w.key))
		w.reconcileAccount(ctx)
		Expect(laneOf(user)).To(Equal(certcentral.Change))
	})
})

var _ = Describe("A namespace that lost its label", func() {
	It("is noticed within an interval, also where users are swept", func(ctx SpecContext) {
		c := openCrowded(ctx, `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: a}}}`)
		elsewhere := newNamespace(ctx, map[string]string{"team": "a"})
		user := newUserIn(ctx, elsewhere, "guest", `{accountRef: {name: digicert, namespace: `+c.namespace+`}, userRef: {id: 1000}, profile: {jobTitle: Clerk}}`)
		Expect(direct.Delete(ctx, c.people[0])).To(Succeed())
		c.reconcile(ctx, user)
		c.sweep(ctx)
		s := c.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(BeNumerically("<=", 10*time.Minute))
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: elsewhere}}
		Expect(direct.Patch(ctx, namespace, client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"team": null}}}`)))).To(Succeed())
		c.step(s.result.RequeueAfter)
		c.reconcile(ctx, user)
		Expect(saidOf(user)).To(HavePrefix("AccountNotAllowed"))
	})
})

var _ = Describe("The status of an account", func() {
	It("is not written to one that took its name", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		before := w.account.DeepCopy()
		Expect(direct.Delete(ctx, w.account)).To(Succeed())
		w.account = w.newAccount(ctx, "digicert", ``)
		after := before.DeepCopy()
		after.Status.AccountID = 1
		Expect(patchStatus(ctx, direct, before, after)).To(BeTrue())
		reread(w.account)
		Expect(w.account.Status.AccountID).To(BeZero())
	})

	It("has what is remembered of odd rows go with the resource", func() {
		odd := oddities{1: {}, 2: {}}
		odd.keep(map[int64][]*v1alpha1.CertCentralUser{1: {{}}})
		Expect(odd).To(HaveLen(1))
	})
})
