package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// callsPerChange are a look, the write, and a look at what stayed.
const callsPerChange = 3

// many is how many of n users drift at once, so that nobody does too often.
func many(n int) int { return min(1000, n/5) }

// demands is how it went with all resources there, while something was asked for.
type demands struct {
	back                 round     // of users that drifted, the budget out of the way
	idle, busy, backlogs durations // from an edit to its PUT: alone, while all are looked at, and while many are being put right
}

// measureLargest measures, with all resources there, what doesn't grow with their number or must not.
func (s *stage) measureLargest(ctx context.Context, r *report) error {
	if err := s.change(ctx, r); err != nil {
		return err
	}
	if err := s.driftInBudget(ctx, short, many(s.n), r); err != nil {
		return err
	}
	if err := s.driftInBudget(ctx, largest, min(100, many(s.n)), r); err != nil {
		return err
	}
	crowd, err := s.demand(ctx)
	if err != nil {
		return err
	}
	if _, err := s.restart(ctx, singly); err != nil {
		return err
	}
	single, err := s.demand(ctx)
	if err != nil {
		return err
	}
	count := many(s.n)
	ideal := callsPerChange * latency * time.Duration(count) / concurrency
	r.add(s.n, fmt.Sprintf("%d drifted users back, the budget out of the way", count), seconds(crowd.back.took)).than(seconds(single.back.took)).
		atMostTimes(1.5, ideal, crowd.back.took)
	r.edits(s.n, "nothing else", crowd.idle, single.idle)
	r.edits(s.n, "while all are looked at", crowd.busy, single.busy)
	r.edits(s.n, fmt.Sprintf("while %d drifted users wait", count), crowd.backlogs, nil)
	return nil
}

// change counts what one change takes.
func (s *stage) change(ctx context.Context, r *report) error {
	one, err := s.watch(ctx, func() error {
		if _, err := s.edits(ctx, 1, 0); err != nil {
			return err
		}
		return s.settle(ctx)
	})
	calls := one.looked()
	r.add(s.n, "calls for a change", fmt.Sprint(calls)).atMost(fmt.Sprint(callsPerChange), float64(calls), callsPerChange)
	r.add(s.n, "Kubernetes writes for a change, its event included", fmt.Sprint(one.writes))
	return err
}

// driftInBudget has users drift who can't be back before the budget allows the calls for it.
func (s *stage) driftInBudget(ctx context.Context, budget v1alpha1.Budget, count int, r *report) error {
	s.say("N=%d: %d users drift, with %d calls a minute", s.n, count, budget.RequestsPerMinute)
	if err := s.configure(ctx, budget, time.Minute); err != nil {
		return err
	}
	if err := errors.Join(s.heard(ctx), s.settle(ctx)); err != nil {
		return err
	}
	if err := pass(ctx, time.Duration(budget.Burst)*time.Minute/time.Duration(budget.RequestsPerMinute)); err != nil { // for it to fill
		return err
	}
	back, err := s.drift(ctx, count)
	if err != nil {
		return err
	}
	calls := pages(s.n) + callsPerChange*count - int(budget.Burst)
	floor := time.Duration(calls) * time.Minute / time.Duration(budget.RequestsPerMinute)
	r.add(s.n, fmt.Sprintf("%d drifted users back, at %d calls a minute", count, budget.RequestsPerMinute), seconds(back.took)).
		atMostTimes(1.15, floor, back.took)
	if err := s.configure(ctx, outOfTheWay, time.Minute); err != nil {
		return err
	}
	return errors.Join(s.heard(ctx), s.settle(ctx))
}

// demand asks for changes: those of many colleagues at once, and those of people while nothing else is done, and while much is.
func (s *stage) demand(ctx context.Context) (d demands, err error) {
	count := many(s.n)
	s.say("N=%d, %s: %d users drift, the budget is out of the way", s.n, s.way.name, count)
	if d.back, err = s.drift(ctx, count); err != nil {
		return d, err
	}
	s.say("N=%d, %s: edits", s.n, s.way.name)
	if d.idle, err = s.edits(ctx, min(100, s.n), 100*time.Millisecond); err != nil {
		return d, err
	}
	if err := s.settle(ctx); err != nil {
		return d, err
	}
	// User by user this alone has the operator look at all.
	if err := s.configure(ctx, largest, s.interval()); err != nil {
		return d, err
	}
	s.say("N=%d, %s: edits while all are looked at, with %d calls a minute", s.n, s.way.name, largest.RequestsPerMinute)
	if d.busy, err = s.editsWhile(ctx, s.keepLooking); err != nil || s.way.name == singly.name {
		return d, err
	}
	s.say("N=%d, %s: edits while %d users wait that drifted", s.n, s.way.name, count)
	for _, i := range s.others(count) {
		if err := s.of(i).Edit(id(i), map[string]any{"telephone": "drifted"}); err != nil {
			return d, err
		}
	}
	d.backlogs, err = s.editsWhile(ctx, s.keepLooking)
	return d, err
}

// editsWhile makes edits, at a pace for which the budget has room, while something is done.
func (s *stage) editsWhile(ctx context.Context, do func(context.Context)) (durations, error) {
	meanwhile, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); do(meanwhile) }()
	defer func() { cancel(); <-done }()
	return s.edits(ctx, min(40, s.n), time.Second)
}

// keepLooking asks for a sweep whenever the last one is over. User by user the first look at all takes longer than anybody waits.
func (s *stage) keepLooking(ctx context.Context) {
	for ctx.Err() == nil && s.way.name == swept.name {
		_ = s.lookNow(ctx) // the next one may do
		for seen := -1; ctx.Err() == nil && seen < s.listed(); {
			seen = s.listed()
			_ = pass(ctx, 2*time.Second)
		}
	}
}

// listed is how many pages were asked for.
func (s *stage) listed() int { return len(s.calls().Where(isPage)) }
