package e2e

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("What can't be applied", func() {
	It("is a second resource for the same user, until the first is deleted", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		first, second := value("Title"), value("Title")
		named := func(name string) func(*v1alpha1.CertCentralUser) {
			return func(user *v1alpha1.CertCentralUser) { user.Name = name }
		}
		owner := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &first}, "True Updated", named("a-owner"))
		Expect(s.calls(ctx, id)).To(Equal(wrote))

		rival := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &second}, "False Conflict", named("b-rival"))
		look(ctx, rival)
		Expect(condition(rival, v1alpha1.ConditionStalled).Status).To(Equal(metav1.ConditionTrue))
		Expect(condition(rival, v1alpha1.ConditionReady).Message).To(ContainSubstring(s.namespace + "/a-owner"))
		Expect(s.calls(ctx, id)).To(BeEmpty(), "nobody asks CertCentral about a conflict")

		Expect(kubernetes.Delete(ctx, owner)).To(Succeed())
		awaitReady(ctx, rival, "True Updated")
		Expect(s.calls(ctx, id)).To(Equal(append([]string{"GET 200"}, wrote...)), "a look tells that there is something to write; then the owner may come back")
		Expect(live(ctx, id, "job_title")).To(Equal(second))
		Expect(condition(rival, v1alpha1.ConditionStalled)).To(BeZero())
	})

	It("is a user that does not exist, until it does", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		Expect(digicert.RemoveUser(ctx, id)).To(Succeed())
		title := value("Title")

		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "Unknown UserNotFound")
		look(ctx, user)
		Expect(ready(user)).To(Equal("False UserNotFound"), "seen twice")
		Expect(condition(user, v1alpha1.ConditionStalled).Status).To(Equal(metav1.ConditionTrue))
		Expect(s.calls(ctx, id)).To(Equal([]string{"GET 404", "GET 404"}), "one for the declaration, one for the request")

		Expect(digicert.AddUser(ctx, map[string]any{"id": id})).To(Succeed())
		look(ctx, user)
		Expect(ready(user)).To(Equal("True Updated"))
		Expect(s.calls(ctx, id)).To(Equal(wrote))
	})

	It("is a value that CertCentral rejects, and is not tried again until it changes", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		before := profileOf(ctx, id)
		bad, good := value("mail")+"@example.com", value("mail")+"@example.com"
		Expect(digicert.Inject(ctx, simulator.Fault{Match: simulator.Match{Method: "PUT", User: id, Times: 1}, Do: simulator.Do{
			Status: 400, Body: `{"errors": [{"code": "invalid_email", "message": "The mail address is not valid."}]}`,
		}})).To(Succeed())

		user := s.declare(ctx, id, v1alpha1.Profile{Email: &bad}, "False Rejected")
		Expect(condition(user, v1alpha1.ConditionStalled).Status).To(Equal(metav1.ConditionTrue))
		Expect(condition(user, v1alpha1.ConditionReady).Message).To(ContainSubstring("invalid_email"))
		Expect(profileOf(ctx, id)).To(Equal(before))

		change(ctx, user, "True Updated", func(user *v1alpha1.CertCentralUser) { user.Spec.Profile.Email = &good })
		Expect(s.calls(ctx, id)).To(Equal(slices.Concat([]string{"GET 200", "PUT 400"}, wrote)))
		Expect(live(ctx, id, "email")).To(Equal(good))
		Eventually(ctx, eventsOf).WithArguments(user).Should(Equal([]string{"Rejected", "Updated"}), "events")
	})

	It("is put off while CertCentral fails, and the answer that was lost is looked for", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		title := value("Title")
		lost := simulator.Fault{Match: simulator.Match{Method: "PUT", User: id, Times: 1}, Do: simulator.Do{Apply: true, Status: 503}}
		Expect(digicert.Inject(ctx, lost)).To(Succeed())

		user := s.create(ctx, id, v1alpha1.Profile{JobTitle: &title})
		awaitReady(ctx, user, "True InSync")

		Expect(s.calls(ctx, id)).To(Equal([]string{"GET 200", "PUT 503", "GET 200"}), "it had been applied")
		Expect(live(ctx, id, "job_title")).To(Equal(title))
		Expect(condition(user, v1alpha1.ConditionReconciling)).To(BeZero())
	})
})
