package gitops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// lastApplied is where kubectl apply keeps what was applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// samples are the files of config/samples, and a CertCentral for each of their accounts.
type samples struct {
	us, eu   *stage
	declared []*unstructured.Unstructured
}

func (e *earth) setSamples(t *testing.T) *samples {
	t.Helper()
	s := &samples{us: newStage(t, e), eu: newStage(t, e), declared: readSamples(t)}
	g := NewWithT(t)
	for side, key := range map[*stage]string{
		s.us: "REPLACE-WITH-YOUR-CERTCENTRAL-API-KEY", s.eu: "REPLACE-WITH-YOUR-CERTCENTRAL-EU-API-KEY",
	} {
		g.Expect(side.AddUser(1, map[string]any{})).To(Succeed())
		g.Expect(side.AddKey(simulator.Key{Key: key, UserID: 1})).To(Succeed())
	}
	g.Expect(s.us.AddUser(john, map[string]any{"username": "john.smith@example.com", "first_name": "John"})).To(Succeed())
	g.Expect(s.us.AddUser(2, map[string]any{"username": "jane.doe@example.com"})).To(Succeed())
	g.Expect(s.eu.AddUser(208417, map[string]any{"email": "jane@example.com"})).To(Succeed())
	return s
}

func (s *samples) endpoints() []string { return []string{s.us.server.URL(), s.eu.server.URL()} }

// readSamples returns the objects of all files that the samples' kustomization lists.
func readSamples(t *testing.T) (objects []*unstructured.Unstructured) {
	t.Helper()
	g := NewWithT(t)
	folder := filepath.Join("..", "..", "config", "samples")
	text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	g.Expect(yaml.Unmarshal(text, &kustomization)).To(Succeed())
	for _, name := range kustomization.Resources {
		text, err := os.ReadFile(filepath.Join(folder, name))
		g.Expect(err).NotTo(HaveOccurred())
		for documents := utilyaml.NewYAMLToJSONDecoder(bytes.NewReader(text)); ; {
			o := &unstructured.Unstructured{}
			err := documents.Decode(o)
			if errors.Is(err, io.EOF) {
				break
			}
			g.Expect(err).NotTo(HaveOccurred())
			objects = append(objects, o)
		}
	}
	return objects
}

// play applies the samples as they are, with addresses that the operator may not talk to, and then with those of the simulators.
func (s *samples) play(t *testing.T) {
	s.us.WithT = NewWithT(t)
	s.applyAll(t.Context())
	s.expectOutcomes(t.Context(), map[string]string{
		"pki/digicert": "False EndpointNotAllowed", "pki/digicert-eu": "False EndpointNotAllowed",
		"pki/jane-doe": "False AccountNotReady", "pki/john-smith": "False AccountNotReady", "web-team/jane-doe": "False AccountNotReady",
	})
	for _, o := range s.declared {
		for name, side := range map[string]*stage{"digicert": s.us, "digicert-eu": s.eu} {
			if o.GetKind() == "CertCentralAccount" && o.GetName() == name {
				spec := o.Object["spec"].(map[string]any)
				spec["endpoint"], spec["caBundle"] = side.server.URL(), jsonString(side.server.CAPEM())
			}
		}
	}
	s.applyAll(t.Context())
	s.expectOutcomes(t.Context(), map[string]string{
		"pki/digicert": "True Available", "pki/digicert-eu": "True Available",
		"pki/jane-doe": "True Updated", "pki/john-smith": "True Updated", "web-team/jane-doe": "True DriftReported",
	})
}

// jsonString is what JSON makes of bytes: their base64.
func jsonString(b []byte) (s string) {
	text, err := json.Marshal(b)
	if err != nil || json.Unmarshal(text, &s) != nil {
		return ""
	}
	return s
}

func (s *samples) applyAll(ctx context.Context) {
	for _, o := range s.declared {
		applied(ctx, s.us.WithT, s.us.earth.Client, o)
	}
}

// expectOutcomes waits until the operator is done, by namespace and name, and then looks for differences from what is declared: as
// Argo CD does by a server-side apply, and as it does for what was applied by a client.
func (s *samples) expectOutcomes(ctx context.Context, outcomes map[string]string) {
	var ours []*unstructured.Unstructured
	for _, o := range s.declared {
		if o.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
			ours = append(ours, s.us.await(ctx, o, outcomes[o.GetNamespace()+"/"+o.GetName()]))
		}
	}
	s.us.Expect(ours).To(HaveLen(len(outcomes)))
	for _, o := range s.declared {
		live := read(ctx, s.us.WithT, s.us.earth.Client, o)
		predicted := applied(ctx, s.us.WithT, s.us.earth.Client, o, client.DryRunAll)
		s.us.Expect(compared(predicted)).To(Equal(compared(live)))
	}
	for _, before := range ours {
		s.kubectlApply(ctx, before)
	}
}

// kubectlApply applies an object by a client, and expects a three-way difference of nothing, before and after.
func (s *samples) kubectlApply(ctx context.Context, before *unstructured.Unstructured) {
	g, c := s.us.WithT, s.us.earth.Client
	declared := s.find(before)
	text, err := declared.MarshalJSON()
	g.Expect(err).NotTo(HaveOccurred())
	kubectl := exec.CommandContext(ctx, s.us.earth.Kubectl, "--kubeconfig", s.us.earth.Kubeconfig, "apply", "-f", "-")
	kubectl.Stdin = bytes.NewReader(text)
	output, err := kubectl.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), "%s", output)

	live := read(ctx, g, c, before)
	g.Expect(live.GetGeneration()).To(Equal(before.GetGeneration()), "nothing new was declared")
	liveText, err := live.MarshalJSON()
	g.Expect(err).NotTo(HaveOccurred())
	original := &unstructured.Unstructured{}
	g.Expect(original.UnmarshalJSON([]byte(live.GetAnnotations()[lastApplied]))).To(Succeed())
	if len(original.GetAnnotations()) == 0 { // kubectl writes empty ones, which Argo CD takes out again
		unstructured.RemoveNestedField(original.Object, "metadata", "annotations")
	}
	originalText, err := original.MarshalJSON()
	g.Expect(err).NotTo(HaveOccurred())
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(originalText, text, liveText)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(patch).To(MatchJSON(`{}`))
}

// find returns what is declared for an object.
func (s *samples) find(o *unstructured.Unstructured) *unstructured.Unstructured {
	for _, declared := range s.declared {
		if declared.GroupVersionKind() == o.GroupVersionKind() && client.ObjectKeyFromObject(declared) == client.ObjectKeyFromObject(o) {
			return declared
		}
	}
	return nil
}
