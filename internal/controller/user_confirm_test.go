package controller

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// cached makes the reconcilers read the object as it is now, whatever becomes of it, as from a cache that lags.
func (w *world) cached(object client.Object) {
	old := object.DeepCopyObject()
	w.users.Client = w.counted(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
			if key != client.ObjectKeyFromObject(object) {
				return c.Get(ctx, key, into, opts...)
			}
			switch into := into.(type) {
			case *v1alpha1.CertCentralUser:
				old.(*v1alpha1.CertCentralUser).DeepCopyInto(into)
			case *v1alpha1.CertCentralAccount:
				old.(*v1alpha1.CertCentralAccount).DeepCopyInto(into)
			}
			return nil
		},
	})
}

var _ = Describe("A write is not made", func() {
	var (
		w    *world
		user *v1alpha1.CertCentralUser
	)
	BeforeEach(func(ctx SpecContext) {
		w = openWorld(ctx, ``)
		user = w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
	})
	expectNoWrite := func(ctx context.Context) step {
		GinkgoHelper()
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(w.live("job_title")).To(Equal("Sys Admin"))
		Expect(s.events).To(BeEmpty())
		return s
	}

	It("from a generation that is no longer the newest", func(ctx SpecContext) {
		w.cached(user)
		edit(ctx, user, `profile: {jobTitle: Boss of Admins}`)
		s := expectNoWrite(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.result.RequeueAfter).To(Equal(time.Second))
		Expect(s.result.Priority).To(HaveValue(BeZero()), "a person waits")
		Expect(saidOf(user)).To(BeEmpty())

		w.cached(user)
		w.reconcile(ctx, user)
		Expect(w.live("job_title")).To(Equal("Boss of Admins"))
	})

	It("under an account that was changed since", func(ctx SpecContext) {
		w.cached(w.account)
		edit(ctx, w.account, `mode: Observe`)
		Expect(expectNoWrite(ctx).err).NotTo(HaveOccurred())
	})

	It("for a resource that comes out of a backup, until a person accepts that", func(ctx SpecContext) {
		newer := user.DeepCopy()
		newer.Generation = 7
		w.users.seen.see(newer)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.events).To(ConsistOf(ContainSubstring("Warning RolledBack john-smith went back from generation 7 to 1")))
		Expect(saidOf(user)).To(Equal("RolledBack: Ready=False InSync=False Stalled=True"))
		w.expectQuiet(ctx, user)

		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "nightly")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "a schedule asks for a look, and accepts nothing")
		annotate(ctx, user, v1alpha1.AnnotationAcceptRollback, "7")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "nor does another generation")

		w.restart(ctx)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("RolledBack: Ready=False InSync=False Stalled=True"), "a restart does not either")

		annotate(ctx, user, v1alpha1.AnnotationAcceptRollback, "1")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(user.Status.RolledBack).To(BeNil())
	})

	It("for a resource whose backup asks for a look, or accepts an earlier rollback", func(ctx SpecContext) {
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "nightly")
		annotate(ctx, user, v1alpha1.AnnotationAcceptRollback, "1")
		newer := user.DeepCopy()
		newer.Generation = 7
		w.users.seen.see(newer)
		for range 2 {
			Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
			Expect(saidOf(user)).To(Equal("RolledBack: Ready=False InSync=False Stalled=True"))
			Expect(message(user)).To(HaveSuffix(`accept-rollback taken away and set to "1".`))
		}
		annotate(ctx, user, v1alpha1.AnnotationAcceptRollback, "")
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())
		annotate(ctx, user, v1alpha1.AnnotationAcceptRollback, "1")
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})

	It("for a resource whose status speaks of a newer generation of itself", func(ctx SpecContext) {
		user.Status.ObservedGeneration, user.Status.ResourceUID = 7, string(user.UID)
		Expect(direct.Status().Update(ctx, user)).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("RolledBack: Ready=False InSync=False Stalled=True"))
	})

	It("but for a resource with the restored status of another one it is", func(ctx SpecContext) {
		user.Status.ObservedGeneration, user.Status.ResourceUID = 7, "another"
		Expect(direct.Status().Update(ctx, user)).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("under an account that comes out of a backup, until a person accepts that", func(ctx SpecContext) {
		newer := w.account.DeepCopy()
		newer.Generation = 7
		w.users.seenAccounts.see(newer)
		annotate(ctx, w.account, v1alpha1.AnnotationReconcileRequestedAt, "nightly")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		annotate(ctx, w.account, v1alpha1.AnnotationAcceptRollback, "1")
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	})

	It("under an account that comes out of a backup, until its spec is changed", func(ctx SpecContext) {
		newer := w.account.DeepCopy()
		newer.Generation = 7
		w.users.seenAccounts.see(newer)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(message(user)).To(HavePrefix("digicert went back from generation 7 to 1"))

		edit(ctx, w.account, `interval: 20m`)
		w.reconcileAccount(ctx)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	})

	It("for a resource that is gone", func(ctx SpecContext) {
		w.cached(user)
		Expect(direct.Delete(ctx, user)).To(Succeed())
		Expect(expectNoWrite(ctx).err).NotTo(HaveOccurred())
	})

	It("for a resource that is going", func(ctx SpecContext) {
		w.cached(user)
		user.Finalizers = []string{"example.com/test"}
		Expect(direct.Update(ctx, user)).To(Succeed())
		Expect(direct.Delete(ctx, user)).To(Succeed())
		expectNoWrite(ctx)
		w.users.Client = w.counted(interceptor.Funcs{})
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty(), "deleting does nothing at CertCentral")
		user.Finalizers = nil
		Expect(direct.Update(ctx, user)).To(Succeed())
		Expect(w.reconcile(ctx, user)).To(Equal(step{requests: []string{}}))
	})

	It("for a resource that was created anew", func(ctx SpecContext) {
		w.cached(user)
		Expect(direct.Delete(ctx, user)).To(Succeed())
		user = w.newUser(ctx, "john-smith", `{userRef: {id: 125040}, profile: {jobTitle: Boss of Admins}}`)
		expectNoWrite(ctx)
		Expect(saidOf(user)).To(BeEmpty())
	})

	It("and nothing is said of a resource that was created anew", func(ctx SpecContext) {
		Expect(w.Edit(john, map[string]any{"job_title": "Senior Admin"})).To(Succeed())
		w.cached(user)
		Expect(direct.Delete(ctx, user)).To(Succeed())
		user = w.newUser(ctx, "john-smith", `{userRef: {id: 125040}, profile: {jobTitle: Boss of Admins}}`)
		Expect(w.reconcile(ctx, user).err).NotTo(HaveOccurred())
		Expect(saidOf(user)).To(BeEmpty())
		user.Status.Conditions = nil
		Expect(user.Status).To(Equal(v1alpha1.CertCentralUserStatus{ObservedGeneration: -1}))
	})

	It("while the API server does not answer", func(ctx SpecContext) {
		down := errors.New("the API server is down")
		w.users.Live = w.counted(interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return down
			},
		})
		s := expectNoWrite(ctx)
		Expect(s.err).To(MatchError(down))
		Expect(s.writes).To(BeEmpty())
	})
})

