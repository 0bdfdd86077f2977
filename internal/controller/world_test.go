package controller

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// The people of every world, by id.
const (
	john    = 125039 // whom the stories are about
	jane    = 125040 // a colleague
	keyUser = 7      // whose keys the tests use
	robot   = 90     // a service user
)

// What the simulator gets to see of looks and writes.
const (
	getJohn     = "GET /user/125039"
	putJohn     = "PUT /user/125039"
	searchJohn  = "GET /user?filters[search]=john.smith@example.com&limit=500&offset=0"
	getMe       = "GET /user/me"
	getServices = "GET /user/api-only"
)

// roomy is the budget of the accounts here, as large as the CRD allows: a new world has all of its burst.
var roomy = certcentral.Limits{PerMinute: 300, Burst: 75}

// accountIDs gives each world a CertCentral account of its own: worlds share an API server, and resources of different
// namespaces contend for the same user of the same account.
var accountIDs atomic.Int64

// world is one CertCentral account, an object of it in a namespace of its own, the reconcilers, and a record of all they do.
type world struct {
	*simulator.Simulator
	server *simulator.Server

	namespace  string
	accountID  int64
	key, spare string // API keys of the account; the Secret holds key
	account    *v1alpha1.CertCentralAccount

	clock    *clocktesting.FakePassiveClock
	users    *UserReconciler
	accounts *AccountReconciler
	sweeper  *SweepReconciler
	swept    bool // whether accounts are; each user is looked at alone otherwise
	events   *events.FakeRecorder
	registry *prometheus.Registry

	mu     sync.Mutex
	writes []string // to Kubernetes, in the current step
	told   []byte   // all that went into logs, events, errors and results
}

// newWorld makes a world whose account has the spec, in YAML, over what the other worlds have. Nothing was reconciled yet.
func newWorld(ctx context.Context, spec string) *world {
	GinkgoHelper()
	w := &world{
		accountID: 200000 + accountIDs.Add(1), key: rand.Text(), spare: rand.Text(),
		clock:  clocktesting.NewFakePassiveClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
		events: events.NewFakeRecorder(1 << 16), registry: prometheus.NewRegistry(),
	}
	w.startCertCentral()
	w.createAccount(ctx, spec)
	w.makeReconcilers()
	DeferCleanup(w.clear)
	DeferCleanup(w.expectDiscretion)
	return w
}

// openWorld is a newWorld whose account was reconciled.
func openWorld(ctx context.Context, spec string) *world {
	GinkgoHelper()
	w := newWorld(ctx, spec)
	Expect(w.reconcileAccount(ctx).err).NotTo(HaveOccurred())
	Expect(saidOf(w.account)).To(Equal("Available: Ready=True"))
	return w
}

// startCertCentral fills the simulator, and the budgets of the keys.
func (w *world) startCertCentral() {
	GinkgoHelper()
	w.Simulator = simulator.New(simulator.Options{Now: w.clock.Now, Rules: simulator.Rules{Limits: []simulator.Limit{}}})
	for _, key := range []string{w.key, w.spare} {
		Expect(w.AddKey(simulator.Key{Key: key, UserID: keyUser, AccountID: w.accountID})).To(Succeed())
	}
	Expect(w.AddUser(keyUser, map[string]any{"account_id": w.accountID, "last_name": "Keyholder"})).To(Succeed())
	Expect(w.AddUser(john, map[string]any{
		"account_id": w.accountID, "username": "john.smith@example.com", "email": "john.smith@example.com",
		"first_name": "Jonathan", "last_name": "Smithson", "job_title": "Sys Admin", "telephone": "1-555-555-5555",
		"last_login_date": "2019-06-21 13:37:00",
	})).To(Succeed())
	Expect(w.AddUser(jane, map[string]any{"account_id": w.accountID, "username": "jane.doe@example.com", "last_name": "Doe-Dear"})).To(Succeed())
	Expect(w.AddServiceUser(robot, map[string]any{"account_id": w.accountID, "last_name": "Robotson"})).To(Succeed())
	var err error
	w.server, err = simulator.NewServer(w.Simulator, "")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(w.server.Close)
}

