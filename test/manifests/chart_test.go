package manifests

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/certcentral-io/user-operator/test/render"
)

const chart = "../../dist/chart"

type values = map[string]any

// helmsOwn are the labels by which Helm tells its releases apart. kustomize has none of them.
var helmsOwn = []string{"helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"}

// normal are objects by kind and name, less what may differ between chart and kustomize: Helm's labels, the Namespace, which is for
// helm install to create, and the label that kustomize gives to the CRDs, which a chart holds as files and not as templates.
func normal(objects []*unstructured.Unstructured) map[string]any {
	found := map[string]any{}
	for _, object := range objects {
		if object.GetKind() == "Namespace" {
			continue
		}
		key := fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
		ExpectWithOffset(1, found).NotTo(HaveKey(key))
		object = object.DeepCopy()
		if object.GetKind() == "CustomResourceDefinition" {
			object.SetLabels(nil)
		}
		found[key] = without(object.Object, helmsOwn)
	}
	return found
}

// without drops keys from all maps of a value.
func without(value any, keys []string) any {
	switch value := value.(type) {
	case map[string]any:
		for key, each := range value {
			if slices.Contains(keys, key) {
				delete(value, key)
				continue
			}
			value[key] = without(each, keys)
		}
	case []any:
		for i := range value {
			value[i] = without(value[i], keys)
		}
	}
	return value
}

// expectSame compares object by object, so that a failure shows the one that differs.
func expectSame(charted, kustomized []*unstructured.Unstructured) {
	GinkgoHelper()
	have, want := normal(charted), normal(kustomized)
	for key := range want {
		Expect(have).To(HaveKey(key))
		Expect(have[key]).To(Equal(want[key]), key)
		delete(have, key)
	}
	Expect(have).To(BeEmpty(), "the chart has more than kustomize")
}

// latest is the image of the manifests.
var latest = values{"tag": "latest"}

