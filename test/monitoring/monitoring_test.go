// Package monitoring tests what people are given to watch the operator with, against each other: rules and dashboard ask for metrics
// that docs/metrics.md lists, and runbooks are where links to them lead. That the list is true is tested beside the metrics.
package monitoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	queries "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const (
	rulesFile     = "../../config/prometheus/rules.yaml"
	ruleFile      = "../../config/prometheus/prometheusrule.yaml"
	rulesTests    = "../../config/prometheus/rules_test.yaml"
	dashboardFile = "../../config/grafana/dashboard.json"
	metricsPage   = "../../docs/metrics.md"
	operatingPage = "../../docs/operating.md"
	reasonsFile   = "../../api/v1alpha1/conditions.go"

	runbooks = "https://github.com/certcentral-io/user-operator/blob/main/docs/operating.md#"
)

// alerts is a file of Prometheus' rules, as far as these tests read it.
type alerts struct {
	Groups []struct {
		Rules []struct {
			Alert       string            `json:"alert"`
			Expr        string            `json:"expr"`
			For         string            `json:"for"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"rules"`
	} `json:"groups"`
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decode[T any](t *testing.T, path string) (into T) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), &into); err != nil {
		t.Fatal(err)
	}
	return into
}

// documented returns the labels of each metric that the page lists, by the names that series have.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	names := regexp.MustCompile("`([a-z_]+)`")
	metrics := map[string][]string{}
	for line := range strings.Lines(read(t, metricsPage)) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || !strings.HasPrefix(line, "| `") {
			continue
		}
		name := names.FindStringSubmatch(cells[1])[1]
		labels := []string{"pod", "instance"}
		if strings.HasPrefix(name, "kube_") {
			labels = append(labels, "namespace", "name")
		}
		for _, label := range names.FindAllStringSubmatch(cells[3], -1) {
			labels = append(labels, label[1])
		}
		if metrics[name] = labels; strings.Contains(cells[2], "histogram") {
			metrics[name+"_count"], metrics[name+"_sum"], metrics[name+"_bucket"] = labels, labels, append(slices.Clone(labels), "le")
		}
	}
	// Of the libraries.
	metrics["leader_election_master_status"] = []string{"name"}
	metrics["workqueue_depth"] = []string{"name", "controller", "priority"}
	if len(metrics) < 20 {
		t.Fatalf("%s lists only %d metrics", metricsPage, len(metrics))
	}
	return metrics
}

// checkQuery finds what a query asks for that there is not: a metric, a label of it, or a reason.
func checkQuery(query string, metrics map[string][]string, reasons []string) error {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return err
	}
	var labels []string
	var problems []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		known, ok := metrics[selector.Name]
		if !ok {
			problems = append(problems, "no metric "+selector.Name)
		}
		labels = append(labels, known...)
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name != "__name__" && !slices.Contains(known, matcher.Name) {
				problems = append(problems, selector.Name+" has no label "+matcher.Name)
			}
			if matcher.Name != "reason" {
				continue
			}
			for reason := range strings.SplitSeq(matcher.Value, "|") {
				if !slices.Contains(reasons, reason) {
					problems = append(problems, "no reason "+reason)
				}
			}
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if aggregate, ok := node.(*parser.AggregateExpr); ok {
			for _, label := range aggregate.Grouping {
				if !slices.Contains(labels, label) {
					problems = append(problems, "nothing has the label "+label)
				}
			}
		}
		return nil
	})
	if problems != nil {
		return fmt.Errorf("%s: in %s", strings.Join(problems, ", "), query)
	}
	return nil
}

// reasonsOf are the values of the constants that say why.
func reasonsOf(t *testing.T) []string {
	t.Helper()
	var reasons []string
	for _, m := range regexp.MustCompile(`(?m)^\tReason\w+ += "(\w+)"`).FindAllStringSubmatch(read(t, reasonsFile), -1) {
		reasons = append(reasons, m[1])
	}
	if len(reasons) < 20 {
		t.Fatalf("%s has only %d reasons", reasonsFile, len(reasons))
	}
	return reasons
}

// headings are the anchors of a page, as GitHub makes them of one word.
func headings(t *testing.T, page string) []string {
	t.Helper()
	var anchors []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(read(t, page), -1) {
		anchors = append(anchors, strings.ReplaceAll(strings.ToLower(m[1]), " ", "-"))
	}
	return anchors
}