// createAccount makes namespace, Secret and account.
func (w *world) createAccount(ctx context.Context, spec string) {
	GinkgoHelper()
	w.namespace = newNamespace(ctx, nil)
	Expect(direct.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "certcentral-api-key"},
		Data:       map[string][]byte{"api-key": []byte(w.key + "\n"), "spare": []byte(w.spare)},
	})).To(Succeed())
	w.account = w.newAccount(ctx, "digicert", spec)
}

// newAccount creates one more account object for the same CertCentral.
func (w *world) newAccount(ctx context.Context, name, spec string) *v1alpha1.CertCentralAccount {
	GinkgoHelper()
	account := &v1alpha1.CertCentralAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		Spec: v1alpha1.CertCentralAccountSpec{
			Endpoint: w.server.URL(), CABundle: w.server.CAPEM(),
			APIKeySecretRef: v1alpha1.SecretKeyRef{Name: "certcentral-api-key"},
			Budget:          v1alpha1.Budget{RequestsPerMinute: int32(roomy.PerMinute), Burst: int32(roomy.Burst)},
		},
	}
	Expect(yaml.UnmarshalStrict([]byte(spec), &account.Spec)).To(Succeed())
	Expect(direct.Create(ctx, account)).To(Succeed())
	return account
}

// makeReconcilers wires them as the manager would, but for the cache. It is also what a restart of the operator is.
func (w *world) makeReconcilers() {
	GinkgoHelper()
	budgets := certcentral.NewBudgets(w.clock.Now)
	for _, value := range []string{w.key, w.spare} {
		key, err := certcentral.ParseAPIKey([]byte(value))
		Expect(err).NotTo(HaveOccurred())
		budgets.Use("filled for "+value, key, roomy)
	}
	w.step(time.Minute)
	endpoint, err := certcentral.ParseEndpoint(w.server.URL())
	Expect(err).NotTo(HaveOccurred())
	w.registry = prometheus.NewRegistry()
	metrics, err := NewMetrics(w.registry, client.NewNamespacedClient(direct, w.namespace), w.clock)
	Expect(err).NotTo(HaveOccurred())
	sessions, sweeps, counted := NewSessions(budgets, nil), NewSweeps(!w.swept), w.counted(interceptor.Funcs{})
	w.accounts = &AccountReconciler{
		Client: counted, Live: direct, Sessions: sessions, Sweeps: sweeps, Events: w.events, Metrics: metrics, Clock: w.clock,
		Endpoints: []certcentral.Endpoint{endpoint}, UserAgent: "tests",
	}
	w.users = &UserReconciler{
		Client: counted, Live: direct, Sessions: sessions, Sweeps: sweeps, Events: w.events, Metrics: metrics, Clock: w.clock,
	}
	w.sweeper = &SweepReconciler{
		Client: counted, Sessions: sessions, Sweeps: sweeps, Events: w.events, Metrics: metrics, Clock: w.clock,
	}
}

// restart replaces the reconcilers by new ones, which know nothing, and opens the account.
func (w *world) restart(ctx context.Context) {
	GinkgoHelper()
	w.makeReconcilers()
	Expect(w.reconcileAccount(ctx).err).NotTo(HaveOccurred())
}

// counted is a client whose writes are on record, with other calls replaced.
func (w *world) counted(funcs interceptor.Funcs) client.Client {
	record := func(verb string, object client.Object) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.writes = append(w.writes, fmt.Sprintf("%s %s", verb, object.GetName()))
	}
	funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		record("create", o)
		return c.Create(ctx, o, opts...)
	}
	funcs.Update = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
		record("update", o)
		return c.Update(ctx, o, opts...)
	}
	funcs.Patch = func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
		record("patch", o)
		return c.Patch(ctx, o, p, opts...)
	}
	if funcs.SubResourcePatch == nil {
		funcs.SubResourcePatch = func(
			ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption,
		) error {
			record("patch "+sub+" of", o)
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		}
	}
	return interceptor.NewClient(direct, funcs)
}

// newNamespace makes a namespace for one test. It stays: nothing in a test control plane would empty it.
func newNamespace(ctx context.Context, labels map[string]string) string {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: labels}}
	Expect(direct.Create(ctx, namespace)).To(Succeed())
	return namespace.Name
}

