package faults

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

var soak = flag.Duration("soak", 2*time.Minute, "how long the soak lasts")

// leakPlans do the same thing so often that what leaks shows.
func leakPlans() []plan {
	long := func(name string, d time.Duration, f fault) plan {
		f.limit, f.within = d+15*time.Minute, 2*time.Minute
		return plan{group: "leaks", name: name, workload: change, fault: f, once: true}
	}
	return []plan{
		long("10 000 created and deleted", 10*time.Minute, fault{meanwhile: nothingLeft(func(ctx context.Context, r *run) {
			for i := range 10_000 {
				r.come(ctx, i)
			}
		})}),
		long("1000 keys", 15*time.Minute, fault{meanwhile: nothingLeft(func(ctx context.Context, r *run) {
			for range 1000 {
				r.rotateKey(ctx)
				r.requestAccount(ctx)
				key := simulator.Fingerprint(r.key)
				r.await(ctx, strikeWithin, "the new key to be used", func() bool {
					calls := r.certcentral.Calls()
					return calls[len(calls)-1].Key == key
				})
			}
		})}),
		long(fmt.Sprintf("soak for %s at 5 %% faults", *soak), *soak, fault{meanwhile: nothingLeft(func(ctx context.Context, r *run) {
			r.must(r.certcentral.Inject(
				simulator.Fault{Match: simulator.Match{Every: 60}, Do: simulator.Do{Status: 500}},
				simulator.Fault{Match: simulator.Match{Every: 60, Nth: 20}, Do: simulator.Do{Drop: true}},
				simulator.Fault{Match: simulator.Match{Every: 60, Nth: 40}, Do: simulator.Do{Reset: simulator.ResetBody}},
			))
			for began, i := time.Now(), 0; time.Since(began) < *soak; i++ {
				r.edit(0, map[string]any{"telephone": r.text("telephone", 0, "")})
				r.request(ctx, 0)
				r.come(ctx, i)
				r.pass(ctx, 400*time.Millisecond)
			}
			r.certcentral.ClearFaults()
		})}),
	}
}

// come creates and deletes a resource for a person that nobody has.
func (r *run) come(ctx context.Context, i int) {
	visitor := r.visitor(i)
	r.must(r.Client.Create(ctx, visitor))
	r.must(r.Client.Delete(ctx, visitor))
}

// nothingLeft expects as many goroutines, as much heap and as few connections after something as before it.
func nothingLeft(do func(context.Context, *run)) func(context.Context, *run) {
	return func(ctx context.Context, r *run) {
		r.await(ctx, recoverWithin, "quiet", func() bool { return r.settled(ctx) })
		r.pass(ctx, 10*time.Second)
		goroutines, heap := r.metric(ctx, "go_goroutines"), r.metric(ctx, "go_memstats_heap_inuse_bytes")
		do(ctx, r)
		r.await(ctx, 2*time.Minute, "the goroutines to end", func() bool { return r.metric(ctx, "go_goroutines") <= goroutines+5 })
		r.await(ctx, 3*time.Minute, "the heap to be as it was", func() bool { return r.metric(ctx, "go_memstats_heap_inuse_bytes") < heap+8<<20 })
		if open := r.wire.Conns(); open > 10 {
			r.violate("leaks", "%d connections are open", open)
		}
		r.note("goroutines %.0f then %.0f, heap in use %.1f then %.1f MiB, connections %d", goroutines, r.metric(ctx, "go_goroutines"),
			heap/(1<<20), r.metric(ctx, "go_memstats_heap_inuse_bytes")/(1<<20), r.wire.Conns())
	}
}

// metric is a value that the manager shows.
func (r *run) metric(ctx context.Context, name string) float64 {
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(r.scrape(ctx))
	if found == nil {
		r.must(fmt.Errorf("no %s in the metrics", name))
	}
	value, err := strconv.ParseFloat(string(bytes.TrimSpace(found[1])), 64)
	r.must(err)
	return value
}

// mayGrow is how much memory an answer may cost, whatever it is.
const mayGrow = 16 << 20

// memoryStays expects the manager's heap to stay about as large as it is.
func memoryStays(ctx context.Context, r *run) {
	before := r.metric(ctx, "go_memstats_heap_inuse_bytes")
	most := before
	for range 20 {
		r.pass(ctx, time.Second)
		most = max(most, r.metric(ctx, "go_memstats_heap_inuse_bytes"))
	}
	r.note("heap in use %.1f, at most %.1f MiB", before/(1<<20), most/(1<<20))
	if most-before > mayGrow {
		r.violate("memory", "the heap grew by %.1f MiB", (most-before)/(1<<20))
	}
}
