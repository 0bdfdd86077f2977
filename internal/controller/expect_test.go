package controller

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// said is a status's conditions in one line: "Throttled: Ready=Unknown InSync=Unknown Reconciling=True". What is odd shows:
// a reason other than Ready's, and a generation other than the object's.
func said(generation int64, conditions []metav1.Condition) string {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Reason == v1alpha1.ReasonWaiting { // the API server's default
		return ""
	}
	line := ready.Reason + ":"
	order := []string{v1alpha1.ConditionReady, v1alpha1.ConditionInSync, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled}
	conditions = slices.Clone(conditions)
	slices.SortFunc(conditions, func(a, b metav1.Condition) int { return slices.Index(order, a.Type) - slices.Index(order, b.Type) })
	for _, c := range conditions {
		line += fmt.Sprintf(" %s=%s", c.Type, c.Status)
		if c.Reason != ready.Reason {
			line += "(" + c.Reason + ")"
		}
		if c.ObservedGeneration != generation {
			line += fmt.Sprintf("@%d", c.ObservedGeneration)
		}
	}
	return line
}

// saidOf is said of a user or an account.
func saidOf(object client.Object) string {
	if account, ok := object.(*v1alpha1.CertCentralAccount); ok {
		return said(account.Generation, account.Status.Conditions)
	}
	return said(object.GetGeneration(), object.(*v1alpha1.CertCentralUser).Status.Conditions)
}

// message is what Ready says.
func message(object client.Object) string {
	conditions := []metav1.Condition{}
	switch o := object.(type) {
	case *v1alpha1.CertCentralUser:
		conditions = o.Status.Conditions
	case *v1alpha1.CertCentralAccount:
		conditions = o.Status.Conditions
	}
	if ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Message
	}
	return ""
}

// differences lists a status's differences like "jobTitle Drift".
func differences(user *v1alpha1.CertCentralUser) []string {
	var list []string
	for _, d := range user.Status.Differences {
		list = append(list, fmt.Sprintf("%s %s", d.Field, d.Cause))
	}
	return list
}

// beIn matches a requeue that is spread: at d, or up to 10 % earlier.
func beIn(d time.Duration) gomegatypes.GomegaMatcher {
	return And(BeNumerically("<=", d), BeNumerically(">=", d-d/10))
}

// expectQuiet expects what a look costs when there is no news: a GET, and nothing else.
func (w *world) expectQuiet(ctx context.Context, user *v1alpha1.CertCentralUser) {
	GinkgoHelper()
	s := w.reconcile(ctx, user)
	Expect(s.err).NotTo(HaveOccurred())
	Expect(s.requests).To(Equal([]string{fmt.Sprintf("GET /user/%d", user.Status.UserID)}))
	Expect(s.writes).To(BeEmpty())
	Expect(s.events).To(BeEmpty())
}

// live is a field of John's profile as CertCentral has it, spelled as in its documentation.
func (w *world) live(field string) any { return w.User(john)[field] }

// puts are the bodies of the PUTs in the last step.
func (w *world) puts() []map[string]any {
	var bodies []map[string]any
	for _, call := range w.Calls().Where(func(c simulator.Call) bool { return c.Method == "PUT" }) {
		bodies = append(bodies, call.Sent())
	}
	return bodies
}

// metrics is the text that a scrape would get.
func (w *world) metrics() string {
	GinkgoHelper()
	scrape := httptest.NewRecorder()
	promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{}).ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	Expect(scrape.Code).To(Equal(http.StatusOK))
	return scrape.Body.String()
}

// expectDiscretion searches all that got out for the API keys, and all but statuses for personal values.
func (w *world) expectDiscretion(ctx context.Context) {
	GinkgoHelper()
	w.drain()
	users := w.resources(ctx)
	accounts := &v1alpha1.CertCentralAccountList{}
	Expect(direct.List(ctx, accounts, client.InNamespace(w.namespace))).To(Succeed())

	heard := string(w.told) + w.metrics()
	statuses, err := json.Marshal([]any{users, accounts})
	Expect(err).NotTo(HaveOccurred())
	for _, key := range []string{w.key, w.spare} {
		for _, form := range []string{key, base64.StdEncoding.EncodeToString([]byte(key)), fmt.Sprintf("%x", key)} {
			Expect(strings.Contains(heard, form)).To(BeFalse(), "the API key got out")
			Expect(strings.Contains(string(statuses), form)).To(BeFalse(), "the API key is in a status")
		}
	}
	Expect(string(statuses)).NotTo(ContainSubstring("ekey"))
	for _, value := range w.personal(users) {
		if strings.Contains(heard, value) {
			AddReportEntry("what was heard", heard)
			Fail("a personal value got out: " + value)
		}
	}
}

// resources are the users that refer to an account of the world, wherever they are.
func (w *world) resources(ctx context.Context) []v1alpha1.CertCentralUser {
	GinkgoHelper()
	users := &v1alpha1.CertCentralUserList{}
	Expect(direct.List(ctx, users)).To(Succeed())
	return slices.DeleteFunc(users.Items, func(u v1alpha1.CertCentralUser) bool { return accountOf(&u).Namespace != w.namespace })
}

// clear deletes the world's users, or the later a story is told, the more rivals its users have.
func (w *world) clear(ctx context.Context) {
	GinkgoHelper()
	for _, user := range w.resources(ctx) {
		Expect(client.IgnoreNotFound(direct.Delete(ctx, &user))).To(Succeed())
	}
}

// personal lists the names, addresses, titles and numbers of this world: live, declared and observed.
func (w *world) personal(users []v1alpha1.CertCentralUser) []string {
	var values []string
	add := func(value string) {
		if len(value) > 3 && value != "User" {
			values = append(values, value)
		}
	}
	for _, id := range []int64{john, jane, robot, keyUser} {
		for _, field := range []string{"username", "email", "first_name", "last_name", "job_title", "telephone"} {
			if value, ok := w.User(id)[field].(string); ok {
				add(value)
			}
		}
	}
	for _, user := range users {
		for _, part := range []any{user.Spec.Profile, user.Spec.UserRef, user.Status.Profile, user.Status.Settled} {
			var fields map[string]any
			encoded, _ := json.Marshal(part)
			_ = json.Unmarshal(encoded, &fields)
			for _, value := range fields {
				if text, ok := value.(string); ok {
					add(text)
				}
			}
		}
		for _, c := range user.Status.UnexpectedChanges {
			if c.Field != "samlSSOOnly" {
				add(c.Before)
				add(c.Observed)
			}
		}
		for _, d := range user.Status.Differences {
			if d.Field != "samlSSOOnly" {
				add(d.Desired)
				add(d.Observed)
			}
		}
	}
	return values
}
