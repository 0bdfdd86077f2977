package controller

import (
	"context"
	"time"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// managedWorld is a newWorld with a manager that runs its reconcilers, over a cache of its namespace.
func managedWorld(ctx context.Context, spec string) *world {
	GinkgoHelper()
	w := newWorld(ctx, spec)
	mgr, err := ctrl.NewManager(apiServer, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		Logger:     funcr.NewJSON(func(line string) { w.tell("log: " + line) }, funcr.Options{}),
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}}},
		Client:     client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	Expect(err).NotTo(HaveOccurred())
	w.users.Client, w.users.Live, w.users.Namespaces = mgr.GetClient(), mgr.GetAPIReader(), []string{w.namespace}
	w.accounts.Client, w.accounts.Live = mgr.GetClient(), mgr.GetAPIReader()
	progress := &Progress{Clock: w.clock}
	Expect(w.users.SetupWithManager(ctx, mgr, progress, 4)).To(Succeed())
	Expect(w.accounts.SetupWithManager(mgr, progress)).To(Succeed())
	w.sweeper.Client = mgr.GetClient()
	Expect(w.sweeper.SetupWithManager(mgr, progress)).To(Succeed())

	running, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- mgr.Start(running) }()
	DeferCleanup(func() {
		stop()
		Expect(<-ended).To(Succeed())
		Expect(progress.Check(nil)).To(Succeed())
	})
	return w
}

// eventually waits for what is said of an object.
func eventually(ctx context.Context, object client.Object, line string) {
	GinkgoHelper()
	Eventually(func() string {
		reread(object)
		return saidOf(object)
	}).WithContext(ctx).WithTimeout(20 * time.Second).Should(Equal(line))
}

var _ = Describe("A manager", func() {
	const updatedSaid = "Updated: Ready=True InSync=True"

	It("acts on an edit of a spec", func(ctx SpecContext) {
		w := managedWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		eventually(ctx, user, updatedSaid)
		Expect(w.live("job_title")).To(Equal("Senior Admin"))
		edit(ctx, user, `profile: {jobTitle: Boss of Admins}`)
		eventually(ctx, user, updatedSaid)
		Expect(w.live("job_title")).To(Equal("Boss of Admins"))
		Expect(w.puts()).To(HaveLen(2))
	})

	It("wakes the users of an account that changed", func(ctx SpecContext) {
		w := managedWorld(ctx, `mode: Observe`)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		eventually(ctx, user, "DriftReported: Ready=True InSync=False")
		edit(ctx, w.account, `mode: Enforce`)
		eventually(ctx, user, updatedSaid)
	})

	It("wakes the users of an account that could not be opened before", func(ctx SpecContext) {
		w := managedWorld(ctx, `apiKeySecretRef: {name: nowhere}`)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		eventually(ctx, user, accountNotReadySaid)
		edit(ctx, w.account, `apiKeySecretRef: {name: certcentral-api-key}`)
		eventually(ctx, user, updatedSaid)
	})

	It("wakes the loser of a conflict when the owner is deleted", func(ctx SpecContext) {
		w := managedWorld(ctx, ``)
		owner := w.newUser(ctx, "a-owner", `profile: {jobTitle: Senior Admin}`)
		eventually(ctx, owner, updatedSaid)
		loser := w.newUser(ctx, "b-loser", `profile: {jobTitle: Boss of Admins}`)
		eventually(ctx, loser, conflictSaid)
		Expect(direct.Delete(ctx, owner)).To(Succeed())
		eventually(ctx, loser, "Conflict: Ready=False InSync=Unknown Reconciling=True")
		w.step(takeOverAfter)
		annotate(ctx, loser, v1alpha1.AnnotationReconcileRequestedAt, "now")
		eventually(ctx, loser, updatedSaid)
	})

	It("wakes an account whose key was refused, and its users when it is good again", func(ctx SpecContext) {
		w := managedWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		eventually(ctx, user, "InSync: Ready=True InSync=True")
		Expect(w.RevokeKey(w.key)).To(Succeed())
		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "now")
		eventually(ctx, w.account, keyRefusedSaid)
		eventually(ctx, user, accountNotReadySaid)

		Expect(w.RestoreKey(w.key)).To(Succeed())
		annotate(ctx, w.account, v1alpha1.AnnotationReconcileRequestedAt, "now")
		eventually(ctx, user, "InSync: Ready=True InSync=True")
		Expect(saidOf(w.account)).NotTo(BeEmpty())
	})
})
