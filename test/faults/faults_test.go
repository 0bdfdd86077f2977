package faults

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

var (
	all    = flag.Bool("all", false, "play all plans, not a sample")
	seeds  = flag.String("seeds", "1", "comma-separated seeds; each plays the plans anew")
	only   = flag.String("only", "", "play the plans whose name contains one of these, sample or not; separated by |")
	at     = flag.Int("stages", 4, "how many control planes to play on at a time")
	report = flag.String("report", "", "file for the table")
)

// plans are all there are.
func plans() []plan {
	return slices.Concat(crashPlans(), clusterPlans(), stalePlans(), transportPlans(), answerPlans(), payloadPlans(),
		writerPlans(), secretPlans(), endpointPlans(), sweepPlans(), leakPlans(), readingPlans(), tenantPlans(), restorePlans(),
		clockPlans(), failingPlans(), renamePlans(), namePlans(), bulkPlans())
}

// TestPlans plays plans and prints what became of them. One alone: -args -only crash/create/confirmed -seeds 7.
func TestPlans(t *testing.T) {
	log.SetLogger(logr.Discard())
	theatre := &theatre{stages: newStages(*at), quiet: map[string]*quiet{}}
	t.Cleanup(func() {
		if err := theatre.stages.close(); err != nil {
			t.Error(err)
		}
		theatre.table(t)
	})
	for i, seed := range strings.Split(*seeds, ",") {
		number, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range plans() {
			if p.once && i > 0 {
				continue // the seed changes nothing about it
			}
			if chosen(p) {
				t.Run(p.String()+"/"+seed, func(t *testing.T) {
					t.Parallel()
					theatre.perform(t, p, number)
				})
			}
		}
	}
}

// chosen tells whether a plan is to be played.
func chosen(p plan) bool {
	if *only == "" {
		return *all || p.sample
	}
	return slices.ContainsFunc(strings.Split(*only, "|"), func(part string) bool { return strings.Contains(p.String(), part) })
}

// theatre has stages, what quiet runs came to, and all the runs so far.
type theatre struct {
	stages *stages

	mu    sync.Mutex
	quiet map[string]*quiet
	runs  []*run
}

// quiet is what a workload comes to without a fault.
type quiet struct {
	once sync.Once
	run  *run
}

// perform plays a plan, and compares its end with that of a quiet run.
func (th *theatre) perform(t *testing.T, p plan, seed uint64) {
	expected := th.quietly(t, p.workload, seed)
	r := th.play(t, p, seed)
	if f := p.fault; expected.end != r.end && f.ends == "" && !f.loses && !f.differs && len(r.violations) == 0 {
		r.violate("end", "without the fault:\n%s\nwith it:\n%s", expected.end, r.end)
	}
	if p.fault.asFast && r.p99ed > 2*expected.p99ed {
		r.violate("p99", "the healthy took %s, and %s without the fault", r.p99ed, expected.p99ed)
	}
	r.tell()
	for _, note := range r.notes {
		t.Log(note)
	}
	for _, v := range r.violations {
		t.Errorf("%s", v)
	}
}

// quietly plays a workload without a fault, once for each seed.
func (th *theatre) quietly(t *testing.T, w workload, seed uint64) *run {
	th.mu.Lock()
	key := fmt.Sprint(w.name, seed)
	q := th.quiet[key]
	if q == nil {
		q = &quiet{}
		th.quiet[key] = q
	}
	th.mu.Unlock()
	q.once.Do(func() {
		q.run = th.play(t, plan{group: "quiet", name: "no fault", workload: w}, seed)
		q.run.tell()
	})
	for _, v := range q.run.violations {
		t.Fatalf("without any fault: %s", v)
	}
	return q.run
}

// tell says at once what became of a run.
func (r *run) tell() {
	fmt.Fprintf(os.Stdout, "%-90s %d violations, %s in all, recovered in %s\n", fmt.Sprint(r.plan, " ", r.seed), len(r.violations),
		r.ended.Sub(r.began).Round(time.Second), r.recovery.Round(100*time.Millisecond))
}

// play plays a plan on the next stage that is free.
func (th *theatre) play(t *testing.T, p plan, seed uint64) *run {
	s, err := th.stages.take(t.Context(), p.workload)
	if err != nil {
		t.Fatal(err)
	}
	r := play(context.WithoutCancel(t.Context()), p, seed, s, os.Getenv("MANAGER_FAULTS"))
	if err := th.stages.giveBack(s, p.workload, p.fault.loses); err != nil {
		t.Error(err)
	}
	th.mu.Lock()
	defer th.mu.Unlock()
	th.runs = append(th.runs, r)
	return r
}

// table prints a line for each group of plans.
func (th *theatre) table(t *testing.T) {
	type line struct {
		plans            map[string]bool
		runs, violations int
		slowest          time.Duration
	}
	groups, total := map[string]*line{}, &line{plans: map[string]bool{}}
	for _, r := range th.runs {
		if groups[r.plan.group] == nil {
			groups[r.plan.group] = &line{plans: map[string]bool{}}
		}
		for _, l := range []*line{groups[r.plan.group], total} {
			l.plans[r.plan.String()] = true
			l.runs++
			l.violations += len(r.violations)
			l.slowest = max(l.slowest, r.recovery)
		}
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "group\tplans\truns\tviolations\tslowest recovery")
	row := func(name string, l *line) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", name, len(l.plans), l.runs, l.violations, l.slowest.Round(100*time.Millisecond))
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		row(name, groups[name])
	}
	row("all", total)
	_ = w.Flush()
	t.Log("\n" + text.String())
	if *report != "" {
		if err := os.WriteFile(*report, []byte(text.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}
