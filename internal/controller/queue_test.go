package controller

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

func request(name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "pki", Name: name}}
}

var _ = Describe("The queue", func() {
	It("spreads what starts together", func() {
		seen := map[time.Duration]bool{}
		for range 100 {
			seen[jittered(time.Hour)] = true
		}
		Expect(len(seen)).To(BeNumerically(">", 50))
		Expect(jittered(0)).To(BeZero())
	})

	It("gets what is woken behind everything that people changed", func(ctx SpecContext) {
		q := priorityqueue.New[reconcile.Request]("test")
		DeferCleanup(q.ShutDown)
		user := &v1alpha1.CertCentralUser{}
		h := wake(func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{request("woken")} })
		h.Create(ctx, event.CreateEvent{Object: user}, q)
		h.Update(ctx, event.UpdateEvent{ObjectOld: user, ObjectNew: user}, q)
		h.Delete(ctx, event.DeleteEvent{Object: user}, q)
		h.Generic(ctx, event.GenericEvent{Object: user}, q)
		q.Add(request("changed"))
		for _, expected := range []struct {
			name     string
			priority int
		}{{"changed", 0}, {"woken", handler.LowPriority}} {
			item, priority, _ := q.GetWithPriority()
			Expect(item).To(Equal(request(expected.name)))
			Expect(priority).To(Equal(expected.priority))
			q.Done(item)
		}
		Expect(q.Len()).To(BeZero(), "the same object is queued once")
	})
})

var _ = Describe("At the start, the queue", func() {
	It("gets what people changed meanwhile before ten thousand who only wait for a look, and what they change now as well", func(ctx SpecContext) {
		q := priorityqueue.New[reconcile.Request]("test")
		DeferCleanup(q.ShutDown)
		user := func(name string, observed int64) *v1alpha1.CertCentralUser {
			return &v1alpha1.CertCentralUser{
				ObjectMeta: metav1.ObjectMeta{Namespace: "pki", Name: name, Generation: 2},
				Status:     v1alpha1.CertCentralUserStatus{ObservedGeneration: observed},
			}
		}
		h := enqueue()
		for i := range 10_000 {
			h.Create(ctx, event.CreateEvent{Object: user(fmt.Sprintf("settled-%d", i), 2), IsInInitialList: true}, q)
		}
		h.Create(ctx, event.CreateEvent{Object: user("changed-meanwhile", 1), IsInInitialList: true}, q)
		h.Update(ctx, event.UpdateEvent{ObjectNew: user("settled-7000", 1)}, q)
		h.Create(ctx, event.CreateEvent{Object: user("new", -1)}, q)
		var first []string
		for range 3 {
			item, _ := q.Get()
			first = append(first, item.Name)
			q.Done(item)
		}
		Expect(first).To(ConsistOf("changed-meanwhile", "settled-7000", "new"))
		Expect(q.Len()).To(Equal(10_000 - 1))
	})
})

var _ = Describe("What is kept of an object", func() {
	It("lacks what nobody here reads, and nothing else", func() {
		user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{
			Name: "john", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
			Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}", v1alpha1.AnnotationConfirmUser: "7"},
		}}
		kept, err := Lean(user)
		Expect(err).NotTo(HaveOccurred())
		Expect(kept).To(Equal(&v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{
			Name: "john", Annotations: map[string]string{v1alpha1.AnnotationConfirmUser: "7"},
		}}))
		gone := toolscache.DeletedFinalStateUnknown{Key: "pki/john"}
		Expect(Lean(gone)).To(Equal(gone))
	})
})

