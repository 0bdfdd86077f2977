package gitops

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// situation is one that an object can be in, and what is to be made of it.
type situation struct {
	name string
	verdict
	bring func(context.Context, *stage) *unstructured.Unstructured
}

// verdict is what tools say.
type verdict struct {
	kstatus status.Status
	health  string // Argo CD's; "" where it asks no script
	says    string // how its message begins
}

func current(says string) verdict    { return verdict{status.CurrentStatus, "Healthy", says} }
func inProgress(says string) verdict { return verdict{status.InProgressStatus, "Progressing", says} }
func failed(says string) verdict     { return verdict{status.FailedStatus, "Degraded", says} }
func terminating() verdict           { return verdict{status.TerminatingStatus, "", ""} }
func suspended(says string) verdict  { return verdict{status.CurrentStatus, "Suspended", says} }
func held(says string) verdict       { return verdict{status.InProgressStatus, "Suspended", says} }

// member is a situation with its stage.
type member struct {
	situation
	*stage
}

type cast []member

// set makes the stages, so that their endpoints are known before the operator starts.
func (e *earth) set(t *testing.T, situations []situation) (c cast) {
	t.Helper()
	for _, s := range situations {
		c = append(c, member{s, newStage(t, e)})
	}
	return c
}

func (c cast) endpoints() (urls []string) {
	for _, m := range c {
		urls = append(urls, m.server.URL())
	}
	return urls
}

// playOut brings all situations about at the same time, and judges.
func playOut(t *testing.T, c cast) {
	for _, m := range c {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := m.stage
			s.WithT = NewWithT(t)
			s.judged = m.bring(t.Context(), s)
			s.earth.expectVerdict(s.WithT, s.judged, m.verdict)
			s.expectInSync(t.Context(), s.judged)
			s.expectActions(t.Context(), s.judged)
		})
	}
}

// expectVerdict has the tools look at an object, and compares.
func (e *earth) expectVerdict(g *WithT, o *unstructured.Unstructured, want verdict) {
	g.THelper()
	e.history.judge(o)
	result, err := status.Compute(o)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.Status).To(Equal(want.kstatus), "kstatus says %q of %v", result.Message, o.Object["status"])
	if want.health == "" {
		return
	}
	health, err := e.health(o)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(health.Status).To(Equal(want.health), "Argo CD's health check says %q of %v", health.Message, o.Object["status"])
	g.Expect(health.Message).To(HavePrefix(want.says))
}

// expectInSync has Argo CD's diff done by the API server: what is declared changes nothing, whatever the operator wrote.
func (s *stage) expectInSync(ctx context.Context, o *unstructured.Unstructured) {
	s.THelper()
	declared := s.git[o.GetKind()+"/"+o.GetName()]
	s.Eventually(func(g Gomega) { // again, should a retry write a status in between
		live := read(ctx, g, s.earth.Client, o)
		predicted := applied(ctx, s.WithT, s.earth.Client, declared, client.DryRunAll)
		g.Expect(compared(predicted)).To(Equal(compared(live)))
	}).WithContext(ctx).Should(Succeed())
	expectStatusOnly(s.WithT, o)
}

// compared is an object less what Argo CD does not compare.
func compared(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	return o.Object
}

// expectStatusOnly expects that the operator never wrote anything but a status.
func expectStatusOnly(g *WithT, o *unstructured.Unstructured) {
	g.THelper()
	for _, entry := range o.GetManagedFields() {
		if entry.Subresource == "status" {
			g.Expect(string(entry.FieldsV1.GetRawBytes())).To(HavePrefix(`{"f:status":`))
		} else {
			g.Expect(entry.Manager).To(BeElementOf(argoManager, "gitops.test"), "who wrote more than a status")
		}
	}
}

// actionPatches are what actions send, by name.
var actionPatches = map[string]string{
	"reconcile": `{"metadata":{"annotations":{"certcentral.io/reconcile-requested-at":"TIME"}}}`,
	"suspend":   `{"spec":{"suspend":true}}`,
	"resume":    `{"spec":{"suspend":false}}`,
	"observe":   `{"spec":{"mode":"Observe"}}`,
	"enforce":   `{"spec":{"mode":"Enforce"}}`,
}

// expectActions runs the actions that Argo CD offers: those that make a difference, each with the least patch that the API server takes.
func (s *stage) expectActions(ctx context.Context, live *unstructured.Unstructured) {
	s.THelper()
	names, err := s.earth.enabledActions(live)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(names).To(ConsistOf(sensible(live)))
	for _, name := range names {
		patch, err := s.earth.act(name, live)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(timeless(patch)).To(MatchJSON(actionPatches[name]), "action %s", name)
		s.Expect(s.earth.Client.Patch(ctx, live.DeepCopy(), client.RawPatch(mergePatch, patch), client.DryRunAll)).
			To(Succeed(), "action %s", name)
	}
}

// sensible are the actions that make a difference to an object.
func sensible(o *unstructured.Unstructured) (names []string) {
	mode, _, _ := unstructured.NestedString(o.Object, "spec", "mode")
	suspend, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend")
	for name, sense := range map[string]bool{
		"reconcile": !suspend, "observe": mode != "Observe", "enforce": mode != "Enforce",
		"suspend": o.GetKind() == "CertCentralUser" && !suspend, "resume": suspend,
	} {
		if sense {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

var anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

func timeless(patch []byte) string { return anyTime.ReplaceAllString(string(patch), "TIME") }

// etcd calls etcd's JSON gateway.
func (e *earth) etcd(ctx context.Context, what string, body map[string][]byte) (answer struct {
	KVs []struct {
		Value []byte `json:"value"`
	} `json:"kvs"`
}, err error,
) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.EtcdURL+"/v3/kv/"+what, bytes.NewReader(text))
	if err != nil {
		return answer, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("etcd: %s", response.Status)
	}
	return answer, json.NewDecoder(response.Body).Decode(&answer)
}
