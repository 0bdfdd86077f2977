package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
	"github.com/certcentral-io/user-operator/test/world"
)

// story is the part of the world that one spec has to itself.
type story struct {
	namespace string
	key       string // the API key
	account   *v1alpha1.CertCentralAccount
	read      map[int64]int // how many calls for a user were read off the record
}

// newStory begins with an account that is ready.
func newStory(ctx SpecContext) *story {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "story-"}}
	Expect(kubernetes.Create(ctx, namespace)).To(Succeed())
	s := &story{namespace: namespace.Name, key: newKey(ctx), read: map[int64]int{}}
	DeferCleanup(func(ctx SpecContext) {
		for _, kind := range []client.Object{&v1alpha1.CertCentralUser{}, &v1alpha1.CertCentralAccount{}} {
			Expect(kubernetes.DeleteAllOf(ctx, kind, client.InNamespace(s.namespace))).To(Succeed())
		}
	})
	s.open(ctx)
	return s
}

// open creates the account and waits until it is ready.
func (s *story) open(ctx context.Context) {
	GinkgoHelper()
	account, secret := world.NewAccount(digicert, s.namespace, "digicert", s.key)
	Expect(client.IgnoreAlreadyExists(kubernetes.Create(ctx, secret))).To(Succeed())
	Expect(kubernetes.Create(ctx, account)).To(Succeed())
	s.account = account
	awaitReady(ctx, s.account, "True Available")
}

// newKey adds an API key of a new user, who is on nobody's record.
func newKey(ctx context.Context) string {
	GinkgoHelper()
	key := "key-" + rand.Text()
	secrets = append(secrets, key)
	Expect(digicert.AddKey(ctx, simulator.Key{Key: key, UserID: newPerson(ctx, nil)})).To(Succeed())
	return key
}

// lastPerson is the id of the CertCentral user made last.
var lastPerson int64 = 200000

// newPerson adds a CertCentral user with values of their own in all profile fields, but for those given.
func newPerson(ctx context.Context, fields map[string]any) (id int64) {
	GinkgoHelper()
	lastPerson++
	person := map[string]any{
		"id": lastPerson, "username": value("user"), "first_name": value("First"), "last_name": value("Last"),
		"email": value("mail") + "@example.com", "job_title": value("Title"), "telephone": value("555"),
	}
	for name, field := range fields {
		person[name] = field
	}
	Expect(digicert.AddUser(ctx, person)).To(Succeed())
	return lastPerson
}

// live returns the value of a field as CertCentral has it; nil when it has none.
func live(ctx context.Context, id int64, field string) any {
	GinkgoHelper()
	person, err := digicert.User(ctx, id)
	Expect(err).NotTo(HaveOccurred())
	return person[field]
}

// edit changes a field as a colleague would in the console.
func edit(ctx context.Context, id int64, field string, value any) {
	GinkgoHelper()
	Expect(digicert.Edit(ctx, id, map[string]any{field: value})).To(Succeed())
}

// create creates a resource for a CertCentral user, with what else is set.
func (s *story) create(ctx context.Context, id int64, profile v1alpha1.Profile, set ...func(*v1alpha1.CertCentralUser)) *v1alpha1.CertCentralUser {
	GinkgoHelper()
	user := &v1alpha1.CertCentralUser{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: fmt.Sprintf("user-%d", id)},
		Spec: v1alpha1.CertCentralUserSpec{
			AccountRef: v1alpha1.AccountRef{Name: s.account.Name}, UserRef: v1alpha1.UserRef{ID: &id}, Profile: profile,
		},
	}
	for _, f := range set {
		f(user)
	}
	Expect(kubernetes.Create(ctx, user)).To(Succeed())
	return user
}

// declare is create, and the wait for the outcome, like "True Updated".
func (s *story) declare(
	ctx context.Context, id int64, profile v1alpha1.Profile, outcome string, set ...func(*v1alpha1.CertCentralUser),
) *v1alpha1.CertCentralUser {
	GinkgoHelper()
	user := s.create(ctx, id, profile, set...)
	awaitReady(ctx, user, outcome)
	return user
}

// change changes a resource, and waits for the outcome.
func change(ctx context.Context, user *v1alpha1.CertCentralUser, outcome string, set func(*v1alpha1.CertCentralUser)) {
	GinkgoHelper()
	before := user.DeepCopy()
	set(user)
	Expect(kubernetes.Patch(ctx, user, client.MergeFrom(before))).To(Succeed())
	awaitReady(ctx, user, outcome)
}

func mode(m v1alpha1.Mode) func(*v1alpha1.CertCentralUser) {
	return func(user *v1alpha1.CertCentralUser) { user.Spec.Mode = m }
}

