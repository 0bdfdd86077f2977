package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// kubeState is what we use of kube-state-metrics' custom resource state configuration, after its page
// "Custom Resource State Metrics". Decoded strictly, so that nothing is used that the reading below does not know.
type kubeState struct {
	Kind string `json:"kind"`
	Spec struct {
		Resources []kubeStateResource `json:"resources"`
	} `json:"spec"`
}

type kubeStateResource struct {
	GroupVersionKind struct {
		Group   string `json:"group"`
		Version string `json:"version"`
		Kind    string `json:"kind"`
	} `json:"groupVersionKind"`
	ResourcePlural   string              `json:"resourcePlural"`
	MetricNamePrefix string              `json:"metricNamePrefix"`
	ErrorLogV        int                 `json:"errorLogV"`
	LabelsFromPath   map[string][]string `json:"labelsFromPath"`
	Metrics          []kubeStateMetric   `json:"metrics"`
}

type kubeStateMetric struct {
	Name string `json:"name"`
	Help string `json:"help"`
	Each struct {
		Type     string         `json:"type"`
		Gauge    *kubeStateEach `json:"gauge"`
		StateSet *kubeStateEach `json:"stateSet"`
		Info     *kubeStateEach `json:"info"`
	} `json:"each"`
}

type kubeStateEach struct {
	Path           []string            `json:"path"`
	LabelsFromPath map[string][]string `json:"labelsFromPath"`
	ValueFrom      []string            `json:"valueFrom"`
	NilIsZero      bool                `json:"nilIsZero"`
	LabelName      string              `json:"labelName"`
	List           []string            `json:"list"`
}

func readKubeState() kubeState {
	GinkgoHelper()
	text, err := os.ReadFile("../../config/kube-state-metrics/custom-resource-state.yaml")
	Expect(err).NotTo(HaveOccurred())
	var config kubeState
	Expect(yaml.UnmarshalStrict(text, &config)).To(Succeed())
	Expect(config.Kind).To(Equal("CustomResourceStateMetrics"))
	return config
}

// series are those of an object, as kube-state-metrics would tell them, less the labels that are the same for all of a kind.
func (r *kubeStateResource) series(object *unstructured.Unstructured) []string {
	GinkgoHelper()
	var lines []string
	for _, m := range r.Metrics {
		Expect(m.Help).NotTo(BeEmpty())
		each := map[string]*kubeStateEach{"Gauge": m.Each.Gauge, "StateSet": m.Each.StateSet, "Info": m.Each.Info}[m.Each.Type]
		Expect(each).NotTo(BeNil(), "%s has the type %s and nothing for it", m.Name, m.Each.Type)
		for _, element := range elements(at(object.Object, each.Path)) {
			labels := labelsOf(object.Object, r.LabelsFromPath)
			maps.Copy(labels, labelsOf(element, each.LabelsFromPath))
			lines = append(lines, each.lines(m.Each.Type, r.MetricNamePrefix+"_"+m.Name, labels, at(element, each.ValueFrom))...)
		}
	}
	return lines
}

// lines are the series of one element: one for each of the list of a StateSet, else one if there is a value.
func (e *kubeStateEach) lines(kind, name string, labels map[string]string, value any) []string {
	GinkgoHelper()
	switch kind {
	case "Info":
		return []string{line(name, labels, 1)}
	case "StateSet":
		if value == nil {
			return nil
		}
		Expect(e.List).To(ContainElement(value), "a state of %s that the list lacks", name)
		var lines []string
		for _, state := range e.List {
			labels[e.LabelName] = state
			lines = append(lines, line(name, labels, map[bool]float64{true: 1}[state == value]))
		}
		return lines
	}
	if value == nil && !e.NilIsZero {
		return nil
	}
	return []string{line(name, labels, numberOf(value))}
}

// elements are those of a list, or the one thing that is no list. A map is walked through in ways that nobody wants: it is not to
// be pointed at, but for the object itself.
func elements(target any) []any {
	GinkgoHelper()
	if list, ok := target.([]any); ok {
		return list
	}
	if object, ok := target.(map[string]any); ok {
		Expect(object).To(HaveKey("metadata"), "a path ends at a map")
	}
	return []any{target}
}

func at(from any, path []string) any {
	for _, part := range path {
		object, _ := from.(map[string]any)
		from = object[part]
	}
	return from
}

func labelsOf(from any, paths map[string][]string) map[string]string {
	labels := map[string]string{}
	for name, path := range paths {
		if value := at(from, path); value != nil {
			labels[name] = fmt.Sprint(value)
		}
	}
	return labels
}

