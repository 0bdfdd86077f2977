package kubectl

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// fluxModules are the controllers whose CRDs the manifests must satisfy, with their checksums as in a go.sum. They can't be in
// one: they have no package to import, and go mod tidy drops what nobody imports.
var fluxModules = map[string]string{
	"github.com/fluxcd/kustomize-controller@v1.9.6": "h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE=",
	"github.com/fluxcd/source-controller@v1.9.6":    "h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc=",
}

// fluxKustomization is what the specs read of one.
type fluxKustomization struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		DependsOn []struct {
			Name string `json:"name"`
		} `json:"dependsOn"`
		SourceRef struct {
			Name string `json:"name"`
		} `json:"sourceRef"`
		Path             string           `json:"path"`
		Images           []map[string]any `json:"images,omitempty"`
		Patches          []map[string]any `json:"patches,omitempty"`
		HealthCheckExprs []healthCheck    `json:"healthCheckExprs"`
	} `json:"spec"`
}

// healthCheck is a set of expressions; InProgress is asked before Failed, and Failed before Current.
type healthCheck struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	InProgress string `json:"inProgress"`
	Failed     string `json:"failed"`
	Current    string `json:"current"`
}

var _ = Describe("The Flux manifests", func() {
	var (
		flux           = filepath.Join(config, "flux")
		kustomizations map[string]fluxKustomization
	)
	BeforeEach(func(ctx SpecContext) {
		kustomizations = map[string]fluxKustomization{}
		for _, document := range objects(run(ctx, "", "", "kustomize", flux)) {
			var k fluxKustomization
			Expect(yaml.Unmarshal([]byte(document), &k)).To(Succeed())
			if k.Spec.Path != "" {
				kustomizations[k.Metadata.Name] = k
			}
		}
		Expect(kustomizations).To(HaveLen(6))
	})

	It("are what Flux's own CRDs ask for", func(ctx SpecContext) {
		for module, sum := range fluxModules {
			run(ctx, "", "", "apply", "--server-side", "-f", filepath.Join(download(ctx, module, sum), "config", "crd", "bases"))
		}
		run(ctx, "", "", "wait", "crd", "--for=condition=Established", "--timeout=30s",
			"kustomizations.kustomize.toolkit.fluxcd.io", "gitrepositories.source.toolkit.fluxcd.io")
		run(ctx, "", "", "create", "namespace", "flux-system")
		Eventually(ctx, func() answer { // until the API server serves what it has established
			return try(ctx, "", "", "apply", "--server-side", "--validate=strict", "-k", flux)
		}).Should(And(HaveField("Err", BeEmpty()), HaveField("Code", 0)))
	})

	DescribeTable("come in order", func(name string, before ...string) {
		var all []string
		var follow func(string)
		follow = func(name string) {
			for _, other := range kustomizations[name].Spec.DependsOn {
				Expect(kustomizations).To(HaveKey(other.Name))
				all = append(all, other.Name)
				follow(other.Name)
			}
		}
		follow(name)
		slices.Sort(all)
		Expect(slices.Compact(all)).To(ConsistOf(before))
	},
		Entry("the CRDs first", "certcentral-crds"),
		Entry("the operator", "certcentral-operator", "certcentral-crds"),
		Entry("policies", "certcentral-policies", "certcentral-operator", "certcentral-crds"),
		Entry("accounts", "certcentral-accounts", "certcentral-operator", "certcentral-crds"),
		Entry("people", "certcentral-users-us", "certcentral-accounts", "certcentral-policies", "certcentral-operator", "certcentral-crds"),
		Entry("other people", "certcentral-users-eu", "certcentral-accounts", "certcentral-policies", "certcentral-operator", "certcentral-crds"),
	)

	It("install all that the folders have, each object once", func(ctx SpecContext) {
		owner := map[string]string{}
		var operator []string
		for name, k := range kustomizations {
			for _, document := range objects(run(ctx, "", "", "kustomize", fluxBuild(k))) {
				id := identity(document)
				Expect(owner).NotTo(HaveKey(id), "to prune it from one would take it from the other")
				owner[id] = name
				if strings.HasPrefix(id, "Deployment ") {
					Expect(document).To(ContainSubstring("image: registry.example.com/user-operator:v0.1.0\n"))
				}
				if name == "certcentral-crds" || name == "certcentral-operator" {
					operator = append(operator, id)
				}
			}
		}
		var want []string
		for _, document := range objects(run(ctx, "", "", "kustomize", filepath.Join(config, "default"))) {
			want = append(want, identity(document))
		}
		Expect(operator).To(ConsistOf(want))
		for _, document := range objects(run(ctx, "", "", "kustomize", repository)) {
			Expect(owner).To(HaveKey(identity(document)))
		}
	})

	It("take a user for healthy, failed or neither, as people do", func(ctx SpecContext) {
		us, eu := kustomizations["certcentral-users-us"].Spec.HealthCheckExprs, kustomizations["certcentral-users-eu"].Spec.HealthCheckExprs
		Expect(us).To(HaveLen(1))
		Expect(us).To(Equal(eu))
		check := us[0]
		Expect(check).To(And(HaveField("APIVersion", v1alpha1.GroupVersion.String()), HaveField("Kind", "CertCentralUser")))

		namespace, john := newAccount(ctx), newPerson(ctx, nil)
		people := map[string]struct{ declared, ready, verdict string }{
			"in-sync":         {person("in-sync", john, `jobTitle: Admin`), "True Updated", "Current"},
			"observed":        {person("observed", newPerson(ctx, nil), `jobTitle: Admin`) + "  mode: Observe", "True DriftReported", "Current"},
			"never-looked-at": {person("never-looked-at", newPerson(ctx, nil)) + "  suspend: true", "Unknown Suspended", "Current"},
			"mistyped":        {person("mistyped", 999998), "Unknown UserNotFound", "InProgress"},
			"too-early": {
				strings.Replace(person("too-early", newPerson(ctx, nil)), "digicert", "later", 1), "False AccountNotReady", "InProgress",
			},
		}
		for name, p := range people {
			run(ctx, namespace, p.declared, "apply", "-f", "-")
			Expect(check.verdict(ctx, settled(ctx, namespace, name, p.ready))).To(Equal(p.verdict), name)
		}

		run(ctx, namespace, "", "annotate", "ccu", "mistyped", "certcentral.io/reconcile-requested-at=1")
		Expect(check.verdict(ctx, settled(ctx, namespace, "mistyped", "False UserNotFound"))).To(Equal("Failed"), "seen twice")

		Expect(digicert.Inject(ctx, simulator.Fault{Match: simulator.Match{User: john}, Do: simulator.Do{Status: 503}})).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(digicert.ClearFaults(ctx)).To(Succeed()) })
		run(ctx, namespace, "", "annotate", "ccu", "in-sync", "certcentral.io/reconcile-requested-at=1")
		Expect(check.verdict(ctx, settled(ctx, namespace, "in-sync", "Unknown Unavailable"))).To(Equal("InProgress"))

		run(ctx, namespace, people["mistyped"].declared+"  suspend: true", "apply", "-f", "-")
		Expect(check.verdict(ctx, settled(ctx, namespace, "mistyped", "False Suspended"))).To(Equal("Current"))
	})
})

