// Package gitops shows what GitOps tools make of the operator's objects, at every moment of their lives: kstatus, as Flux asks it,
// and the health checks and actions of config/argocd, run as Argo CD runs them. The objects are real: the operator's binary wrote
// their status, on a real API server, about what a simulated CertCentral did.
package gitops

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/world"
)

// earth is what all situations share.
type earth struct {
	*world.World
	operator *world.Manager
	argo     map[string]customization // by group and kind
	history  *history
}

func TestGitOps(t *testing.T) {
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	e := newEarth(t)

	t.Run("before the first look", func(t *testing.T) { playOut(t, e.set(t, unseen)) })

	users, accounts, samples := e.set(t, userSituations), e.set(t, accountSituations), e.setSamples(t)
	e.startOperator(t, users, accounts, samples)
	t.Run("while the operator runs", func(t *testing.T) {
		t.Run("user", func(t *testing.T) { t.Parallel(); playOut(t, users) })
		t.Run("account", func(t *testing.T) { t.Parallel(); playOut(t, accounts) })
		t.Run("samples", func(t *testing.T) { t.Parallel(); samples.play(t) })
	})
	t.Run("every reason is among them", e.expectEveryReason)

	NewWithT(t).Expect(e.operator.Pause()).To(Succeed())
	t.Run("while nobody has looked at a new generation", func(t *testing.T) { outdate(t, users, accounts) })
	NewWithT(t).Expect(e.operator.Resume()).To(Succeed()) // to be ended in due order
	t.Run("every version that there ever was", e.expectLaws)
}

func newEarth(t *testing.T) *earth {
	t.Helper()
	log.SetLogger(logr.Discard())
	g := NewWithT(t)
	config := filepath.Join("..", "..", "config")
	w, err := world.Start(t.Context(), world.Options{
		Assets:  setting(t, "KUBEBUILDER_ASSETS", "the folder with etcd, kube-apiserver and kubectl"),
		Manager: setting(t, "MANAGER", "the operator's binary"),
		Config:  config,
	})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { NewWithT(t).Expect(w.Close()).To(Succeed()) })
	return &earth{
		World: w, history: watch(t, w.Client),
		argo: installCustomizations(t, w, filepath.Join(config, "argocd", "argocd-cm.yaml")),
	}
}

// setting returns an environment variable that make test sets.
func setting(t *testing.T, name, what string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s does not name %s: run `make test`, which builds it and sets it", name, what)
	}
	return value
}

// startOperator starts it with the endpoints of all that is to come.
func (e *earth) startOperator(t *testing.T, casts ...interface{ endpoints() []string }) {
	t.Helper()
	var endpoints []string
	for _, cast := range casts {
		endpoints = append(endpoints, cast.endpoints()...)
	}
	var err error
	e.operator, err = e.StartManager(t.Context(), world.ManagerOptions{Endpoints: strings.Join(endpoints, ",")})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// expectEveryReason compares what was judged with the reasons that the API declares.
func (e *earth) expectEveryReason(t *testing.T) {
	g := NewWithT(t)
	declared := declaredReasons(t)
	g.Expect(declared).To(HaveLen(2), "blocks of reasons: of users, of accounts")
	shared := []string{
		v1alpha1.ReasonAccountMismatch, v1alpha1.ReasonForbidden, v1alpha1.ReasonThrottled, v1alpha1.ReasonUnavailable, v1alpha1.ReasonBadResponse,
	}
	g.Expect(e.history.reasons("CertCentralUser")).To(ConsistOf(declared[0]))
	g.Expect(e.history.reasons("CertCentralAccount")).To(ConsistOf(append(declared[1], shared...)))
}

// declaredReasons reads the constants called Reason… from the API's source, block by block.
func declaredReasons(t *testing.T) (blocks [][]string) {
	t.Helper()
	g := NewWithT(t)
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "api", "v1alpha1", "conditions.go"), nil, 0)
	g.Expect(err).NotTo(HaveOccurred())
	for _, declaration := range file.Decls {
		var block []string
		for _, spec := range declaration.(*ast.GenDecl).Specs {
			constant, ok := spec.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(constant.Names[0].Name, "Reason") {
				continue
			}
			value, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			g.Expect(err).NotTo(HaveOccurred())
			block = append(block, value)
		}
		if block != nil {
			blocks = append(blocks, block)
		}
	}
	return blocks
}
