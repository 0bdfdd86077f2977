package manifests

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/certcentral-io/user-operator/test/render"
)

// referred is the text at a path of the one object of a kind with a name.
func referred(objects []*unstructured.Unstructured, kind, name string, path ...string) string {
	GinkgoHelper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			text, _, err := unstructured.NestedString(object.Object, path...)
			Expect(err).NotTo(HaveOccurred())
			return text
		}
	}
	Fail("there is no " + kind + " " + name)
	return ""
}

// named is the name of the one object of a kind.
func named(objects []*unstructured.Unstructured, kind string) string {
	GinkgoHelper()
	var names []string
	for _, object := range objects {
		if object.GetKind() == kind {
			names = append(names, object.GetName())
		}
	}
	Expect(names).To(HaveLen(1), kind)
	return names[0]
}

var _ = Describe("The references between Secret, account and user", func() {
	const people = `
{apiVersion: certcentral.io/v1alpha1, kind: CertCentralAccount, metadata: {name: digicert}, spec: {apiKeySecretRef: {name: certcentral-api-key}}}
---
{apiVersion: certcentral.io/v1alpha1, kind: CertCentralUser, metadata: {name: here}, spec: {accountRef: {name: digicert}, userRef: {id: 1}}}
---
{apiVersion: certcentral.io/v1alpha1, kind: CertCentralUser, metadata: {name: there}, spec: {accountRef: {name: other}, userRef: {id: 2}}}
`
	It("follow a prefix, a suffix and the hash of a generated Secret", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		base := filepath.Join(folder, "people")
		Expect(os.Mkdir(base, 0o700)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(base, "people.yaml"), []byte(people), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(base, "kustomization.yaml"), []byte("resources: [people.yaml]\n"), 0o600)).To(Succeed())
		objects := must(render.Overlay(ctx, folder, config, `
namespace: pki
namePrefix: us-
nameSuffix: "-1"
components: [%s/kustomize]
resources: [../people]
secretGenerator: [{name: certcentral-api-key, literals: [api-key=none]}]
`))
		secret := named(objects, "Secret")
		Expect(secret).To(MatchRegexp(`^us-certcentral-api-key-1-\w+$`))
		Expect(referred(objects, "CertCentralAccount", "us-digicert-1", "spec", "apiKeySecretRef", "name")).To(Equal(secret))
		Expect(referred(objects, "CertCentralUser", "us-here-1", "spec", "accountRef", "name")).To(Equal("us-digicert-1"))
		Expect(referred(objects, "CertCentralUser", "us-there-1", "spec", "accountRef", "name")).To(Equal("other"), "an account that is not here")
	})

	It("do in the users repository, folder by folder and as a whole", func(ctx SpecContext) {
		accounts := must(render.Overlay(ctx, GinkgoT().TempDir(), config, "namePrefix: acme-\nresources: [%s/users-repository/accounts/us]\n"))
		Expect(referred(accounts, "CertCentralAccount", "acme-digicert", "spec", "apiKeySecretRef", "name")).To(Equal(named(accounts, "Secret")))

		whole := must(render.Overlay(ctx, GinkgoT().TempDir(), config, "namePrefix: acme-\nresources: [%s/users-repository]\n"))
		for _, user := range []string{"acme-john-smith", "acme-erika-mustermann"} {
			Expect(referred(whole, "CertCentralUser", user, "spec", "accountRef", "name")).To(Equal("acme-digicert"))
		}
	})

	It("are the same in the users repository, which is copied without this one", func() {
		shipped, err := os.ReadFile(filepath.Join(config, "kustomize", "nameReference.yaml"))
		Expect(err).NotTo(HaveOccurred())
		copied, err := os.ReadFile(filepath.Join(config, "users-repository", "base", "names", "nameReference.yaml"))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(copied)).To(Equal(string(shipped)))
	})
})