var _ = Describe("A watch", func() {
	user := func(change func(*v1alpha1.CertCentralUser)) client.Object {
		u := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{UID: "1", Generation: 1, Annotations: map[string]string{}}}
		change(u)
		return u
	}
	account := func(change func(*v1alpha1.CertCentralAccount)) client.Object {
		a := &v1alpha1.CertCentralAccount{ObjectMeta: metav1.ObjectMeta{UID: "1", Generation: 1}}
		change(a)
		return a
	}
	ready := func(status metav1.ConditionStatus, reason, message string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}}
	}
	same := func(*v1alpha1.CertCentralUser) {}
	sameAccount := func(*v1alpha1.CertCentralAccount) {}

	DescribeTable("passes an update", func(p predicate.Predicate, before, after client.Object, passes bool) {
		Expect(p.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})).To(Equal(passes))
	},
		Entry("of the spec", declaredOrRequested(), user(same), user(func(u *v1alpha1.CertCentralUser) { u.Generation = 2 }), true),
		Entry("not of the status alone, or a failing object would spin", declaredOrRequested(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Status.UserID = 1 }), false),
		Entry("of the annotation that asks for a look", declaredOrRequested(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Annotations[v1alpha1.AnnotationReconcileRequestedAt] = "now" }), true),
		Entry("of the annotation that accepts a rollback", declaredOrRequested(), user(same),
			user(func(u *v1alpha1.CertCentralUser) {
				u.Annotations = map[string]string{v1alpha1.AnnotationAcceptRollback: "1"}
			}), true),
		Entry("of the annotation that accepts what a write changed", declaredOrRequested(), user(same),
			user(func(u *v1alpha1.CertCentralUser) {
				u.Annotations = map[string]string{v1alpha1.AnnotationAcceptUnexpectedChange: "1"}
			}), true),
		Entry("of the annotation that confirms the person", declaredOrRequested(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Annotations[v1alpha1.AnnotationConfirmUser] = "1" }), true),
		Entry("not of other annotations", declaredOrRequested(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Annotations["example.com/team"] = "tls" }), false),

		Entry("of an account's spec", accountChanged(), account(sameAccount),
			account(func(a *v1alpha1.CertCentralAccount) { a.Generation = 2 }), true),
		Entry("of an account made anew", accountChanged(), account(sameAccount),
			account(func(a *v1alpha1.CertCentralAccount) { a.UID = "2" }), true),
		Entry("of whose key it is", accountChanged(), account(sameAccount),
			account(func(a *v1alpha1.CertCentralAccount) { a.Status.AccountID = 1 }), true),
		Entry("of an account that was judged for another generation", accountChanged(), account(sameAccount),
			account(func(a *v1alpha1.CertCentralAccount) { a.Status.ObservedGeneration = 1 }), true),
		Entry("of an account that can't be used any more", accountChanged(), account(sameAccount),
			account(func(a *v1alpha1.CertCentralAccount) { a.Status.Conditions = ready("False", "KeyRefused", "") }), true),
		Entry("not of an account that could not be looked at, for its users can", accountChanged(),
			account(func(a *v1alpha1.CertCentralAccount) { a.Status.Conditions = ready("True", "Available", "") }),
			account(func(a *v1alpha1.CertCentralAccount) { a.Status.Conditions = ready("Unknown", "Unavailable", "") }), false),
		Entry("not of an account's message", accountChanged(),
			account(func(a *v1alpha1.CertCentralAccount) { a.Status.Conditions = ready("True", "Available", "") }),
			account(func(a *v1alpha1.CertCentralAccount) { a.Status.Conditions = ready("True", "Available", "other") }), false),

		Entry("of an owner that is made anew", gaveUp(), user(same), user(func(u *v1alpha1.CertCentralUser) { u.UID = "2" }), true),
		Entry("of an owner that moves to another account", gaveUp(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Generation, u.Spec.AccountRef.Name = 2, "other" }), true),
		Entry("of an owner that goes", gaveUp(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.DeletionTimestamp = new(metav1.Now()) }), true),
		Entry("of an owner whom the account stops allowing", gaveUp(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Status.Conditions = ready("False", "AccountNotAllowed", "") }), true),
		Entry("of an owner that declares something else, to which others may agree", gaveUp(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Generation = 2 }), true),
		Entry("not of an owner of whom there is news", gaveUp(), user(same),
			user(func(u *v1alpha1.CertCentralUser) { u.Status.Conditions = ready("True", "InSync", "") }), false),
	)

	It("passes what is new, what is gone, and what is asked for", func() {
		p, u := declaredOrRequested(), user(same)
		Expect(p.Create(event.CreateEvent{Object: u})).To(BeTrue())
		Expect(p.Delete(event.DeleteEvent{Object: u})).To(BeTrue())
		Expect(p.Generic(event.GenericEvent{Object: u})).To(BeTrue())
		Expect(gaveUp().Create(event.CreateEvent{Object: u})).To(BeFalse(), "nobody loses by a new resource that he hadn't before")
		Expect(gaveUp().Delete(event.DeleteEvent{Object: u})).To(BeTrue())
	})

	It("finds users by what they refer to", func() {
		u := user(func(u *v1alpha1.CertCentralUser) {
			u.Spec.AccountRef.Name, u.Spec.UserRef.ID, u.Status.UserID = "digicert", new(int64(john)), john
		})
		Expect(indexes[fieldAccount](u)).To(Equal([]string{"digicert"}))
		Expect(indexes[fieldRefID](u)).To(Equal([]string{"125039"}))
		Expect(indexes[fieldUserID](u)).To(Equal([]string{"125039"}))
		Expect(indexes[fieldUserID](user(same))).To(BeEmpty())
		Expect(indexes[fieldRefID](user(same))).To(BeEmpty())
	})

	It("maps an account to the users that refer to it, from whatever namespace", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		elsewhere := newNamespace(ctx, nil)
		one, two := w.newUser(ctx, "one", ``), newUserIn(ctx, elsewhere, "two", `accountRef: {name: digicert, namespace: `+w.namespace+`}`)
		newUserIn(ctx, elsewhere, "three", ``)
		Expect(w.users.usersOf(ctx, w.account)).To(ConsistOf(reconcile.Request{NamespacedName: nameOf(one)}, reconcile.Request{NamespacedName: nameOf(two)}))
	})
})

var _ = Describe("Progress", func() {
	It("is no longer seen once a reconcile is stuck, and again when it is over", func(ctx SpecContext) {
		clock := clocktesting.NewFakePassiveClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		p := &Progress{Clock: clock}
		Expect(p.Check(nil)).To(Succeed())
		within := reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
			clock.SetTime(clock.Now().Add(stuckAfter))
			Expect(p.Check(nil)).To(Succeed(), "it may take its time")
			clock.SetTime(clock.Now().Add(time.Second))
			Expect(p.Check(nil)).To(MatchError("a reconcile is stuck since 4m1s"))
			return reconcile.Result{RequeueAfter: time.Minute}, nil
		})
		Expect(p.Watch(within).Reconcile(ctx, request("john"))).To(Equal(reconcile.Result{RequeueAfter: time.Minute}))
		Expect(p.Check(nil)).To(Succeed())
	})

	It("is judged by each reconcile on its own", func() {
		clock := clocktesting.NewFakePassiveClock(time.Now())
		p := &Progress{Clock: clock}
		end := p.begin()
		clock.SetTime(clock.Now().Add(stuckAfter))
		p.begin()()
		clock.SetTime(clock.Now().Add(time.Second))
		Expect(p.Check(nil)).NotTo(Succeed(), "another one that came and went is no sign of life of the first")
		end()
		Expect(p.Check(nil)).To(Succeed())
	})
})
