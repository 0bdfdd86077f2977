package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

const (
	// accounts is how many the resources are divided among in the end, each with a service and a key of its own.
	accounts = 50
	// few are so few users of an account that they are looked at one by one.
	few = 20
	// sickEach is how many services have each of the illnesses.
	sickEach = 3
	// openFiles and goroutines are what the manager may have with many accounts: a connection for each worker and each walk, and as
	// many that are idle and soon closed, with 2 goroutines each; and the workers.
	openFiles  = 700
	goroutines = 2000
)

// illnesses are what services may have: they are dead, slow, or throttle.
var illnesses = []func(*service) error{
	func(v *service) error { return v.Inject(simulator.Fault{Do: simulator.Do{Hang: true}}) },
	func(v *service) error { v.behave(5 * time.Second); return nil },
	func(v *service) error {
		v.behave(latency, simulator.Limit{Requests: 1, Per: simulator.Duration(time.Second)})
		return nil
	},
}

// measureAccounts divides the resources among many accounts, and measures the healthy ones, first among themselves and then beside ill
// ones, of whose users each has a change to make.
func (s *stage) measureAccounts(ctx context.Context, r *report) error {
	if err := s.divideAmong(ctx, accounts); err != nil {
		return err
	}
	if each := s.n / accounts; each > few {
		look, err := s.look(ctx)
		if err != nil {
			return err
		}
		most := accounts * pages(each)
		r.add(s.n, fmt.Sprintf("calls to look at all, %d accounts", accounts), fmt.Sprint(look.looked())).
			atMost(fmt.Sprint(most), float64(look.looked()), float64(most))
	}
	among, err := s.healthy(ctx, r, "all well")
	if err != nil {
		return err
	}
	if err := s.fallIll(ctx); err != nil {
		return err
	}
	beside, err := s.healthy(ctx, r, fmt.Sprintf("%d ill", sickEach*len(illnesses)))
	if err != nil {
		return err
	}
	r.lines[len(r.lines)-1].atMostTimes(1.5, among, beside)
	return s.bounds(ctx, r)
}

// divideAmong opens accounts, has each refer to its share of the resources, and returns once all are looked at.
func (s *stage) divideAmong(ctx context.Context, count int) error {
	s.say("N=%d: dividing the resources among %d accounts", s.n, count)
	if err := s.stop(ctx); err != nil {
		return err
	}
	s.way = swept
	old := s.services[0]
	s.services = nil
	defer func() { _ = old.server.Close() }()
	for k := range count {
		if err := s.open(ctx, fmt.Sprintf("account-%02d", k)); err != nil {
			return err
		}
	}
	if err := s.each(0, func(i int) error {
		if err := s.of(i).AddUser(id(i), old.User(id(i))); err != nil {
			return err
		}
		return s.patch(ctx, named(i), map[string]any{"spec": map[string]any{"accountRef": map[string]any{"name": s.of(i).account.Name}}})
	}); err != nil {
		return err
	}
	if err := s.start(ctx, swept); err != nil {
		return err
	}
	if err := s.await(ctx, "all to be looked at in their new accounts", func() (bool, error) {
		seen := map[int64]bool{}
		for _, call := range s.calls() {
			if call.User >= firstID {
				seen[call.User] = true
			}
		}
		return len(seen) == s.n, nil
	}); err != nil {
		return err
	}
	return s.settle(ctx)
}

// fallIll makes services ill, and has each of their users changed.
func (s *stage) fallIll(ctx context.Context) error {
	s.say("N=%d: services fall ill", s.n)
	for k := range sickEach * len(illnesses) {
		s.services[k].ill = true
		if err := illnesses[k%len(illnesses)](s.services[k]); err != nil {
			return err
		}
	}
	return s.each(0, func(i int) error {
		if !s.of(i).ill {
			return nil
		}
		return s.patch(ctx, named(i), map[string]any{"spec": map[string]any{"profile": map[string]any{"telephone": "+1 555 0100"}}})
	})
}

// healthy adds lines about the accounts that are well: edits, and how long it takes until users who drifted are back, which it returns.
func (s *stage) healthy(ctx context.Context, r *report, when string) (time.Duration, error) {
	s.say("N=%d: %d accounts, %s", s.n, accounts, when)
	edits, err := s.edits(ctx, min(100, s.n/2), 100*time.Millisecond)
	if err != nil {
		return 0, err
	}
	r.edits(s.n, fmt.Sprintf("%d accounts, %s", accounts, when), edits, nil)
	count := many(s.n) * (accounts - sickEach*len(illnesses)) / accounts
	back, err := s.drift(ctx, count)
	r.add(s.n, fmt.Sprintf("%d drifted users back, %d accounts, %s", count, accounts, when), seconds(back.took))
	return back.took, err
}

// bounds adds lines about what the manager has open.
func (s *stage) bounds(ctx context.Context, r *report) error {
	p, err := s.metrics(ctx, s.manager.Metrics)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.manager.PID()))
	if err != nil {
		return err
	}
	when := fmt.Sprintf(", %d accounts, %d ill", accounts, sickEach*len(illnesses))
	r.add(s.n, "open files"+when, fmt.Sprint(len(files))).atMost(fmt.Sprint(openFiles), float64(len(files)), openFiles)
	running := p.sum("go_goroutines")
	r.add(s.n, "goroutines"+when, fmt.Sprint(running)).atMost(fmt.Sprint(goroutines), running, goroutines)
	peak := s.proc("VmHWM")
	r.add(s.n, "RSS at its peak"+when, mebibytes(peak)).atMost(mebibytes(rss), peak, rss)
	return nil
}
