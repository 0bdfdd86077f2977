package manifests

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

var _ = Describe("The samples", func() {
	It("are accepted in the order they are printed", func(ctx SpecContext) {
		for _, object := range build(ctx, "../../config/samples") {
			apply(ctx, object)
		}
	})

	It("are all there", func() {
		files, err := filepath.Glob("../../config/samples/*.yaml")
		Expect(err).NotTo(HaveOccurred())
		listed, err := os.ReadFile("../../config/samples/kustomization.yaml")
		Expect(err).NotTo(HaveOccurred())
		for _, file := range files {
			if name := filepath.Base(file); name != "kustomization.yaml" {
				Expect(string(listed)).To(ContainSubstring("\n- " + name + "\n"))
			}
		}
	})

	It("hold no API key", func(ctx SpecContext) {
		for _, secret := range allOf[corev1.Secret](build(ctx, "../../config/samples"), "Secret") {
			Expect(secret.Data).To(BeEmpty(), secret.Name)
			Expect(secret.StringData).To(HaveEach(MatchRegexp("^REPLACE-WITH-")), secret.Name)
		}
	})

	DescribeTable("show every field", func(ctx SpecContext, kind, name string, without ...string) {
		var spec map[string]any
		for _, object := range build(ctx, "../../config/samples") {
			if object.GetKind() == kind && object.GetName() == name {
				spec, _ = object.Object["spec"].(map[string]any)
			}
		}
		for _, crd := range allOf[apiextensionsv1.CustomResourceDefinition](installed, "CustomResourceDefinition") {
			if crd.Spec.Names.Kind == kind {
				schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
				Expect(missing("", schema, spec)).To(ConsistOf(without))
				return
			}
		}
		Fail("no such kind")
	},
		Entry("of a user, but one of two that exclude each other", "CertCentralUser", "john-smith", ".userRef.username"),
		Entry("of an account, but what few need", "CertCentralAccount", "digicert-eu", ".caBundle", ".samlSSOOnlyWrites", ".allowedNamespaces.selector.matchExpressions"),
	)
})

// missing lists the paths of the schema's fields that value has not.
func missing(path string, schema apiextensionsv1.JSONSchemaProps, value any) []string {
	fields, _ := value.(map[string]any)
	var paths []string
	for name, field := range schema.Properties {
		given, has := fields[name]
		if !has {
			paths = append(paths, path+"."+name)
			continue
		}
		paths = append(paths, missing(path+"."+name, field, given)...)
	}
	return paths
}