func TestQueriesThatAskForNothingAreFound(t *testing.T) {
	metrics, reasons := documented(t), reasonsOf(t)
	for query, problem := range map[string]string{
		`sum(certcentral_nothing)`:                          "no metric certcentral_nothing",
		`certcentral_users{colour="red"}`:                   "certcentral_users has no label colour",
		`sum by (colour) (certcentral_users)`:               "nothing has the label colour",
		`certcentral_users_by_reason{reason="Fine|InSync"}`: "no reason Fine",
		`sum by (account (certcentral_users)`:               "parse error",
	} {
		if err := checkQuery(query, metrics, reasons); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, not %s", query, err, problem)
		}
	}
}

func TestRules(t *testing.T) {
	metrics, reasons, anchors := documented(t), reasonsOf(t), headings(t, operatingPage)
	tests := read(t, rulesTests)
	for _, group := range decode[alerts](t, rulesFile).Groups {
		for _, rule := range group.Rules {
			if err := checkQuery(rule.Expr, metrics, reasons); err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			}
			if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) || rule.For == "" ||
				rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s lacks a severity, a time, a summary or a description", rule.Alert)
			}
			anchor, ok := strings.CutPrefix(rule.Annotations["runbook_url"], runbooks)
			if lower := strings.ToLower(rule.Alert); !ok || anchor != lower || !slices.Contains(anchors, anchor) {
				t.Errorf("%s: no runbook at %s", rule.Alert, rule.Annotations["runbook_url"])
			}
			quiet := strings.Count(tests, "alertname: "+rule.Alert+", exp_alerts: []")
			if all := strings.Count(tests, "alertname: "+rule.Alert); quiet == 0 || all == quiet {
				t.Errorf("%s: %s wants to see it fire and keep quiet", rule.Alert, rulesTests)
			}
		}
	}
}

func TestRulesAreTheSameForThePrometheusOperator(t *testing.T) {
	rule := decode[struct {
		Spec any `json:"spec"`
	}](t, ruleFile)
	if !reflect.DeepEqual(rule.Spec, decode[any](t, rulesFile)) {
		t.Errorf("the spec of %s is not %s", ruleFile, rulesFile)
	}
}

func TestEveryReasonHasARunbook(t *testing.T) {
	anchors := headings(t, operatingPage)
	for _, reason := range reasonsOf(t) {
		if !slices.Contains(anchors, strings.ToLower(reason)) {
			t.Errorf("%s has no heading %s", operatingPage, reason)
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	anchors := headings(t, operatingPage)
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(read(t, operatingPage), -1) {
		if !slices.Contains(anchors, m[1]) {
			t.Errorf("%s has no heading for #%s", operatingPage, m[1])
		}
	}
	for _, page := range []string{operatingPage, metricsPage} {
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`).FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat("../../docs/" + m[1]); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

func TestDashboard(t *testing.T) {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(queries.VariantConfig())
	text := []byte(read(t, dashboardFile))
	// Reading strictly finds what the schema does not have, but keeps nothing; and it returns an empty list of findings as an
	// error that is not nil.
	var findings cog.BuildErrors
	//nolint:staticcheck // the form that Grafana imports from a file, also before version 12
	if err := new(dashboard.Dashboard).UnmarshalJSONStrict(text); err != nil && (!errors.As(err, &findings) || len(findings) > 0) {
		t.Fatalf("not as Grafana's schema has it: %v", err)
	}
	var board dashboard.Dashboard //nolint:staticcheck // as above
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if err := board.Validate(); err != nil {
		t.Errorf("not as Grafana's schema has it: %v", err)
	}
	metrics, reasons := documented(t), reasonsOf(t)
	asked := 0
	for _, panel := range board.Panels {
		if panel.Panel == nil {
			continue
		}
		if panel.Panel.Description == nil || panel.Panel.GridPos == nil {
			t.Errorf("%s lacks a description or a place", *panel.Panel.Title)
		}
		for _, target := range panel.Panel.Targets {
			query, err := json.Marshal(target)
			if err != nil {
				t.Fatal(err)
			}
			if err := checkQuery(substituted(t, query), metrics, reasons); err != nil {
				t.Errorf("%s: %v", *panel.Panel.Title, err)
			}
			asked++
		}
	}
	if asked < 15 {
		t.Errorf("%d queries were found, which is not all", asked)
	}
}

// substituted is the expression of a target, as Grafana would send it.
func substituted(t *testing.T, target []byte) string {
	t.Helper()
	var query struct{ Expr string }
	if err := json.Unmarshal(target, &query); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("$__rate_interval", "4m", "$account", ".*", "$dormant_days", "90").Replace(query.Expr)
}