func numberOf(value any) float64 {
	GinkgoHelper()
	switch v := value.(type) {
	case nil:
		return 0
	case bool:
		return map[bool]float64{true: 1}[v]
	case int64:
		return float64(v)
	case string:
		t, err := time.Parse(time.RFC3339, v)
		Expect(err).NotTo(HaveOccurred())
		return float64(t.Unix())
	}
	Fail(fmt.Sprintf("%T is no number", value))
	return 0
}

func line(name string, labels map[string]string, value float64) string {
	var parts []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, fmt.Sprintf("%s=%q", label, labels[label]))
	}
	return fmt.Sprintf("%s{%s} %g", name, strings.Join(parts, ","), value)
}

// told returns the series of an object as it is now, without the labels that name it.
func (c kubeState) told(ctx context.Context, of client.Object) []string {
	GinkgoHelper()
	for _, r := range c.Spec.Resources {
		kind := schema.GroupVersionKind{Group: r.GroupVersionKind.Group, Version: r.GroupVersionKind.Version, Kind: r.GroupVersionKind.Kind}
		if is, err := kubernetes.GroupVersionKindFor(of); err != nil || is != kind {
			continue
		}
		mapping, err := kubernetes.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.ResourcePlural).To(Equal(mapping.Resource.Resource))
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(kind)
		Expect(kubernetes.Get(ctx, client.ObjectKeyFromObject(of), object)).To(Succeed())
		named := fmt.Sprintf(`name=%q,namespace=%q`, of.GetName(), of.GetNamespace())
		lines := r.series(object)
		for i := range lines {
			Expect(lines[i]).To(ContainSubstring(named))
			lines[i] = strings.NewReplacer(named+",", "", ","+named, "", named, "").Replace(lines[i])
		}
		return lines
	}
	Fail(fmt.Sprintf("nothing is configured for a %T", of))
	return nil
}

var _ = Describe("kube-state-metrics", func() {
	It("tells the state of each object, and of its persons nothing but the resource's name", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, map[string]any{
			"access_roles": []any{map[string]any{"id": 1, "name": "Administrator"}}, "is_saml_sso_only": true,
			"last_login_date": "2026-02-01 00:00:00",
		})
		title := value("Title")
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "True DriftReported", mode(v1alpha1.ModeObserve))
		config := readKubeState()

		users := config.told(ctx, user)
		Expect(users).To(ContainElements(
			`kube_certcentraluser_info{account_name="digicert"} 1`,
			`kube_certcentraluser_status_condition{reason="DriftReported",status="True",type="Ready"} 1`,
			`kube_certcentraluser_status_condition{reason="DriftReported",status="False",type="Ready"} 0`,
			`kube_certcentraluser_status_condition{reason="DriftReported",status="False",type="InSync"} 1`,
			`kube_certcentraluser_spec_mode{mode="Enforce"} 0`,
			`kube_certcentraluser_spec_mode{mode="Observe"} 1`,
			`kube_certcentraluser_spec_suspended{} 0`,
			`kube_certcentraluser_metadata_generation{} 1`,
			`kube_certcentraluser_status_observed_generation{} 1`,
			`kube_certcentraluser_status_last_login_timestamp_seconds{} 1.769904e+09`,
			`kube_certcentraluser_status_saml_sso_only{} 1`,
			`kube_certcentraluser_status_role_info{role="Administrator",role_id="1"} 1`,
			`kube_certcentraluser_status_difference_info{cause="SpecChange",field="jobTitle"} 1`,
		))
		accounts := config.told(ctx, s.account)
		Expect(accounts).To(ContainElements(
			`kube_certcentralaccount_status_condition{reason="Available",status="True",type="Ready"} 1`,
			`kube_certcentralaccount_status_condition{reason="Available",status="Unknown",type="Ready"} 0`,
			`kube_certcentralaccount_spec_mode{mode="Enforce"} 1`,
			`kube_certcentralaccount_metadata_generation{} 1`,
			`kube_certcentralaccount_status_observed_generation{} 1`,
		))
		text, err := json.Marshal(append(users, accounts...))
		Expect(err).NotTo(HaveOccurred())
		expectNothingIn("the series", text, secrets, personal)
	})

	It("is documented with what it tells", func() {
		text, err := os.ReadFile("../../docs/metrics.md")
		Expect(err).NotTo(HaveOccurred())
		for _, r := range readKubeState().Spec.Resources {
			for _, m := range r.Metrics {
				kind := map[string]string{"Gauge": "gauge", "StateSet": "state set", "Info": "info"}[m.Each.Type]
				Expect(string(text)).To(ContainSubstring("| `%s_%s` | %s |", r.MetricNamePrefix, m.Name, kind))
			}
		}
		_, section, _ := strings.Cut(string(text), "\n## Of each object")
		count := 0
		for _, r := range readKubeState().Spec.Resources {
			count += len(r.Metrics)
		}
		Expect(strings.Count(section, "\n| `kube_certcentral")).To(Equal(count), "it lists no other")
	})
})
