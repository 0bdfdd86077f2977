package faults

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const (
	// recoverWithin is how long after a fault the resources may take to be as declared.
	recoverWithin = time.Minute
	// strikeWithin is how long a fault may take to strike, and to be told of.
	strikeWithin = 45 * time.Second
	// runLimit is how long a run may take.
	runLimit = 6 * time.Minute
	// exitWithin is how long the manager may take to end.
	exitWithin = 10 * time.Second
	// calmWithin is how long the first looks of a process may take that took over, and that the API server refused for a minute.
	calmWithin = 3 * time.Minute
)

// budget is the account's in a run, unless its plan has another: as much as the CRD allows for calls one by one.
var budget = v1alpha1.Budget{RequestsPerMinute: 330, Burst: 10}

func (r *run) budget() v1alpha1.Budget { return cmp.Or(r.plan.fault.budget, budget) }

// run is one plan being played, and all that is known of it in the end.
type run struct {
	plan   plan
	seed   uint64
	random *rand.Rand

	*stage
	namespace   string
	certcentral *simulator.Simulator
	server      *simulator.Server
	wire        *simulator.Wire // between the operator and the server
	key         string          // in force
	keys        []string        // ever used
	people      []*person
	operators   *operators
	second      *operators // beside the first, where a plan wants that
	dir         string
	intervals   int // how often the account's interval was changed

	began, healed time.Time
	armed         time.Time // when the fault came into force
	ended         time.Time
	recovery      time.Duration
	restartedAt   time.Time // when the quiet restart at the end began
	metrics       []byte
	stranger      string              // a namespace that the account does not allow
	tenants       []string            // namespaces, too
	foreign       []string            // values that nobody may write, for they are declared by one who does not own the user
	named         map[string]int64    // who was first meant by a username
	anew          map[int64]int64     // the ids of those who were made anew, by their former ones
	lost          int                 // values of colleagues that were on their way, and overwritten
	frozen        time.Time           // from when on nobody may write; the zero time is never
	accepted      map[int64]time.Time // when a person accepted what a PUT changed, by user
	decoy         *decoy
	p99ed         time.Duration // p99, before the audit log was forgotten
	notes         []string      // what was measured
	end           string        // all that was in the end, in a form to be compared
	violations    []violation
}

// violation is a promise that was not kept, or another thing that must not be.
type violation struct{ promise, what string }

func (v violation) String() string { return v.promise + ": " + v.what }

func (r *run) violate(promise, format string, args ...any) {
	r.violations = append(r.violations, violation{promise, fmt.Sprintf(format, args...)})
}

// note keeps what was measured.
func (r *run) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// failure ends a run early: the harness could not go on.
type failure struct{ error }

// must ends the run if there is an error.
func (r *run) must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// play plays a plan on a stage. What went wrong is in the run's violations.
func play(ctx context.Context, p plan, seed uint64, s *stage, binary string) (r *run) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.fault.limit, runLimit))
	defer cancel()
	name := fnv.New64a()
	_, _ = name.Write([]byte(p.workload.name))
	r = &run{plan: p, seed: seed, random: rand.New(rand.NewPCG(seed, name.Sum64())), stage: s, began: time.Now(), key: newKey()}
	r.keys = []string{r.key}
	defer func() { r.ended = time.Now() }()
	defer r.clear()
	defer r.judge() // also what went wrong before the end
	defer func() {
		if broken := recover(); broken != nil {
			f, ok := broken.(failure)
			if !ok {
				panic(broken)
			}
			r.violate("run", "%v", f.error)
		}
	}()
	r.prepare(ctx, binary)
	r.suffer(ctx)
	if !p.fault.patient {
		r.rest(ctx)
	}
	return r
}

// prepare sets the stage, and plays what comes before the fault.
func (r *run) prepare(ctx context.Context, binary string) {
	var err error
	r.dir, err = os.MkdirTemp("", "faults-")
	r.must(err)
	r.certcentral = simulator.New(simulator.Options{Rules: simulator.Rules{RetryAfter: simulator.RetryAfterSeconds}})
	r.server, err = simulator.NewServer(r.certcentral, "")
	r.must(err)
	r.wire, err = simulator.NewWire(r.server.Addr())
	r.must(err)
	r.must(r.populate())
	r.declareAccount(ctx)
	if r.plan.fault.early != nil {
		r.plan.fault.early(ctx, r)
	}
	r.operators = &operators{
		stage: r.stage, binary: binary, endpoints: r.endpoint(), output: &output{}, failpoint: filepath.Join(r.dir, "failpoint"),
		args: r.plan.fault.args, clock: r.plan.fault.clock,
	}
	r.must(r.operators.start(ctx))
	r.await(ctx, strikeWithin, "the account to open", func() bool { return r.accountSays(ctx, "Available") })
	if r.plan.workload.before != nil {
		r.plan.workload.before(ctx, r)
		r.await(ctx, strikeWithin+r.backlog(), "the quiet beginning", func() bool { return r.settled(ctx) })
	}
}

func (r *run) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: r.namespace, Name: name}
}

