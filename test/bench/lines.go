package main

import (
	"fmt"
	"time"
)

const (
	// heapPerResource and rss are what a resource, and the manager with all of them, may cost.
	heapPerResource = 12_000
	rss             = 256 << 20
	// flat is how much more a resource may cost among many than among few: what a machine of 2 cores varies by.
	flat = 1.25
	// mayTake is how long the PUT of an edit may take to arrive: one call goes before it.
	mayTake = 2*time.Second + latency
)

// size adds lines about one number of resources.
func (r *report) size(one size, empty memory) {
	n := one.n
	if one.quiet != nil {
		calls := len(one.quiet.calls)
		r.add(n, "calls in a quiet interval", fmt.Sprint(calls)).atMost(fmt.Sprint(pages(n)+1), float64(calls), float64(pages(n)+1))
		r.add(n, "Kubernetes writes in a quiet interval", fmt.Sprint(one.quiet.writes)).atMost("0", float64(one.quiet.writes), 0)
		r.add(n, "CPU in a quiet interval", seconds(one.quiet.cpu))
	}
	most := pages(n) + 1 + callsPerChange*one.drifted
	r.add(n, fmt.Sprintf("calls until those who drifted are back: %d", one.drifted), fmt.Sprint(one.swept.drift.looked())).
		than(fmt.Sprint(one.singly.drift.looked())).atMost(fmt.Sprint(most), float64(one.swept.drift.looked()), float64(most))
	r.add(n, "a look at all, the budget out of the way", seconds(one.swept.all.took)).than(seconds(one.singly.all.took))
	r.add(n, "CPU for each 1000 users looked at", milliseconds(per1000(one.swept.all.cpu, n))).than(milliseconds(per1000(one.singly.all.cpu, n)))
	r.add(n, "first look at new resources, each", milliseconds(one.sync/time.Duration(one.added)))
	r.add(n, "restart, until ready", seconds(one.swept.start.ready)).than(seconds(one.singly.start.ready))
	r.add(n, "restart, until the PUT of an edit that waited", seconds(one.swept.start.edit)).than(seconds(one.singly.start.edit))
	r.add(n, "restart, calls", fmt.Sprint(one.swept.start.calls)).than(fmt.Sprint(one.singly.start.calls))
	each := (one.memory.heap - empty.heap) / float64(n)
	l := r.add(n, "heap for each resource, over the empty manager", kilobytes(each))
	if n >= 1000 { // among fewer, what else is on the heap counts for more
		l.atMost(kilobytes(heapPerResource), each, heapPerResource)
	}
	r.add(n, fmt.Sprintf("RSS (empty: %s)", mebibytes(empty.rss)), mebibytes(one.memory.rss)).atMost(mebibytes(rss), one.memory.rss, rss)
	r.add(n, "RSS at its peak", mebibytes(one.memory.peak))
}

// growth compares, for each resource, the largest number with the smallest from 1000 on, or else with the smallest.
func (r *report) growth(all []size, empty memory) {
	few, many := all[0], all[len(all)-1]
	for _, one := range all {
		if few.n < 1000 && one.n < many.n {
			few = one
		}
	}
	if few.n == many.n {
		return
	}
	grown := func(measure string, of func(size) float64) {
		ratio := of(many) / max(of(few), 1)
		r.add(many.n, fmt.Sprintf("%s, for each resource, over that among %d", measure, few.n), fmt.Sprintf("%.2f", ratio)).
			atMost(fmt.Sprint(flat), ratio, flat)
	}
	grown("first look at new resources", func(s size) float64 { return float64(s.sync) / float64(s.added) })
	grown("a sweep", func(s size) float64 { return float64(s.swept.all.took) / float64(s.n) })
	grown("CPU of a sweep", func(s size) float64 { return float64(s.swept.all.cpu) / float64(s.n) })
	grown("restart, until ready", func(s size) float64 { return float64(s.swept.start.ready) / float64(s.n) })
	grown("heap", func(s size) float64 { return (s.memory.heap - empty.heap) / float64(s.n) })
}

// atMostTimes gives the line its bar: so many times what it takes at best. It has none where that is so short that what a single
// change takes counts for more.
func (l *line) atMostTimes(times float64, best, took time.Duration) {
	if best > 5*time.Second {
		l.atMost(fmt.Sprintf("%g × %s", times, seconds(best)), float64(took), times*float64(best))
	}
}

// edits adds a line about edits.
func (r *report) edits(n int, when string, took, singly durations) {
	l := r.add(n, fmt.Sprintf("from an edit to its PUT, p50 / p99 of %d, %s", len(took), when), took.String())
	if singly != nil {
		l.than(singly.String())
	}
	l.atMost(seconds(mayTake), float64(took.percentile(99)), float64(mayTake))
}

func per1000(d time.Duration, n int) time.Duration { return d * 1000 / time.Duration(n) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func mebibytes(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }

func kilobytes(bytes float64) string { return fmt.Sprintf("%.1f kB", bytes/1000) }
