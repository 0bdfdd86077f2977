//go:build mutants

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// mutant is the operator with a promise broken on purpose, and the plan that has to notice.
type mutant struct {
	promise, how string
	file         string
	replace      []string // old and new text, by turns
	plan         string
}

var mutants = []mutant{
	{
		"P1", "fields that are not declared are left out of a PUT when they may be", "internal/profile/decide.go",
		[]string{"*t.update(&update) = *t.live(&have)\n", "if t.required {\n*t.update(&update) = *t.live(&have)\n}\n"},
		"payload/change/unknown fields",
	},
	{
		"P2", "a PUT is sent whatever generation is the newest", "internal/controller/user_act.go",
		[]string{"current.GetGeneration() != known.GetGeneration()", "false"},
		"stale/1 changes/1 generation behind",
	},
	{
		"P2", "a PUT is sent however long ago it was confirmed", "internal/certcentral/gate.go",
		[]string{ // the look before it is older still
			"age(g.confirmed, now) > maxSure", "age(g.confirmed, now) < 0",
			"if age(look.asked, look.answered) > maxSure &&", "if age(look.asked, look.answered) < 0 &&",
			"if age(look.answered, now) > maxSure || age(look.asked, now) > maxLook {", "if age(look.answered, now) < 0 {",
		},
		"cluster/change/leader paused for 12s when confirmed",
	},
	{
		"P3", "the account's mode does not count", "internal/profile/profile.go",
		[]string{"if a == Enforce || b == Observe {\n		return b", "if a == Enforce || b == Observe {\n		return a"},
		"writers/drift/an account that only observes",
	},
	{
		"P4", "nobody waits for the budget", "internal/certcentral/budget.go",
		[]string{"\twait := b.fill(need)\n", "\twait := 0 * b.fill(need)\n"},
		"transport/60 resources/black hole for 10 %",
	},
	{
		"P5", "a status is written whether or not it is news", "internal/controller/user_report.go",
		[]string{"if equality.Semantic.DeepEqual(before.Status, after.Status) && !stale {", "if equality.Semantic.DeepEqual(nil, stale) {"},
		"payload/change/unknown fields",
	},
	{
		"P6", "what was written counts as seen", "internal/controller/user_act.go",
		[]string{"	if found.plan.Verb == profile.Update {\n		return r.brake", "	if found.plan.Verb == \"\" {\n		return r.brake"},
		"answers/change/applied in part",
	},
	{
		"P7", "what CertCentral says is not searched for the key", "internal/certcentral/exchange.go",
		[]string{"shorten(c.cfg.Key.redact(oneLine(messages)))", "shorten(oneLine(messages))"},
		"payload/change/an error message that has the key",
	},
	{
		"P8", "a resource that goes takes the job title along", "internal/controller/user_controller.go",
		[]string{
			"r.seen.release(req.NamespacedName)", "r.seen.release(req.NamespacedName)\nif clear, ok := last.LoadAndDelete(req.NamespacedName); ok {\nclear.(func())()\n}",
			"reach(looked)", "reach(looked)\nif found.have != nil {\nc, p, id := found.access.client, found.have.Profile, found.userID\nlast.Store(client.ObjectKeyFromObject(user), func() {\n" +
				"_ = c.UpdateUser(context.WithoutCancel(ctx), id, certcentral.Update{Username: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email}, nil)\n})\n}",
			"// findings are the facts", "var last sync.Map\n\n// findings are the facts",
			"	\"context\"\n", "	\"context\"\n	\"sync\"\n",
		},
		"writers/delete in quiet/a resource that nobody waits for",
	},
	{
		"P9", "a PUT without an answer is sent again", "internal/certcentral/users.go",
		[]string{"	return c.call(ctx, Change, req, nil)", "	if err := c.call(ctx, Change, req, nil); KindOf(err) != Unavailable {\n		return err\n	}\n	return c.call(ctx, Change, req, nil)"},
		"transport/change/applied, FIN in place of the answer to a write",
	},
	{
		"audit", "nobody says that a PUT is about to be made", "internal/controller/user_act.go",
		[]string{"audit(ctx, current, found)", "_ = current"},
		"payload/change/unknown fields",
	},
	{
		"P10", "events and log tell what is written", "internal/controller/user_status.go",
		[]string{`fmt.Sprintf("%s (%s)", d.Field, d.Cause)`, `fmt.Sprintf("%s (%s %s)", d.Field, d.Cause, d.Desired)`},
		"payload/change/unknown fields",
	},
	{
		"run", "a time that lies ahead is believed", "internal/controller/times.go",
		[]string{"told == nil || told.After(now)", "told == nil || told.IsZero()"},
		"clocks/swept/statuses of 2036, and full looks go on",
	},
	{
		"owner", "the oldest owns a user, whatever tells otherwise", "internal/controller/user_claim.go",
		[]string{"\thad := func(c claim) bool {", "\toldest := &claims[0]\n\tfor i := range claims {\n\t\tif claims[i].before(*oldest) {\n\t\t\toldest = &claims[i]\n\t\t}\n\t}\n\tif oldest != nil {\n\t\treturn ownership{owner: oldest}\n\t}\n\thad := func(c claim) bool {"},
		"restores/contested/the manager restarts, with statuses, the loser first",
	},
	{
		"owner", "a namespace that the account does not allow is in the running", "internal/controller/user_standing.go",
		[]string{"s.outside = !allowed", "s.outside = s.outside && !allowed"},
		"tenants/drift/older and suspended",
	},
	{
		"P1", "the look behind a PUT may be of any age", "internal/certcentral/gate.go",
		[]string{"if age(look.answered, now) > maxSure || age(look.asked, now) > maxLook {", "if age(look.answered, now) < 0 {"},
		"writers/change/the manager stops for 12 s when looked, and a colleague changes what is not declared",
	},
	{
		"curve", "a deferral makes a failing user forget how often it failed", "internal/controller/retries.go",
		[]string{"func (limiter) Forget(reconcile.Request) {}", "func (l limiter) Forget(req reconcile.Request) { l.succeeds(req.NamespacedName) }"},
		"failing/12 resources/looks fail",
	},
	{
		"P1", "what was not to change is not compared after a write", "internal/profile/unexpected.go",
		[]string{"if sent == observed || slices.Contains(write.Fields", "if sent == observed || observed != \"\" || slices.Contains(write.Fields"},
		"readings/change and drift/trimmed",
	},
	{
		"P1", "nobody sees that a flag which was left out is reset", "internal/profile/unexpected.go",
		[]string{"flag != after.SAMLSSOOnly && !slices.Contains(write.Fields, SAMLSSOOnly)", "flag != after.SAMLSSOOnly && !flag && !slices.Contains(write.Fields, SAMLSSOOnly)"},
		"readings/change and drift/an omitted flag is reset",
	},
	{
		"owner", "a request for a look takes a restored backup as it is", "internal/controller/user_rollback.go",
		[]string{"accepted := !found && value", "accepted := object.GetAnnotations()[v1alpha1.AnnotationReconcileRequestedAt] != \"\" || !found && value"},
		"restores/restore/etcd set back, a look was asked for on schedule",
	},
	{
		"brake", "only writes that were acknowledged count", "internal/controller/user_brake.go",
		[]string{"\tif mayBeMade(err) {", "\tif err == nil {"},
		"failing/12 resources/writes fail",
	},
}

