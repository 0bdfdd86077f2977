package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// texts are the fields of a profile that may hold any text that can be seen.
var texts = []string{"firstName", "lastName", "jobTitle", "telephone"}

var _ = Describe("A text of a profile", func() {
	DescribeTable("is refused with the kind and the position of what can't be seen", func(ctx SpecContext, value, message string) {
		for _, field := range texts {
			user := newUser(ctx, fmt.Sprintf(`profile: {%s: %q}`, field, value))
			refused("spec.profile."+field, message).expect(ctx, user, api.Create(ctx, user))
		}
	},
		Entry("a line break", "Jo\nhn", "character 3 is a line break"),
		Entry("a next-line character", "John\u0085", "character 5 is a line break"),
		Entry("a line separator", "Jo\u2028hn", "character 3 is a line break"),
		Entry("a paragraph separator", "Jo\u2029hn", "character 3 is a line break"),
		Entry("a tab", "Jo\thn", "character 3 is a control character"),
		Entry("a control character of the second block", "Jo\u009bhn", "character 3 is a control character"),
		Entry("a right-to-left override", "Jo\u202ehn", "character 3 is a mark that turns the direction of writing"),
		Entry("an embedding", "\u202aJohn\u202c", "character 1 is a mark that turns the direction of writing"),
		Entry("an isolate", "Jo\u2066hn\u2069", "character 3 is a mark that turns the direction of writing"),
		Entry("a left-to-right mark", "John\u200e", "character 5 is a mark that turns the direction of writing"),
		Entry("an Arabic letter mark", "علي\u061c", "character 4 is a mark that turns the direction of writing"),
		Entry("a zero-width space", "李\u200b明", "character 2 is an invisible character"),
		Entry("a byte order mark", "\ufeffJohn", "character 1 is an invisible character"),
		Entry("a soft hyphen", "Jo\u00adhn", "character 3 is an invisible character"),
		Entry("a word joiner", "Jo\u2060hn", "character 3 is an invisible character"),
		Entry("a Hangul filler, which is an empty letter", "\u3164", "character 1 is an invisible character"),
		Entry("an empty Braille pattern", "\u2800", "character 1 is an invisible character"),
		Entry("a tag outside a flag", "Jo\U000e0041hn", "character 3 is an invisible character"),
		Entry("a joiner at the beginning", "\u200dJohn", "character 1 is an invisible character"),
		Entry("a joiner after a blank", "Jo \u200chn", "character 4 is an invisible character"),
		Entry("a joiner at the end", "John\u200c", "character 5 is an invisible character"),
		Entry("two joiners", "Jo\u200d\u200dhn", "character 4 is an invisible character"),
		Entry("a variation selector alone", "\ufe0f", "character 1 is an invisible character"),
		Entry("many variation selectors, which can hide a text", "😀\ufe01\ufe02\ufe03\ufe04", "character 4 is an invisible character"),
		Entry("nothing but a blank", " ", "must not be blank"),
		Entry("nothing but blanks of other kinds", "\u00a0\u3000", "must not be blank"),
		Entry("a blank at the beginning", " John", "must not begin with a blank: character 1 is one"),
		Entry("a no-break space at the beginning", "\u00a0John", "must not begin with a blank: character 1 is one"),
		Entry("a blank at the end", "John Smith ", "must not end with a blank: character 11 is one"),
		Entry("an ideographic space at the end", "李明\u3000", "must not end with a blank: character 3 is one"),
	)

	DescribeTable("may have what names and emoji are spelled with", func(ctx SpecContext, value string) {
		spec := map[string]any{}
		for _, field := range texts {
			spec[field] = value
		}
		user := newUser(ctx, ``)
		Expect(unstructured.SetNestedMap(user.Object, spec, "spec", "profile")).To(Succeed())
		accepted.expect(ctx, user, api.Create(ctx, user))
		Expect(user.Object["spec"]).To(HaveKeyWithValue("profile", HaveKeyWithValue("firstName", value)))
	},
		Entry("blanks inside, of any kind", "Anna Maria\u00a0Luisa\u3000X"),
		Entry("composed accents", "Zoë"),
		Entry("combining accents", "Zoe\u0308"),
		Entry("an apostrophe and a dash", "O’Neil–Smith"),
		Entry("Persian with a non-joiner", "علی\u200cرضا"),
		Entry("Devanagari with a joiner", "क्\u200dष"),
		Entry("Malayalam that ends with a joiner", "ന്\u200d"),
		Entry("Malayalam that has one before a blank", "ന്\u200d എ"),
		Entry("Thai", "สมชาย"),
		Entry("Japanese with a variant of a character", "葛\U000e0100城"),
		Entry("a character beyond the first plane", "𠮷田"),
		Entry("Arabic with a number sign", "\u0600123"),
		Entry("an emoji", "😀"),
		Entry("an emoji with a selector", "☎\ufe0f 1"),
		Entry("an emoji of several", "👩\u200d🚀❤\ufe0f\u200d🔥"),
		Entry("a key cap", "1\ufe0f\u20e3"),
		Entry("the flag of England", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"),
		Entry("Mongolian with selectors", "ᠠ\u180b\u180eᠠ"),
	)

	It("that was declared before it was refused stays as it is, and all else of its resource can be changed", func(ctx SpecContext) {
		relax := definition(ctx, "certcentralusers.certcentral.io")
		strict := relax.DeepCopy()
		eachProfileField(relax, func(field *apiextensionsv1.JSONSchemaProps) { field.XValidations = nil })
		Expect(api.Update(ctx, relax)).To(Succeed())
		values := map[string]any{"firstName": "Jo\u200bhn", "lastName": " Smith", "jobTitle": "\u202eAdmin", "telephone": " ", "email": "a@b"}
		user := newUser(ctx, ``)
		Expect(unstructured.SetNestedMap(user.Object, values, "spec", "profile")).To(Succeed())
		Eventually(ctx, func() error { return api.Create(ctx, user.DeepCopy()) }).Should(Succeed(), "the rules are gone")
		Expect(api.Create(ctx, user)).To(Succeed())

		current := definition(ctx, "certcentralusers.certcentral.io")
		current.Spec = strict.Spec
		Expect(api.Update(ctx, current)).To(Succeed())
		again := newUser(ctx, ``)
		Expect(unstructured.SetNestedMap(again.Object, values, "spec", "profile")).To(Succeed())
		Eventually(ctx, func() error { return api.Create(ctx, again.DeepCopy()) }).Should(MatchError(ContainSubstring("invisible")), "the rules are back")

		accepted.expect(ctx, user, api.Patch(ctx, user, mergePatch(`{mode: Observe, profile: {samlSSOOnly: true}}`)))
		accepted.expect(ctx, user, api.Patch(ctx, user, client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"a": "b"}}}`))))
		status := client.RawPatch(types.MergePatchType, []byte(`{"status": {"observedGeneration": 2}}`))
		Expect(api.Status().Patch(ctx, user, status)).To(Succeed(), "the operator's own writes")
		refused("spec.profile.firstName", "character 3 is an invisible").expect(ctx, user,
			api.Patch(ctx, user, mergePatch(`profile: {firstName: "Ja\u200bck"}`)))
		accepted.expect(ctx, user, api.Patch(ctx, user, mergePatch(`profile: {firstName: Jack, email: null}`)))
	})
})

// eachProfileField changes the schema of what may be declared.
func eachProfileField(crd *apiextensionsv1.CustomResourceDefinition, change func(*apiextensionsv1.JSONSchemaProps)) {
	profile := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["profile"]
	for name, field := range profile.Properties {
		change(&field)
		profile.Properties[name] = field
	}
}

var _ = Describe("A mail address", func() {
	DescribeTable("is refused with what to change", func(ctx SpecContext, address, message string) {
		user := newUser(ctx, fmt.Sprintf(`profile: {email: %q}`, address))
		refused("spec.profile.email", notAMail+": "+message).expect(ctx, user, api.Create(ctx, user))
	},
		Entry("empty", "", "there is no @"),
		Entry("without @", "john.smith", "there is no @"),
		Entry("with two", "john@smith@example.com", "there is more than one @"),
		Entry("without a name", "@example.com", "there is nothing before the @"),
		Entry("with a blank", "john smith@example.com", "character 5 is a blank or invisible"),
		Entry("with an invisible character", "john@exam\u00adple.com", "character 10 is a blank or invisible"),
		Entry("in angle brackets", "<john@example.com>", "character 1 is not allowed"),
		Entry("with a backslash", `jo\hn@example.com`, "character 3 is not allowed"),
		Entry("with a dot first", ".john@example.com", "before the @, a dot must stand between two other characters"),
		Entry("with a dot before the @", "john.@example.com", "before the @, a dot must stand between two other characters"),
		Entry("with two dots in a row", "john..smith@example.com", "before the @, a dot must stand between two other characters"),
		Entry("all at once", ".a..b@x..y", "before the @, a dot must stand between two other characters"),
		Entry("without a host", "john@", "after the @ must come a host with a dot, as in example.com"),
		Entry("without a domain", "a@b", "after the @ must come a host with a dot, as in example.com"),
		Entry("at a hyphen", "a@-", "after the @ must come a host with a dot, as in example.com"),
		Entry("at a host with two dots in a row", "a@x..y", "each part of the host must begin and end with a letter or a digit"),
		Entry("at a host that begins with a dot", "a@.example.com", "each part of the host must begin and end with a letter or a digit"),
		Entry("at a host that begins with a hyphen", "a@-example.com", "each part of the host must begin and end with a letter or a digit"),
		Entry("at a host with a part that ends with a hyphen", "a@example-.com", "each part of the host must begin and end with a letter or a digit"),
		Entry("at a host with an underscore", "a@ex_ample.com", "each part of the host must begin and end with a letter or a digit"),
		Entry("at a host with a part of 64 characters", "a@"+strings.Repeat("x", 64)+".com", "each part of the host must begin and end"),
		Entry("at a host that ends with a dot", "a@example.com.", "each part of the host must begin and end with a letter or a digit"),
		Entry("at an IP address", "a@192.0.2.1", "the host must end with a domain such as com or org"),
		Entry("at a domain of one letter", "a@example.c", "the host must end with a domain such as com or org"),
	)

	DescribeTable("may be any that people have", func(ctx SpecContext, address string) {
		user := newUser(ctx, fmt.Sprintf(`profile: {email: %q}`, address))
		accepted.expect(ctx, user, api.Create(ctx, user))
	},
		Entry("with an apostrophe", "O'Brien@example.com"),
		Entry("with a tag", "john+tls@example.com"),
		Entry("in capitals", "JOHN.SMITH@EXAMPLE.COM"),
		Entry("of one letter", "j@example.com"),
		Entry("with hyphens and digits", "j-1@3m.ex--ample-2.com"),
		Entry("of a subdomain", "john@mail.eu.example.com"),
		Entry("with an international host, as it is read", "jörg@müller.example"),
		Entry("with an international host, as it is sent", "jorg@xn--mller-kva.example"),
		Entry("with an international domain, as it is sent", "a@example.xn--p1ai"),
		Entry("with an international domain, as it is read", "иван@пример.рф"),
		Entry("with combining marks", "a@उदाहरण.भारत"),
		Entry("at a host with a part of 63 characters", "a@"+strings.Repeat("x", 63)+".com"),
	)
})

var _ = Describe("An empty profile", func() {
	const manager = client.FieldOwner("hr")
	declared := func(user *unstructured.Unstructured, profile any) *unstructured.Unstructured {
		object := user.DeepCopy()
		spec := object.Object["spec"].(map[string]any)
		delete(spec, "profile")
		if profile != nil {
			spec["profile"] = profile
		}
		return object
	}

	It("that server-side apply leaves behind is one that manages nothing", func(ctx SpecContext) {
		user := newUser(ctx, ``)
		user.SetGenerateName("")
		user.SetName("john-smith")
		apply := func(profile any) error {
			return api.Apply(ctx, client.ApplyConfigurationFromUnstructured(declared(user, profile)), manager)
		}
		Expect(apply(map[string]any{"jobTitle": "Admin"})).To(Succeed())
		Expect(apply(map[string]any{})).To(Succeed(), "the last field is taken back")
		Expect(expectDecodes(ctx, user)).To(HaveField("Spec.Profile", BeZero()))
		accepted.expect(ctx, user, api.Patch(ctx, user.DeepCopy(), mergePatch(`mode: Observe`)))
		Expect(apply(map[string]any{"telephone": "1"})).To(Succeed())
		Expect(expectDecodes(ctx, user)).To(HaveField("Spec.Profile.Telephone", HaveValue(Equal("1"))))
	})
})
