package controller

import (
	"context"
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

// collectTimeout bounds the counting of users for one scrape.
const collectTimeout = 5 * time.Second

// Metrics counts what the operator does, by account. No label names a person.
type Metrics struct {
	reader client.Reader
	clock  clock.PassiveClock

	requests *prometheus.HistogramVec
	waits    *prometheus.HistogramVec
	deferred *prometheus.CounterVec
	updates  *prometheus.CounterVec

	mu    sync.Mutex
	looks map[types.NamespacedName]time.Time
}

var (
	usersDesc = prometheus.NewDesc("certcentral_users",
		"Number of CertCentralUser resources, by account, condition and status of the condition.",
		[]string{"account", "condition", "status"}, nil)
	lookAgeDesc = prometheus.NewDesc("certcentral_last_look_age_seconds",
		"Seconds since a user of the account was last looked at successfully.",
		[]string{"account"}, nil)
)

// NewMetrics registers the metrics. Users are counted through the reader, when they are scraped.
func NewMetrics(registry prometheus.Registerer, reader client.Reader, now clock.PassiveClock) (*Metrics, error) {
	m := &Metrics{
		reader: reader, clock: now, looks: map[types.NamespacedName]time.Time{},
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
	for _, c := range []prometheus.Collector{m.requests, m.waits, m.deferred, m.updates, m} {
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

// looked records a successful look at a user of the account.
func (m *Metrics) looked(account types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks[account] = m.clock.Now()
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

// forget drops what was counted of an account that is gone.
func (m *Metrics) forget(account types.NamespacedName) {
	label := prometheus.Labels{"account": account.String()}
	m.requests.DeletePartialMatch(label)
	m.waits.DeletePartialMatch(label)
	m.deferred.DeletePartialMatch(label)
	m.updates.DeletePartialMatch(label)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.looks, account)
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- usersDesc
	descs <- lookAgeDesc
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	m.mu.Lock()
	for account, at := range m.looks {
		metrics <- prometheus.MustNewConstMetric(lookAgeDesc, prometheus.GaugeValue, m.clock.Since(at).Seconds(), account.String())
	}
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	users := &v1alpha1.CertCentralUserList{}
	if err := m.reader.List(ctx, users, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		metrics <- prometheus.NewInvalidMetric(usersDesc, err)
		return
	}
	counts := map[[3]string]float64{}
	for i := range users.Items {
		account := accountOf(&users.Items[i]).String()
		for _, c := range users.Items[i].Status.Conditions {
			counts[[3]string{account, c.Type, string(c.Status)}]++
		}
	}
	for labels, count := range counts {
		metrics <- prometheus.MustNewConstMetric(usersDesc, prometheus.GaugeValue, count, labels[:]...)
	}
}
