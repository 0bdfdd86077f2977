package controller

import (
	"context"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const secretNotReadySaid = "SecretNotReady: Ready=False"

var _ = Describe("An API key", func() {
	DescribeTable("in a Secret", func(ctx SpecContext, value func(w *world) []byte, said, told string) {
		w := newWorld(ctx, ``)
		w.setSecret(ctx, value(w))
		s := w.reconcileAccount(ctx)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(saidOf(w.account)).To(Equal(said))
		Expect(message(w.account)).To(ContainSubstring(told))
		if said == secretNotReadySaid {
			Expect(s.requests).To(BeEmpty())
			Expect(s.result.RequeueAfter).To(beIn(secretRetry))
			w.setSecret(ctx, []byte(w.key))
			w.reconcileAccount(ctx)
		}
		Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
	},
		Entry("may end with a line break", func(w *world) []byte { return []byte(w.key + "\n") }, "Available: Ready=True", "accepted"),
		Entry("also one of Windows", func(w *world) []byte { return []byte(w.key + "\r\n") }, "Available: Ready=True", "accepted"),
		Entry("must not have two", func(w *world) []byte { return []byte(w.key + "\n\n") }, secretNotReadySaid, "not printable ASCII"),
		Entry("must not have control characters", func(w *world) []byte { return []byte("\x00" + w.key) }, secretNotReadySaid, "not printable ASCII"),
		Entry("must not be empty", func(*world) []byte { return []byte{} }, secretNotReadySaid, "it is empty"),
		Entry("must be there", func(*world) []byte { return nil }, secretNotReadySaid, "Secret certcentral-api-key has no key api-key."),
	)

	It("whose Secret the operator may not read is said to be so", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.accounts.Live = w.counted(interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return apierrors.NewForbidden(corev1.Resource("secrets"), "certcentral-api-key", errors.New("no"))
			},
		})
		Expect(w.reconcileAccount(ctx).err).NotTo(HaveOccurred())
		Expect(saidOf(w.account)).To(Equal(secretNotReadySaid))
		Expect(message(w.account)).To(ContainSubstring("has no right to read Secret certcentral-api-key"))
		user := w.newUser(ctx, "john-smith", ``)
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(accountNotReadySaid))
	})

	It("whose Secret goes takes the account out of use", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		edit(ctx, w.account, `apiKeySecretRef: {name: elsewhere}`)
		w.reconcileAccount(ctx)
		Expect(saidOf(w.account)).To(Equal(secretNotReadySaid))
		Expect(message(w.account)).To(HavePrefix("Secret elsewhere does not exist"))
		Expect(w.reconcile(ctx, user).requests).To(BeEmpty())
		Expect(w.account.Status.AccountID).To(Equal(w.accountID), "as it was last seen")
	})
})