// TestMutants breaks each promise on purpose, and expects the oracle to say so.
func TestMutants(t *testing.T) {
	log.SetLogger(logr.Discard())
	s, err := newStage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	for _, m := range mutants {
		t.Run(m.promise+" "+m.how, func(t *testing.T) {
			all := plans() // once: some come from a map, in an order of their own each time
			i := slices.IndexFunc(all, func(p plan) bool { return p.String() == m.plan })
			if i < 0 {
				t.Fatalf("there is no plan %q", m.plan)
			}
			r := play(t.Context(), all[i], 1, s, m.build(t))
			caught := slices.IndexFunc(r.violations, func(v violation) bool { return v.promise == m.promise })
			if caught < 0 {
				t.Fatalf("%s: not caught by %s: %v", m.how, m.plan, r.violations)
			}
			fmt.Fprintf(os.Stdout, "%-4s %s\n     caught by %s: %s\n", m.promise, m.how, m.plan, r.violations[caught].what)
		})
	}
}

// TestMutantsApply takes no time: each mutant still finds in the sources what it is to break, and its plan.
func TestMutantsApply(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.promise+" "+m.how, func(t *testing.T) {
			m.text(t)
			if !slices.ContainsFunc(plans(), func(p plan) bool { return p.String() == m.plan }) {
				t.Fatalf("there is no plan %q", m.plan)
			}
		})
	}
}

// text is the source as the mutant has it.
func (m mutant) text(t *testing.T) (source string, text []byte) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	source = filepath.Join(root, m.file)
	text, err = os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(m.replace); i += 2 {
		if strings.Count(string(text), m.replace[i]) != 1 {
			t.Fatalf("%s has not exactly one %q", m.file, m.replace[i])
		}
		text = []byte(strings.Replace(string(text), m.replace[i], m.replace[i+1], 1))
	}
	return source, text
}

// build compiles the mutant without touching the sources.
func (m mutant) build(t *testing.T) (binary string) {
	source, text := m.text(t)
	dir := t.TempDir()
	changed, overlay, binary := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "manager")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{changed: text, overlay: replaced} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-race", "-tags", "failpoints", "-overlay", overlay, "-o", binary, ".")
	build.Dir = filepath.Join("..", "..")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return binary
}
