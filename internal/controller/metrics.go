package controller

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// Metrics counts what the operator does, and tells at each scrape how accounts and users are; all by account. No label names a
// person, and every other label has a closed set of values.
type Metrics struct {
	reader client.Reader
	clock  clock.PassiveClock

	requests *prometheus.HistogramVec
	waits    *prometheus.HistogramVec
	deferred *prometheus.CounterVec
	updates  *prometheus.CounterVec
	changes  *prometheus.CounterVec
	rows     *prometheus.CounterVec
	readable *prometheus.GaugeVec

	mu      sync.Mutex
	looks   map[types.NamespacedName]time.Time // by user
	clients map[types.NamespacedName]*certcentral.Client
}

// NewMetrics registers the metrics. Accounts and users are read through the reader, when they are scraped.
func NewMetrics(registry prometheus.Registerer, reader client.Reader, now clock.PassiveClock) (*Metrics, error) {
	m := &Metrics{
		reader: reader, clock: now, rows: newSweptRows(), readable: newReadableNamespaces(),
		looks: map[types.NamespacedName]time.Time{}, clients: map[types.NamespacedName]*certcentral.Client{},
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "certcentral_api_request_duration_seconds",
			Help:    "Duration of requests to CertCentral, by account, method and outcome.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"account", "method", "outcome"}),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "certcentral_budget_wait_seconds",
			Help:    "Time that requests waited for the budget of their API key, by account.",
			Buckets: []float64{.01, .1, .25, .5, 1, 2.5, 5},
		}, []string{"account"}),
		deferred: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "certcentral_budget_deferrals_total",
			Help: "Requests put off because the budget of their API key had no room, or CertCentral's limit was reached, by account.",
		}, []string{"account"}),
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "certcentral_user_updates_total",
			Help: "Profile updates that CertCentral acknowledged, by account and cause; one with both causes counts for each.",
		}, []string{"account", "cause"}),
	}
	m.changes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "certcentral_unexpected_changes_total",
		Help: "Fields that a profile update changed and was not to change, by account and field.",
	}, []string{"account", "field"})
	for _, c := range []prometheus.Collector{m.requests, m.waits, m.deferred, m.updates, m.changes, m.rows, m.readable, m} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// observer counts the calls of an account's client.
func (m *Metrics) observer(account types.NamespacedName) func(certcentral.Call) {
	name := account.String()
	return func(call certcentral.Call) {
		if !call.Sent {
			m.deferred.WithLabelValues(name).Inc()
			return
		}
		m.requests.WithLabelValues(name, call.Method, call.Outcome).Observe(call.Duration.Seconds())
		m.waits.WithLabelValues(name).Observe(call.Wait.Seconds())
	}
}

// looked records a successful look at a user: alone, or at its row in the list of users, which shows it as its status has it.
func (m *Metrics) looked(user *v1alpha1.CertCentralUser) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks[client.ObjectKeyFromObject(user)] = m.clock.Now()
}

// forgetUser drops a user that is gone.
func (m *Metrics) forgetUser(user types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.looks, user)
}

// updated counts a write once for each cause that it had.
func (m *Metrics) updated(account types.NamespacedName, changed []profile.Difference) {
	seen := map[profile.Cause]bool{}
	for _, d := range changed {
		if !seen[d.Cause] {
			m.updates.WithLabelValues(account.String(), string(d.Cause)).Inc()
		}
		seen[d.Cause] = true
	}
}

// unexpected counts fields that a write changed and was not to change.
func (m *Metrics) unexpected(account types.NamespacedName, changes []v1alpha1.UnexpectedChange) {
	for _, c := range changes {
		m.changes.WithLabelValues(account.String(), c.Field).Inc()
	}
}

// forget drops what was counted of an account that is gone.
func (m *Metrics) forget(account types.NamespacedName) {
	label := prometheus.Labels{"account": account.String()}
	m.requests.DeletePartialMatch(label)
	m.waits.DeletePartialMatch(label)
	m.deferred.DeletePartialMatch(label)
	m.updates.DeletePartialMatch(label)
	m.changes.DeletePartialMatch(label)
	m.rows.DeletePartialMatch(label)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.clients, account)
}