// suffer plays the workload under the fault, and waits until all is well again.
func (r *run) suffer(ctx context.Context) {
	f := r.plan.fault
	if f.strike != nil {
		f.strike(ctx, r)
	}
	if f.failpoint != "" {
		r.must(os.WriteFile(r.operators.failpoint, []byte(f.failpoint), 0o600))
	}
	r.arm(ctx)
	struck := time.Now()
	r.armed = struck
	r.plan.workload.act(ctx, r)
	if f.meanwhile != nil {
		f.meanwhile(ctx, r)
	}
	r.awaitStrike(ctx)
	if left := f.lasts - time.Since(struck); left > 0 {
		r.await(ctx, left+strikeWithin, "the fault's time to be over", func() bool { return time.Since(struck) >= f.lasts })
	}
	r.heal(ctx)
	r.healed = time.Now()
	if f.asked {
		for i := range r.people {
			r.request(ctx, i)
		}
	}
	r.await(ctx, cmp.Or(f.within, r.plan.workload.within, recoverWithin)+r.backlog(), "recovery", func() bool { return r.settled(ctx) })
	r.recovery = time.Since(r.healed)
}

// backlog is how long the budget needs for everybody.
func (r *run) backlog() time.Duration {
	return time.Duration(len(r.people)*3) * time.Minute / time.Duration(r.budget().RequestsPerMinute)
}

// rest restarts the manager in quiet, and notes what there is in the end.
func (r *run) rest(ctx context.Context) {
	r.await(ctx, calmWithin+r.backlog(), "the account to have counted its users, and nothing to be written any more", func() bool {
		return r.calm() && r.counted(ctx)
	})
	r.stop(ctx)
	r.restartedAt = time.Now()
	r.must(r.operators.start(ctx))
	r.await(ctx, strikeWithin+r.backlog(), "a look at everybody after a restart", func() bool { return r.lookedAtSince(r.restartedAt) })
	r.metrics = r.scrape(ctx)
	r.stop(ctx)
	r.end = r.describeEnd(ctx)
}

// lookedAtSince tells whether everybody was looked at since then. Many people are looked at in the list of users.
func (r *run) lookedAtSince(then time.Time) bool {
	if len(r.people) > aloneUpTo {
		return r.walked(then)
	}
	seen := map[int64]bool{}
	for _, c := range r.certcentral.Calls() {
		seen[c.User] = seen[c.User] || c.Time.After(then) && c.Status != 0
	}
	return !slices.ContainsFunc(r.people, func(p *person) bool { return p.title != "" && r.looksAt(p) && !seen[p.id] })
}

// calm tells whether the manager that runs now has looked at everybody, and has written nothing to Kubernetes for so long that nothing more
// is to come: after a walk through the account come the looks that it leads to, and the counts.
func (r *run) calm() bool {
	calmFor := 4 * time.Second
	if len(r.people) > aloneUpTo {
		calmFor = 12 * time.Second
	}
	began := time.Now().Add(-calmFor)
	launches := r.operators.launches()
	return r.healed.Before(began) && r.lookedAtSince(launches[len(launches)-1]) && !slices.ContainsFunc(r.audit.in(r.namespace), func(c audited) bool {
		return c.writes() && c.Received.After(began)
	})
}

// looksAt tells whether the operator looks at a person at all, in the end.
func (r *run) looksAt(*person) bool {
	return !strings.HasPrefix(r.plan.fault.ends, "Conflict") && !strings.HasPrefix(r.plan.fault.ends, "Account")
}

// stop ends the manager, which must be in time and clean.
func (r *run) stop(ctx context.Context) {
	r.must(r.operators.manager().AwaitReady(ctx)) // one that has just begun does not listen to signals yet
	ctx, cancel := context.WithTimeout(ctx, 2*exitWithin)
	defer cancel()
	code, took, err := r.operators.stop(ctx)
	if err != nil || code != 0 || took > exitWithin {
		r.violate("exit", "code %d after %s: %v", code, took.Round(time.Millisecond), err)
	}
}

// clear ends what the run started and takes its objects away.
func (r *run) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r.gate.heal()
	for _, o := range []*operators{r.operators, r.second} {
		if o != nil && o.manager() != nil {
			_ = o.manager().Resume()
			_, _, _ = o.stop(ctx)
			_ = o.freeLease(ctx)
		}
	}
	if r.server != nil {
		r.certcentral.ClearFaults()
		_ = r.server.Close()
		r.wire.Close()
	}
	for _, kind := range []client.Object{&v1alpha1.CertCentralUser{}, &v1alpha1.CertCentralAccount{}} {
		for _, namespace := range append(r.tenants, r.namespace) {
			_ = r.Client.DeleteAllOf(ctx, kind, client.InNamespace(namespace))
		}
	}
	r.audit.forget()
	_ = os.RemoveAll(r.dir)
}

// await polls until done returns true; else it ends the run.
func (r *run) await(ctx context.Context, limit time.Duration, what string, done func() bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.must(fmt.Errorf("waited %s in vain for %s; %s", limit, what, r.situation()))
		}
	}
}
