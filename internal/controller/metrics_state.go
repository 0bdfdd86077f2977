package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const (
	// collectTimeout bounds the reading of accounts and users for one scrape.
	collectTimeout = 5 * time.Second
	// unjudged stands for the reason of a user of whom there is no verdict yet.
	unjudged = "None"
	// administratorRole is CertCentral's id of the access role "Administrator".
	administratorRole = 1
	// statusActive is the user status of those who can sign in.
	statusActive = "active"
)

var (
	accountConditionDesc = prometheus.NewDesc("certcentral_account_condition",
		"Conditions of CertCentralAccount resources as they are now, always 1.",
		[]string{"account", "condition", "status", "reason"}, nil)
	accountInfoDesc = prometheus.NewDesc("certcentral_account_info",
		"Mode of CertCentralAccount resources, always 1.", []string{"account", "mode"}, nil)
	accountIntervalDesc = prometheus.NewDesc("certcentral_account_interval_seconds",
		"How often the users of the account are looked at.", []string{"account"}, nil)
	accountBudgetDesc = prometheus.NewDesc("certcentral_account_budget_requests_per_second",
		"Requests to CertCentral that the budget of the account allows in the long run.", []string{"account"}, nil)
	usersDesc = prometheus.NewDesc("certcentral_users",
		"Number of CertCentralUser resources, by account, condition and status of the condition.",
		[]string{"account", "condition", "status"}, nil)
	usersByReasonDesc = prometheus.NewDesc("certcentral_users_by_reason",
		"Number of CertCentralUser resources, by account, reason of Ready and status of InSync.",
		[]string{"account", "reason", "in_sync"}, nil)
	lastLookDesc = prometheus.NewDesc("certcentral_last_look_timestamp_seconds",
		"When that user of the account was last looked at successfully who was not for the longest time, as far as it is known.",
		[]string{"account"}, nil)
	administratorsDesc = prometheus.NewDesc("certcentral_administrators",
		"Number of CertCentralUser resources whose live user is an active administrator, by account and whether only single sign-on lets them in.",
		[]string{"account", "sso_only"}, nil)
	oldestLoginDesc = prometheus.NewDesc("certcentral_administrators_oldest_login_timestamp_seconds",
		"When that active administrator of the account last signed in who has not for the longest time; for one who never did, when the resource was created.",
		[]string{"account"}, nil)

	stateDescs = []*prometheus.Desc{
		accountConditionDesc, accountInfoDesc, accountIntervalDesc, accountBudgetDesc,
		usersDesc, usersByReasonDesc, lastLookDesc, administratorsDesc, oldestLoginDesc,
	}
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range slices.Concat(stateDescs, sweepDescs) {
		descs <- desc
	}
}

// Collect implements prometheus.Collector. What can't be read fails the scrape: a gap is seen, and a wrong number is not.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	accounts, users := &v1alpha1.CertCentralAccountList{}, &v1alpha1.CertCentralUserList{}
	if err := errors.Join(m.list(ctx, accounts), m.list(ctx, users)); err != nil {
		metrics <- prometheus.NewInvalidMetric(usersDesc, err)
		return
	}
	for i := range accounts.Items {
		tellAccount(metrics, &accounts.Items[i])
		m.tellSweep(metrics, &accounts.Items[i])
	}
	m.mu.Lock()
	c := census{
		conditions: map[[3]string]float64{}, reasons: map[[3]string]float64{}, administrators: map[[2]string]float64{},
		seen: maps.Clone(m.looks), now: m.clock.Now(), looks: map[types.NamespacedName]time.Time{},
		oldestLogins: map[types.NamespacedName]time.Time{},
	}
	m.mu.Unlock()
	for i := range users.Items {
		c.count(&users.Items[i])
	}
	c.tell(metrics)
}