var _ = Describe("After a write whose outcome is unknown", func() {
	const title = `profile: {jobTitle: Senior Admin}`

	It("the next call is a look, which finds it done", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT", Times: 1}, Do: simulator.Do{Apply: true, Drop: true}})

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn}))
		Expect(s.err).To(HaveOccurred())
		Expect(saidOf(user)).To(Equal("Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"))
		Expect(user.Status.Applied).To(BeNil())

		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	})

	It("the next call is a look, which finds it undone", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT", Times: 1}, Do: simulator.Do{Drop: true}})

		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn}))
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("a restarted operator looks first as well", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT", Times: 1}, Do: simulator.Do{Apply: true, Drop: true}})
		w.reconcile(ctx, user)
		w.restart(ctx)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
	})

	It("by a shutdown there is none: write, look and status go on", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT"}, Do: simulator.Do{Hang: true}})
		running, stop := context.WithCancel(ctx)
		s := w.observe(running, func(ctx context.Context) (ctrl.Result, error) {
			go func() {
				defer GinkgoRecover()
				Eventually(func() []string { return w.Calls().Requests() }).Should(ContainElement(putJohn))
				stop()
				w.Release()
			}()
			return w.users.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(user)})
		})
		reread(user)
		Expect(running.Err()).To(HaveOccurred())
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("no write begins once the shutdown has", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		running, stop := context.WithCancel(ctx)
		stop()
		s := w.reconcile(running, user)
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
	})
})

var _ = It("A status is written although the resource was labelled meanwhile", func(ctx SpecContext) {
	w := openWorld(ctx, ``)
	user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
	w.cached(user)
	annotate(ctx, user, "example.com/note", "somebody was here")
	s := w.reconcile(ctx, user)
	Expect(s.err).NotTo(HaveOccurred())
	Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	Expect(user.Status.Applied.Generation).To(Equal(int64(1)))
	Expect(user.Annotations).To(HaveKey("example.com/note"))
})
