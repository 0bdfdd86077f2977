package v1alpha1_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const (
	notAName     = "lower-case letters, digits"
	notAUsername = "must be letters, digits and @ - _ + . only"
	notAMail     = "must be a mail address such as john.smith@example.com"
	oneOf        = "exactly one of id and username must be set"
	noRename     = "profile.username needs userRef.id: a user that is referred to by username can't be renamed"
)

var _ = Describe("A user's spec", func() {
	DescribeTable("is judged when it is created", func(ctx SpecContext, spec string, want verdict) {
		user := newUser(ctx, spec)
		want.expect(ctx, user, api.Create(ctx, user))
	},
		Entry("the least", ``, accepted),
		Entry("an unknown mode", `mode: enforce`, refused("spec.mode", `supported values: "Enforce", "ReportDrift", "Observe"`)),
		Entry("mode Enforce", `mode: Enforce`, accepted),
		Entry("mode ReportDrift", `mode: ReportDrift`, accepted),
		Entry("mode Observe", `mode: Observe`, accepted),
		Entry("suspended", `suspend: true`, accepted),
		Entry("suspended in words", `suspend: "yes"`, refused("spec.suspend", "must be of type boolean")),

		Entry("no account", `accountRef:`, refused("spec.accountRef", "Required value")),
		Entry("an account with no name", `accountRef: {namespace: pki}`, refused("spec.accountRef.name", "Required value")),
		Entry("an account with an empty name", `accountRef: {name: ""}`, refused("spec.accountRef.name", notAName)),
		Entry("an account whose name no resource can have", `accountRef: {name: pki/digicert}`, refused("spec.accountRef.name", notAName)),
		Entry("an account name in capitals", `accountRef: {name: DigiCert}`, refused("spec.accountRef.name", notAName)),
		Entry("an account name with a dot", `accountRef: {name: digicert.eu}`, accepted),
		Entry("an account name of 253 characters", `accountRef: {name: `+strings.Repeat("a", 253)+`}`, accepted),
		Entry("an account name of 254 characters", `accountRef: {name: `+strings.Repeat("a", 254)+`}`,
			refused("spec.accountRef.name", "may not be more than 253")),
		Entry("an account in a namespace", `accountRef: {name: digicert, namespace: pki}`, accepted),
		Entry("an account in an empty namespace", `accountRef: {name: digicert, namespace: ""}`, refused("spec.accountRef.namespace", notAName)),
		Entry("an account in a namespace with a dot", `accountRef: {name: digicert, namespace: pki.prod}`, refused("spec.accountRef.namespace", notAName)),
		Entry("a namespace of 63 characters", `accountRef: {name: digicert, namespace: `+strings.Repeat("a", 63)+`}`, accepted),
		Entry("a namespace of 64 characters", `accountRef: {name: digicert, namespace: `+strings.Repeat("a", 64)+`}`,
			refused("spec.accountRef.namespace", "may not be more than 63")),

		Entry("no user", `userRef:`, refused("spec.userRef", "Required value")),
		Entry("neither id nor username", `userRef: {}`, refused("spec.userRef", oneOf)),
		Entry("both id and username", `userRef: {id: 125039, username: john.smith}`, refused("spec.userRef", oneOf)),
		Entry("an id", `userRef: {id: 1}`, accepted),
		Entry("an id of 0", `userRef: {id: 0}`, refused("spec.userRef.id", "should be greater than or equal to 1")),
		Entry("an id in quotes", `userRef: {id: "125039"}`, refused("spec.userRef.id", "must be of type integer")),
		Entry("an id that is no integer", `userRef: {id: 1.5}`, refused("spec.userRef.id", "must be of type int")),
		Entry("the largest id Go can hold", `userRef: {id: 9223372036854775807}`, accepted),
		Entry("one more", `userRef: {id: 9223372036854775808}`, refused("spec.userRef.id", "must be of type int")),
		Entry("a username", `userRef: {username: "John_Smith-1+x@example.com"}`, accepted),
		Entry("an empty username", `userRef: {username: ""}`, refused("spec.userRef.username", notAUsername)),
		Entry("a username with a space", `userRef: {username: "john smith"}`, refused("spec.userRef.username", notAUsername)),
		Entry("a username with a line break", `userRef: {username: "john\n"}`, refused("spec.userRef.username", notAUsername)),
		Entry("a username of 255 characters", `userRef: {username: `+strings.Repeat("a", 255)+`}`, accepted),
		Entry("a username of 256 characters", `userRef: {username: `+strings.Repeat("a", 256)+`}`,
			refused("spec.userRef.username", "may not be more than 255")),

		Entry("a profile that declares nothing", `profile: {}`, accepted),
		Entry("a new username, with the id", `profile: {username: john.smith}`, accepted),
		Entry("a new username, without the id", `{userRef: {username: jsmith}, profile: {username: john.smith}}`, refused("spec", noRename)),
		Entry("the same username, without the id", `{userRef: {username: jsmith}, profile: {username: jsmith}}`, refused("spec", noRename)),
		Entry("other fields, without the id", `{userRef: {username: jsmith}, profile: {firstName: John}}`, accepted),
		Entry("an empty new username", `profile: {username: ""}`, refused("spec.profile.username", notAUsername)),
		Entry("a new username with an umlaut", `profile: {username: müller}`, refused("spec.profile.username", notAUsername)),
		Entry("a new username of 255 characters", `profile: {username: `+strings.Repeat("a", 255)+`}`, accepted),
		Entry("a new username of 256 characters", `profile: {username: `+strings.Repeat("a", 256)+`}`,
			refused("spec.profile.username", "may not be more than 255")),

		Entry("an empty first name", `profile: {firstName: ""}`, refused("spec.profile.firstName", "at least 1 chars long")),
		Entry("a first name of 1 character", `profile: {firstName: 李}`, accepted),
		Entry("a first name of 128 characters", `profile: {firstName: `+strings.Repeat("ü", 128)+`}`, accepted),
		Entry("a first name of 129 characters", `profile: {firstName: `+strings.Repeat("u", 129)+`}`,
			refused("spec.profile.firstName", "may not be more than 128")),
		Entry("an empty last name", `profile: {lastName: ""}`, refused("spec.profile.lastName", "at least 1 chars long")),
		Entry("a last name of 1 character", `profile: {lastName: 王}`, accepted),
		Entry("a last name of 128 characters", `profile: {lastName: `+strings.Repeat("😀", 128)+`}`, accepted),
		Entry("a last name of 129 characters", `profile: {lastName: `+strings.Repeat("u", 129)+`}`,
			refused("spec.profile.lastName", "may not be more than 128")),

		Entry("a first name with a line break, as a YAML block has it", `profile: {firstName: "John\n"}`,
			refused("spec.profile.firstName", "must be one line of visible text: character 5 is a line break")),
		Entry("a last name with a tab", `profile: {lastName: "Smith\t"}`,
			refused("spec.profile.lastName", "must be one line of visible text: character 6 is a control character")),
		Entry("a job title with a line break", `profile: {jobTitle: "Admin\nBoss"}`,
			refused("spec.profile.jobTitle", "must be one line of visible text: character 6 is a line break")),
		Entry("a telephone number with a bell", `profile: {telephone: "1-555\a"}`,
			refused("spec.profile.telephone", "must be one line of visible text: character 6 is a control character")),
		Entry("inner spaces and other scripts", `profile: {firstName: "Anna Maria", lastName: O’Neil 李}`, accepted),
		Entry("a job title to clear", `profile: {jobTitle: ""}`, accepted),
		Entry("a job title of 64 characters", `profile: {jobTitle: `+strings.Repeat("ü", 64)+`}`, accepted),
		Entry("a job title of 65 characters", `profile: {jobTitle: `+strings.Repeat("u", 65)+`}`,
			refused("spec.profile.jobTitle", "may not be more than 64")),
		Entry("a telephone number to clear", `profile: {telephone: ""}`, accepted),
		Entry("a telephone number of 64 characters", `profile: {telephone: "`+strings.Repeat("１", 64)+`"}`, accepted),
		Entry("a telephone number of 65 characters", `profile: {telephone: "`+strings.Repeat("1", 65)+`"}`,
			refused("spec.profile.telephone", "may not be more than 64")),
		Entry("a telephone number without quotes", `profile: {telephone: 15555555555}`, refused("spec.profile.telephone", "must be of type string")),

		Entry("a mail address", `profile: {email: john.smith@example.com}`, accepted),
		Entry("a mail address with everything odd but allowed", `profile: {email: "o'brien+a/b=c!#$%&*?^_{|}~-@sub.ex-ample.co"}`, accepted),
		Entry("a mail address with letters of other scripts", `profile: {email: jörg@müller.example}`, accepted),
		Entry("an empty mail address", `profile: {email: ""}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address without @", `profile: {email: john.smith}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address without a name", `profile: {email: "@example.com"}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address without a host", `profile: {email: "john@"}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address with two @", `profile: {email: john@smith@example.com}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address with a name before it", `profile: {email: "John <john@example.com>"}`, refused("spec.profile.email", notAMail)),
		Entry("two mail addresses", `profile: {email: "john@example.com,j@example.com"}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address with a line break", `profile: {email: "john@example.com\n"}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address with a pasted no-break space", `profile: {email: "john@example.com\u00a0"}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address with a pasted zero-width space", `profile: {email: "john\u200b@example.com"}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address with a control character", `profile: {email: "john\u0000@example.com"}`, refused("spec.profile.email", notAMail)),
		Entry("a mail address of 255 characters", `profile: {email: `+strings.Repeat("ü", 243)+`@example.com}`, accepted),
		Entry("a mail address of 256 characters", `profile: {email: `+strings.Repeat("u", 244)+`@example.com}`,
			refused("spec.profile.email", "may not be more than 255")),

		Entry("SAML only", `profile: {samlSSOOnly: true}`, accepted),
		Entry("not SAML only", `profile: {samlSSOOnly: false}`, accepted),
		Entry("SAML only in quotes", `profile: {samlSSOOnly: "true"}`, refused("spec.profile.samlSSOOnly", "must be of type boolean")),
	)

	It("names a field that does not exist", func(ctx SpecContext) {
		Expect(api.Create(ctx, newUser(ctx, `profile: {jobtitle: Senior Admin}`))).
			To(MatchError(ContainSubstring(`unknown field "spec.profile.jobtitle"`)))
	})

	It("is required", func(ctx SpecContext) {
		user := newUser(ctx, ``)
		delete(user.Object, "spec")
		refused("spec", "Required value").expect(ctx, user, api.Create(ctx, user))
	})

	const byID, byUsername = `{userRef: {id: 125039}}`, `{userRef: {username: jsmith}}`
	const fixed = "userRef can't be changed: create another resource for another user"
	DescribeTable("is judged when it is changed", func(ctx SpecContext, before, patch string, want verdict) {
		user := newUser(ctx, before)
		Expect(api.Create(ctx, user)).To(Succeed())
		want.expect(ctx, user, api.Patch(ctx, user, mergePatch(patch)))
	},
		Entry("another id", byID, `userRef: {id: 125040}`, refused("spec.userRef", fixed)),
		Entry("a username in place of the id", byID, `userRef: {id: null, username: jsmith}`, refused("spec.userRef", fixed)),
		Entry("an id in place of the username", byUsername, `userRef: {id: 125039, username: null}`, refused("spec.userRef", fixed)),
		Entry("another username", byUsername, `userRef: {username: john}`, refused("spec.userRef", fixed)),
		Entry("the same id", byID, `userRef: {id: 125039}`, accepted),
		Entry("a new username, with the id", byID, `profile: {username: john.smith}`, accepted),
		Entry("a new username, without the id", byUsername, `profile: {username: john.smith}`, refused("spec", noRename)),
		Entry("the mode", byID, `mode: Observe`, accepted),
		Entry("suspended", byID, `suspend: true`, accepted),
		Entry("the account", byID, `accountRef: {name: digicert-eu, namespace: pki}`, accepted),
		Entry("a declared field less", `profile: {jobTitle: Admin}`, `profile: {jobTitle: null}`, accepted),
		Entry("the whole profile less", `profile: {jobTitle: Admin}`, `profile: null`, accepted),
	)

	It("gets the defaults, and declares nothing by itself", func(ctx SpecContext) {
		user := newUser(ctx, ``)
		Expect(api.Create(ctx, user)).To(Succeed())
		Expect(user.Object["spec"]).To(Equal(fields(`
			accountRef: {name: digicert}
			userRef: {id: 125039}
			mode: Enforce`)))
	})

	It("takes a field without a value for one that is left out", func(ctx SpecContext) {
		user := newUser(ctx, `{mode: , suspend: , profile: {jobTitle: , telephone: ""}}`)
		Expect(api.Create(ctx, user)).To(Succeed())
		Expect(user.Object["spec"]).To(Equal(fields(`
			accountRef: {name: digicert}
			userRef: {id: 125039}
			mode: Enforce
			profile: {telephone: ""}`)))
	})

	It("keeps apart what is left out, empty and false", func(ctx SpecContext) {
		user := newUser(ctx, `profile: {jobTitle: "", samlSSOOnly: false}`)
		Expect(api.Create(ctx, user)).To(Succeed())
		Expect(expectDecodes(ctx, user)).To(HaveField("Spec.Profile", Equal(v1alpha1.Profile{
			JobTitle: new(""), SAMLSSOOnly: new(false),
		})))
	})

	It("keeps an id that a float could not hold", func(ctx SpecContext) {
		user := newUser(ctx, `userRef: {id: 9007199254740993}`)
		Expect(api.Create(ctx, user)).To(Succeed())
		Expect(expectDecodes(ctx, user)).To(HaveField("Spec.UserRef.ID", HaveValue(Equal(int64(9007199254740993)))))
	})

	It("gets the defaults from a Go client too", func(ctx SpecContext) {
		user := &v1alpha1.CertCentralUser{Spec: v1alpha1.CertCentralUserSpec{
			AccountRef: v1alpha1.AccountRef{Name: "digicert"},
			UserRef:    v1alpha1.UserRef{Username: new("jsmith")},
		}}
		user.Namespace, user.Name = newNamespace(ctx), "jsmith"
		Expect(api.Create(ctx, user)).To(Succeed())
		Expect(user.Spec.Mode).To(Equal(v1alpha1.ModeEnforce))
		Expect(user.Status.ObservedGeneration).To(Equal(int64(-1)))
	})
})

// mergePatch changes the spec by a JSON merge patch, given in YAML.
func mergePatch(spec string) client.Patch {
	GinkgoHelper()
	patch := &unstructured.Unstructured{Object: map[string]any{"spec": fields(spec)}}
	json, err := patch.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	return client.RawPatch(types.MergePatchType, json)
}
