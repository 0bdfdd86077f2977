package install

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/render"
	"github.com/certcentral-io/user-operator/test/world"
)

// byKubectl applies a file.
func byKubectl(ctx context.Context) {
	GinkgoHelper()
	kubectl(ctx, nil, "apply", "--server-side", "--force-conflicts", "-f", installYAML)
}

// byKustomize applies what kustomize makes of a kustomization; each %s in it is the path of the folder config.
func byKustomize(text string) func(context.Context) {
	return func(ctx context.Context) {
		GinkgoHelper()
		objects, err := render.Overlay(ctx, GinkgoT().TempDir(), config, text)
		Expect(err).NotTo(HaveOccurred())
		list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": contents(objects)})
		Expect(err).NotTo(HaveOccurred())
		kubectl(ctx, list, "apply", "--server-side", "--force-conflicts", "-f", "-")
	}
}

func contents(objects []*unstructured.Unstructured) (items []map[string]any) {
	for _, object := range objects {
		items = append(items, object.Object)
	}
	return items
}

// byHelm installs the chart with an account in a namespace.
func byHelm(namespace string, values map[string]any) func(context.Context) {
	return func(ctx context.Context) {
		GinkgoHelper()
		values["accounts"] = map[string]any{"digicert": map[string]any{"namespace": namespace, "spec": map[string]any{
			"endpoint": digicert.URL, "caBundle": digicert.CA, "apiKeySecretRef": map[string]any{"name": "digicert"},
			"budget": map[string]any{"requestsPerMinute": 330, "burst": 10},
		}}}
		text, err := json.Marshal(values)
		Expect(err).NotTo(HaveOccurred())
		helm(ctx, text, "install", render.Release, chart, "--namespace", world.Namespace, "--create-namespace", "--values", "-")
		DeferCleanup(func(ctx SpecContext) {
			helm(ctx, nil, "uninstall", render.Release, "--namespace", world.Namespace)
		})
	}
}

func kubectl(ctx context.Context, stdin []byte, args ...string) {
	GinkgoHelper()
	execute(ctx, exec.CommandContext(ctx, earth.Kubectl, append([]string{"--kubeconfig", earth.Kubeconfig}, args...)...), stdin)
}

func helm(ctx context.Context, stdin []byte, args ...string) {
	GinkgoHelper()
	command := exec.CommandContext(ctx, os.Getenv("HELM"), append([]string{"--kubeconfig", earth.Kubeconfig}, args...)...)
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+helmHome, "HELM_CONFIG_HOME="+helmHome, "HELM_DATA_HOME="+helmHome)
	execute(ctx, command, stdin)
}

func execute(_ context.Context, command *exec.Cmd, stdin []byte) {
	GinkgoHelper()
	command.Stdin = bytes.NewReader(stdin)
	out, err := command.CombinedOutput()
	_, _ = GinkgoWriter.Write(out)
	Expect(err).NotTo(HaveOccurred(), string(out))
}

// start runs the operator with the flags of the Deployment that was installed, but for the addresses that it listens on and what
// takes part in every world.
func start(ctx context.Context) {
	GinkgoHelper()
	deployment := &appsv1.Deployment{}
	Expect(earth.Client.Get(ctx, client.ObjectKey{Namespace: world.Namespace, Name: "user-operator"}, deployment)).To(Succeed())
	Expect(deployment.Spec.Template.Spec.ServiceAccountName).To(Equal("user-operator"))
	var args []string
	for _, arg := range deployment.Spec.Template.Spec.Containers[0].Args {
		if !slices.Contains([]string{"--leader-elect", "--metrics-bind-address=:8443", "--health-probe-bind-address=:8081"}, arg) {
			args = append(args, strings.ReplaceAll(arg, "$(POD_NAMESPACE)", deployment.Namespace))
		}
	}
	operator, err := earth.StartManager(ctx, world.ManagerOptions{Endpoints: digicert.URL, Output: GinkgoWriter, Args: args})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) {
		code, err := operator.Stop(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(code).To(BeZero())
	})
}

// awaitKinds returns once the API server serves what was just defined.
func awaitKinds(ctx context.Context) {
	GinkgoHelper()
	kubectl(ctx, nil, append([]string{"wait", "--for=condition=Established", "crd"}, crds...)...)
}

// open declares the account, unless the chart did, with its Secret.
func open(ctx context.Context, namespace string) {
	GinkgoHelper()
	account, secret := world.NewAccount(digicert, namespace, "digicert", apiKey)
	Expect(client.IgnoreAlreadyExists(earth.Client.Create(ctx, secret))).To(Succeed())
	Expect(client.IgnoreAlreadyExists(earth.Client.Create(ctx, account))).To(Succeed())
}

// declare makes a person, and a resource that wants them to have another title.
func declare(ctx context.Context, namespace, name, account string) *v1alpha1.CertCentralUser {
	GinkgoHelper()
	user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "digicert", Namespace: account},
		UserRef:    v1alpha1.UserRef{ID: new(newPerson(ctx))}, Profile: v1alpha1.Profile{JobTitle: new("Senior Admin")},
	}}
	Expect(earth.Client.Create(ctx, user)).To(Succeed())
	return user
}

// readiness is the condition Ready of a user, as "True Updated".
func readiness(ctx context.Context, user *v1alpha1.CertCentralUser) (string, error) {
	if err := earth.Client.Get(ctx, client.ObjectKeyFromObject(user), user); err != nil {
		return "", err
	}
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return "", nil
	}
	return string(ready.Status) + " " + ready.Reason, nil
}

