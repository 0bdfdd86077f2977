// Package world runs all that the operator lives in as real processes on loopback: a Kubernetes control plane, the CertCentral
// simulator, and the operator with the rights that it is shipped with and no others. It asserts nothing and prints nothing.
package world

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const (
	// startTimeout bounds the start of each process: much longer than an idle machine needs.
	startTimeout = time.Minute
	// stopTimeout bounds the end of each process in Close, before it is killed.
	stopTimeout = 20 * time.Second
)

// Options say what a world is made of.
type Options struct {
	// Assets is the folder with etcd, kube-apiserver and, if there, kubectl; "" takes that of KUBEBUILDER_ASSETS.
	Assets string
	// Config is the repository's folder config. All that its kustomization "default" holds is installed, but no Deployment.
	Config string
	// Manager and Simulator are the binaries that StartManager and StartSimulator run.
	Manager, Simulator string
	// Audit, if set, gets a line of JSON (audit.k8s.io/v1 Event, level Metadata) for each call that the operator made to the API
	// server, soon after it was answered.
	Audit io.Writer
}

// World is a control plane with the operator's manifests installed, and the processes that were started beside it.
type World struct {
	// Client may do everything; its scheme has Kubernetes' own kinds and v1alpha1.
	Client client.WithWatch
	// REST and Kubeconfig, the path of a file, may do everything too.
	REST       *rest.Config
	Kubeconfig string
	// Kubectl is the path of the binary; "" when the assets have none.
	Kubectl string

	options     Options
	dir         string // holds what processes read, gone after Close
	environment *envtest.Environment

	mu        sync.Mutex
	processes []*Process // in the order of their start
}

// Start returns a world with a control plane. The context bounds the start alone: what was started runs until Close. After an
// error nothing is left running.
func Start(ctx context.Context, o Options) (*World, error) {
	w := &World{options: o}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the control plane: %w", err), w.Close())
	}
	return w, nil
}

func (w *World) start(ctx context.Context) (err error) {
	if w.dir, err = os.MkdirTemp("", "world-"); err != nil {
		return err
	}
	if err := w.startControlPlane(ctx); err != nil {
		return err
	}
	w.Kubeconfig = filepath.Join(w.dir, "admin.kubeconfig")
	if err := os.WriteFile(w.Kubeconfig, w.environment.KubeConfig, 0o600); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if w.Client, err = client.NewWithWatch(w.REST, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	return w.install(ctx)
}

// auditPolicy records what the operator asks of the API server.
const auditPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
  {"level": "Metadata", "users": ["` + serviceAccountUser + `"]}, {"level": "None"}]}`

// startControlPlane starts etcd and kube-apiserver, and installs the CRDs.
func (w *World) startControlPlane(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	folder, err := filepath.Abs(cmp.Or(w.options.Assets, os.Getenv("KUBEBUILDER_ASSETS")))
	if err != nil {
		return err
	}
	asset := func(name string) string { return filepath.Join(folder, name) }
	if _, err := os.Stat(asset("kubectl")); err == nil {
		w.Kubectl = asset("kubectl")
	}
	w.environment = &envtest.Environment{
		UseExistingCluster:       new(false), // whatever the environment says: no real cluster is touched
		CRDDirectoryPaths:        []string{filepath.Join(w.options.Config, "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  stopTimeout,
	}
	w.environment.ControlPlane.KubectlPath = asset("kubectl")
	w.environment.ControlPlane.Etcd = &envtest.Etcd{Path: asset("etcd")}
	server := w.environment.ControlPlane.GetAPIServer()
	server.Path = asset("kube-apiserver")
	if w.options.Audit != nil {
		policy := filepath.Join(w.dir, "audit-policy.json")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			return err
		}
		server.Out = w.options.Audit
		server.Configure().Set("audit-policy-file", policy).Set("audit-log-path", "-")
	}
	if w.REST, err = w.environment.Start(); err != nil {
		return err
	}
	return ctx.Err()
}

// Close ends every process of the world, the last one started first, and removes its files. It takes as long as they need to
// end, or to be killed. A second Close does nothing.
func (w *World) Close() error {
	w.mu.Lock()
	processes := slices.Clone(w.processes)
	w.processes = nil
	w.mu.Unlock()
	var errs []error
	for _, p := range slices.Backward(processes) {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		_, err := p.Stop(ctx)
		cancel()
		errs = append(errs, err)
	}
	if w.environment != nil {
		errs = append(errs, w.environment.Stop())
		w.environment = nil
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}
