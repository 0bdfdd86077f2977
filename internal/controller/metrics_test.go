package controller

import (
	"context"
	"errors"
	"regexp"
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
			`certcentral_last_look_age_seconds{account="digicert"} 42`,
			`certcentral_users{account="digicert",condition="Ready",status="False"} 1`,
			`certcentral_users{account="digicert",condition="Ready",status="Unknown"} 1`,
			`certcentral_users{account="digicert",condition="InSync",status="Unknown"} 2`,
			`certcentral_users{account="digicert",condition="Reconciling",status="True"} 1`,
			`certcentral_users{account="digicert",condition="Stalled",status="True"} 1`,
		))
	})

	It("of an account go with it", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.reconcile(ctx, user)
		Expect(w.measured()).To(ContainElement(ContainSubstring("certcentral_api_request_duration_seconds")))
		Expect(direct.Delete(ctx, w.account)).To(Succeed())
		w.reconcileAccount(ctx)
		Expect(w.measured()).To(HaveEach(HavePrefix("certcentral_users{")), "the resources are still there")
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
