// Package manifests tests what config/ and the chart make of a cluster, on a real API server: that all of it is accepted, that both
// are the same, and that it gives the operator the rights it needs and no other. It runs no operator.
package manifests

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/render"
)

const systemNamespace = "certcentral-system"

var (
	admin     client.Client // may do everything, and refuses unknown fields
	installed []*unstructured.Unstructured
)

func TestManifests(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Manifests")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	for _, name := range []string{"KUBEBUILDER_ASSETS", "KUSTOMIZE", "HELM", "SERVICE_MONITOR_CRD"} {
		Expect(os.Getenv(name)).NotTo(BeEmpty(), "%s is not set: run `make test`, which builds what it names and sets it", name)
	}
	log.SetLogger(GinkgoLogr)

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		v1alpha1.AddToScheme, corev1.AddToScheme, appsv1.AddToScheme, rbacv1.AddToScheme, authorizationv1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		Expect(add(scheme)).To(Succeed())
	}

	environment := &envtest.Environment{Scheme: scheme, CRDInstallOptions: envtest.CRDInstallOptions{
		Paths: []string{os.Getenv("SERVICE_MONITOR_CRD")}, ErrorIfPathMissing: true,
	}}
	config, err := environment.Start()
	DeferCleanup(func() error { return environment.Stop() })
	Expect(err).NotTo(HaveOccurred())
	lenient, err := client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	admin = client.WithFieldValidation(lenient, metav1.FieldValidationStrict)

	// In one go and in the order they are printed, as kubectl apply -k does on a new cluster.
	installed = build(ctx, "../../config/default")
	for _, object := range installed {
		apply(ctx, object)
	}
	Expect(envtest.WaitForCRDs(config, allOf[apiextensionsv1.CustomResourceDefinition](installed, "CustomResourceDefinition"),
		envtest.CRDInstallOptions{})).To(Succeed())
})

// build is what kustomize makes of a folder.
func build(ctx context.Context, folder string) []*unstructured.Unstructured {
	GinkgoHelper()
	return must(render.Kustomize(ctx, folder))
}

func apply(ctx context.Context, object *unstructured.Unstructured) {
	GinkgoHelper()
	Expect(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()), client.FieldOwner("test"))).
		To(Succeed(), "%s %s", object.GetKind(), object.GetName())
}

// allOf is the objects of a kind as their Go type.
func allOf[T any](objects []*unstructured.Unstructured, kind string) []*T {
	GinkgoHelper()
	var found []*T
	for _, object := range objects {
		if object.GetKind() == kind {
			typed := new(T)
			Expect(runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true)).To(Succeed())
			found = append(found, typed)
		}
	}
	return found
}

func theOne[T any](objects []*unstructured.Unstructured, kind string) *T {
	GinkgoHelper()
	found := allOf[T](objects, kind)
	Expect(found).To(HaveLen(1), kind)
	return found[0]
}

var _ = Describe("The operator's Pod", func() {
	pod := func() *corev1.Pod {
		template := theOne[appsv1.Deployment](installed, "Deployment").Spec.Template
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, GenerateName: "user-operator-", Labels: template.Labels},
			Spec:       template.Spec,
		}
	}

	It("keeps to what Pod Security restricts", func(ctx SpecContext) {
		Expect(admin.Create(ctx, pod(), client.DryRunAll)).To(Succeed())
	})

	It("would be refused with more", func(ctx SpecContext) {
		more := pod()
		more.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = new(true)
		err := admin.Create(ctx, more, client.DryRunAll)
		Expect(err).To(MatchError(ContainSubstring(`violates PodSecurity "restricted`)))
		Expect(err).To(Satisfy(apierrors.IsForbidden))
	})

	It("writes nothing to disk", func() {
		spec := pod().Spec
		Expect(spec.Volumes).To(BeEmpty())
		Expect(spec.Containers).To(HaveEach(HaveField("SecurityContext.ReadOnlyRootFilesystem", HaveValue(BeTrue()))))
	})

	It("is what the Service and the probes find", func() {
		template := theOne[appsv1.Deployment](installed, "Deployment").Spec.Template
		service := theOne[corev1.Service](installed, "Service").Spec
		for label, value := range service.Selector {
			Expect(template.Labels).To(HaveKeyWithValue(label, value))
		}
		container := template.Spec.Containers[0]
		ports := map[string]int32{}
		for _, port := range container.Ports {
			ports[port.Name] = port.ContainerPort
		}
		Expect(ports).To(Equal(map[string]int32{"metrics": 8443, "health": 8081}))
		Expect(ports).To(HaveKey(service.Ports[0].TargetPort.StrVal))
		Expect(ports).To(HaveKey(container.LivenessProbe.HTTPGet.Port.StrVal))
		Expect(ports).To(HaveKey(container.ReadinessProbe.HTTPGet.Port.StrVal))
	})
})

