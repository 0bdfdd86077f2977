package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/world"
)

//go:embed resources.yaml
var resources []byte

const namespace = "pki"

// The people of the story, by the name of their resource.
var people = []struct {
	name string
	id   int64
}{{"john-smith", 125039}, {"nora-newman", 125102}, {"sam-single", 125103}, {"mia-manager", 125104}}

// theatre is where the story plays.
type theatre struct {
	*world.World
	certcentral *world.Simulator
	screen      *screen
	calls       *lines
}

// stay applies the resources and keeps the world until the context ends.
func (t *theatre) stay(ctx context.Context, log string) error {
	if err := t.apply(ctx); err != nil {
		return err
	}
	t.screen.say(`
The world is running. Calls that CertCentral gets are shown below; the operator's log is in %s. In another terminal:

  export KUBECONFIG=%s
  kubectl -n %s get cca,ccu                              # %s
  curl -X PATCH %s/users/125039 -d '{"job_title": "Intern"}'   # a colleague edits a user in the console
  kubectl -n %s annotate --overwrite --field-manager=certcentral ccu john-smith %s="$(date)"   # look now

Ctrl-C ends it.
`, log, t.Kubeconfig, namespace, "kubectl is at "+t.Kubectl, t.certcentral.AdminURL(), namespace, v1alpha1.AnnotationReconcileRequestedAt)
	t.calls.raise()
	<-ctx.Done()
	return nil
}

// play tells the story, and returns an error as soon as it goes another way.
func (t *theatre) play(ctx context.Context) error {
	for _, act := range []func(context.Context) error{t.firstSync, t.drift, t.deletion} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return t.sum(ctx)
}

func (t *theatre) firstSync(ctx context.Context) error {
	t.screen.scene("CertCentral before")
	if err := t.showPeople(ctx); err != nil {
		return err
	}
	t.screen.scene("Somebody applies a Secret, an account and five users, among them this one")
	t.screen.say("%s", indent(document("john-smith")))
	t.calls.raise()
	if err := t.apply(ctx); err != nil {
		return err
	}
	for name, reason := range map[string]string{
		"john-smith": v1alpha1.ReasonUpdated, "nora-newman": v1alpha1.ReasonUpdated, "sam-single": v1alpha1.ReasonUpdated,
		"mia-manager": v1alpha1.ReasonInSync, "typo": v1alpha1.ReasonUserNotFound,
	} {
		if err := t.await(ctx, name, reason); err != nil {
			return err
		}
	}
	t.screen.say("")
	if err := t.kubectl(ctx, "get", "cca,ccu"); err != nil {
		return err
	}
	t.screen.scene("CertCentral after")
	return t.showPeople(ctx)
}

func (t *theatre) drift(ctx context.Context) error {
	t.screen.scene("A colleague changes three of them in the console")
	for id, fields := range map[int64]map[string]any{
		125039: {"job_title": "Intern"}, 125103: {"job_title": "Intern"}, 125104: {"job_title": "Intern"},
	} {
		if err := t.certcentral.Edit(ctx, id, fields); err != nil {
			return err
		}
	}
	t.screen.say("\nThe operator would notice within 10 minutes; an annotation asks it to look now.\n")
	for _, name := range []string{"john-smith", "sam-single", "mia-manager"} {
		if err := t.lookNow(ctx, name); err != nil {
			return err
		}
	}
	for name, reason := range map[string]string{
		"john-smith": v1alpha1.ReasonUpdated, "sam-single": v1alpha1.ReasonDriftReported, "mia-manager": v1alpha1.ReasonDriftReported,
	} {
		if err := t.await(ctx, name, reason); err != nil {
			return err
		}
	}
	t.screen.say("\nJohn's resource says Enforce: it was set back. Sam's says ReportDrift and Mia's Observe: they only tell.\n")
	if err := t.kubectl(ctx, "get", "ccu"); err != nil {
		return err
	}
	t.screen.say("")
	if err := t.kubectl(ctx, "get", "ccu", "-o",
		`custom-columns=NAME:.metadata.name,SAYS:.status.conditions[?(@.type=="Ready")].message`); err != nil {
		return err
	}
	t.screen.say("")
	return t.showPeople(ctx)
}

