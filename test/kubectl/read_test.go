package kubectl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("kubectl explain", func() {
	// A field's name, its type, whether it must be there, and what is said of it until the next one.
	field := regexp.MustCompile(`(?m)^  (\w+)\t<[^>]+>( -required-)?$`)
	explain := func(ctx SpecContext, path string) (optional, required map[string]string) {
		GinkgoHelper()
		_, text, found := strings.Cut(run(ctx, "", "", "explain", path), "\nFIELDS:\n")
		Expect(found).To(BeTrue())
		optional, required = map[string]string{}, map[string]string{}
		places := field.FindAllStringSubmatchIndex(text, -1)
		for i, at := range places {
			end := len(text)
			if i+1 < len(places) {
				end = places[i+1][0]
			}
			fields := optional
			if at[4] >= 0 {
				fields = required
			}
			fields[text[at[2]:at[3]]] = strings.Join(strings.Fields(text[at[1]:end]), " ")
		}
		return optional, required
	}

	DescribeTable("says of each optional field what leaving it out does", func(ctx SpecContext, path string, want []string) {
		optional, _ := explain(ctx, path)
		for _, name := range want {
			Expect(optional).To(HaveKey(name))
		}
		for name, text := range optional { // those to come included
			Expect(text).To(MatchRegexp(`[Ll]eft out`), "%s.%s", path, name)
		}
	},
		Entry("a profile", "ccu.spec.profile", []string{"username", "firstName", "lastName", "email", "jobTitle", "telephone", "samlSSOOnly"}),
		Entry("a user", "ccu.spec", []string{"mode", "suspend", "profile"}),
		Entry("the reference to an account", "ccu.spec.accountRef", []string{"namespace"}),
		Entry("an account", "cca.spec", []string{"endpoint", "accountID", "mode", "interval", "budget", "allowedNamespaces", "caBundle"}),
		Entry("the reference to a Secret", "cca.spec.apiKeySecretRef", []string{"key"}),
		Entry("a budget", "cca.spec.budget", []string{"requestsPerMinute", "burst"}),
	)

	DescribeTable("names what must be there", func(ctx SpecContext, path string, want ...string) {
		_, required := explain(ctx, path)
		Expect(required).To(HaveLen(len(want)))
		for _, name := range want {
			Expect(required).To(HaveKeyWithValue(name, Not(BeEmpty())))
		}
	},
		Entry("in a user", "ccu.spec", "accountRef", "userRef"),
		Entry("in an account", "cca.spec", "apiKeySecretRef"),
		Entry("in a difference", "ccu.status.differences", "field", "cause", "desired", "observed"),
	)

	DescribeTable("warns", func(ctx SpecContext, path, text string) {
		Expect(strings.Join(strings.Fields(run(ctx, "", "", "explain", path)), " ")).To(ContainSubstring(text))
	},
		Entry("that deleting changes nobody", "ccu", "Deleting it leaves the CertCentral user as it is."),
		Entry("that a person stays the same", "ccu.spec.userRef", "for another user, create another resource"),
		Entry("what single sign-on only does", "ccu.spec.profile.samlSSOOnly", "revokes the person's password"),
		Entry("how a field is cleared", "ccu.spec.profile.jobTitle", `"" clears it`),
		Entry("what Observe is good for", "cca.spec.mode", "stop all writing at once"),
	)
})

var _ = Describe("kubectl", func() {
	It("selects, shows and describes people", func(ctx SpecContext) {
		namespace := newAccount(ctx)
		john := newPerson(ctx, map[string]any{"job_title": "Sys Admin", "access_roles": []any{map[string]any{"id": 1, "name": "Administrator"}}})
		jane := newPerson(ctx, nil)
		run(ctx, namespace, person("john-smith", john, `jobTitle: Senior Admin`)+"---"+person("jane-doe", jane), "apply", "-f", "-")
		run(ctx, namespace, "", "label", "ccu", "john-smith", "example.com/team=pki")
		inSync(ctx, namespace, "john-smith")
		inSync(ctx, namespace, "jane-doe")

		for selector, names := range map[string]string{
			"--selector=example.com/team=pki":                                                      "john-smith",
			"--selector=example.com/team!=pki":                                                     "jane-doe",
			"--field-selector=spec.accountRef.name=digicert":                                       "jane-doe john-smith",
			"--field-selector=spec.accountRef.name=other":                                          "",
			fmt.Sprintf("--field-selector=status.userID=%d", jane):                                 "jane-doe",
			fmt.Sprintf("--field-selector=spec.accountRef.name=digicert,spec.userRef.id=%d", john): "john-smith",
		} {
			Expect(run(ctx, namespace, "", "get", "ccu", selector, "--output=jsonpath={.items[*].metadata.name}")).To(Equal(names), selector)
		}
		refused := try(ctx, namespace, "", "get", "ccu", "--field-selector=spec.mode=Observe")
		Expect(refused.Err).To(ContainSubstring("field label not supported: spec.mode"), "a selector that does nothing would select everybody")

		header, row, _ := strings.Cut(run(ctx, namespace, "", "get", "ccu", "john-smith", "--output=wide"), "\n")
		Expect(strings.Join(strings.Fields(header), " ")).To(
			Equal("NAME ACCOUNT USER USERNAME READY IN-SYNC MODE LAST LOGIN AGE ROLE STATUS MESSAGE"))
		Expect(row).To(MatchRegexp(`^john-smith +digicert +%d .* Administrator +active +Wrote jobTitle \(SpecChange\)\.`, john))

		described := run(ctx, namespace, "", "describe", "ccu", "john-smith")
		Expect(strings.Join(strings.Fields(described), " ")).To(And(
			ContainSubstring("Message: Wrote jobTitle (SpecChange)."),
			ContainSubstring("Reason: Updated"),
			ContainSubstring("User ID: "+strconv.FormatInt(john, 10)),
		))
		Eventually(ctx, func() string { return run(ctx, namespace, "", "describe", "ccu", "john-smith") }).
			Should(MatchRegexp(`(?s)Events:.*Normal +Updated .*Wrote jobTitle \(SpecChange\)\.`))
	})

	It("waits for a person who needs somebody's help no longer than it takes to say so", func(ctx SpecContext) {
		namespace := newAccount(ctx)
		run(ctx, namespace, person("typo", 999999), "apply", "-f", "-")
		run(ctx, namespace, "", "wait", "ccu/typo", "--for=condition=Stalled", "--timeout=90s") // a minute until it is seen once more
		Expect(run(ctx, namespace, "", "get", "ccu", "typo", `--output=jsonpath={.status.conditions[?(@.type=="Ready")].reason}`)).
			To(Equal("UserNotFound"))
	})
})
