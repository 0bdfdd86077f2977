package kubectl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// repository is the folder that docs/gitops.md shows as the layout of a users repository.
var repository = filepath.Join(config, "users-repository")

var _ = Describe("The users repository", func() {
	It("lists each person's file", func() {
		folders, err := filepath.Glob(filepath.Join(repository, "people", "*"))
		Expect(err).NotTo(HaveOccurred())
		Expect(folders).To(HaveLen(2))
		for _, folder := range folders {
			text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
			Expect(err).NotTo(HaveOccurred())
			var kustomization struct {
				Resources []string `json:"resources"`
			}
			Expect(yaml.Unmarshal(text, &kustomization)).To(Succeed())
			files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
			Expect(err).NotTo(HaveOccurred())
			for i := range files {
				files[i] = filepath.Base(files[i])
			}
			files = slices.DeleteFunc(files, func(name string) bool { return name == "kustomization.yaml" })
			Expect(kustomization.Resources).To(ConsistOf(files), folder)
		}
	})

	It("is applied folder by folder under the policy, and comes into effect", func(ctx SpecContext) {
		for id, fields := range map[int64]map[string]any{
			208411: {"username": "john.smith@example.com", "email": "john.smith@example.com", "job_title": "Sys Admin"},
			208412: {"username": "jane.doe@example.com", "email": "jane.doe@example.com", "telephone": "1-666"},
			208413: {"username": "break.glass@example.com", "email": "break.glass@example.com"},
			208421: {"username": "erika", "email": "erika@elsewhere.example", "account_id": 208400},
		} {
			fields["id"] = id
			Expect(digicert.AddUser(ctx, fields)).To(Succeed())
		}

		run(ctx, "", "", "apply", "--server-side", "-k", atSimulator("accounts/us", newKey(ctx, 0)))
		run(ctx, "", "", "apply", "--server-side", "-k", atSimulator("accounts/eu", newKey(ctx, 208400)))
		for _, namespace := range []string{"certcentral-us", "certcentral-eu"} {
			run(ctx, namespace, "", "wait", "cca/digicert", "--for=condition=Ready", "--timeout=30s")
		}
		for _, account := range []string{"us", "eu"} {
			people := filepath.Join(repository, "people", account)
			run(ctx, "", "", "apply", "--server-side", "-k", people)
			run(ctx, "certcentral-"+account, "", "wait", "ccu", "--all", "--for=condition=Ready", "--timeout=30s")
			Expect(try(ctx, "", "", "diff", "--server-side", "-k", people)).To(Equal(answer{}), "nothing is left to do")
		}

		Expect(live(ctx, 208411, "job_title")).To(Equal("Senior Admin"))
		Expect(live(ctx, 208412, "job_title")).To(Equal("Head of Platform"))
		Expect(live(ctx, 208412, "telephone")).To(Equal("1-666"), "not declared")
		Expect(live(ctx, 208412, "is_saml_sso_only")).To(BeTrue())
		Expect(live(ctx, 208413, "is_saml_sso_only")).NotTo(BeTrue())

		erika := "--output=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason} {.status.differences[*].field}"
		Expect(run(ctx, "certcentral-eu", "", "get", "ccu", "erika-mustermann", erika)).To(Equal("DriftReported email samlSSOOnly"))
		calls, err := digicert.Calls(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(calls.Where(func(c simulator.Call) bool { return c.User == 208421 && c.Method != "GET" })).To(BeEmpty(), "a new account is only looked at")
	})
})

// atSimulator makes a kustomization of a folder of accounts, but at the simulator, with its API key.
func atSimulator(folder, key string) string {
	GinkgoHelper()
	account, err := yaml.Marshal([]map[string]any{
		{"op": "add", "path": "/spec/endpoint", "value": digicert.URL}, {"op": "add", "path": "/spec/caBundle", "value": digicert.CA},
	})
	Expect(err).NotTo(HaveOccurred())
	return kustomization(filepath.Join(repository, folder), map[string]any{"patches": []map[string]any{
		{"target": map[string]any{"kind": "CertCentralAccount"}, "patch": string(account)},
		{"target": map[string]any{"kind": "Secret"}, "patch": fmt.Sprintf(`[{"op": "replace", "path": "/stringData/api-key", "value": %q}]`, key)},
	}})
}

// kustomization makes one of a folder with more fields, such as patches.
func kustomization(folder string, fields map[string]any) (dir string) {
	GinkgoHelper()
	dir = GinkgoT().TempDir()
	base, err := filepath.Abs(folder)
	Expect(err).NotTo(HaveOccurred())
	base, err = filepath.Rel(dir, base)
	Expect(err).NotTo(HaveOccurred())
	fields["resources"] = []string{base}
	text, err := yaml.Marshal(fields)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(filepath.Join(dir, "kustomization.yaml"), text, 0o600)).To(Succeed())
	return dir
}

// objects are the documents of a YAML text.
func objects(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n---\n") }

// identity is an object's kind, namespace and name.
func identity(document string) string {
	GinkgoHelper()
	o := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal([]byte(document), &o.Object)).To(Succeed())
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}
