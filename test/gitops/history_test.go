package gitops

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kwatch "k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// history is every version of every account and user, as the API server told it.
type history struct {
	mu       sync.Mutex
	versions []*unstructured.Unstructured
	judged   map[string]map[string]bool // reasons of Ready, by kind
}

// watch begins a history, which goes on until the test ends.
func watch(t *testing.T, c client.WithWatch) *history {
	t.Helper()
	h := &history{judged: map[string]map[string]bool{}}
	for _, kind := range []string{"CertCentralAccount", "CertCentralUser"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		w, err := c.Watch(t.Context(), list)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for event := range w.ResultChan() {
				h.add(event)
			}
		}()
		t.Cleanup(func() { w.Stop(); <-done })
	}
	return h
}

func (h *history) add(event kwatch.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != kwatch.Error {
		h.versions = append(h.versions, o)
	}
}

// judge notes what an object was judged for.
func (h *history) judge(o *unstructured.Unstructured) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.judged[o.GetKind()] == nil {
		h.judged[o.GetKind()] = map[string]bool{}
	}
	if reason := condition(o, v1alpha1.ConditionReady).Reason; reason != "" {
		h.judged[o.GetKind()][reason] = true
	}
}

// reasons are those that objects of a kind were judged for.
func (h *history) reasons(kind string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.judged[kind]))
}

func (h *history) all() []*unstructured.Unstructured {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.versions)
}

// expectLaws holds every version against what must be so in any situation, the moments between them included.
func (e *earth) expectLaws(t *testing.T) {
	g := NewWithT(t)
	versions := e.history.all()
	seen := map[status.Status]int{}
	for _, o := range versions {
		result, err := status.Compute(o)
		g.Expect(err).NotTo(HaveOccurred())
		seen[result.Status]++
		g.Expect(lawOf(o, result.Status, e)).To(Succeed(), "%s %s/%s: kstatus says %s: %v",
			o.GetKind(), o.GetNamespace(), o.GetName(), result.Status, o.Object["status"])
	}
	g.Expect(seen).To(HaveLen(4), "kinds of verdicts among %d versions: %v", len(versions), seen)
}

// lawOf returns what is wrong with a verdict of kstatus, or with that of Argo CD beside it.
func lawOf(o *unstructured.Unstructured, verdict status.Status, e *earth) error {
	ready := condition(o, v1alpha1.ConditionReady)
	onHold := ready.Reason == v1alpha1.ReasonSuspended && ready.ObservedGeneration == o.GetGeneration()
	switch verdict {
	case status.CurrentStatus:
		if ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != o.GetGeneration() {
			return fmt.Errorf("but Ready is %s for generation %d", ready.Status, ready.ObservedGeneration)
		}
		asAsked := onHold || ready.Reason == v1alpha1.ReasonDriftReported
		if o.GetKind() == "CertCentralUser" && condition(o, v1alpha1.ConditionInSync).Status != metav1.ConditionTrue && !asAsked {
			return fmt.Errorf("but it is not in sync")
		}
	case status.FailedStatus:
		if ready.Status == metav1.ConditionTrue || condition(o, v1alpha1.ConditionReconciling).Status != "" {
			return fmt.Errorf("but Ready is %s, or a retry is under way", ready.Status)
		}
	case status.TerminatingStatus:
		return nil // Argo CD asks no script then
	default: // it is in progress, and nothing can be wrong with that
	}
	argo, err := e.health(o)
	if err != nil {
		return err
	}
	same := map[status.Status]string{status.CurrentStatus: "Healthy", status.InProgressStatus: "Progressing", status.FailedStatus: "Degraded"}
	if argo.Status != same[verdict] && !(onHold && argo.Status == "Suspended") {
		return fmt.Errorf("but Argo CD says %s", argo.Status)
	}
	if argo.Message == "" {
		return fmt.Errorf("but Argo CD has no message")
	}
	return nil
}