const (
	ownNamespace  = "resources: [%s/default]\ncomponents: [%s/components/namespace-scoped]\n"
	allComponents = "resources: [%s/default]\ncomponents: [%s/components/ha, %s/components/network-policy, %s/components/namespace-scoped-with-metrics]\n"
)

// scoped are the chart's values for two namespaces, none of which is the operator's.
func scoped() map[string]any {
	return map[string]any{
		"namespaceScoped": map[string]any{"enabled": true, "namespaces": []string{"pki", "web-team"}}, "metrics": map[string]any{"enabled": false},
	}
}

var _ = Describe("Installed", func() {
	// In namespaces it is told to work; everywhere if there are none.
	DescribeTable("it has the rights to do its work, and asks for no other", func(ctx SpecContext, install func(context.Context), namespaces ...string) {
		DeferCleanup(uninstall)
		install(ctx)
		awaitKinds(ctx)
		home := "pki"
		if len(namespaces) > 0 {
			home = namespaces[0]
		}
		recorded := len(auditLog.Contents())
		outsider := declare(ctx, "web-team", "outsider", "")
		open(ctx, home)
		var users []*v1alpha1.CertCentralUser
		for _, name := range []string{"amy", "ben", "cleo"} {
			users = append(users, declare(ctx, home, name, ""))
		}
		start(ctx)

		for _, user := range users {
			Eventually(ctx, readiness).WithArguments(user).Should(Equal("True Updated"))
			Expect(digicert.User(ctx, *user.Spec.UserRef.ID)).To(HaveKeyWithValue("job_title", "Senior Admin"))
		}
		calls := callsSince(recorded)
		Expect(calls).To(ContainElement(And(HaveField("Verb", "patch"), HaveField("ObjectRef.Name", "cleo"))), "the log is up to date")
		for _, c := range calls {
			if c.ObjectRef.Resource == "" {
				continue // it asked what kinds there are
			}
			Expect(c.Annotations).To(HaveKeyWithValue("authorization.k8s.io/decision", "allow"), "%+v", c)
			if len(namespaces) > 0 {
				Expect(c.ObjectRef.Namespace).To(BeElementOf(append(namespaces, world.Namespace)), "%+v", c)
			}
		}
		if len(namespaces) > 0 && !slices.Contains(namespaces, "web-team") {
			Expect(readiness(ctx, outsider)).To(Equal("Unknown Waiting"), "as the API server made it")
		}
	},
		Entry("by dist/install.yaml", byKubectl),
		Entry("by the chart", byHelm("pki", map[string]any{})),
		Entry("by kustomize, in its own namespace", byKustomize(ownNamespace), world.Namespace),
		Entry("by kustomize with all components, in its own namespace", byKustomize(allComponents), world.Namespace),
		Entry("by the chart, in two other namespaces", byHelm("pki", scoped()), "pki", "web-team"),
	)

	It("in namespaces it can't judge by the labels of others, and says so", func(ctx SpecContext) {
		DeferCleanup(uninstall)
		byHelm("pki", scoped())(ctx)
		awaitKinds(ctx)
		open(ctx, "pki")
		account := &v1alpha1.CertCentralAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "pki", Name: "digicert"}}
		allow := `{"spec": {"allowedNamespaces": {"from": "Selector", "selector": {}}}}`
		Expect(earth.Client.Patch(ctx, account, client.RawPatch("application/merge-patch+json", []byte(allow)))).To(Succeed())
		user := declare(ctx, "web-team", "dora", "pki")
		start(ctx)

		Eventually(ctx, readiness).WithArguments(user).Should(Equal("False AccountNotReady"))
		Expect(meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady).Message).
			To(Equal("The operator has no right to read the labels of namespaces, by which the account allows them."))

		allow = `{"spec": {"allowedNamespaces": {"from": "All", "selector": null}}}`
		Expect(earth.Client.Patch(ctx, account, client.RawPatch("application/merge-patch+json", []byte(allow)))).To(Succeed())
		Eventually(ctx, readiness).WithArguments(user).Should(Equal("True Updated"))
	})

	It("by the chart, changed and removed again, it leaves the kinds and what people declared", func(ctx SpecContext) {
		DeferCleanup(uninstall)
		release := []string{render.Release, "--namespace", world.Namespace}
		helm(ctx, nil, append([]string{"install", release[0], chart}, release[1:]...)...)
		awaitKinds(ctx)
		open(ctx, "pki")
		user := declare(ctx, "pki", "eva", "")
		helm(ctx, nil, append([]string{"upgrade", release[0], chart, "--set", "ha.enabled=true"}, release[1:]...)...)
		deployment := &appsv1.Deployment{}
		Expect(earth.Client.Get(ctx, client.ObjectKey{Namespace: world.Namespace, Name: "user-operator"}, deployment)).To(Succeed())
		Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(2)))

		helm(ctx, nil, append([]string{"uninstall"}, release...)...)
		Expect(earth.Client.Get(ctx, client.ObjectKeyFromObject(user), user)).To(Succeed())
		for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &policyv1.PodDisruptionBudgetList{}, &rbacv1.ClusterRoleList{}} {
			Expect(earth.Client.List(ctx, list, client.MatchingLabels{"app.kubernetes.io/name": "user-operator"})).To(Succeed())
			Expect(meta.LenList(list)).To(BeZero(), "%T", list)
		}
	})
})
