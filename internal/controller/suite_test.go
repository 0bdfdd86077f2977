package controller

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// What the API server does to objects is part of every story here (defaults, generations, patches, field selectors), so it is
// a real one. No manager runs but in the stories about the manager: reconcilers are called by hand, and what they did is counted.
var (
	apiServer *rest.Config
	scheme    = runtime.NewScheme()
	direct    client.WithWatch // of the tests themselves: not counted
)

func TestController(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Controller")
}

var _ = BeforeSuite(func() {
	Expect(os.Getenv("KUBEBUILDER_ASSETS")).NotTo(BeEmpty(),
		"KUBEBUILDER_ASSETS does not say where kube-apiserver and etcd are: run `make test`, which builds them and sets it")
	ctrl.SetLogger(GinkgoLogr)
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())

	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	var err error
	apiServer, err = environment.Start()
	DeferCleanup(environment.Stop)
	Expect(err).NotTo(HaveOccurred())
	apiServer.QPS = -1
	direct, err = client.NewWithWatch(apiServer, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})
