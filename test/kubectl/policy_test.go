package kubectl

import (
	"context"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/test/world"
)

// policies is the folder with the policy for users and its settings.
var policies = filepath.Join(config, "policies")

// bad breaks the policy, good keeps to it.
var (
	bad  = person("somebody", 1, `email: a@gmail.example`)
	good = person("somebody", 1, `samlSSOOnly: true`)
)

// dry has the API server judge a resource, and no more.
func dry(ctx context.Context, namespace, declared string) answer {
	GinkgoHelper()
	return try(ctx, namespace, declared, "apply", "--server-side", "--dry-run=server", "-f", "-")
}

// installPolicies returns once they are in force: the API server takes up a policy, its binding and their settings in its own
// time, and refuses everything in between.
func installPolicies(ctx context.Context) {
	GinkgoHelper()
	run(ctx, "", "", "apply", "--server-side", "--force-conflicts", "-k", policies)
	Eventually(ctx, dry).WithArguments("default", bad).Should(HaveField("Code", 1))
	Eventually(ctx, dry).WithArguments("default", good).Should(HaveField("Err", BeEmpty()))
}

var _ = Describe("The policy for users", func() {
	DescribeTable("lets pass", func(ctx SpecContext, id int64, profile ...string) {
		Expect(dry(ctx, "default", person("somebody", id, profile...))).To(HaveField("Code", 0))
	},
		Entry("who signs in through SAML only, with no address declared", int64(1), `samlSSOOnly: true`),
		Entry("a company address", int64(1), `samlSSOOnly: true`, `email: john.smith@example.com`),
		Entry("another company address, in capitals", int64(1), `samlSSOOnly: true`, `email: John.Smith@EXAMPLE.ORG`),
		Entry("a username that is a company address", int64(1), `samlSSOOnly: true`, `username: john.smith@example.com`),
		Entry("a username that is no address", int64(1), `samlSSOOnly: true`, `username: john.smith`),
		Entry("a password of whom the settings name", int64(125190), `samlSSOOnly: false`),
		Entry("nothing but the address of a service user that the settings name", int64(125190), `email: ci@example.com`),
	)

	const (
		mail = "spec.profile.email must end with @example.com or @example.org. Declare a company address, or leave the field out: " +
			"the address then stays as it is in CertCentral."
		username = "spec.profile.username must end with @example.com or @example.org if it is an address. Declare a company address " +
			"or a plain name, or leave the field out: it then stays as it is in CertCentral."
		signIn = "spec.profile.samlSSOOnly must be true; left out it stays as it is in CertCentral. Set it, or have 1 listed under " +
			"passwordAllowed in the ConfigMap certcentral-system/certcentral-users-policy."
	)
	DescribeTable("refuses", func(ctx SpecContext, message string, profile ...string) {
		refused := dry(ctx, "default", person("somebody", 1, profile...))
		Expect(refused.Code).To(Equal(1))
		Expect(refused.Err).To(ContainSubstring("ValidatingAdmissionPolicy 'certcentral-users' with binding 'certcentral-users' denied request: " + message))
	},
		Entry("an address elsewhere", mail, `samlSSOOnly: true`, `email: john.smith@gmail.example`),
		Entry("an address at a domain that only ends like the company's", mail, `samlSSOOnly: true`, `email: john@notexample.com`),
		Entry("an address at a domain below the company's", mail, `samlSSOOnly: true`, `email: john@mail.example.com`),
		Entry("a username that is an address elsewhere", username, `samlSSOOnly: true`, `username: john.smith@gmail.example`),
		Entry("a password", signIn, `samlSSOOnly: false`),
		Entry("a sign-in that is left to what CertCentral has", signIn, `jobTitle: Admin`),
		Entry("a profile that declares nothing", signIn),
	)

	It("judges no write of the operator, and what was there before only when its profile changes", func(ctx SpecContext) {
		namespace, id := newAccount(ctx), newPerson(ctx, nil)
		run(ctx, namespace, person("jane-doe", id, `jobTitle: Head`), "apply", "-f", "-")
		run(ctx, "", "", "label", "namespace", namespace, "example.com/certcentral-users-policy-")
		Eventually(ctx, dry).WithArguments(namespace, bad).Should(HaveField("Code", 1), "the namespace is judged now")

		run(ctx, namespace, "", "annotate", "ccu", "jane-doe", "certcentral.io/reconcile-requested-at=1")
		run(ctx, namespace, "", "wait", "ccu/jane-doe", "--for=jsonpath={.status.lastHandledReconcileAt}=1", "--timeout=30s")
		run(ctx, namespace, person("jane-doe", id, `jobTitle: Head`)+"  suspend: true", "apply", "-f", "-")

		changed := try(ctx, namespace, person("jane-doe", id, `jobTitle: Boss`), "apply", "-f", "-")
		Expect(changed.Code).To(Equal(1))
		Expect(changed.Err).To(ContainSubstring("spec.profile.samlSSOOnly must be true"))
		run(ctx, namespace, person("jane-doe", id, `jobTitle: Boss`, `samlSSOOnly: true`), "apply", "-f", "-")
		run(ctx, namespace, "", "delete", "ccu", "jane-doe")
	})

	It("follows its settings, refuses every address when they name no domain, and everything when they are gone", func(ctx SpecContext) {
		DeferCleanup(func(ctx SpecContext) {
			installPolicies(ctx)
			Eventually(ctx, dry).WithArguments("default", person("somebody", 1, `samlSSOOnly: true`, `email: a@example.org`)).Should(HaveField("Code", 0))
		})
		addressed := person("somebody", 1, `samlSSOOnly: true`, `email: john@acquired.example`)
		settings := func(domains string) {
			run(ctx, world.Namespace, "", "patch", "configmap", "certcentral-users-policy", "--type=merge",
				`--patch={"data": {"mailDomains": `+domains+`}}`)
		}
		settings(`"example.com\n  Acquired.example\n"`)
		Eventually(ctx, dry).WithArguments("default", addressed).Should(HaveField("Code", 0))
		settings(`null`)
		Eventually(ctx, dry).WithArguments("default", addressed).Should(HaveField("Err",
			ContainSubstring("must end with one of mailDomains, which lists none")))

		run(ctx, world.Namespace, "", "delete", "configmap", "certcentral-users-policy")
		Eventually(ctx, dry).WithArguments("default", good).Should(And(
			HaveField("Code", 1), HaveField("Err", ContainSubstring("no params found for policy binding")),
		))
	})

	It("leaves alone the namespaces that are exempt", func(ctx SpecContext) {
		Expect(dry(ctx, newNamespace(ctx, unjudged), bad)).To(HaveField("Code", 0))
	})
})