func (t *theatre) deletion(ctx context.Context) error {
	t.screen.scene("Somebody deletes a resource: nothing happens at CertCentral")
	before, err := t.certcentral.Calls(ctx)
	if err != nil {
		return err
	}
	if err := t.kubectl(ctx, "delete", "ccu", "john-smith"); err != nil {
		return err
	}
	// Another user's look shows that the operator has been there since.
	if err := t.lookNow(ctx, "nora-newman"); err != nil {
		return err
	}
	if err := t.await(ctx, "nora-newman", v1alpha1.ReasonUpdated); err != nil {
		return err
	}
	after, err := t.certcentral.Calls(ctx)
	if err != nil {
		return err
	}
	for _, call := range after[len(before):] {
		if call.User == people[0].id {
			return fmt.Errorf("after the deletion CertCentral got %s", call)
		}
	}
	return nil
}

// sum counts the calls of the story.
func (t *theatre) sum(ctx context.Context) error {
	t.screen.scene("What CertCentral got in all")
	calls, err := t.certcentral.Calls(ctx)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, call := range calls {
		counts[call.Method]++
	}
	t.screen.say("%d calls: %d GET, %d PUT. A change costs three (look, write, look again), a quiet look one.", len(calls), counts["GET"], counts["PUT"])
	if counts["PUT"] != 4 {
		return fmt.Errorf("expected 4 PUTs: three first writes and one correction")
	}
	return nil
}

// apply creates the namespace and the resources; the account is pointed to the simulator.
func (t *theatre) apply(ctx context.Context) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if err := t.Client.Create(ctx, ns); err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(resources), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if object.GetKind() == "CertCentralAccount" {
			spec := object.Object["spec"].(map[string]any)
			spec["endpoint"], spec["caBundle"] = t.certcentral.URL, t.certcentral.CA
		}
		if err := t.Client.Create(ctx, object); err != nil {
			return err
		}
	}
}

// lookNow asks for a look as a person does.
func (t *theatre) lookNow(ctx context.Context, name string) error {
	user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	patch := fmt.Sprintf(`{"metadata": {"annotations": {%q: %q}}}`, v1alpha1.AnnotationReconcileRequestedAt, time.Now().Format(time.RFC3339Nano))
	return t.Client.Patch(ctx, user, client.RawPatch(types.MergePatchType, []byte(patch)))
}

// await returns once the user's Ready condition has the reason, and every look that was asked for was made.
func (t *theatre) await(ctx context.Context, name, reason string) error {
	const patience = time.Minute
	user := &v1alpha1.CertCentralUser{}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if err := t.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, user); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == reason && user.Status.ObservedGeneration == user.Generation &&
			user.Status.LastHandledReconcileAt == user.Annotations[v1alpha1.AnnotationReconcileRequestedAt], nil
	})
	if err != nil {
		return fmt.Errorf("%s is not %s within %s: %w; its status is %+v", name, reason, patience, err, user.Status.Conditions)
	}
	return nil
}

// kubectl shows a command and what it prints.
func (t *theatre) kubectl(ctx context.Context, args ...string) error {
	t.screen.say("$ kubectl -n %s %s", namespace, strings.Join(args, " "))
	if t.Kubectl == "" {
		t.screen.say("(there is no kubectl among the assets)")
		return nil
	}
	command := exec.CommandContext(ctx, t.Kubectl, append([]string{"--kubeconfig", t.Kubeconfig, "-n", namespace}, args...)...)
	output, err := command.CombinedOutput()
	t.screen.say("%s", bytes.TrimRight(output, "\n"))
	return err
}

// showPeople prints the people as CertCentral has them.
func (t *theatre) showPeople(ctx context.Context) error {
	rows := [][]string{{"ID", "USERNAME", "JOB TITLE", "TELEPHONE", "SSO ONLY"}}
	for _, p := range people {
		user, err := t.certcentral.User(ctx, p.id)
		if err != nil {
			return err
		}
		row := []string{fmt.Sprint(p.id)}
		for _, field := range []string{"username", "job_title", "telephone", "is_saml_sso_only"} {
			value := ""
			if user[field] != nil {
				value = fmt.Sprint(user[field])
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	t.screen.table(rows)
	return nil
}

// document returns the resource of this name as it is written in the file.
func document(name string) string {
	for document := range strings.SplitSeq(string(resources), "---\n") {
		if strings.Contains(document, "name: "+name+",") {
			return strings.TrimSpace(document)
		}
	}
	return ""
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n" }
