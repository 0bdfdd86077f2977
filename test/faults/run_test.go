package faults

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
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
)

// budget is the account's in each run: as much as the CRD allows for calls one by one.
var budget = v1alpha1.Budget{RequestsPerMinute: 330, Burst: 10}

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
	recovery      time.Duration
	restartedAt   time.Time // when the quiet restart at the end began
	metrics       []byte
	stranger      string // a namespace that the account does not allow
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
	defer r.clear()
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
	r.judge()
	r.p99ed = r.p99()
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
	r.operators = &operators{
		stage: r.stage, binary: binary, endpoints: r.endpoint(), output: &output{}, failpoint: filepath.Join(r.dir, "failpoint"),
		args: r.plan.fault.args,
	}
	r.must(r.operators.start(ctx))
	r.await(ctx, strikeWithin, "the account to open", func() bool { return r.accountSays(ctx, "Available") })
	if r.plan.workload.before != nil {
		r.plan.workload.before(ctx, r)
		r.await(ctx, strikeWithin, "the quiet beginning", func() bool { return r.settled(ctx) })
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
	r.await(ctx, cmp.Or(f.within, recoverWithin)+r.backlog(), "recovery", func() bool { return r.settled(ctx) })
	r.recovery = time.Since(r.healed)
}

// backlog is how long the budget needs for everybody.
func (r *run) backlog() time.Duration {
	return time.Duration(len(r.people)*3) * time.Minute / time.Duration(budget.RequestsPerMinute)
}

// arm puts the faults in force.
func (r *run) arm(ctx context.Context) {
	f := r.plan.fault
	rules := f.rules
	if rules.RetryAfter == "" {
		rules.RetryAfter = simulator.RetryAfterSeconds
	}
	r.certcentral.SetRules(rules)
	r.must(r.breakTransport(ctx))
	for _, c := range f.certcentral {
		if c.Match.User == -1 {
			c.Match.User = r.people[0].id
		}
		if r.decoy != nil && c.Do.Headers["Location"] == "{{decoy}}" {
			c.Do.Headers = map[string]string{"Location": "https://" + r.decoy.Addr().String() + "/services/v2/user/7"}
		}
		c.Do.Body = r.fill(c.Do.Body)
		r.must(r.certcentral.Inject(c))
	}
	r.gate.arm(f.kubernetes...)
}

// breakTransport spoils the connections to CertCentral, and its TLS.
func (r *run) breakTransport(ctx context.Context) error {
	f := r.plan.fault
	if f.flaw != "" || f.maxTLS != 0 {
		return r.serve(ctx, simulator.ServerOptions{Certificate: f.flaw, MaxTLS: f.maxTLS})
	}
	if f.wire != (simulator.WireFault{}) {
		return r.wire.Set(f.wire)
	}
	return nil
}

// serve replaces the server by one at the same address, whose authority the account trusts.
func (r *run) serve(ctx context.Context, o simulator.ServerOptions) (err error) {
	o.Address = r.server.Addr()
	if err := r.server.Close(); err != nil {
		return err
	}
	if r.server, err = simulator.NewServerWith(r.certcentral, o); err != nil {
		return err
	}
	r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"caBundle": r.server.CAPEM()}})
	return nil
}

// fill puts what is known of the first person into a body: {{id}}, {{fields}} of the user's JSON, the {{others}} without the id,
// the {{bare}} ones without the telephone, and the {{key}}.
func (r *run) fill(body string) string {
	without := func(name string) string {
		user := r.certcentral.User(r.people[0].id)
		delete(user, name)
		encoded, err := json.Marshal(user)
		r.must(err)
		return string(encoded[1 : len(encoded)-1])
	}
	return strings.NewReplacer("{{key}}", r.key, "{{id}}", strconv.FormatInt(r.people[0].id, 10),
		"{{fields}}", without(""), "{{others}}", without("id"), "{{bare}}", without("telephone")).Replace(body)
}

// endpoint is the URL of CertCentral by way of the wire.
func (r *run) endpoint() string { return r.wire.URL(r.server.URL()) }

