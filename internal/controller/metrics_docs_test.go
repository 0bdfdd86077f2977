package controller

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// toldWorld is a world in which every metric has a series.
func toldWorld(ctx SpecContext) *world {
	GinkgoHelper()
	w := openCrowded(ctx, ``).world
	Expect(w.Edit(john, map[string]any{"access_roles": []any{map[string]any{"id": 1, "name": "Administrator"}}})).To(Succeed())
	user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
	w.reconcile(ctx, user)
	w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, CutTo: map[string]int{"last_name": 5}})
	edit(ctx, user, `profile: {jobTitle: Boss of Admins}`)
	w.reconcile(ctx, user)
	w.fault(simulator.Fault{Match: simulator.Match{Times: 1}, Do: later(429, "60")})
	edit(ctx, user, `profile: {jobTitle: Admin}`)
	w.reconcile(ctx, user)
	w.reconcile(ctx, user)
	(&Namespaces{Live: direct, Metrics: w.users.Metrics, Names: []string{w.namespace}}).Probe(ctx)
	return w
}

// described are the names of all metrics that are registered, whether or not they have a series.
func (w *world) described() []string {
	descs := make(chan *prometheus.Desc)
	go func() {
		w.registry.Describe(descs)
		close(descs)
	}()
	var names []string
	for desc := range descs {
		names = append(names, regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(desc.String())[1])
	}
	return names
}

// gathered lists the metrics with type and labels, as the rows of the table in docs/metrics.md begin.
func (w *world) gathered() []string {
	GinkgoHelper()
	families, err := w.registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	var rows []string
	for _, family := range families {
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		kind := strings.ToLower(family.GetType().String())
		rows = append(rows, "| "+strings.Join([]string{"`" + family.GetName() + "`", kind, strings.Join(labels, ", ")}, " | ")+" |")
	}
	return rows
}

var _ = Describe("The metrics' documentation", func() {
	It("lists exactly those there are", func(ctx SpecContext) {
		text, err := os.ReadFile("../../docs/metrics.md")
		Expect(err).NotTo(HaveOccurred())
		own, _, _ := strings.Cut(string(text), "\n## ")
		rows := regexp.MustCompile("(?m)^\\| `certcentral_[^|]*\\|[^|]*\\|[^|]*\\|").FindAllString(own, -1)
		var names []string
		for _, row := range rows {
			names = append(names, strings.Split(row, "`")[1])
		}
		w := toldWorld(ctx)
		Expect(names).To(ConsistOf(w.described()))
		Expect(rows).To(ConsistOf(w.gathered()))
		Expect(slices.IsSorted(names)).To(BeTrue(), "they are easier to find by name")
	})

	It("is followed by what Prometheus' linter asks for", func(ctx SpecContext) {
		w := toldWorld(ctx)
		Expect(w.gathered()).To(HaveLen(len(w.described())), "a metric without a series is not linted")
		problems, err := promlint.New(bytes.NewBufferString(w.metrics())).Lint()
		Expect(err).NotTo(HaveOccurred())
		Expect(problems).To(BeEmpty())
	})
})