var _ = Describe("The operator's network policy", func() {
	port := func(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
		return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: new(intstr.FromInt32(number))}
	}

	It("lets in who scrapes and out to DNS, CertCentral and the API server, and nothing else", func() {
		spec := theOne[networkingv1.NetworkPolicy](installed, "NetworkPolicy").Spec
		Expect(spec.PolicyTypes).To(ConsistOf(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress))
		Expect(spec.Ingress).To(ConsistOf(networkingv1.NetworkPolicyIngressRule{
			Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, 8443)},
		}))
		Expect(spec.Egress).To(ConsistOf(
			networkingv1.NetworkPolicyEgressRule{
				Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolUDP, 53), port(corev1.ProtocolTCP, 53)},
			},
			networkingv1.NetworkPolicyEgressRule{
				Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, 443), port(corev1.ProtocolTCP, 6443)},
			},
		))
	})

	It("is about the operator's Pod, and lets in on the port that it serves metrics on", func() {
		policy := theOne[networkingv1.NetworkPolicy](installed, "NetworkPolicy")
		deployment := theOne[appsv1.Deployment](installed, "Deployment")
		Expect(policy.Namespace).To(Equal(deployment.Namespace))
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		Expect(err).NotTo(HaveOccurred())
		Expect(selector.Empty()).To(BeFalse(), "it is about no other Pod")
		Expect(selector.Matches(labels.Set(deployment.Spec.Template.Labels))).To(BeTrue())
		Expect(deployment.Spec.Template.Spec.Containers[0].Ports).To(ContainElement(And(
			HaveField("Name", "metrics"), HaveField("ContainerPort", policy.Spec.Ingress[0].Ports[0].Port.IntVal),
		)))
	})
})

var _ = Describe("The operator's rights", func() {
	const allowed, denied = true, false
	DescribeTable("are what it needs, and no more", func(ctx SpecContext, want bool, verb, resource, namespace, name string) {
		resource, subresource, _ := strings.Cut(resource, "/")
		resource, group, _ := strings.Cut(resource, ".")
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   "system:serviceaccount:" + systemNamespace + ":user-operator",
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + systemNamespace, "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name,
			},
		}}
		Expect(admin.Create(ctx, review)).To(Succeed())
		Expect(review.Status.Allowed).To(Equal(want), review.Status.Reason)
	},
		Entry("watches users everywhere", allowed, "watch", "certcentralusers.certcentral.io", "", ""),
		Entry("lists users everywhere", allowed, "list", "certcentralusers.certcentral.io", "", ""),
		Entry("watches accounts everywhere", allowed, "watch", "certcentralaccounts.certcentral.io", "", ""),
		Entry("lists accounts everywhere", allowed, "list", "certcentralaccounts.certcentral.io", "", ""),
		Entry("patches the status of users", allowed, "patch", "certcentralusers.certcentral.io/status", "pki", "john-smith"),
		Entry("patches the status of accounts", allowed, "patch", "certcentralaccounts.certcentral.io/status", "pki", "digicert"),
		Entry("doesn't patch what people declare", denied, "patch", "certcentralusers.certcentral.io", "pki", "john-smith"),
		Entry("doesn't update what people declare", denied, "update", "certcentralaccounts.certcentral.io", "pki", "digicert"),
		Entry("doesn't replace a status", denied, "update", "certcentralusers.certcentral.io/status", "pki", "john-smith"),
		Entry("doesn't create users", denied, "create", "certcentralusers.certcentral.io", "pki", ""),
		Entry("doesn't delete users", denied, "delete", "certcentralusers.certcentral.io", "pki", "john-smith"),
		Entry("sets no finalizers", denied, "update", "certcentralusers.certcentral.io/finalizers", "pki", "john-smith"),

		Entry("gets a Secret by its name", allowed, "get", "secrets", "pki", "certcentral-api-key"),
		Entry("doesn't list Secrets", denied, "list", "secrets", "pki", ""),
		Entry("doesn't watch Secrets", denied, "watch", "secrets", "pki", ""),
		Entry("doesn't list its own namespace's Secrets", denied, "list", "secrets", systemNamespace, ""),
		Entry("doesn't write Secrets", denied, "patch", "secrets", "pki", "certcentral-api-key"),
		Entry("gets a namespace, for its labels", allowed, "get", "namespaces", "", "web-team"),
		Entry("doesn't list namespaces", denied, "list", "namespaces", "", ""),
		Entry("doesn't watch namespaces", denied, "watch", "namespaces", "", ""),

		Entry("records events", allowed, "create", "events.events.k8s.io", "pki", ""),
		Entry("counts events up", allowed, "patch", "events.events.k8s.io", "pki", "john-smith.1"),
		Entry("doesn't read events", denied, "list", "events.events.k8s.io", "pki", ""),
		Entry("records the leader in its own namespace", allowed, "create", "events", systemNamespace, ""),
		Entry("records no leader elsewhere", denied, "create", "events", "pki", ""),

		Entry("creates its lease", allowed, "create", "leases.coordination.k8s.io", systemNamespace, ""),
		Entry("renews its lease", allowed, "update", "leases.coordination.k8s.io", systemNamespace, "user-operator.certcentral.io"),
		Entry("doesn't touch other leases", denied, "update", "leases.coordination.k8s.io", systemNamespace, "another"),
		Entry("doesn't create leases elsewhere", denied, "create", "leases.coordination.k8s.io", "kube-system", ""),

		Entry("asks who scrapes the metrics", allowed, "create", "tokenreviews.authentication.k8s.io", "", ""),
		Entry("asks whether they may", allowed, "create", "subjectaccessreviews.authorization.k8s.io", "", ""),
		Entry("gives no rights", denied, "create", "clusterrolebindings.rbac.authorization.k8s.io", "", ""),
		Entry("makes no tokens", denied, "create", "serviceaccounts/token", systemNamespace, "user-operator"),
		Entry("impersonates nobody", denied, "impersonate", "users", "", "admin"),
		Entry("runs no Pods", denied, "create", "pods", systemNamespace, ""),
	)

	It("are spelled out, as are everybody's", func() {
		roles := append(allOf[rbacv1.ClusterRole](installed, "ClusterRole"), clusterRoles(allOf[rbacv1.Role](installed, "Role"))...)
		Expect(roles).To(HaveLen(7))
		for _, role := range roles {
			for _, rule := range role.Rules {
				said := slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.NonResourceURLs)
				Expect(said).NotTo(ContainElement(ContainSubstring("*")), role.Name)
				if slices.Contains(rule.Resources, "secrets") {
					Expect(rule).To(Equal(rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}), role.Name)
				}
			}
		}
	})
})

