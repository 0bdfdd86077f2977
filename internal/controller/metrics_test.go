package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// inMetrics is a time as Prometheus' text form has it.
func inMetrics(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'g', -1, 64)
}

// measured lists the metrics with their values, without histogram buckets and durations, and with the account's name short.
func (w *world) measured() []string {
	GinkgoHelper()
	var lines []string
	for line := range strings.Lines(w.metrics()) {
		if line = strings.TrimSpace(line); !regexp.MustCompile(`^#|_bucket\{|_sum\{`).MatchString(line) {
			lines = append(lines, strings.ReplaceAll(line, w.namespace+"/", ""))
		}
	}
	return lines
}

var _ = Describe("Metrics", func() {
	It("tell a story by account, and nobody's name", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user, other := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin, telephone: 1-555-555-5555}`), w.newUser(ctx, "jane-doe", `userRef: {id: 1}`)
		w.reconcile(ctx, user)
		w.reconcile(ctx, other)
		edit(ctx, user, `profile: {jobTitle: Boss of Admins}`)
		Expect(w.Edit(john, map[string]any{"telephone": "1-800-555-0199"})).To(Succeed())
		w.reconcile(ctx, user)
		w.step(42 * time.Second)
		w.fault(simulator.Fault{Match: simulator.Match{Times: 1}, Do: later(429, "60")})
		w.reconcile(ctx, user)
		w.reconcile(ctx, user)

		Expect(w.measured()).To(ConsistOf(
			`certcentral_api_request_duration_seconds_count{account="digicert",method="GET",outcome="NotFound"} 1`,
			`certcentral_api_request_duration_seconds_count{account="digicert",method="GET",outcome="Throttled"} 1`,
			`certcentral_api_request_duration_seconds_count{account="digicert",method="GET",outcome="ok"} 6`,
			`certcentral_api_request_duration_seconds_count{account="digicert",method="PUT",outcome="ok"} 2`,
			`certcentral_budget_wait_seconds_count{account="digicert"} 10`,
			`certcentral_budget_deferrals_total{account="digicert"} 1`,
			`certcentral_user_updates_total{account="digicert",cause="SpecChange"} 2`,
			`certcentral_user_updates_total{account="digicert",cause="Drift"} 1`,
			`certcentral_last_look_timestamp_seconds{account="digicert"} `+inMetrics(w.clock.Now().Add(-42*time.Second)),
			`certcentral_account_condition{account="digicert",condition="Ready",reason="Available",status="True"} 1`,
			`certcentral_account_info{account="digicert",mode="Enforce"} 1`,
			`certcentral_account_interval_seconds{account="digicert"} 600`,
			`certcentral_account_budget_requests_per_second{account="digicert"} 5`,
			`certcentral_users_by_reason{account="digicert",in_sync="Unknown",reason="Throttled"} 1`,
			`certcentral_users_by_reason{account="digicert",in_sync="Unknown",reason="UserNotFound"} 1`,
			`certcentral_users{account="digicert",condition="Ready",status="Unknown"} 2`,
			`certcentral_users{account="digicert",condition="InSync",status="Unknown"} 2`,
			`certcentral_users{account="digicert",condition="Reconciling",status="True"} 2`,
		))
	})

	It("of an account go with it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.reconcile(ctx, user)
		Expect(w.measured()).To(ContainElement(ContainSubstring("certcentral_api_request_duration_seconds")))
		Expect(direct.Delete(ctx, w.account)).To(Succeed())
		w.reconcileAccount(ctx)
		Expect(w.measured()).To(HaveEach(MatchRegexp(`^certcentral_(users|users_by_reason|last_look_timestamp_seconds)\{`)), "the user's resource is still there")
	})

	It("tell how administrators sign in", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		administrator := []any{map[string]any{"id": 1, "name": "ADMINISTRATOR"}}
		for id, fields := range map[int64]map[string]any{
			1001: {"access_roles": administrator, "is_saml_sso_only": true, "last_login_date": "2026-02-27 12:00:00"},
			1002: {"access_roles": administrator, "last_login_date": "2026-02-28 12:00:00"},
			1003: {"access_roles": administrator, "status": "inactive"},
			1004: {"access_roles": []any{map[string]any{"id": 2, "name": "Administrator of nothing"}}},
		} {
			maps.Copy(fields, map[string]any{
				"account_id": w.accountID, "username": fmt.Sprintf("admin.%d@example.com", id), "last_name": fmt.Sprintf("Adminson-%d", id),
			})
			Expect(w.AddUser(id, fields)).To(Succeed())
			w.reconcile(ctx, w.newUser(ctx, fmt.Sprintf("user-%d", id), fmt.Sprintf(`userRef: {id: %d}`, id)))
		}
		Expect(w.measured()).To(ContainElements(
			`certcentral_administrators{account="digicert",sso_only="true"} 1`,
			`certcentral_administrators{account="digicert",sso_only="false"} 1`,
			`certcentral_administrators_oldest_login_timestamp_seconds{account="digicert"} `+
				inMetrics(time.Date(2026, 2, 27, 12, 0, 0, 0, time.UTC)),
		))
	})

	It("take an administrator who never signed in for as old as the resource", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(john, map[string]any{"access_roles": []any{map[string]any{"id": 1}}, "last_login_date": nil})).To(Succeed())
		never := w.newUser(ctx, "john-smith", ``)
		w.reconcile(ctx, never)
		Expect(w.measured()).To(ContainElement(
			`certcentral_administrators_oldest_login_timestamp_seconds{account="digicert"} ` + inMetrics(never.CreationTimestamp.Time)))
	})

	It("know after a restart what was seen before it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.reconcile(ctx, user)
		seen := `certcentral_last_look_timestamp_seconds{account="digicert"} ` + inMetrics(w.clock.Now())
		w.restart(ctx)
		Expect(w.measured()).To(ContainElement(seen))
	})

	It("count a user of whom there is no verdict", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.newUser(ctx, "john-smith", ``)
		Expect(w.measured()).To(ContainElement(`certcentral_users_by_reason{account="digicert",in_sync="Unknown",reason="Waiting"} 1`))
	})

	It("can be registered once", func() {
		registry, clock := prometheus.NewRegistry(), clocktesting.NewFakePassiveClock(time.Now())
		Expect(NewMetrics(registry, direct, clock)).NotTo(BeNil())
		_, err := NewMetrics(registry, direct, clock)
		Expect(err).To(HaveOccurred())
	})

	It("say so when users can't be counted", func(ctx SpecContext) {
		w := newWorld(ctx, ``)
		down := errors.New("the API server is down")
		reader := w.counted(interceptor.Funcs{
			List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return down },
		})
		registry := prometheus.NewRegistry()
		_, err := NewMetrics(registry, reader, w.clock)
		Expect(err).NotTo(HaveOccurred())
		_, err = registry.Gather()
		Expect(err).To(MatchError(ContainSubstring("the API server is down")))
	})
})