// request asks for a look now.
func request(ctx context.Context, object client.Object) (value string) {
	GinkgoHelper()
	value = rand.Text()
	before := object.DeepCopyObject().(client.Object)
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationReconcileRequestedAt] = value
	object.SetAnnotations(annotations)
	Expect(kubernetes.Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
	return value
}

// look asks for a look now and waits until it was made; user is then up to date.
func look(ctx context.Context, user *v1alpha1.CertCentralUser) {
	GinkgoHelper()
	value := request(ctx, user)
	Eventually(ctx, func(g Gomega) {
		g.Expect(kubernetes.Get(ctx, client.ObjectKeyFromObject(user), user)).To(Succeed())
		g.Expect(user.Status.LastHandledReconcileAt).To(Equal(value), "the look was not made; %s", describe(user.Status.Conditions))
	}).Should(Succeed())
}

// awaitReady waits until the object's Ready condition speaks of its generation and is as said, like "True Updated"; object is
// then up to date.
func awaitReady(ctx context.Context, object client.Object, outcome string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega) {
		g.Expect(kubernetes.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
		g.Expect(ready(object)).To(Equal(outcome), "%s %s; %s", object.GetNamespace(), object.GetName(), describe(conditions(object)))
		g.Expect(condition(object, v1alpha1.ConditionReady).ObservedGeneration).To(Equal(object.GetGeneration()), "of an older generation")
	}).Should(Succeed())
}

func conditions(object client.Object) []metav1.Condition {
	switch object := object.(type) {
	case *v1alpha1.CertCentralAccount:
		return object.Status.Conditions
	case *v1alpha1.CertCentralUser:
		return object.Status.Conditions
	}
	return nil
}

// condition returns a condition of the object; a zero one when it has none.
func condition(object client.Object, kind string) metav1.Condition {
	if c := meta.FindStatusCondition(conditions(object), kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// ready is the object's Ready condition in short, like "True Updated".
func ready(object client.Object) string {
	c := condition(object, v1alpha1.ConditionReady)
	return strings.TrimSpace(string(c.Status) + " " + c.Reason)
}

// describe is for messages.
func describe(conditions []metav1.Condition) string {
	if len(conditions) == 0 {
		return "no conditions"
	}
	var parts []string
	for _, c := range conditions {
		parts = append(parts, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return strings.Join(parts, "; ")
}

// What the operator does, as calls: a look; a look, a write and another look.
var (
	looked = []string{"GET 200"}
	wrote  = []string{"GET 200", "PUT 204", "GET 200"}
)

// wroteOnce tells whether calls are one write, and looks. When an account opens, its users may be woken more than once.
func wroteOnce(calls []string) bool {
	return len(calls) >= len(wrote) && slices.Equal(calls[:len(wrote)], wrote) && !slices.Contains(calls[len(wrote):], "PUT 204")
}

// calls returns the calls for a CertCentral user, like "GET 200", that were made since it was last asked for that user.
func (s *story) calls(ctx context.Context, id int64) []string {
	GinkgoHelper()
	var calls []string
	for _, call := range record(ctx, id) {
		calls = append(calls, strings.Replace(call.String(), call.Path+" ", "", 1))
	}
	since := s.read[id]
	s.read[id] = len(calls)
	return calls[since:]
}

// record returns all calls for a CertCentral user.
func record(ctx context.Context, id int64) simulator.Calls {
	GinkgoHelper()
	calls, err := digicert.Calls(ctx)
	Expect(err).NotTo(HaveOccurred())
	return calls.Where(func(c simulator.Call) bool { return c.User == id && c.Path != "/user/me" })
}

// lastWrite returns the body of the last PUT for a CertCentral user.
func lastWrite(ctx context.Context, id int64) map[string]any {
	GinkgoHelper()
	writes := record(ctx, id).Where(func(c simulator.Call) bool { return c.Method == "PUT" })
	Expect(writes).NotTo(BeEmpty(), "writes of user %d", id)
	return writes[len(writes)-1].Sent()
}

// profileOf returns the six fields that every write carries, as CertCentral has them.
func profileOf(ctx context.Context, id int64) map[string]any {
	GinkgoHelper()
	person, err := digicert.User(ctx, id)
	Expect(err).NotTo(HaveOccurred())
	fields := map[string]any{}
	for _, name := range []string{"username", "first_name", "last_name", "email", "job_title", "telephone"} {
		fields[name] = person[name]
	}
	return fields
}

// with returns fields with some replaced.
func with(fields, others map[string]any) map[string]any {
	for name, value := range others {
		fields[name] = value
	}
	return fields
}

// eventsOf returns the reasons of the events about an object, as they came.
func eventsOf(ctx context.Context, object client.Object) []string {
	GinkgoHelper()
	var reasons []string
	for _, event := range events(ctx, object.GetNamespace()) {
		if event.Regarding.UID == object.GetUID() {
			reasons = append(reasons, event.Reason)
		}
	}
	slices.Sort(reasons)
	return reasons
}
