package v1alpha1_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// What people write is judged by the API server alone, so these tests ask a real one.
var (
	environment *envtest.Environment
	api         client.Client // refuses unknown fields, as kubectl does
)

func TestAPI(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "API")
}

var _ = BeforeSuite(func() {
	Expect(os.Getenv("KUBEBUILDER_ASSETS")).NotTo(BeEmpty(),
		"KUBEBUILDER_ASSETS does not say where kube-apiserver, etcd and kubectl are: run `make test`, which builds them and sets it")
	log.SetLogger(GinkgoLogr)

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		v1alpha1.AddToScheme, corev1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		Expect(add(scheme)).To(Succeed())
	}

	environment = &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	config, err := environment.Start()
	DeferCleanup(func() error { return environment.Stop() })
	Expect(err).NotTo(HaveOccurred())

	lenient, err := client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	api = client.WithFieldValidation(lenient, metav1.FieldValidationStrict)
})

// newNamespace makes a namespace for one test. It stays: nothing in a test control plane would empty it.
func newNamespace(ctx context.Context) string {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	Expect(api.Create(ctx, namespace)).To(Succeed())
	return namespace.Name
}

// newAccount is the least an account can be, in a namespace of its own, with the top-level fields of spec, in YAML, put over it.
func newAccount(ctx context.Context, spec string) *unstructured.Unstructured {
	GinkgoHelper()
	return newObject(ctx, "CertCentralAccount", `apiKeySecretRef: {name: certcentral-api-key}`, spec)
}

// newUser is the least a user can be, in a namespace of its own, with the top-level fields of spec, in YAML, put over it.
func newUser(ctx context.Context, spec string) *unstructured.Unstructured {
	GinkgoHelper()
	return newObject(ctx, "CertCentralUser", `{accountRef: {name: digicert}, userRef: {id: 125039}}`, spec)
}

func newObject(ctx context.Context, kind, least, over string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	object.SetNamespace(newNamespace(ctx))
	object.SetGenerateName("test-")
	spec := fields(least)
	maps.Copy(spec, fields(over))
	object.Object["spec"] = spec
	return object
}

// fields reads YAML, which may be indented with tabs on the whole, as a JSON client would send it: a field with no value is null.
func fields(text string) map[string]any {
	GinkgoHelper()
	json, err := yaml.YAMLToJSONStrict([]byte(strings.ReplaceAll(text, "\t", "")))
	Expect(err).NotTo(HaveOccurred())
	if string(json) == "null" {
		return map[string]any{}
	}
	object := &unstructured.Unstructured{Object: map[string]any{}}
	Expect(object.UnmarshalJSON([]byte(`{"apiVersion":"v1","kind":"Fields","spec":` + string(json) + `}`))).To(Succeed())
	spec, _, err := unstructured.NestedMap(object.Object, "spec")
	Expect(err).NotTo(HaveOccurred())
	return spec
}

// A verdict is what the API server has to say about a request: nothing, or a sentence about a field.
type verdict struct{ field, message string }

var accepted verdict

// refused expects a message that contains this one; the rest of it is the value, and what goes without saying.
func refused(field, message string) verdict { return verdict{field, message} }

// expect compares err with the verdict. After an acceptance, object must also decode into its Go type: one that doesn't
// would stop the operator's watch, and with it the work on all others.
func (v verdict) expect(ctx context.Context, object *unstructured.Unstructured, err error) {
	GinkgoHelper()
	if v == accepted {
		Expect(err).NotTo(HaveOccurred())
		expectDecodes(ctx, object)
		return
	}
	Expect(err).To(Satisfy(apierrors.IsInvalid), "refused as invalid")
	var status apierrors.APIStatus
	Expect(errors.As(err, &status)).To(BeTrue())
	Expect(status.Status().Details.Causes).To(ContainElement(And(
		HaveField("Field", v.field),
		HaveField("Message", ContainSubstring(v.message)),
	)))
}

// expectDecodes reads object as its Go type, the way the operator does.
func expectDecodes(ctx context.Context, object *unstructured.Unstructured) client.Object {
	GinkgoHelper()
	var typed client.Object = &v1alpha1.CertCentralUser{}
	if object.GetKind() == "CertCentralAccount" {
		typed = &v1alpha1.CertCentralAccount{}
	}
	key := types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
	Expect(api.Get(ctx, key, typed)).To(Succeed(), "decode into the Go type")
	return typed
}
