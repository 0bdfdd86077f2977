package gitops

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// The people of every stage, by id.
const (
	john    = 125039 // whom the situations are about
	keyUser = 7      // whose key is used
	robot   = 90     // a service user
)

// stage is what one situation has to itself: a CertCentral, a namespace, and a repository.
type stage struct {
	*WithT // of the test that plays
	*simulator.Simulator

	earth     *earth
	server    *simulator.Server
	namespace string
	accountID int64
	key       string
	git       map[string]*unstructured.Unstructured // what is declared, by kind and name
	judged    *unstructured.Unstructured            // as it was then; nil before
}

// mergePatch is the kind of patch that all are here.
const mergePatch = types.MergePatchType

// accountIDs gives each stage a CertCentral account of its own: resources of different namespaces contend for the same user.
var accountIDs atomic.Int64

// newStage makes a stage on which nothing is declared.
func newStage(t *testing.T, e *earth) *stage {
	t.Helper()
	s := &stage{
		WithT: NewWithT(t), Simulator: simulator.New(simulator.Options{}), earth: e,
		accountID: 200000 + accountIDs.Add(1), key: rand.Text(), git: map[string]*unstructured.Unstructured{},
	}
	account := func(fields map[string]any) map[string]any { fields["account_id"] = s.accountID; return fields }
	s.Expect(s.AddKey(simulator.Key{Key: s.key, UserID: keyUser, AccountID: s.accountID})).To(Succeed())
	s.Expect(s.AddUser(keyUser, account(map[string]any{}))).To(Succeed())
	s.Expect(s.AddUser(john, account(map[string]any{
		"username": "john.smith@example.com", "email": "john.smith@example.com", "first_name": "John", "last_name": "Smith",
		"job_title": "Sys Admin", "telephone": "1-555-555-5555", "last_login_date": "2019-06-21 13:37:00",
	}))).To(Succeed())
	s.Expect(s.AddServiceUser(robot, account(map[string]any{}))).To(Succeed())
	var err error
	s.server, err = simulator.NewServer(s.Simulator, "")
	s.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = s.server.Close() })
	s.namespace = s.newNamespace(t.Context())
	return s
}

func (s *stage) newNamespace(ctx context.Context) string {
	s.THelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stage-"}}
	s.Expect(s.earth.Client.Create(ctx, namespace)).To(Succeed())
	return namespace.Name
}

// account declares the account, whose spec in YAML is over one that works. The Secret with its key is there as well.
func (s *stage) account(ctx context.Context, spec string) *unstructured.Unstructured {
	s.THelper()
	s.setSecret(ctx, map[string]string{"api-key": s.key})
	return s.apply(ctx, "CertCentralAccount", s.namespace, "digicert", spec, map[string]any{
		"endpoint": s.server.URL(), "caBundle": s.server.CAPEM(), "apiKeySecretRef": map[string]any{"name": "certcentral"},
		"budget": map[string]any{"requestsPerMinute": 330, "burst": 10},
	})
}

// open is account, and the wait until it is ready.
func (s *stage) open(ctx context.Context, spec string) *unstructured.Unstructured {
	s.THelper()
	return s.await(ctx, s.account(ctx, spec), "True Available")
}

// setSecret makes the account's Secret hold this and nothing else; nil takes it away.
func (s *stage) setSecret(ctx context.Context, data map[string]string) {
	s.THelper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "certcentral"}, StringData: data}
	if data == nil {
		s.Expect(s.earth.Client.Delete(ctx, secret)).To(Succeed())
	} else if err := s.earth.Client.Create(ctx, secret); err != nil {
		s.Expect(s.earth.Client.Update(ctx, secret)).To(Succeed())
	}
}

// user declares a user, John if the spec in YAML names nobody else.
func (s *stage) user(ctx context.Context, spec string) *unstructured.Unstructured {
	s.THelper()
	return s.userIn(ctx, s.namespace, "john-smith", spec)
}

func (s *stage) userIn(ctx context.Context, namespace, name, spec string) *unstructured.Unstructured {
	s.THelper()
	return s.apply(ctx, "CertCentralUser", namespace, name, spec, map[string]any{
		"accountRef": map[string]any{"name": "digicert"}, "userRef": map[string]any{"id": john},
	})
}

// declare is user, and the wait for the outcome, like "True Updated".
func (s *stage) declare(ctx context.Context, spec, outcome string) *unstructured.Unstructured {
	s.THelper()
	return s.await(ctx, s.user(ctx, spec), outcome)
}

// apply declares an object as Argo CD does, its spec in YAML over defaults, and returns it as the API server has it.
func (s *stage) apply(ctx context.Context, kind, namespace, name, spec string, defaults map[string]any) *unstructured.Unstructured {
	s.THelper()
	var given map[string]any
	s.Expect(yaml.UnmarshalStrict([]byte(spec), &given)).To(Succeed())
	maps.Copy(defaults, given)
	maps.DeleteFunc(defaults, func(_ string, value any) bool { return value == nil })
	text, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind,
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": defaults,
	})
	s.Expect(err).NotTo(HaveOccurred())
	o := &unstructured.Unstructured{}
	s.Expect(o.UnmarshalJSON(text)).To(Succeed())
	s.git[kind+"/"+name] = o
	return applied(ctx, s.WithT, s.earth.Client, o)
}

