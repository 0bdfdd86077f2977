// Package e2e plays what people do with the operator and what CertCentral does to it: the binary, as its own ServiceAccount,
// against a real control plane and the simulator. It judges by what can be seen from outside, above all by the calls made.
package e2e

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/gbytes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/certcentral-io/user-operator/test/world"
)

// One control plane, one simulator and, between restarts, one operator for all specs. Each spec has its own namespace, API key
// and CertCentral users.
var (
	earth      *world.World
	digicert   *world.Simulator
	operator   *world.Manager
	kubernetes client.WithWatch

	operatorLog, simulatorLog, auditLog = gbytes.NewBuffer(), gbytes.NewBuffer(), gbytes.NewBuffer()
)

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	format.MaxLength = 0
	suite, reporter := GinkgoConfiguration()
	suite.Timeout = 15 * time.Minute // before go test ends it all without a clean-up
	RunSpecs(t, "E2E", suite, reporter)
}

var _ = BeforeSuite(func(ctx SpecContext) {
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	log.SetLogger(GinkgoLogr)

	var err error
	earth, err = world.Start(ctx, world.Options{
		Assets:    setting("KUBEBUILDER_ASSETS", "the folder with etcd, kube-apiserver and kubectl"),
		Manager:   setting("MANAGER", "the operator's binary"),
		Simulator: setting("SIMULATOR", "the simulator's binary"),
		Config:    filepath.Join("..", "..", "config"),
		Audit:     auditLog,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() error { return earth.Close() })
	kubernetes = earth.Client
	allowScraping(ctx)

	digicert, err = earth.StartSimulator(ctx, world.SimulatorOptions{Output: seen(simulatorLog)})
	Expect(err).NotTo(HaveOccurred())
	startOperator(ctx)
})

var _ = AfterEach(func(ctx SpecContext) {
	Expect(digicert.ClearFaults(ctx)).To(Succeed())
	select {
	case <-operator.Done():
		startOperator(ctx) // for the next spec
		Fail("the operator does not run at the end of the spec")
	default:
	}
	expectNothingTold(ctx)
})

var _ = AfterSuite(func(ctx SpecContext) {
	if operator == nil {
		return // it never started, and that was said
	}
	stopOperator(ctx)
	expectNothingIn("the operator's log", operatorLog.Contents(), secrets, personal)
	expectNothingIn("the simulator's output", simulatorLog.Contents(), secrets, personal)
	Expect(string(operatorLog.Contents())).NotTo(Or(ContainSubstring("DATA RACE"), ContainSubstring("panic")), "the operator's log")
})

// setting returns an environment variable that make test sets.
func setting(name, what string) string {
	GinkgoHelper()
	value := os.Getenv(name)
	Expect(value).NotTo(BeEmpty(), "%s does not name %s: run `make test`, which builds it and sets it", name, what)
	return value
}

// seen keeps what is written for the specs, and shows it beside a spec that fails.
func seen(buffer *gbytes.Buffer) io.Writer { return io.MultiWriter(buffer, GinkgoWriter) }

// startOperator starts it and waits until it is ready.
func startOperator(ctx context.Context) {
	GinkgoHelper()
	var err error
	operator, err = earth.StartManager(ctx, world.ManagerOptions{Endpoints: digicert.URL, Output: seen(operatorLog)})
	Expect(err).NotTo(HaveOccurred())
	Eventually(ctx, func() error { // it serves metrics a moment after it is ready
		connection, err := net.Dial("tcp", strings.TrimPrefix(operator.Metrics, "https://"))
		if err != nil {
			return err
		}
		return connection.Close()
	}).Should(Succeed())
}

// shutdownLimit is how long the operator may take to end after SIGTERM, whatever it is doing.
const shutdownLimit = 10 * time.Second

// stopOperator sends SIGTERM and expects a clean end in time.
func stopOperator(ctx context.Context) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	Expect(operator.Stop(ctx)).To(BeZero(), "exit code after SIGTERM")
}
