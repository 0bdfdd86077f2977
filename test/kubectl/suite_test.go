// Package kubectl plays what people type: the real kubectl against a real API server, with the operator and the simulator behind
// it, and what docs/gitops.md promises of config/policies and config/users-repository. It judges by what kubectl prints.
package kubectl

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/gbytes"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/certcentral-io/user-operator/internal/simulator"
	"github.com/certcentral-io/user-operator/test/world"
)

// One control plane, one simulator and one operator for all specs. Each spec has its own namespace, API key and people.
var (
	earth    *world.World
	digicert *world.Simulator
	operator *world.Manager
	home     string // of kubectl: without the settings of whoever runs the tests

	told    = gbytes.NewBuffer() // all that the operator and kubectl said
	apiKeys []string             // which is nowhere in it
)

func TestKubectl(t *testing.T) {
	RegisterFailHandler(Fail)
	format.MaxLength = 0
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = 10 * time.Minute
	RunSpecs(t, "kubectl", suite, reporter)
}

var _ = BeforeSuite(func(ctx SpecContext) {
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	log.SetLogger(GinkgoLogr)

	var err error
	earth, err = world.Start(ctx, world.Options{
		Assets:    setting("KUBEBUILDER_ASSETS"),
		Manager:   setting("MANAGER"),
		Simulator: setting("SIMULATOR"),
		Config:    config,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() error { return earth.Close() })
	Expect(earth.Kubectl).NotTo(BeEmpty(), "there is no kubectl in KUBEBUILDER_ASSETS: run `make test`, which builds it")
	home = GinkgoT().TempDir()

	digicert, err = earth.StartSimulator(ctx, world.SimulatorOptions{Output: GinkgoWriter})
	Expect(err).NotTo(HaveOccurred())
	startOperator(ctx)
	installPolicies(ctx)
})

var _ = AfterEach(func(ctx SpecContext) {
	select {
	case <-operator.Done():
		startOperator(ctx) // for the next spec
		Fail("the operator does not run at the end of the spec")
	default:
	}
})

var _ = AfterSuite(func() {
	for _, key := range apiKeys {
		Expect(string(told.Contents())).NotTo(ContainSubstring(key), "an API key in what the operator or kubectl said")
	}
})

func startOperator(ctx context.Context) {
	GinkgoHelper()
	var err error
	operator, err = earth.StartManager(ctx, world.ManagerOptions{Endpoints: digicert.URL, Output: io.MultiWriter(told, GinkgoWriter)})
	Expect(err).NotTo(HaveOccurred())
}

// config is the folder with the manifests.
var config = filepath.Join("..", "..", "config")

// setting returns an environment variable that make test sets.
func setting(name string) string {
	GinkgoHelper()
	value := os.Getenv(name)
	Expect(value).NotTo(BeEmpty(), "%s is not set: run `make test`, which builds what it names and sets it", name)
	return value
}

// unjudged exempts a namespace from config/policies.
var unjudged = map[string]string{"example.com/certcentral-users-policy": "none"}

// newNamespace creates a namespace for one spec.
func newNamespace(ctx context.Context, labels map[string]string) string {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "kubectl-", Labels: labels}}
	Expect(earth.Client.Create(ctx, namespace)).To(Succeed())
	return namespace.Name
}

// newAccount creates a namespace with the account digicert, and waits until it is ready.
func newAccount(ctx context.Context) (namespace string) {
	GinkgoHelper()
	namespace = newNamespace(ctx, unjudged)
	account, secret := world.NewAccount(digicert, namespace, "digicert", newKey(ctx, 0))
	Expect(earth.Client.Create(ctx, secret)).To(Succeed())
	Expect(earth.Client.Create(ctx, account)).To(Succeed())
	run(ctx, namespace, "", "wait", "cca/digicert", "--for=condition=Ready", "--timeout=30s")
	return namespace
}

// lastPerson is the id of the CertCentral user made last.
var lastPerson int64 = 300000

// newPerson adds a CertCentral user, with fields over a newcomer's.
func newPerson(ctx context.Context, fields map[string]any) (id int64) {
	GinkgoHelper()
	lastPerson++
	person := map[string]any{"id": lastPerson, "username": rand.Text(), "email": rand.Text() + "@example.com"}
	for name, value := range fields {
		person[name] = value
	}
	Expect(digicert.AddUser(ctx, person)).To(Succeed())
	return lastPerson
}

// newKey adds an API key of a new user, in an account, the demonstration's for 0.
func newKey(ctx context.Context, account int64) string {
	GinkgoHelper()
	owner := map[string]any{}
	if account != 0 {
		owner["account_id"] = account
	}
	key := "key-" + rand.Text()
	apiKeys = append(apiKeys, key)
	Expect(digicert.AddKey(ctx, simulator.Key{Key: key, UserID: newPerson(ctx, owner), AccountID: account})).To(Succeed())
	return key
}

// live returns the value of a field as CertCentral has it; nil when it has none.
func live(ctx context.Context, id int64, field string) any {
	GinkgoHelper()
	person, err := digicert.User(ctx, id)
	Expect(err).NotTo(HaveOccurred())
	return person[field]
}

// answer is what kubectl left.
type answer struct {
	Out, Err string
	Code     int
}

// try runs kubectl as an administrator with standard input; in a namespace, or "" where the objects say it themselves.
func try(ctx context.Context, namespace, input string, args ...string) answer {
	GinkgoHelper()
	var out, errs bytes.Buffer
	if namespace != "" {
		args = append(args, "--namespace", namespace)
	}
	kubectl := exec.CommandContext(ctx, earth.Kubectl, args...)
	kubectl.Env = append(os.Environ(), "HOME="+home, "KUBECONFIG="+earth.Kubeconfig)
	kubectl.Stdin = strings.NewReader(input)
	kubectl.Stdout, kubectl.Stderr = io.MultiWriter(&out, told), io.MultiWriter(&errs, told)
	if err := kubectl.Run(); kubectl.ProcessState == nil {
		Expect(err).NotTo(HaveOccurred())
	}
	return answer{out.String(), errs.String(), kubectl.ProcessState.ExitCode()}
}

// run is try that has to end well, and returns what is printed.
func run(ctx context.Context, namespace, input string, args ...string) string {
	GinkgoHelper()
	a := try(ctx, namespace, input, args...)
	Expect(a.Code).To(BeZero(), "kubectl %s: %s%s", strings.Join(args, " "), a.Out, a.Err)
	return a.Out
}
