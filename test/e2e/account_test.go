package e2e

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("An account", func() {
	It("uses a rotated key within a minute, while the old one still works", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		user := s.declare(ctx, id, v1alpha1.Profile{}, "True InSync")

		next := newKey(ctx)
		s.storeKey(ctx, next)
		Eventually(ctx, callsWith).WithArguments(next).WithTimeout(65*time.Second).WithPolling(time.Second).
			Should(ContainElement(fmt.Sprintf("GET /user/%d 200", id)), "the new key is asked for, and its users are woken")
		Expect(digicert.RevokeKey(ctx, s.key)).To(Succeed())
		look(ctx, user)

		Expect(s.calls(ctx, id)).To(Equal([]string{"GET 200", "GET 200", "GET 200"}), "nothing was refused")
		Expect(ready(user)).To(Equal("True InSync"))
		Eventually(ctx, eventsOf).WithArguments(s.account).Should(Equal([]string{"Available"}), "events")
	})

	It("uses a rotated key at once when the old one is refused", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		user := s.declare(ctx, id, v1alpha1.Profile{}, "True InSync")

		next := newKey(ctx)
		s.storeKey(ctx, next)
		Expect(digicert.RevokeKey(ctx, s.key)).To(Succeed())
		look(ctx, user)

		Expect(s.calls(ctx, id)).To(Equal([]string{"GET 200", "GET 403", "GET 200"}))
		Expect(ready(user)).To(Equal("True InSync"))
	})

	It("is held while its key is revoked, and asks only for itself", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		title := value("Title")
		user := s.declare(ctx, id, v1alpha1.Profile{}, "True InSync")
		Expect(s.calls(ctx, id)).To(Equal(looked))

		Expect(digicert.RevokeKey(ctx, s.key)).To(Succeed())
		request(ctx, s.account)
		awaitReady(ctx, s.account, "False KeyRefused")
		Expect(condition(s.account, v1alpha1.ConditionStalled).Status).To(Equal(metav1.ConditionTrue))
		change(ctx, user, "False AccountNotReady", func(user *v1alpha1.CertCentralUser) { user.Spec.Profile.JobTitle = &title })
		Expect(s.calls(ctx, id)).To(BeEmpty())

		Expect(digicert.RestoreKey(ctx, s.key)).To(Succeed())
		request(ctx, s.account)
		awaitReady(ctx, s.account, "True Available")
		awaitReady(ctx, user, "True Updated")
		Expect(s.calls(ctx, id)).To(Satisfy(wroteOnce))
		Eventually(ctx, eventsOf).WithArguments(s.account).Should(Equal([]string{"Available", "Available", "KeyRefused"}), "events")
	})

	It("can be deleted and created again; meanwhile its users wait", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		title := value("Title")
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "True Updated")
		Expect(s.calls(ctx, id)).To(Equal(wrote))

		Expect(kubernetes.Delete(ctx, s.account)).To(Succeed())
		awaitReady(ctx, user, "False AccountNotReady")
		edit(ctx, id, "job_title", value("Intern"))
		look(ctx, user)
		Expect(s.calls(ctx, id)).To(BeEmpty())

		s.open(ctx)
		awaitReady(ctx, user, "True Updated")
		Expect(s.calls(ctx, id)).To(Satisfy(wroteOnce))
		Expect(live(ctx, id, "job_title")).To(Equal(title))
	})
})

// storeKey puts another API key into the account's Secret.
func (s *story) storeKey(ctx context.Context, key string) {
	GinkgoHelper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.account.Spec.APIKeySecretRef.Name},
		StringData: map[string]string{s.account.Spec.APIKeySecretRef.Key: key},
	}
	Expect(kubernetes.Update(ctx, secret)).To(Succeed())
}

// callsWith returns the calls made with an API key.
func callsWith(ctx context.Context, key string) (requests []string) {
	GinkgoHelper()
	calls, err := digicert.Calls(ctx)
	Expect(err).NotTo(HaveOccurred())
	for _, call := range calls.Where(func(c simulator.Call) bool { return c.Key == simulator.Fingerprint(key) }) {
		requests = append(requests, call.String())
	}
	return requests
}
