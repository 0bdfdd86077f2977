package kubectl

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// person declares the user with an id, with lines of its profile. More of the spec can follow.
func person(name string, id int64, profile ...string) string {
	lines := fmt.Sprintf(`
apiVersion: certcentral.io/v1alpha1
kind: CertCentralUser
metadata: {name: %s}
spec:
  accountRef: {name: digicert}
  userRef: {id: %d}
`, name, id)
	if len(profile) > 0 {
		lines += "  profile: {" + strings.Join(profile, ", ") + "}\n"
	}
	return lines
}

// inSync waits until what is declared now is in place.
func inSync(ctx context.Context, namespace, name string) *v1alpha1.CertCentralUser {
	GinkgoHelper()
	user := &v1alpha1.CertCentralUser{}
	Eventually(ctx, func(g Gomega) {
		g.Expect(earth.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, user)).To(Succeed())
		g.Expect(user.Status.ObservedGeneration).To(Equal(user.Generation))
		g.Expect(user.Status.Conditions).To(ContainElement(And(HaveField("Type", "InSync"), HaveField("Status", BeEquivalentTo("True")))))
	}).Should(Succeed())
	return user
}

var _ = Describe("kubectl apply", func() {
	It("and diff find nothing to do once the operator is done, and say what a change would do", func(ctx SpecContext) {
		namespace, id := newAccount(ctx), newPerson(ctx, map[string]any{"job_title": "Sys Admin"})
		declared := person("john-smith", id, `jobTitle: Senior Admin`, `telephone: ""`)

		Expect(run(ctx, namespace, declared, "apply", "-f", "-")).To(Equal("certcentraluser.certcentral.io/john-smith created\n"))
		before := inSync(ctx, namespace, "john-smith")
		Expect(live(ctx, id, "job_title")).To(Equal("Senior Admin"))

		Expect(run(ctx, namespace, declared, "apply", "-f", "-")).To(Equal("certcentraluser.certcentral.io/john-smith unchanged\n"))
		Expect(try(ctx, namespace, declared, "diff", "-f", "-")).To(Equal(answer{}), "no difference is no output and exit code 0")
		Expect(inSync(ctx, namespace, "john-smith").Generation).To(Equal(before.Generation))

		changed := try(ctx, namespace, strings.Replace(declared, "Senior", "Chief", 1), "diff", "-f", "-")
		Expect(changed.Code).To(Equal(1), changed.Err)
		Expect(changed.Out).To(And(ContainSubstring("-    jobTitle: Senior Admin\n"), ContainSubstring("+    jobTitle: Chief Admin\n")))
		Expect(live(ctx, id, "job_title")).To(Equal("Senior Admin"), "a diff changes nothing")
	})

	It("of a change can be waited for, and what was true before is no answer", func(ctx SpecContext) {
		namespace, id := newAccount(ctx), newPerson(ctx, nil)
		for _, title := range []string{"Senior", "Chief", "Retired"} {
			run(ctx, namespace, person("john-smith", id, `jobTitle: `+title), "apply", "-f", "-")
			run(ctx, namespace, "", "wait", "ccu/john-smith", "--for=condition=Ready", "--timeout=30s")
			Expect(live(ctx, id, "job_title")).To(Equal(title))
			run(ctx, namespace, "", "wait", "ccu/john-smith", "--for=jsonpath={.status.profile.jobTitle}="+title, "--timeout=5s")
		}
	})

	It("without a field gives the field back: it stays as it is, and others may change it", func(ctx SpecContext) {
		namespace, id := newAccount(ctx), newPerson(ctx, nil)
		run(ctx, namespace, person("jane-doe", id, `jobTitle: Head`, `telephone: "1"`), "apply", "-f", "-")
		inSync(ctx, namespace, "jane-doe")

		run(ctx, namespace, person("jane-doe", id, `jobTitle: Head`), "apply", "-f", "-")
		user := inSync(ctx, namespace, "jane-doe")
		Expect(user.Spec.Profile.Telephone).To(BeNil())
		Expect(live(ctx, id, "telephone")).To(Equal("1"))
	})

	It("of another person under the same name is refused, and changes nobody", func(ctx SpecContext) {
		namespace, id := newAccount(ctx), newPerson(ctx, map[string]any{"job_title": "Lawyer"})
		run(ctx, namespace, person("john-smith", newPerson(ctx, nil), `jobTitle: Admin`), "apply", "-f", "-")

		refused := try(ctx, namespace, person("john-smith", id, `jobTitle: Admin`), "apply", "-f", "-")
		Expect(refused.Code).To(Equal(1))
		Expect(refused.Err).To(ContainSubstring("userRef can't be changed: create another resource for another user"))
		Expect(live(ctx, id, "job_title")).To(Equal("Lawyer"))
	})

	It("of a misspelt field is refused, with its name", func(ctx SpecContext) {
		refused := try(ctx, newNamespace(ctx, unjudged), person("john-smith", 1, `jobtitle: Admin`), "apply", "-f", "-")
		Expect(refused.Code).To(Equal(1))
		Expect(refused.Err).To(ContainSubstring(`unknown field "spec.profile.jobtitle"`))
	})
})