// step lets time pass. Nothing waits for it: it is only what clocks say.
func (w *world) step(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

// newUser creates a resource with the spec, in YAML, over one that refers to John in the world's account.
func (w *world) newUser(ctx context.Context, name, spec string) *v1alpha1.CertCentralUser {
	GinkgoHelper()
	return newUserIn(ctx, w.namespace, name, spec)
}

func newUserIn(ctx context.Context, namespace, name, spec string) *v1alpha1.CertCentralUser {
	GinkgoHelper()
	user := &v1alpha1.CertCentralUser{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.CertCentralUserSpec{AccountRef: v1alpha1.AccountRef{Name: "digicert"}},
	}
	Expect(yaml.UnmarshalStrict([]byte(spec), &user.Spec)).To(Succeed())
	if user.Spec.UserRef == (v1alpha1.UserRef{}) {
		user.Spec.UserRef.ID = new(int64(john))
	}
	Expect(direct.Create(ctx, user)).To(Succeed())
	return user
}

// edit merges YAML into a spec, as kubectl edit would: null takes a field out.
func edit(ctx context.Context, object client.Object, spec string) {
	GinkgoHelper()
	patch, err := yaml.YAMLToJSONStrict([]byte(spec))
	Expect(err).NotTo(HaveOccurred())
	Expect(direct.Patch(ctx, object, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec": %s}`, patch)))).To(Succeed())
}

// annotate sets an annotation.
func annotate(ctx context.Context, object client.Object, name, value string) {
	GinkgoHelper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{name: value}}})
	Expect(err).NotTo(HaveOccurred())
	Expect(direct.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch))).To(Succeed())
}

// setSecret puts a value into the account's Secret, under the key that accounts use; nil takes it out.
func (w *world) setSecret(ctx context.Context, value []byte) {
	GinkgoHelper()
	patch, err := json.Marshal(map[string]any{"data": map[string][]byte{"api-key": value}})
	Expect(err).NotTo(HaveOccurred())
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "certcentral-api-key"}}
	Expect(direct.Patch(ctx, secret, client.RawPatch(types.MergePatchType, patch))).To(Succeed())
}

// step is all that one reconcile did.
type step struct {
	result   ctrl.Result
	err      error
	requests []string // to CertCentral
	writes   []string // to Kubernetes
	events   []string
	log      []string // lines at default level, as JSON
}

// reconcile calls the user reconciler once, and reads the object again.
func (w *world) reconcile(ctx context.Context, user *v1alpha1.CertCentralUser) step {
	GinkgoHelper()
	s := w.observe(ctx, func(ctx context.Context) (ctrl.Result, error) {
		return w.users.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(user)})
	})
	reread(user)
	return s
}

// reconcileAccount calls the account reconciler once for the world's account, and reads the object again.
func (w *world) reconcileAccount(ctx context.Context) step {
	GinkgoHelper()
	return w.reconcileOther(ctx, w.account)
}

func (w *world) reconcileOther(ctx context.Context, account *v1alpha1.CertCentralAccount) step {
	GinkgoHelper()
	s := w.observe(ctx, func(ctx context.Context) (ctrl.Result, error) {
		return w.accounts.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(account)})
	})
	reread(account)
	return s
}

// reread reads an object as it is now; one that is gone stays as it was. The context of a story may be canceled by then.
func reread(object client.Object) {
	GinkgoHelper()
	ctx := context.Background()
	Expect(client.IgnoreNotFound(direct.Get(ctx, client.ObjectKeyFromObject(object), object))).To(Succeed())
}

// observe runs one reconcile and gathers what it did.
func (w *world) observe(ctx context.Context, reconcile func(context.Context) (ctrl.Result, error)) step {
	w.Reset()
	w.mu.Lock()
	w.writes = nil
	w.mu.Unlock()
	var s step
	logger := funcr.NewJSON(func(line string) {
		w.tell("log: " + line)
		if strings.Contains(line, `"level":0`) {
			s.log = append(s.log, line)
		}
	}, funcr.Options{Verbosity: 1})
	s.result, s.err = reconcile(ctrl.LoggerInto(ctx, logger))
	s.requests, s.writes, s.events = w.Calls().Requests(), w.writes, w.drain()
	w.tell(fmt.Sprintf("error: %v %+v %#v", s.err, s.err, s.err))
	return s
}

// drain takes the events so far.
func (w *world) drain() []string {
	var said []string
	for {
		select {
		case event := <-w.events.Events:
			w.tell("event: " + event)
			said = append(said, event)
		default:
			return said
		}
	}
}

func (w *world) tell(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(append(w.told, line...), '\n')
}
