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
	// Audit, if set, gets a line of JSON (audit.k8s.io/v1 Event) for each call that the operator made to the API server, and for
	// each call of anybody about the operator's own kinds, then with bodies. It comes soon after the answer.
	Audit io.Writer
}

// World is a control plane with the operator's manifests installed, and the processes that were started beside it.
type World struct {
	// Client may do everything; its scheme has Kubernetes' own kinds and v1alpha1.
	Client client.WithWatch
	// ControlPlane's REST, and Kubeconfig, the path of a file, may do everything too.
	*ControlPlane
	Kubeconfig string
	// Kubectl is the path of the binary; "" when the assets have none.
	Kubectl string

	options Options
	dir     string // holds what processes read and write, gone after Close

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
	if err := w.prepare(ctx); err != nil {
		return err
	}
	w.Kubeconfig = filepath.Join(w.dir, "admin.kubeconfig")
	if err := writeKubeconfig(w.Kubeconfig, Server{w.REST.Host, w.REST.CAData}, w.REST.BearerToken); err != nil {
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

// prepare starts the control plane and installs the CRDs.
func (w *World) prepare(ctx context.Context) error {
	folder, err := filepath.Abs(cmp.Or(w.options.Assets, os.Getenv("KUBEBUILDER_ASSETS")))
	if err != nil {
		return err
	}
	if path := filepath.Join(folder, "kubectl"); isFile(path) {
		w.Kubectl = path
	}
	if w.ControlPlane, err = w.startControlPlane(ctx, folder, w.options.Audit); err != nil {
		return err
	}
	return w.InstallCRDs()
}

// Reinstall puts the operator's manifests into a control plane that has lost them.
func (w *World) Reinstall(ctx context.Context) error {
	if err := w.InstallCRDs(); err != nil {
		return err
	}
	return w.install(ctx)
}

// InstallCRDs creates the CRDs, or brings them up to date, and returns once the API server knows them.
func (w *World) InstallCRDs() error {
	_, err := envtest.InstallCRDs(w.REST, envtest.CRDInstallOptions{
		Paths: []string{filepath.Join(w.options.Config, "crd", "bases")}, ErrorIfPathMissing: true,
	})
	return err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
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
		if p.name == "etcd" || p.name == "kube-apiserver" {
			p.Kill() // their data goes with the world
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		_, err := p.Stop(ctx)
		cancel()
		errs = append(errs, err)
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}
