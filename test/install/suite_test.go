// Package install tries each way to install the operator as docs/install.md has it, with kubectl and helm, on a real control plane.
// There is no kubelet, so the Deployment's flags are given to the binary that is tested, which runs as the ServiceAccount that was
// installed. The audit log tells what that asked of the API server.
package install

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/certcentral-io/user-operator/internal/simulator"
	"github.com/certcentral-io/user-operator/test/world"
)

// Everything is relative to this folder.
const (
	config      = "../../config"
	chart       = "../../dist/chart"
	installYAML = "../../dist/install.yaml"
)

var (
	earth    *world.World
	digicert *world.Simulator
	auditLog = gbytes.NewBuffer()
	helmHome string // what helm keeps of its own goes there
	// apiKey is the key that all accounts use, and lastPerson the CertCentral user made last.
	apiKey           = "key-" + rand.Text()
	lastPerson int64 = 300000
)

func TestInstall(t *testing.T) {
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = 10 * time.Minute // before go test ends it all without a clean-up
	RunSpecs(t, "Install", suite, reporter)
}

var _ = BeforeSuite(func(ctx SpecContext) {
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	log.SetLogger(GinkgoLogr)
	for _, name := range []string{"KUBEBUILDER_ASSETS", "MANAGER", "SIMULATOR", "KUSTOMIZE", "HELM"} {
		Expect(os.Getenv(name)).NotTo(BeEmpty(), "%s is not set: run `make test`, which builds what it names and sets it", name)
	}

	helmHome = GinkgoT().TempDir()
	var err error
	earth, err = world.Start(ctx, world.Options{
		Assets: os.Getenv("KUBEBUILDER_ASSETS"), Manager: os.Getenv("MANAGER"), Simulator: os.Getenv("SIMULATOR"), Config: config, Audit: auditLog,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() error { return earth.Close() })
	Expect(earth.Kubectl).NotTo(BeEmpty(), "there is no kubectl in KUBEBUILDER_ASSETS")
	digicert, err = earth.StartSimulator(ctx, world.SimulatorOptions{Output: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	Expect(digicert.AddKey(ctx, simulator.Key{Key: apiKey, UserID: newPerson(ctx)})).To(Succeed())
	for _, name := range []string{"pki", "web-team"} {
		Expect(earth.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	}
	uninstall(ctx) // a world comes with config/default
})

// crds are the kinds, without which nothing else is left either.
var crds = []string{"certcentralaccounts.certcentral.io", "certcentralusers.certcentral.io"}

// uninstall removes all of an installation but its namespace, which would need kube-controller-manager to go.
func uninstall(ctx context.Context) {
	GinkgoHelper()
	ours := client.MatchingLabels{"app.kubernetes.io/name": "user-operator"}
	for _, kind := range []client.Object{&rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}} {
		Expect(earth.Client.DeleteAllOf(ctx, kind, ours)).To(Succeed())
	}
	for _, namespace := range []string{world.Namespace, "pki", "web-team"} {
		for _, kind := range []client.Object{
			&appsv1.Deployment{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &corev1.ServiceAccount{}, &corev1.Service{},
			&networkingv1.NetworkPolicy{}, &policyv1.PodDisruptionBudget{},
		} {
			Expect(earth.Client.DeleteAllOf(ctx, kind, client.InNamespace(namespace), ours)).To(Succeed())
		}
	}
	kubectl(ctx, nil, append([]string{"delete", "--ignore-not-found", "--wait", "crd"}, crds...)...)
}

// newPerson adds a CertCentral user with the title of a newcomer.
func newPerson(ctx context.Context) (id int64) {
	GinkgoHelper()
	lastPerson++
	Expect(digicert.AddUser(ctx, map[string]any{
		"id": lastPerson, "username": "user-" + rand.Text(), "first_name": "Nora", "last_name": "Newman",
		"email": "nora@example.com", "job_title": "Newcomer", "telephone": "555",
	})).To(Succeed())
	return lastPerson
}

// call is what the API server recorded of one call by the operator.
type call struct {
	Verb      string
	ObjectRef struct{ APIGroup, Resource, Namespace, Name string }
	User      struct{ Username string }
	// Annotations tell the decision about it.
	Annotations map[string]string
}

// callsSince are the operator's calls that the audit log recorded after its first bytes.
func callsSince(start int) (calls []call) {
	GinkgoHelper()
	for line := range strings.Lines(string(auditLog.Contents()[start:])) {
		if !strings.HasSuffix(line, "}\n") {
			continue // still on its way
		}
		var c call
		Expect(json.Unmarshal([]byte(line), &c)).To(Succeed(), line)
		if c.User.Username == "system:serviceaccount:"+world.Namespace+":user-operator" {
			calls = append(calls, c)
		}
	}
	return calls
}
