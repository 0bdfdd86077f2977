package controller

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const (
	// probeInterval is how often the watched namespaces are probed, more or less a tenth.
	probeInterval = 30 * time.Second
	// probeTimeout bounds the probe of one namespace.
	probeTimeout = 5 * time.Second
)

// The reasons of events about namespaces.
const (
	eventUnreadable = "NamespaceUnreadable" // a watched namespace can't be read
	eventReadable   = "NamespaceReadable"   // it can be again
)

// Namespaces names those of the watched namespaces that can't be read: in the log and in a metric by each replica, in an event by the
// one that leads. The others are served meanwhile, see NewNamespaceInformer.
type Namespaces struct {
	Live    client.Client // of the API server, with no cache
	Metrics *Metrics
	Clock   clock.PassiveClock
	// Names of the watched namespaces; empty means all, of which none is missed.
	Names []string
	// Lease that the events are about; without a name there are none.
	Lease types.NamespacedName
	// Elected is closed when this replica leads.
	Elected <-chan struct{}

	mu      sync.Mutex
	probed  bool            // each was, once
	refused map[string]bool // by name

	announced map[string]bool // what the latest event said; by name
}

// Start probes until the context ends.
func (n *Namespaces) Start(ctx context.Context) error {
	elected := n.Elected
	for len(n.Names) > 0 {
		n.Probe(ctx)
		if elected == nil {
			n.Announce(ctx)
		}
		timer := time.NewTimer(probeInterval*9/10 + rand.N(probeInterval/5))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-elected:
			elected = nil
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: who stands by watches, too.
func (n *Namespaces) NeedLeaderElection() bool { return false }

// Probe lists accounts and users of each namespace, one at most, and tells what has changed.
func (n *Namespaces) Probe(ctx context.Context) {
	for _, name := range n.Names {
		refused, err := n.isRefused(ctx, name)
		if err != nil && ctx.Err() != nil {
			return
		}
		if err != nil {
			refused = n.Refused(name) // nobody knows, so it is as it was
		}
		n.tell(name, refused)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.probed = true
}

// isRefused tells whether the API server refuses to list the namespace; an error means that it did not say.
func (n *Namespaces) isRefused(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	for _, list := range []client.ObjectList{&v1alpha1.CertCentralAccountList{}, &v1alpha1.CertCentralUserList{}} {
		if err := n.Live.List(ctx, list, client.InNamespace(name), client.Limit(1)); apierrors.IsForbidden(err) {
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
	return false, nil
}

// tell records how a namespace is, and logs it if that is news. That it can be read is no news at the start.
func (n *Namespaces) tell(name string, refused bool) {
	n.Metrics.namespaceReadable(name, !refused)
	n.mu.Lock()
	defer n.mu.Unlock()
	if refused == n.refused[name] {
		return
	}
	if n.refused == nil {
		n.refused = map[string]bool{}
	}
	n.refused[name] = refused
	_, message := newsOf(name, refused)
	ctrl.Log.Info(message, "namespace", name)
}

// newsOf is what is said of a namespace, as the reason of an event and a sentence.
func newsOf(name string, refused bool) (reason, message string) {
	if refused {
		return eventUnreadable, fmt.Sprintf("Namespace %s is to be watched and can't be read: it does not exist, or the operator has no Role in it. "+
			"Nothing is done there; it is served as soon as it can be read.", name)
	}
	return eventReadable, fmt.Sprintf("Namespace %s can be read now, and is served.", name)
}

// Refused tells whether a watched namespace was refused at the latest probe; none is where nobody probes.
func (n *Namespaces) Refused(name string) bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refused[name]
}

// Check is a readiness check: it fails while none of the namespaces can be read, or nobody knows.
func (n *Namespaces) Check(*http.Request) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case len(n.Names) == 0:
		return nil
	case !n.probed:
		return errors.New("the watched namespaces were not probed yet")
	case !slices.ContainsFunc(n.Names, func(name string) bool { return !n.refused[name] }):
		return errors.New("none of the watched namespaces can be read")
	}
	return nil
}

// Announce makes an event about the lease for each namespace of which there is news since the latest one.
func (n *Namespaces) Announce(ctx context.Context) {
	for _, name := range n.Names {
		refused := n.Refused(name)
		if n.Lease.Name == "" || refused == n.announced[name] {
			continue
		}
		if n.announced == nil {
			n.announced = map[string]bool{}
		}
		n.announced[name] = refused
		if err := n.announce(ctx, name, refused); err != nil {
			ctrl.Log.Error(err, "event not recorded", "namespace", name)
		}
	}
}

// announce makes the event through the API that leader election uses, which the operator has the right to in its own namespace.
func (n *Namespaces) announce(ctx context.Context, name string, refused bool) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	lease := &coordinationv1.Lease{}
	if err := n.Live.Get(ctx, n.Lease, lease); err != nil {
		return err
	}
	now, kind := metav1.NewTime(n.Clock.Now()), corev1.EventTypeNormal
	if refused {
		kind = corev1.EventTypeWarning
	}
	reason, message := newsOf(name, refused)
	return n.Live.Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: n.Lease.Namespace, GenerateName: n.Lease.Name + "."},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease", Namespace: lease.Namespace, Name: lease.Name, UID: lease.UID,
		},
		Reason: reason, Message: message, Type: kind, Source: corev1.EventSource{Component: "certcentral-user-operator"},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	})
}

// newReadableNamespaces has a series for each watched namespace; none when all are watched.
func newReadableNamespaces() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "certcentral_namespace_readable",
		Help: "Whether accounts and users of a watched namespace can be read, by namespace.",
	}, []string{"namespace"})
}

// namespaceReadable records whether a watched namespace can be read.
func (m *Metrics) namespaceReadable(name string, readable bool) {
	value := 0.0
	if readable {
		value = 1
	}
	m.readable.WithLabelValues(name).Set(value)
}
