package controller

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

var (
	sweepInfoDesc = prometheus.NewDesc("certcentral_sweep_info",
		"How the users of the account are looked at (status.sweep.state), always 1.", []string{"account", "state"}, nil)
	sweepUsersDesc = prometheus.NewDesc("certcentral_sweep_users",
		"Number of CertCentral users that the list of the account has, by whether a resource declares them.", []string{"account", "managed"}, nil)
	safeIntervalDesc = prometheus.NewDesc("certcentral_sweep_safe_interval_seconds",
		"The shortest interval at which looking at all users of the account takes no more than half of its budget.", []string{"account"}, nil)
	recentRequestsDesc = prometheus.NewDesc("certcentral_budget_recent_requests",
		"Requests made with the API key of the account in the last 3 minutes, the window that CertCentral counts in.", []string{"account"}, nil)

	sweepDescs = []*prometheus.Desc{sweepInfoDesc, sweepUsersDesc, safeIntervalDesc, recentRequestsDesc}
)

// newSweptRows counts the rows that walks have read.
func newSweptRows() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "certcentral_sweep_rows_total",
		Help: "Rows of the list of users that were compared, by account.",
	}, []string{"account"})
}

// swept records a page of the account's list of users.
func (m *Metrics) swept(account types.NamespacedName, rows int) {
	m.rows.WithLabelValues(account.String()).Add(float64(rows))
}

// uses has the requests of an account's client told.
func (m *Metrics) uses(account types.NamespacedName, through *certcentral.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[account] = through
}

// tellSweep says how an account's users are looked at.
func (m *Metrics) tellSweep(metrics chan<- prometheus.Metric, account *v1alpha1.CertCentralAccount) {
	key := client.ObjectKeyFromObject(account)
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{key.String()}, labels...)...)
	}
	m.mu.Lock()
	through := m.clients[key]
	m.mu.Unlock()
	if through != nil {
		gauge(recentRequestsDesc, float64(through.Requests()))
	}
	sweep := account.Status.Sweep
	if sweep == nil || sweep.State == "" {
		return
	}
	gauge(sweepInfoDesc, 1, string(sweep.State))
	if sweep.Users != nil && sweep.Unmanaged != nil {
		gauge(sweepUsersDesc, float64(*sweep.Users-*sweep.Unmanaged), "true")
		gauge(sweepUsersDesc, float64(*sweep.Unmanaged), "false")
	}
	if sweep.SafeInterval != nil {
		gauge(safeIntervalDesc, sweep.SafeInterval.Seconds())
	}
}
