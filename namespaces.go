package main

import (
	"os"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/internal/controller"
)

// leaseName is that of the lease by which one of several managers leads.
const leaseName = "user-operator.certcentral.io"

// ownNamespaceFile has the namespace that a Pod is in.
const ownNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// lease names the lease; without a name when there is none.
func (o *options) lease() types.NamespacedName {
	if !o.leaderElect {
		return types.NamespacedName{}
	}
	namespace := o.leaderElectionNamespace
	if own, err := os.ReadFile(ownNamespaceFile); err == nil && namespace == "" {
		namespace = string(own)
	}
	return types.NamespacedName{Namespace: namespace, Name: leaseName}
}

// probed are the watched namespaces. The manager's own client won't do: it would watch the events that it creates.
func (o *options) probed(mgr ctrl.Manager, observed *controller.Metrics) (*controller.Namespaces, error) {
	live, err := client.New(mgr.GetConfig(), client.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
	})
	return &controller.Namespaces{
		Live: live, Metrics: observed, Clock: controller.Clock{}, Names: o.namespaces, Lease: o.lease(), Elected: mgr.Elected(),
	}, err
}