// applied returns what becomes of an object that is applied as Argo CD does it. The object itself stays as it is.
func applied(ctx context.Context, g *WithT, c client.Client, o *unstructured.Unstructured, opts ...client.ApplyOption) *unstructured.Unstructured {
	g.THelper()
	after := o.DeepCopy()
	opts = append(opts, client.FieldOwner(argoManager), client.ForceOwnership)
	g.Expect(c.Apply(ctx, client.ApplyConfigurationFromUnstructured(after), opts...)).To(Succeed())
	return after
}

// annotate sets an annotation that Git does not have.
func (s *stage) annotate(ctx context.Context, o *unstructured.Unstructured, name, value string) {
	s.THelper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{name: value}}})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(s.earth.Client.Patch(ctx, o.DeepCopy(), client.RawPatch(mergePatch, patch))).To(Succeed())
}

// look asks for a look now and waits until it was made.
func (s *stage) look(ctx context.Context, o *unstructured.Unstructured) (live *unstructured.Unstructured) {
	s.THelper()
	value := rand.Text()
	s.annotate(ctx, o, v1alpha1.AnnotationReconcileRequestedAt, value)
	s.Eventually(func(g Gomega) {
		live = read(ctx, g, s.earth.Client, o)
		handled, _, _ := unstructured.NestedString(live.Object, "status", "lastHandledReconcileAt")
		g.Expect(handled).To(Equal(value), "the look was not made: %v", live.Object["status"])
	}).WithContext(ctx).Should(Succeed())
	return live
}

// await waits until Ready speaks of the object's generation and is as said, like "True Updated", and returns the object.
func (s *stage) await(ctx context.Context, o *unstructured.Unstructured, outcome string) (live *unstructured.Unstructured) {
	s.THelper()
	s.Eventually(func(g Gomega) {
		live = read(ctx, g, s.earth.Client, o)
		ready := condition(live, v1alpha1.ConditionReady)
		g.Expect(string(ready.Status)+" "+ready.Reason).To(Equal(outcome), "%v", live.Object["status"])
		g.Expect(ready.ObservedGeneration).To(Equal(live.GetGeneration()), "of an older generation")
	}).WithContext(ctx).Should(Succeed())
	return live
}

// remove deletes an object, which a finalizer of somebody else keeps.
func (s *stage) remove(ctx context.Context, o *unstructured.Unstructured) *unstructured.Unstructured {
	s.THelper()
	keep := client.RawPatch(mergePatch, []byte(`{"metadata": {"finalizers": ["example.com/keep"]}}`))
	s.Expect(s.earth.Client.Patch(ctx, o.DeepCopy(), keep)).To(Succeed())
	s.Expect(s.earth.Client.Delete(ctx, o.DeepCopy())).To(Succeed())
	return read(ctx, s.WithT, s.earth.Client, o)
}

// edit changes John as a colleague would in the console.
func (s *stage) edit(field, value string) {
	s.THelper()
	s.Expect(s.Edit(john, map[string]any{field: value})).To(Succeed())
}

// fault puts trouble in force.
func (s *stage) fault(match simulator.Match, do simulator.Do) {
	s.THelper()
	s.Expect(s.Inject(simulator.Fault{Match: match, Do: do})).To(Succeed())
}

// refuseMail has CertCentral refuse whatever is written, for the mail address in it.
func (s *stage) refuseMail() {
	s.fault(simulator.Match{Method: "PUT"}, simulator.Do{
		Status: 400, Body: `{"errors": [{"code": "invalid_email", "message": "The mail address is taken."}]}`,
	})
}

// read returns an object as the API server has it now.
func read(ctx context.Context, g Gomega, c client.Client, o *unstructured.Unstructured) *unstructured.Unstructured {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(o.GroupVersionKind())
	g.Expect(c.Get(ctx, client.ObjectKeyFromObject(o), live)).To(Succeed())
	return live
}

// condition returns a condition of an object; a zero one when it has none.
func condition(o *unstructured.Unstructured, kind string) (found metav1.Condition) {
	var status struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	text, err := json.Marshal(o.Object)
	if err != nil || json.Unmarshal(text, &status) != nil {
		return found
	}
	for _, c := range status.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return found
}

// putBack puts an object into etcd as it was there before, as the restore of a backup does.
func (s *stage) putBack(ctx context.Context, o *unstructured.Unstructured, backup []byte) {
	s.THelper()
	_, err := s.earth.etcd(ctx, "put", map[string][]byte{"key": etcdKey(o), "value": backup})
	s.Expect(err).NotTo(HaveOccurred())
}

// backUp returns an object as it is in etcd.
func (s *stage) backUp(ctx context.Context, o *unstructured.Unstructured) []byte {
	s.THelper()
	answer, err := s.earth.etcd(ctx, "range", map[string][]byte{"key": etcdKey(o)})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(answer.KVs).To(HaveLen(1))
	return answer.KVs[0].Value
}

func etcdKey(o *unstructured.Unstructured) []byte {
	return fmt.Appendf(nil, "/registry/%s/%ss/%s/%s", o.GroupVersionKind().Group, strings.ToLower(o.GetKind()), o.GetNamespace(), o.GetName())
}