func (m *Metrics) list(ctx context.Context, list client.ObjectList) error {
	return m.reader.List(ctx, list, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
}

// tellAccount says how an account is, and what it allows.
func tellAccount(metrics chan<- prometheus.Metric, account *v1alpha1.CertCentralAccount) {
	name := client.ObjectKeyFromObject(account).String()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{name}, labels...)...)
	}
	for _, c := range account.Status.Conditions {
		gauge(accountConditionDesc, 1, c.Type, string(c.Status), c.Reason)
	}
	gauge(accountInfoDesc, 1, string(account.Spec.Mode))
	gauge(accountIntervalDesc, account.Spec.Interval.Seconds())
	gauge(accountBudgetDesc, float64(account.Spec.Budget.RequestsPerMinute)/60)
}

// census counts users by account.
type census struct {
	conditions     map[[3]string]float64              // by account, condition, status
	reasons        map[[3]string]float64              // by account, reason of Ready, status of InSync
	administrators map[[2]string]float64              // by account, whether they need single sign-on
	seen           map[types.NamespacedName]time.Time // by user, in this process
	now            time.Time
	looks          map[types.NamespacedName]time.Time // the oldest latest look at a user
	oldestLogins   map[types.NamespacedName]time.Time
}

func (c *census) count(user *v1alpha1.CertCentralUser) {
	account, status := accountOf(user), user.Status
	for _, condition := range status.Conditions {
		c.conditions[[3]string{account.String(), condition.Type, string(condition.Status)}]++
	}
	reason, inSync := unjudged, metav1.ConditionUnknown
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); ready != nil {
		reason = ready.Reason
	}
	if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionInSync); condition != nil {
		inSync = condition.Status
	}
	c.reasons[[3]string{account.String(), reason, string(inSync)}]++
	if lookedAt(user) {
		c.countLook(account, user)
	}
	if isAdministrator(status) {
		c.countAdministrator(account, user)
	}
}

// countLook takes notice of when a user was last looked at: for one who never was, since when it is to be. A process that has just
// begun has looked at nobody, but knows from the statuses what others have.
func (c *census) countLook(account types.NamespacedName, user *v1alpha1.CertCentralUser) {
	seen := c.seen[client.ObjectKeyFromObject(user)]
	if told := notAhead(c.now, user.Status.LastObservedTime); told.After(seen) {
		seen = told
	}
	if seen.IsZero() {
		seen = atMost(c.now, user.CreationTimestamp.Time)
	}
	if oldest, known := c.looks[account]; !known || seen.Before(oldest) {
		c.looks[account] = seen
	}
}

// lookedAt tells whether a user should be looked at once an interval: not when it is suspended, nor while only a person can help.
func lookedAt(user *v1alpha1.CertCentralUser) bool {
	return !user.Spec.Suspend && user.DeletionTimestamp.IsZero() && !meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionStalled)
}

func (c *census) countAdministrator(account types.NamespacedName, user *v1alpha1.CertCentralUser) {
	ssoOnly := user.Status.Profile != nil && ptr.Deref(user.Status.Profile.SAMLSSOOnly, false)
	c.administrators[[2]string{account.String(), strconv.FormatBool(ssoOnly)}]++
	login := user.CreationTimestamp.Time
	if last := user.Status.LastLoginTime; last != nil {
		login = last.Time
	} else if !couldRead(&user.Status, lastLoginTime) {
		return // who signed in at a time that nobody can read may have done so today
	}
	if oldest, known := c.oldestLogins[account]; !known || login.Before(oldest) {
		c.oldestLogins[account] = login
	}
}

func isAdministrator(status v1alpha1.CertCentralUserStatus) bool {
	if status.UserStatus != statusActive {
		return false
	}
	for _, role := range status.Roles {
		if role.ID == administratorRole {
			return true
		}
	}
	return false
}

func (c *census) tell(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for labels, count := range c.conditions {
		gauge(usersDesc, count, labels[:]...)
	}
	for labels, count := range c.reasons {
		gauge(usersByReasonDesc, count, labels[:]...)
	}
	for labels, count := range c.administrators {
		gauge(administratorsDesc, count, labels[:]...)
	}
	for account, at := range c.looks {
		gauge(lastLookDesc, float64(at.UnixMilli())/1000, account.String())
	}
	for account, at := range c.oldestLogins {
		gauge(oldestLoginDesc, float64(at.Unix()), account.String())
	}
}
