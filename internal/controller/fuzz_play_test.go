package controller

import (
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// play is one script played to the reconcilers: an API server and a CertCentral in memory, and all that was seen of them.
type play struct {
	*cluster
	*simulator.Simulator

	t       *testing.T
	clock   *clocktesting.FakePassiveClock
	events  *events.FakeRecorder
	users   *UserReconciler
	agents  *AccountReconciler
	walker  *SweepReconciler
	swept   bool             // the account is walked through
	damaged bool             // writes may have changed what they were not to change
	writers map[int64]string // whom the users were written for last, as far as this process knows
	moves   []string         // so far, in words

	acting *v1alpha1.CertCentralUser // whom a reconcile is under way for, as its cache has it; nil for none
	midway func()                    // what happens to Kubernetes before the next look is answered; nil for nothing
	seen   map[types.UID][]values    // what each look for a resource showed; nil where it showed nobody
	step   exchange
	acks   map[generation][]ack
	locked bool // the key was refused, and the account was not asked about since

	mu     sync.Mutex
	told   strings.Builder // logs, events and errors
	broken []string        // promises
}

// exchange is what one reconcile did.
type exchange struct {
	looked  map[int64]values // what its last look at a user showed
	puts    int
	written int // statuses
	events  int
	result  ctrl.Result
	err     error
}

// quiet tells whether nothing was written anywhere.
func (e exchange) quiet() bool { return e.err == nil && e.puts == 0 && e.written == 0 && e.events == 0 }

// generation is one state of a spec.
type generation struct {
	uid    types.UID
	number int64
}

// ack is a write that CertCentral acknowledged.
type ack struct {
	at       time.Time
	recorded bool // in the status
}

// stage is a server that all plays of a process use in turn: making certificates takes longer than a play.
var stage = sync.OnceValue(func() *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { onStage.Load().serve(w, r) }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	return server
})

var onStage atomic.Pointer[play]

// Keys and personal values of the plays are told by these words, in any case.
const (
	firstKey, otherKey = "KEYCANARY-a1b2c3d4e5f6a7b8", "KEYCANARY-0f9e8d7c6b5a4938"
	keyWord            = "keycanary"
	personalWord       = "pvt"
)

// names of the resources, and the people that they are for at first.
var (
	names  = []string{"a", "b", "c"}
	people = []int64{john, jane, robot}
)

// newPlay makes a world with an account that is open, and resources for the first two people.
func newPlay(t *testing.T) *play {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	p := &play{
		cluster:   &cluster{now: clock.Now, secret: []byte(firstKey + "\n")},
		Simulator: simulator.New(simulator.Options{Now: clock.Now, Rules: simulator.Rules{Limits: []simulator.Limit{}}}),
		t:         t, clock: clock, events: events.NewFakeRecorder(64),
		seen: map[types.UID][]values{}, acks: map[generation][]ack{},
	}
	onStage.Store(p)
	for _, key := range []string{firstKey, otherKey} {
		p.must(p.AddKey(simulator.Key{Key: key, UserID: keyUser}))
	}
	p.must(p.AddUser(keyUser, map[string]any{"first_name": "Pvt", "last_name": "Pvt", "username": "key.pvt@example.com"}))
	for i, id := range people {
		fields := map[string]any{}
		for _, f := range profileFields {
			fields[f] = valueOf(i, f, 0)
		}
		if id == robot {
			p.must(p.AddServiceUser(id, fields))
		} else {
			p.must(p.AddUser(id, fields))
		}
	}
	p.applyAccount(func(spec *v1alpha1.CertCentralAccountSpec) {
		spec.Endpoint = stage().URL + simulator.BasePath
		spec.CABundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: stage().Certificate().Raw})
		spec.APIKeySecretRef = v1alpha1.SecretKeyRef{Name: "certcentral-api-key", Key: "api-key"}
		spec.Mode, spec.AllowedNamespaces.From = v1alpha1.ModeEnforce, v1alpha1.NamespacesFromSame
		spec.Interval.Duration = 10 * time.Minute
		spec.Budget = v1alpha1.Budget{RequestsPerMinute: 600000, Burst: 100} // no script waits for it
	})
	p.start()
	p.reconcileAccount()
	for i := range 2 {
		p.create(i, i, false, false)
		p.wait(time.Second)
	}
	return p
}