var _ = Describe("The chart", func() {
	monitored := values{"serviceMonitor": values{"enabled": true}, "readers": []any{values{"name": "prometheus-k8s", "namespace": "monitoring"}}}
	in := func(namespace string) values {
		return values{"namespaceSelector": values{"matchLabels": values{"kubernetes.io/metadata.name": namespace}}}
	}
	dns := in("kube-system")
	dns["podSelector"] = values{"matchLabels": values{"k8s-app": "kube-dns"}}
	narrow := values{"metricsFrom": []any{in("monitoring")}, "dnsTo": []any{dns}}

	DescribeTable("is what kustomize makes", func(ctx SpecContext, components []string, given values) {
		given["image"] = latest
		charted := rendered(ctx, given)
		expectSame(charted, must(with(ctx, components...)))
		expectAccepted(ctx, charted)
	},
		Entry("by default", nil, values{}),
		Entry("of ha", []string{"ha"}, values{"ha": values{"enabled": true}}),
		Entry("of network-policy", []string{"network-policy"}, values{"networkPolicy": narrow}),
		Entry("of prometheus", []string{"prometheus"}, values{"metrics": monitored}),
		Entry("of no-metrics", []string{"no-metrics"}, values{"metrics": values{"enabled": false}}),
		Entry("of namespace-scoped", []string{"namespace-scoped"},
			values{"namespaceScoped": values{"enabled": true}, "metrics": values{"enabled": false}}),
		Entry("of namespace-scoped-with-metrics", []string{"namespace-scoped-with-metrics"}, values{"namespaceScoped": values{"enabled": true}}),
		Entry("of all that go together", []string{"ha", "network-policy", "prometheus", "namespace-scoped-with-metrics"},
			values{"ha": values{"enabled": true}, "networkPolicy": narrow, "metrics": monitored, "namespaceScoped": values{"enabled": true}}),
	)

	It("is what kustomize makes of two namespaces", func(ctx SpecContext) {
		charted := rendered(ctx, values{
			"image": latest, "metrics": values{"enabled": false},
			"namespaceScoped": values{"enabled": true, "namespaces": []string{systemNamespace, "web-team"}},
		})
		kustomized := append(must(with(ctx, "namespace-scoped")),
			must(render.Overlay(ctx, GinkgoT().TempDir(), config, "resources: [%s/components/watched-namespace]\nnamespace: web-team"))...)
		for _, object := range kustomized {
			if object.GetKind() == "Deployment" { // the one line that an overlay writes by hand
				replaceArg(object, "--namespaces=$(POD_NAMESPACE)", "--namespaces="+systemNamespace+",web-team")
			}
		}
		expectSame(charted, kustomized)
	})

	It("is accepted with each of its example values", func(ctx SpecContext) {
		for _, name := range []string{"pki", "web-team"} {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
			Expect(admin.Create(ctx, namespace)).To(Or(Succeed(), MatchError(ContainSubstring("already exists"))))
		}
		files, err := filepath.Glob(chart + "/ci/*-values.yaml")
		Expect(err).NotTo(HaveOccurred())
		Expect(files).NotTo(BeEmpty())
		for _, file := range files {
			By(file)
			expectAccepted(ctx, must(render.Chart(ctx, chart, nil, file)))
		}
	})

	DescribeTable("chooses the image", func(ctx SpecContext, image values, want string) {
		deployment := theOne[appsv1.Deployment](rendered(ctx, values{"image": image}), "Deployment")
		Expect(deployment.Spec.Template.Spec.Containers).To(ConsistOf(HaveField("Image", want)))
	},
		Entry("by tag", values{"repository": "registry.example.com:5000/user-operator", "tag": "v1"}, "registry.example.com:5000/user-operator:v1"),
		Entry("by digest, whatever the tag", values{"tag": "v1", "digest": digest}, "user-operator@"+digest),
	)

	DescribeTable("refuses", func(ctx SpecContext, given values, because string) {
		_, err := render.Chart(ctx, chart, given)
		Expect(err).To(MatchError(ContainSubstring(because)))
	},
		Entry("a value that it doesn't know", values{"replicaCount": 2}, "additional properties 'replicaCount' not allowed"),
		Entry("one deeper down", values{"metrics": values{"serviceMonitor": values{"enable": true}}}, "additional properties 'enable' not allowed"),
		Entry("an API key as a value", values{"accounts": values{"digicert": values{"spec": values{"apiKeySecretRef": values{
			"name": "certcentral-api-key", "value": "secret",
		}}}}}, "additional properties 'value' not allowed"),
		Entry("an account without a key", values{"accounts": values{"digicert": values{"spec": values{}}}}, "missing property 'apiKeySecretRef'"),
		Entry("an endpoint without TLS", values{"allowedEndpoints": []string{"http://example.com"}}, "does not match pattern"),
		Entry("a single replica as high availability", values{"ha": values{"enabled": true, "replicas": 1}}, "minimum: got 1, want 2"),
		Entry("a ServiceMonitor of no metrics", values{"metrics": values{"enabled": false, "serviceMonitor": values{"enabled": true}}},
			"metrics.serviceMonitor.enabled needs metrics.enabled"),
		Entry("an account where it may not work", values{
			"namespaceScoped": values{"enabled": true, "namespaces": []string{"pki"}},
			"accounts":        values{"digicert": values{"namespace": "elsewhere", "spec": values{"apiKeySecretRef": values{"name": "key"}}}},
		}, "none of namespaceScoped.namespaces"),
		Entry("a foreign ServiceAccount without a name", values{"serviceAccount": values{"create": false}}, "serviceAccount.name is needed"),
	)

	It("names all after its release, but for the kinds and the roles for people", func(ctx SpecContext) {
		for _, object := range rendered(ctx, values{"fullnameOverride": "people"}) {
			if object.GetKind() != "CustomResourceDefinition" {
				Expect(object.GetName()).To(Or(HavePrefix("people"), HavePrefix("certcentral-")), object.GetKind())
			}
		}
	})
})

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// replaceArg changes an argument of the Deployment's container.
func replaceArg(deployment *unstructured.Unstructured, before, after string) {
	GinkgoHelper()
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	Expect(err).NotTo(HaveOccurred())
	args := containers[0].(map[string]any)["args"].([]any)
	at := slices.Index(args, any(before))
	Expect(at).NotTo(Equal(-1), before)
	args[at] = after
	Expect(unstructured.SetNestedSlice(deployment.Object, containers, "spec", "template", "spec", "containers")).To(Succeed())
}

// rendered is what the chart makes of values.
func rendered(ctx context.Context, given values) []*unstructured.Unstructured {
	GinkgoHelper()
	return must(render.Chart(ctx, chart, given))
}
