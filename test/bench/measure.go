package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// size is what was measured with one number of resources.
type size struct {
	n       int
	added   int           // resources, since the size before
	sync    time.Duration // until those were ready
	quiet   *round        // an interval in which nothing changes; nil where it was not waited for
	memory  memory
	drifted int // users
	swept   looks
	singly  looks
}

// looks is what was measured of a manager that looks in one way.
type looks struct {
	start start
	all   round // a look at all users, which finds nothing; user by user it is not made beside the next one
	drift round // one that finds one in a hundred who drifted, at most 50, and puts them right
}

// measure fills the report. For each size there are resources added, and the manager is started again, user by user and swept.
func (s *stage) measure(ctx context.Context, all sizes, r *report) error {
	if err := s.start(ctx, swept); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	empty, err := s.memory(ctx)
	if err != nil {
		return err
	}
	var sizes []size
	for i, n := range all {
		one, err := s.measureSize(ctx, n, i == 0 || i == len(all)-1)
		if err != nil {
			return fmt.Errorf("with %d resources: %w", n, err)
		}
		sizes = append(sizes, one)
		r.size(one, empty)
	}
	r.growth(sizes, empty)
	return s.measureLargest(ctx, r)
}

// measureSize measures all that can be compared between sizes; a quiet interval takes long, and is measured where it is asked for.
func (s *stage) measureSize(ctx context.Context, n int, quiet bool) (one size, err error) {
	one.n, one.added, one.drifted = n, n-s.n, max(1, min(50, n/100))
	if one.sync, err = s.sync(ctx, n); err != nil {
		return one, err
	}
	if quiet {
		if one.quiet, err = s.quietInterval(ctx); err != nil {
			return one, err
		}
	}
	if one.swept, err = s.looks(ctx, one.drifted); err != nil {
		return one, err
	}
	if one.memory, err = s.memory(ctx); err != nil {
		return one, err
	}
	begun, err := s.restart(ctx, singly)
	if err != nil {
		return one, err
	}
	if one.singly, err = s.looks(ctx, one.drifted); err != nil {
		return one, err
	}
	one.singly.start = begun
	one.swept.start, err = s.restart(ctx, swept)
	return one, err
}

// sync adds resources until there are n, and returns how long it took until all are ready.
func (s *stage) sync(ctx context.Context, n int) (time.Duration, error) {
	s.say("N=%d: creating resources", n)
	began := time.Now()
	if err := s.grow(ctx, n); err != nil {
		return 0, err
	}
	if err := s.awaitReady(ctx); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, s.settle(ctx)
}

// awaitReady returns once all resources are ready.
func (s *stage) awaitReady(ctx context.Context) error {
	return s.await(ctx, "resources to be ready", func() (bool, error) {
		if err := pass(ctx, 400*time.Millisecond); err != nil { // to ask takes the manager time, too
			return false, err
		}
		ready, err := s.ready(ctx)
		return ready == s.n, err
	})
}

// quietInterval lets an interval go by after a sweep, with the tenth by which one may come late.
func (s *stage) quietInterval(ctx context.Context) (*round, error) {
	if _, err := s.look(ctx); err != nil {
		return nil, err
	}
	s.say("N=%d: a quiet interval", s.n)
	if err := pass(ctx, 10*time.Second); err != nil { // until the account's status has counted what has just changed
		return nil, err
	}
	r, err := s.watch(ctx, func() error { return pass(ctx, s.interval()*11/10) })
	return &r, err
}

// looks has all users looked at, and so again when some have drifted.
func (s *stage) looks(ctx context.Context, drifted int) (l looks, err error) {
	s.say("N=%d: looks, %s", s.n, s.way.name)
	if s.way.name == singly.name { // which takes long
		l.drift, err = s.drift(ctx, drifted)
		l.all = l.drift
		return l, err
	}
	var rounds []round
	for range 3 {
		r, err := s.look(ctx)
		if err != nil {
			return l, err
		}
		rounds = append(rounds, r)
	}
	slices.SortFunc(rounds, func(a, b round) int { return int(a.cpu - b.cpu) })
	l.all = rounds[len(rounds)/2]
	l.drift, err = s.drift(ctx, drifted)
	return l, err
}

// start is what a start of the manager took.
type start struct {
	ready time.Duration // until /readyz answers
	edit  time.Duration // until what was declared meanwhile is written
	calls int           // until things have settled
}

// restart ends the manager, declares something, and starts a manager that looks in this way.
func (s *stage) restart(ctx context.Context, how way) (b start, err error) {
	s.say("N=%d: restart, %s", s.n, how.name)
	if err := s.stop(ctx); err != nil {
		return b, err
	}
	s.reset()
	s.way = how
	if err := s.configure(ctx, outOfTheWay, s.interval()); err != nil {
		return b, err
	}
	title, err := s.declare(ctx, s.n/2)
	if err != nil {
		return b, err
	}
	began := time.Now()
	if err := s.start(ctx, how); err != nil {
		return b, err
	}
	b.ready = time.Since(began)
	var put time.Time
	if err := s.await(ctx, "what was declared meanwhile to be written", func() (found bool, _ error) {
		put, found = s.arrived()[title]
		return found, nil
	}); err != nil {
		return b, err
	}
	err = s.settle(ctx)
	b.edit, b.calls = put.Sub(began), len(s.calls())
	return b, err
}

// interval is that of the account: user by user nothing looks again by itself while it is measured.
func (s *stage) interval() time.Duration {
	if s.way.name == singly.name {
		return time.Hour
	}
	return time.Minute
}
