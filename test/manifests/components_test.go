package manifests

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/test/render"
)

const config = "../../config"

// with is config/default with components, in their order.
func with(ctx context.Context, components ...string) ([]*unstructured.Unstructured, error) {
	text := "resources: [%s/default]\n"
	if len(components) > 0 {
		text += "components:\n- %s/components/" + strings.Join(components, "\n- %s/components/") + "\n"
	}
	return render.Overlay(ctx, GinkgoT().TempDir(), config, text)
}

// must is for what can't fail but by a mistake in the manifests.
func must(objects []*unstructured.Unstructured, err error) []*unstructured.Unstructured {
	GinkgoHelper()
	Expect(err).NotTo(HaveOccurred())
	return objects
}

// expectAccepted has the API server judge objects strictly, without keeping them.
func expectAccepted(ctx context.Context, objects []*unstructured.Unstructured) {
	GinkgoHelper()
	Expect(objects).NotTo(BeEmpty())
	for _, object := range objects {
		Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()), client.FieldOwner("dry-run"),
			client.ForceOwnership, client.DryRunAll)).To(Succeed(), "%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
	}
}

// kinds are the kinds of the objects.
func kinds(objects []*unstructured.Unstructured) (found []string) {
	for _, object := range objects {
		found = append(found, object.GetKind())
	}
	return found
}

var _ = Describe("The components", func() {
	It("go with each other: every combination is accepted", func(ctx SpecContext) {
		scopes := []string{"", "no-metrics", "namespace-scoped-with-metrics", "namespace-scoped"}
		for _, ha := range []string{"", "ha"} {
			for _, policy := range []string{"", "network-policy"} {
				for _, prometheus := range []string{"", "prometheus"} {
					for _, scope := range scopes {
						components := labelled(ha, policy, prometheus, scope)
						By(strings.Join(components, ", "))
						objects, err := with(ctx, components...)
						if prometheus != "" && (scope == "no-metrics" || scope == "namespace-scoped") {
							Expect(err).To(MatchError(ContainSubstring("/there-are-no-metrics-to-scrape")))
							continue
						}
						Expect(err).NotTo(HaveOccurred())
						expectAccepted(ctx, objects)
					}
				}
			}
		}
	})

	It("that want metrics can't come after one that takes them away", func(ctx SpecContext) {
		_, err := with(ctx, "no-metrics", "prometheus")
		Expect(err).To(MatchError(ContainSubstring("no matches for Id Service.v1.[noGrp]/user-operator-metrics.certcentral-system")))
	})
})

// labelled are the names that are not empty.
func labelled(names ...string) (components []string) {
	for _, name := range names {
		if name != "" {
			components = append(components, name)
		}
	}
	return components
}

var _ = Describe("The component ha", func() {
	It("has two Pods spread, and lets one be evicted at a time", func(ctx SpecContext) {
		objects := must(with(ctx, "ha"))
		deployment := theOne[appsv1.Deployment](objects, "Deployment")
		Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(2)))
		Expect(deployment.Spec.Template.Spec.Containers[0].Args).To(ContainElement("--leader-elect"), "or both would act")

		budget := theOne[policyv1.PodDisruptionBudget](objects, "PodDisruptionBudget")
		selectors := []*metav1.LabelSelector{budget.Spec.Selector}
		for _, constraint := range deployment.Spec.Template.Spec.TopologySpreadConstraints {
			selectors = append(selectors, constraint.LabelSelector)
		}
		Expect(selectors).To(HaveLen(3))
		for _, each := range selectors {
			selector, err := metav1.LabelSelectorAsSelector(each)
			Expect(err).NotTo(HaveOccurred())
			Expect(selector.Matches(labels.Set(deployment.Spec.Template.Labels))).To(BeTrue())
			Expect(selector.Empty()).To(BeFalse())
		}
	})
})

var _ = Describe("The component network-policy", func() {
	It("narrows both sides down, and opens nothing", func(ctx SpecContext) {
		wide := theOne[networkingv1.NetworkPolicy](installed, "NetworkPolicy").Spec
		narrow := theOne[networkingv1.NetworkPolicy](must(with(ctx, "network-policy")), "NetworkPolicy").Spec
		Expect(narrow.Ingress).To(HaveEach(HaveField("From", Not(BeEmpty()))))
		Expect(narrow.Egress[0].To).NotTo(BeEmpty())
		narrow.Ingress[0].From, narrow.Egress[0].To = nil, nil
		Expect(narrow).To(Equal(wide))
	})
})