// verdict is what Flux makes of an object (its RFC 0009). The environment is the API server's, which knows more functions than
// Flux does; the expressions need no more than the macros of the language.
func (h healthCheck) verdict(ctx context.Context, o *unstructured.Unstructured) string {
	GinkgoHelper()
	if observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); observed != o.GetGeneration() {
		return "InProgress"
	}
	env := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).StoredExpressionsEnv()
	for _, ask := range []struct{ verdict, expression string }{{"InProgress", h.InProgress}, {"Failed", h.Failed}, {"Current", h.Current}} {
		if ask.expression == "" {
			continue
		}
		tree, issues := env.Parse(ask.expression)
		Expect(issues.Err()).NotTo(HaveOccurred())
		program, err := env.Program(tree)
		Expect(err).NotTo(HaveOccurred())
		value, _, err := program.ContextEval(ctx, o.Object)
		Expect(err).NotTo(HaveOccurred(), "%s of %v", ask.expression, o.Object)
		if value.Value() == true {
			return ask.verdict
		}
	}
	return "InProgress"
}

// settled waits until Ready is as said, like "True Updated", of what is declared now.
func settled(ctx context.Context, namespace, name, ready string) *unstructured.Unstructured {
	GinkgoHelper()
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CertCentralUser"))
	Eventually(ctx, func(g Gomega) {
		g.Expect(earth.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o)).To(Succeed())
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		status, reason, _ := strings.Cut(ready, " ")
		g.Expect(conditions).To(ContainElement(And(
			HaveKeyWithValue("type", "Ready"), HaveKeyWithValue("status", status), HaveKeyWithValue("reason", reason),
			HaveKeyWithValue("observedGeneration", o.GetGeneration()),
		)))
	}).Should(Succeed(), name)
	return o
}

// fluxBuild makes the kustomization that Flux makes of one of its own.
func fluxBuild(k fluxKustomization) (folder string) {
	GinkgoHelper()
	base, known := map[string]string{"certcentral-operator": filepath.Join("..", ".."), "certcentral-users": repository}[k.Spec.SourceRef.Name]
	Expect(known).To(BeTrue(), k.Spec.SourceRef.Name)
	return kustomization(filepath.Join(base, k.Spec.Path), map[string]any{"images": k.Spec.Images, "patches": k.Spec.Patches})
}

// download returns the folder of a module in the module cache.
func download(ctx context.Context, module, sum string) string {
	GinkgoHelper()
	path, _, _ := strings.Cut(module, "@")
	get := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	get.Dir = GinkgoT().TempDir() // apart from any go.mod
	get.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GONOSUMDB="+path)
	out, err := get.Output()
	Expect(err).NotTo(HaveOccurred(), "go mod download %s: %s", module, out)
	var downloaded struct{ Dir, Sum string }
	Expect(json.Unmarshal(out, &downloaded)).To(Succeed())
	Expect(downloaded.Sum).To(Equal(sum), "the checksum of %s", module)
	return downloaded.Dir
}