// awaitStrike waits until the fault was felt: one that hits nothing tests nothing.
func (r *run) awaitStrike(ctx context.Context) {
	f := r.plan.fault
	if f.failpoint != "" {
		r.await(ctx, strikeWithin, "the failpoint to be reached", func() bool {
			return !isFile(r.operators.failpoint)
		})
		if strings.Contains(f.failpoint, ":kill:") {
			r.await(ctx, strikeWithin, "a successor", func() bool { return r.operators.succeeded() })
		}
	}
	if len(f.certcentral) > 0 {
		r.await(ctx, strikeWithin, "CertCentral's fault to strike", func() bool {
			return slices.ContainsFunc(r.certcentral.Faults(), func(a simulator.Armed) bool { return a.Used > 0 })
		})
	}
	if len(f.kubernetes) > 0 {
		r.await(ctx, strikeWithin, "the API server's fault to strike", func() bool { return r.gate.hits() > 0 })
	}
	if f.says != "" {
		r.await(ctx, strikeWithin, f.says, func() bool { return r.says(ctx, 0, f.says) })
	}
	if f.accountSays != "" {
		r.await(ctx, strikeWithin, "account: "+f.accountSays, func() bool { return r.accountSays(ctx, f.accountSays) })
	}
}

func (r *run) heal(ctx context.Context) {
	if r.plan.fault.heal != nil {
		r.plan.fault.heal(ctx, r)
	}
	r.certcentral.ClearFaults()
	r.must(r.wire.Set(simulator.WireFault{}))
	if f := r.plan.fault; f.flaw != "" || f.maxTLS != 0 {
		r.must(r.serve(ctx, simulator.ServerOptions{}))
	}
	if !r.plan.fault.keepRules {
		r.certcentral.SetRules(simulator.Rules{RetryAfter: simulator.RetryAfterSeconds})
	}
	r.gate.heal()
}

// rest restarts the manager in quiet, and notes what there is in the end.
func (r *run) rest(ctx context.Context) {
	r.stop(ctx)
	r.restartedAt = time.Now()
	r.must(r.operators.start(ctx))
	r.await(ctx, strikeWithin+r.backlog(), "a look at everybody after a restart", func() bool {
		seen := map[int64]bool{}
		for _, c := range r.certcentral.Calls() {
			seen[c.User] = seen[c.User] || c.Time.After(r.restartedAt) && c.Status != 0
		}
		return !slices.ContainsFunc(r.people, func(p *person) bool { return p.title != "" && r.looksAt(p) && !seen[p.id] })
	})
	r.metrics = r.scrape(ctx)
	r.stop(ctx)
	r.end = r.describeEnd(ctx)
}

// looksAt tells whether the operator looks at a person at all, in the end.
func (r *run) looksAt(*person) bool {
	return !strings.HasPrefix(r.plan.fault.ends, "Conflict") && !strings.HasPrefix(r.plan.fault.ends, "Account")
}

// stop ends the manager, which must be in time and clean.
func (r *run) stop(ctx context.Context) {
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
		_ = r.Client.DeleteAllOf(ctx, kind, client.InNamespace(r.namespace))
	}
	r.audit.forget()
	_ = os.RemoveAll(r.dir)
}

// await polls until done returns true; else it ends the run.
func (r *run) await(ctx context.Context, limit time.Duration, what string, done func() bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.must(fmt.Errorf("waited %s in vain for %s; %s", limit, what, r.situation()))
		}
	}
}

// situation says how things are, for a run that can't go on.
func (r *run) situation() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var said []string
	for i := range min(3, len(r.people)) {
		if user := r.user(ctx, i); user != nil {
			said = append(said, fmt.Sprintf("person %d (generation %d): %s", i, user.Generation, conditionsOf(user.Status.Conditions)))
		}
	}
	calls := r.certcentral.Calls()
	for _, c := range calls[max(0, len(calls)-8):] {
		said = append(said, fmt.Sprintf("%s %s %s", c.Time.Format("05.000"), c, c.Fault))
	}
	log := r.operators.output.bytes()
	return strings.Join(said, "; ") + "\n" + string(log[max(0, len(log)-3000):])
}