var _ = Describe("The component prometheus", func() {
	It("scrapes the metrics Service, and only over TLS with a token", func(ctx SpecContext) {
		objects := must(with(ctx, "prometheus"))
		var monitor *unstructured.Unstructured
		for _, object := range objects {
			if object.GetKind() == "ServiceMonitor" {
				monitor = object
			}
		}
		Expect(monitor).NotTo(BeNil())
		selected, _, err := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
		Expect(err).NotTo(HaveOccurred())
		endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
		Expect(err).NotTo(HaveOccurred())
		Expect(endpoints).To(ConsistOf(And(HaveKeyWithValue("port", "https"), HaveKeyWithValue("scheme", "https"),
			HaveKeyWithValue("bearerTokenFile", Not(BeEmpty())))))

		var found []string
		for _, object := range objects {
			if object.GetKind() == "Service" && labels.SelectorFromSet(selected).Matches(labels.Set(object.GetLabels())) {
				found = append(found, object.GetName())
			}
		}
		Expect(found).To(ConsistOf("user-operator-metrics"))
	})

	It("lets Prometheus read them, by a role that is there", func(ctx SpecContext) {
		objects := must(with(ctx, "prometheus"))
		for _, binding := range allOf[rbacv1.ClusterRoleBinding](objects, "ClusterRoleBinding") {
			if binding.Name == "user-operator-metrics-reader" {
				Expect(allOf[rbacv1.ClusterRole](objects, "ClusterRole")).To(ContainElement(HaveField("Name", binding.RoleRef.Name)))
				return
			}
		}
		Fail("no binding")
	})
})

var _ = Describe("The component namespace-scoped", func() {
	It("leaves nothing for the whole cluster but what it is made of: its namespace and the CRDs", func(ctx SpecContext) {
		for _, object := range must(with(ctx, "namespace-scoped")) {
			if object.GetNamespace() == "" {
				Expect(object.GetKind()).To(BeElementOf("Namespace", "CustomResourceDefinition"), object.GetName())
			}
			Expect(object.GetKind()).NotTo(HavePrefix("ClusterRole"), object.GetName())
		}
	})

	It("grants in a namespace what the operator has in the cluster otherwise, but for namespaces", func(ctx SpecContext) {
		var wide []rbacv1.PolicyRule
		for _, role := range allOf[rbacv1.ClusterRole](installed, "ClusterRole") {
			for _, rule := range role.Rules {
				if role.Name == "user-operator" && rule.Resources[0] != "namespaces" {
					wide = append(wide, rule)
				}
			}
		}
		Expect(allOf[rbacv1.Role](must(with(ctx, "namespace-scoped")), "Role")).To(ContainElement(And(
			HaveField("Name", "user-operator"), HaveField("Rules", Equal(wide)),
		)))
	})

	It("says in which namespace it works: its own", func(ctx SpecContext) {
		container := theOne[appsv1.Deployment](must(with(ctx, "namespace-scoped")), "Deployment").Spec.Template.Spec.Containers[0]
		Expect(container.Args).To(ContainElements("--namespaces=$(POD_NAMESPACE)", "--metrics-bind-address=0"))
		Expect(container.Env).To(ConsistOf(And(HaveField("Name", "POD_NAMESPACE"), HaveField("ValueFrom.FieldRef.FieldPath", "metadata.namespace"))))
	})

	It("with metrics keeps the right to ask who scrapes, and no other", func(ctx SpecContext) {
		Expect(allOf[rbacv1.ClusterRoleBinding](must(with(ctx, "namespace-scoped-with-metrics")), "ClusterRoleBinding")).
			To(ConsistOf(HaveField("RoleRef.Name", "user-operator-metrics-auth")))
	})
})

var _ = Describe("The base watched-namespace", func() {
	It("binds the same Role to the operator in another namespace, and holds roles for people there", func(ctx SpecContext) {
		const namespace = "web-team"
		objects := must(render.Overlay(ctx, GinkgoT().TempDir(), config, "resources: [%s/components/watched-namespace]\nnamespace: "+namespace))
		Expect(kinds(objects)).To(ConsistOf("Role", "Role", "Role", "Role", "RoleBinding"))
		Expect(objects).To(HaveEach(HaveField("GetNamespace()", namespace)))
		Expect(theOne[rbacv1.RoleBinding](objects, "RoleBinding").Subjects).
			To(ConsistOf(rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: systemNamespace, Name: "user-operator"}))
		for _, role := range allOf[rbacv1.Role](must(with(ctx, "namespace-scoped")), "Role") {
			if !strings.HasSuffix(role.Name, "-leader-election") {
				Expect(allOf[rbacv1.Role](objects, "Role")).To(ContainElement(And(HaveField("Name", role.Name), HaveField("Rules", role.Rules))))
			}
		}
	})
})