var _ = Describe("Two owners of one person", func() {
	// The first has the person and the job title, the second the telephone number alone.
	const hr, telephony = "--field-manager=hr", "--field-manager=telephony"
	part := func(spec string) string {
		return "{apiVersion: certcentral.io/v1alpha1, kind: CertCentralUser, metadata: {name: john-smith}, spec: {" + spec + "}}"
	}
	apply := func(ctx context.Context, namespace, manager, declared string) answer {
		GinkgoHelper()
		return try(ctx, namespace, declared, "apply", "--server-side", manager, "-f", "-")
	}
	var (
		namespace string
		id        int64
	)
	applied := answer{Out: "certcentraluser.certcentral.io/john-smith serverside-applied\n"}
	BeforeEach(func(ctx SpecContext) {
		namespace, id = newAccount(ctx), newPerson(ctx, map[string]any{"job_title": "Sys Admin", "telephone": "555"})
		Expect(apply(ctx, namespace, hr, person("john-smith", id, `jobTitle: Senior Admin`))).To(Equal(applied))
		Expect(apply(ctx, namespace, telephony, part(`profile: {telephone: 1-555}`))).To(Equal(applied))
		inSync(ctx, namespace, "john-smith")
	})

	It("each declare their field, and both are written", func(ctx SpecContext) {
		Expect(live(ctx, id, "job_title")).To(Equal("Senior Admin"))
		Expect(live(ctx, id, "telephone")).To(Equal("1-555"))

		Expect(apply(ctx, namespace, hr, person("john-smith", id, `jobTitle: Chief Admin`))).To(Equal(applied))
		user := inSync(ctx, namespace, "john-smith")
		Expect(user.Status.Profile).To(HaveValue(And(HaveField("JobTitle", "Chief Admin"), HaveField("Telephone", "1-555"))))
	})

	It("are told whose field it is, and nothing changes", func(ctx SpecContext) {
		refused := apply(ctx, namespace, telephony, part(`profile: {telephone: 1-555, jobTitle: Operator}`))
		Expect(refused.Code).To(Equal(1))
		Expect(refused.Err).To(And(
			ContainSubstring(`Apply failed with 1 conflict: conflict with "hr": .spec.profile.jobTitle`),
			ContainSubstring("--force-conflicts"),
		))
		Expect(inSync(ctx, namespace, "john-smith").Spec.Profile.JobTitle).To(HaveValue(Equal("Senior Admin")))
		Expect(live(ctx, id, "job_title")).To(Equal("Senior Admin"))
	})

	It("each take back their own field alone, which then keeps its value", func(ctx SpecContext) {
		Expect(apply(ctx, namespace, telephony, part(``))).To(Equal(applied))
		user := inSync(ctx, namespace, "john-smith")
		Expect(user.Spec.Profile).To(And(HaveField("Telephone", BeNil()), HaveField("JobTitle", HaveValue(Equal("Senior Admin")))))

		Expect(apply(ctx, namespace, hr, person("john-smith", id))).To(Equal(applied))
		user = inSync(ctx, namespace, "john-smith")
		Expect(user.Spec.Profile).To(Equal(v1alpha1.Profile{}))
		Expect(live(ctx, id, "job_title")).To(Equal("Senior Admin"))
		Expect(live(ctx, id, "telephone")).To(Equal("1-555"))
	})

	It("take back the last field of all, with profile or without, and nothing is managed any more", func(ctx SpecContext) {
		Expect(apply(ctx, namespace, telephony, part(`profile: {}`))).To(Equal(applied), "the job title is still there")
		Expect(apply(ctx, namespace, hr, person("john-smith", id)+"  profile: {}")).To(Equal(applied))
		user := inSync(ctx, namespace, "john-smith")
		Expect(user.Spec.Profile).To(Equal(v1alpha1.Profile{}))
		Expect(user.Status.Conditions).To(ContainElement(And(
			HaveField("Reason", "InSync"), HaveField("Message", "Nothing is declared, and so nothing is managed."),
		)))
		Expect(live(ctx, id, "job_title")).To(Equal("Senior Admin"))
		Expect(live(ctx, id, "telephone")).To(Equal("1-555"))
		Expect(apply(ctx, namespace, hr, person("john-smith", id, `jobTitle: Chief Admin`))).To(Equal(applied))
		Expect(inSync(ctx, namespace, "john-smith").Status.Profile.JobTitle).To(Equal("Chief Admin"))
	})

	It("find nothing to do when they look again", func(ctx SpecContext) {
		before := inSync(ctx, namespace, "john-smith")
		for manager, declared := range map[string]string{hr: person("john-smith", id, `jobTitle: Senior Admin`), telephony: part(`profile: {telephone: 1-555}`)} {
			Expect(try(ctx, namespace, declared, "diff", "--server-side", manager, "-f", "-")).To(Equal(answer{}), manager)
			Expect(apply(ctx, namespace, manager, declared)).To(Equal(applied))
		}
		Expect(inSync(ctx, namespace, "john-smith").ResourceVersion).To(Equal(before.ResourceVersion), "not even a write")
	})
})