// user returns the resource of a person, nil when there is none.
func (r *run) user(ctx context.Context, i int) *v1alpha1.CertCentralUser {
	user := &v1alpha1.CertCentralUser{}
	if r.Client.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: userName(i)}, user) != nil {
		return nil
	}
	return user
}

func userName(i int) string { return fmt.Sprintf("person-%03d", i) }

// says tells whether a resource says so of its newest generation, as in "Throttled: Ready=Unknown".
func (r *run) says(ctx context.Context, i int, what string) bool {
	user := r.user(ctx, i)
	return user != nil && strings.HasPrefix(conditionsOf(user.Status.Conditions), what) &&
		meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady).ObservedGeneration == user.Generation
}

func (r *run) accountSays(ctx context.Context, what string) bool {
	account := &v1alpha1.CertCentralAccount{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: "account"}, account)
	return err == nil && strings.HasPrefix(conditionsOf(account.Status.Conditions), what)
}

// conditionsOf is what a resource says.
func (r *run) conditionsOf(ctx context.Context, name string) string {
	user := &v1alpha1.CertCentralUser{ObjectMeta: r.meta(name)}
	if r.Client.Get(ctx, client.ObjectKeyFromObject(user), user) != nil {
		return ""
	}
	return conditionsOf(user.Status.Conditions)
}

// accountID is the CertCentral account that the key belongs to.
func (r *run) accountID(ctx context.Context) int64 {
	account := r.account()
	r.must(r.Client.Get(ctx, client.ObjectKeyFromObject(account), account))
	return account.Status.AccountID
}

// conditionsOf is conditions in one line: "Throttled: Ready=Unknown InSync=Unknown Reconciling=True".
func conditionsOf(conditions []metav1.Condition) string {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return ""
	}
	line := ready.Reason + ":"
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionInSync, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if c := meta.FindStatusCondition(conditions, kind); c != nil {
			line += fmt.Sprintf(" %s=%s", kind, c.Status)
		}
	}
	return line
}

// settled tells whether each resource says what it must say in the end, and CertCentral has it so.
func (r *run) settled(ctx context.Context) bool {
	for i, p := range r.people {
		if p.title != "" && !r.personSettled(ctx, i) {
			return false
		}
	}
	return true
}

func (r *run) personSettled(ctx context.Context, i int) bool {
	user := r.user(ctx, i)
	if r.plan.fault.ends != "" && i == 0 && !r.healed.IsZero() {
		return r.says(ctx, i, r.plan.fault.ends)
	}
	if user == nil || user.Status.ObservedGeneration != user.Generation {
		return false
	}
	if asked := user.Annotations[v1alpha1.AnnotationReconcileRequestedAt]; asked != "" && asked != user.Status.LastHandledReconcileAt {
		return false
	}
	said := normal(conditionsOf(user.Status.Conditions))
	if r.plan.workload.mode == v1alpha1.ModeObserve {
		return said == "DriftReported: Ready=True InSync=False"
	}
	return said == "InSync: Ready=True InSync=True" && r.certcentral.User(r.people[i].id)["job_title"] == r.people[i].title
}

// normal takes Updated and InSync for the same: which one it is depends on whether the status got lost after the write.
func normal(said string) string { return strings.Replace(said, "Updated:", "InSync:", 1) }

// describeEnd is all that is in the end, to be compared with that of a quiet run.
func (r *run) describeEnd(ctx context.Context) string {
	var lines []string
	for i, p := range r.people {
		stored, err := json.Marshal(r.certcentral.User(p.id))
		r.must(err)
		line := string(stored)
		if user := r.user(ctx, i); user != nil {
			line += " | " + normal(conditionsOf(user.Status.Conditions)) + fmt.Sprintf(" %v", user.Status.Differences)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
