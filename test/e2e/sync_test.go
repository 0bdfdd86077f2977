package e2e

import (
	"context"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

var _ = Describe("A declared profile", func() {
	It("is written once, and then only looked at", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, map[string]any{"last_login_date": "2019-06-21 13:37:00"})
		before := profileOf(ctx, id)
		title, phone := value("Title"), value("555")

		user := s.declare(ctx, id, v1alpha1.Profile{
			Username: new(before["username"].(string)), FirstName: new(before["first_name"].(string)),
			LastName: new(before["last_name"].(string)), Email: new(before["email"].(string)),
			JobTitle: &title, Telephone: &phone,
		}, "True Updated")

		Expect(s.calls(ctx, id)).To(Equal(wrote))
		after := with(before, map[string]any{"job_title": title, "telephone": phone})
		Expect(lastWrite(ctx, id)).To(Equal(after))
		Expect(profileOf(ctx, id)).To(Equal(after))
		Expect(condition(user, v1alpha1.ConditionInSync).Status).To(Equal(metav1.ConditionTrue))
		Expect(user.Status).To(And(
			HaveField("UserID", id),
			HaveField("AccountID", s.account.Status.AccountID),
			HaveField("Profile.JobTitle", title),
			HaveField("Profile.FirstName", before["first_name"]),
			HaveField("Applied.Fields", []string{"jobTitle", "telephone"}),
			HaveField("Applied.Generation", user.Generation),
			HaveField("Differences", BeEmpty()),
			HaveField("LastLoginTime.Time", BeTemporally("==", time.Date(2019, 6, 21, 13, 37, 0, 0, time.UTC))),
		))
		Eventually(ctx, eventsOf).WithArguments(user).Should(Equal([]string{"Updated"}), "events")

		writes := statusWrites(s.namespace)
		look(ctx, user)
		Expect(s.calls(ctx, id)).To(Equal(looked))
		Eventually(ctx, statusWrites).WithArguments(s.namespace).Should(Equal(writes+1), "the acknowledgement is the only write")
	})

	It("leaves alone what it does not declare", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		before, name := profileOf(ctx, id), value("Jane")

		s.declare(ctx, id, v1alpha1.Profile{FirstName: &name}, "True Updated")

		Expect(s.calls(ctx, id)).To(Equal(wrote))
		after := with(before, map[string]any{"first_name": name})
		Expect(lastWrite(ctx, id)).To(Equal(after), "job title and telephone are sent as they were")
		Expect(profileOf(ctx, id)).To(Equal(after))
	})

	It("is found by username", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		username := live(ctx, id, "username").(string)

		user := s.declare(ctx, id, v1alpha1.Profile{}, "True InSync", func(user *v1alpha1.CertCentralUser) {
			user.Spec.UserRef = v1alpha1.UserRef{Username: &username}
		})
		look(ctx, user)

		Expect(user.Status.UserID).To(Equal(id))
		Expect(s.calls(ctx, id)).To(Equal([]string{"GET 200", "GET 200"}))
		Expect(s.searches(ctx)).To(Equal(1), "the username is looked up once")
	})

	It("is set back when a colleague changes it", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		title := live(ctx, id, "job_title").(string)
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "True InSync")
		Expect(s.calls(ctx, id)).To(Equal(looked))

		edit(ctx, id, "job_title", value("Intern"))
		edit(ctx, id, "telephone", "555-0100")
		look(ctx, user)

		Expect(ready(user)).To(Equal("True Updated"))
		Expect(s.calls(ctx, id)).To(Equal(wrote))
		Expect(live(ctx, id, "job_title")).To(Equal(title))
		Expect(live(ctx, id, "telephone")).To(Equal("555-0100"), "it is not declared")
		Eventually(ctx, scrape).Should(ContainSubstring(
			`certcentral_user_updates_total{account="%s/digicert",cause="Drift"} 1`, s.namespace))
	})

	It("is written when it is new, and only compared afterwards, in mode ReportDrift", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		title, drifted := value("Title"), value("Intern")
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "True Updated", mode(v1alpha1.ModeReportDrift))
		Expect(s.calls(ctx, id)).To(Equal(wrote))

		edit(ctx, id, "job_title", drifted)
		look(ctx, user)

		Expect(s.calls(ctx, id)).To(Equal(looked))
		Expect(ready(user)).To(Equal("True DriftReported"))
		Expect(condition(user, v1alpha1.ConditionInSync).Status).To(Equal(metav1.ConditionFalse))
		Expect(user.Status.Differences).To(Equal([]v1alpha1.Difference{
			{Field: "jobTitle", Cause: v1alpha1.CauseDrift, Desired: title, Observed: drifted},
		}))

		phone := value("555")
		change(ctx, user, "True DriftReported", func(user *v1alpha1.CertCentralUser) { user.Spec.Profile.Telephone = &phone })
		Expect(s.calls(ctx, id)).To(Equal(wrote))
		Expect(live(ctx, id, "telephone")).To(Equal(phone))
		Expect(live(ctx, id, "job_title")).To(Equal(drifted), "the write carries the drifted value as it is")
	})

	It("is never written in mode Observe, neither the user's nor the account's", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		before, title := profileOf(ctx, id), value("Title")
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "True DriftReported", mode(v1alpha1.ModeObserve))
		Expect(s.calls(ctx, id)).To(Equal(looked))

		s.setMode(ctx, v1alpha1.ModeObserve)
		change(ctx, user, "True DriftReported", mode(v1alpha1.ModeEnforce))
		look(ctx, user)
		Expect(s.calls(ctx, id)).To(HaveEach("GET 200"))
		Expect(profileOf(ctx, id)).To(Equal(before))

		s.setMode(ctx, v1alpha1.ModeEnforce)
		awaitReady(ctx, user, "True Updated")
		Expect(s.calls(ctx, id)).To(Satisfy(wroteOnce))
	})

	It("clears the job title with an empty one", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		before := profileOf(ctx, id)

		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: new("")}, "True Updated")
		look(ctx, user)

		Expect(s.calls(ctx, id)).To(Equal(slices.Concat(wrote, looked)))
		Expect(lastWrite(ctx, id)).To(Equal(with(before, map[string]any{"job_title": ""})))
		Expect(live(ctx, id, "job_title")).To(Or(BeNil(), BeEmpty()))
	})

	It("has the single sign-on flag written only where it differs", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		first, second := value("Title"), value("Title")
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &first, SAMLSSOOnly: new(false)}, "True Updated")
		Expect(lastWrite(ctx, id)).NotTo(HaveKey("is_saml_sso_only"), "it is off already")

		change(ctx, user, "True Updated", func(user *v1alpha1.CertCentralUser) { user.Spec.Profile.SAMLSSOOnly = new(true) })
		Expect(lastWrite(ctx, id)).To(HaveKeyWithValue("is_saml_sso_only", "true"))
		Expect(live(ctx, id, "is_saml_sso_only")).To(BeTrue())

		change(ctx, user, "True Updated", func(user *v1alpha1.CertCentralUser) { user.Spec.Profile.JobTitle = &second })
		Expect(lastWrite(ctx, id)).NotTo(HaveKey("is_saml_sso_only"), "it is on already")
		Expect(live(ctx, id, "is_saml_sso_only")).To(BeTrue())
		Expect(s.calls(ctx, id)).To(Equal(slices.Concat(wrote, wrote, wrote)))
	})
})

// setMode sets the account's mode.
func (s *story) setMode(ctx context.Context, m v1alpha1.Mode) {
	GinkgoHelper()
	before := s.account.DeepCopy()
	s.account.Spec.Mode = m
	Expect(kubernetes.Patch(ctx, s.account, client.MergeFrom(before))).To(Succeed())
	awaitReady(ctx, s.account, "True Available")
}

// searches counts the calls that look for a username.
func (s *story) searches(ctx context.Context) (count int) {
	GinkgoHelper()
	for _, call := range callsWith(ctx, s.key) {
		if strings.HasPrefix(call, "GET /user?") {
			count++
		}
	}
	return count
}