// start wires the operator as main does. It is also what a restart is.
func (p *play) start() {
	if p.agents != nil {
		p.agents.Sessions.forget(types.NamespacedName{Namespace: "pki", Name: "digicert"})
	}
	p.restarted()
	p.writers = map[int64]string{}
	budgets := certcentral.NewBudgets(p.clock.Now)
	for _, value := range []string{firstKey, otherKey} {
		key, err := certcentral.ParseAPIKey([]byte(value))
		p.must(err)
		budgets.Use("filled for "+value, key, certcentral.Limits{PerMinute: 600000, Burst: 100})
	}
	p.wait(time.Second)
	endpoint, err := certcentral.ParseEndpoint(p.account().Spec.Endpoint)
	p.must(err)
	metrics, err := NewMetrics(prometheus.NewRegistry(), p.client(), p.clock)
	p.must(err)
	sessions, sweeps := NewSessions(budgets, nil), NewSweeps(!p.swept)
	p.agents = &AccountReconciler{
		Client: p.client(), Live: p.live(), Sessions: sessions, Sweeps: sweeps, Events: p.events, Metrics: metrics, Clock: p.clock,
		Endpoints: []certcentral.Endpoint{endpoint}, UserAgent: "tests",
	}
	p.users = &UserReconciler{
		Client: p.client(), Live: p.live(), Sessions: sessions, Sweeps: sweeps, Events: p.events, Metrics: metrics, Clock: p.clock,
	}
	p.walker = &SweepReconciler{Client: p.client(), Sessions: sessions, Sweeps: sweeps, Events: p.events, Metrics: metrics, Clock: p.clock}
	for of, acks := range p.acks { // what the operator could not write down it can't know
		known := acks[:0]
		for _, a := range acks {
			if a.recorded {
				known = append(known, a)
			}
		}
		p.acks[of] = known
	}
}

func (p *play) wait(d time.Duration) { p.clock.SetTime(p.clock.Now().Add(d)) }

func (p *play) must(err error) {
	if err != nil {
		p.t.Helper()
		p.t.Fatal(err)
	}
}

// reconcile lets the operator look at a resource once, and once more if there was nothing to do.
func (p *play) reconcile(name string) {
	p.acting = p.cluster.users.cached()[name]
	before, calm := p.user(name), p.calm()
	p.run(func(ctx context.Context) (ctrl.Result, error) {
		return p.users.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "pki", Name: name}})
	})
	p.expectTruth(name, before)
	if p.step.quiet() && calm {
		p.run(func(ctx context.Context) (ctrl.Result, error) {
			return p.users.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "pki", Name: name}})
		})
		p.expect(p.step.quiet(), "P5: it was quiet, and right after there is something to do: %+v", p.step)
	}
	p.acting = nil
}

// calm tells whether nothing is about to happen by itself.
func (p *play) calm() bool {
	for _, fault := range p.Faults() {
		if fault.Used < fault.Match.Times {
			return false
		}
	}
	return p.midway == nil && p.Rules().Owned == nil
}

func (p *play) reconcileAccount() {
	p.run(func(ctx context.Context) (ctrl.Result, error) {
		return p.agents.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "pki", Name: "digicert"}})
	})
}

// walk lets the operator go on with the walk through the account, or begin one that is due. From the first one on the account is swept.
func (p *play) walk() {
	p.swept, p.users.Sweeps.Off = true, false
	p.run(func(ctx context.Context) (ctrl.Result, error) {
		return p.walker.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "pki", Name: "digicert"}})
	})
	for _, woken := range []chan event.GenericEvent{p.users.Sweeps.tipped, p.users.Sweeps.lapsed} {
		for len(woken) > 0 {
			<-woken // whom the script reconciles, sooner or later
		}
	}
}

// run makes one reconcile, and hears what it tells.
func (p *play) run(reconcile func(context.Context) (ctrl.Result, error)) {
	p.step = exchange{looked: map[int64]values{}}
	written := p.written
	logger := funcr.NewJSON(func(line string) { p.tell(line) }, funcr.Options{Verbosity: 1})
	p.step.result, p.step.err = reconcile(ctrl.LoggerInto(context.Background(), logger))
	p.step.written = p.written - written
	p.tell(fmt.Sprintf("%v %+v %#v", p.step.err, p.step.err, p.step.err))
	for len(p.events.Events) > 0 {
		p.step.events++
		p.tell(<-p.events.Events)
	}
}

func (p *play) tell(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told.WriteString(strings.ToLower(line) + "\n")
}