func clusterRoles(roles []*rbacv1.Role) []*rbacv1.ClusterRole {
	var found []*rbacv1.ClusterRole
	for _, role := range roles {
		found = append(found, &rbacv1.ClusterRole{ObjectMeta: role.ObjectMeta, Rules: role.Rules})
	}
	return found
}

var _ = Describe("The roles for people", func() {
	DescribeTable("join the built-in ones", func(name, builtIn string, writes []string) {
		var role *rbacv1.ClusterRole
		for _, each := range allOf[rbacv1.ClusterRole](installed, "ClusterRole") {
			if each.Name == name {
				role = each
			}
		}
		Expect(role).NotTo(BeNil())

		var joins []string
		for label := range role.Labels {
			if name, aggregates := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); aggregates {
				joins = append(joins, name)
			}
		}
		Expect(joins).To(ConsistOf(builtIn), "one is enough: Kubernetes' own edit contains view, and admin contains edit")

		var written []string
		for _, rule := range role.Rules {
			if slices.Contains(rule.Verbs, "patch") {
				written = append(written, rule.Resources...)
			}
		}
		Expect(written).To(ConsistOf(writes), "and never a status, which is the operator's memory")
	},
		Entry("look at everything", "certcentral-viewer", "view", []string{}),
		Entry("declare users", "certcentral-editor", "edit", []string{"certcentralusers"}),
		Entry("declare accounts too", "certcentral-admin", "admin", []string{"certcentralusers", "certcentralaccounts"}),
	)
})

var _ = Describe("An overlay", func() {
	It("can choose another namespace and another image", func(ctx SpecContext) {
		moved := must(render.Overlay(ctx, GinkgoT().TempDir(), config, `
resources: [%s/default]
namespace: elsewhere
images: [{name: user-operator, newName: registry.example.com/user-operator, newTag: v1}]
`))
		Expect(moved).To(HaveLen(len(installed)))
		for _, object := range moved {
			text, err := object.MarshalJSON()
			Expect(err).NotTo(HaveOccurred())
			Expect(string(text)).NotTo(ContainSubstring(systemNamespace), "%s %s", object.GetKind(), object.GetName())
		}
		Expect(theOne[corev1.Namespace](moved, "Namespace").Name).To(Equal("elsewhere"))
		Expect(theOne[appsv1.Deployment](moved, "Deployment").Spec.Template.Spec.Containers).
			To(ConsistOf(HaveField("Image", "registry.example.com/user-operator:v1")))
	})
})
