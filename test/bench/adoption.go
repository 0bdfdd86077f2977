package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// crowd is how many people are declared at once whom the operator has never seen, as when a folder of theirs is applied.
const crowd = 1000

const (
	// statusesPerAdoption and accountStatuses are how often statuses may be written for a crowd: a resource's when there is something
	// to say of it, and the account's when its counts have moved, ever more seldom.
	statusesPerAdoption = 1.05
	accountStatuses     = 10
)

// measureAdoption declares a crowd as it is, within the largest budget that an account may have, and counts what is written of it.
func (s *stage) measureAdoption(ctx context.Context, r *report) error {
	if _, err := s.restart(ctx, swept); err != nil {
		return err
	}
	if err := errors.Join(s.configure(ctx, largest, time.Minute), s.heard(ctx), s.settle(ctx)); err != nil {
		return err
	}
	before, err := s.written(ctx)
	if err != nil {
		return err
	}
	s.say("N=%d: %d people more, with %d calls a minute", s.n, crowd, largest.RequestsPerMinute)
	if err := errors.Join(s.grow(ctx, s.n+crowd), s.awaitReady(ctx), s.settle(ctx)); err != nil {
		return err
	}
	after, err := s.written(ctx)
	if err != nil {
		return err
	}
	wrote := after.since(before)
	each := float64(wrote.users) / crowd
	r.add(s.n, fmt.Sprintf("status writes for each of %d people adopted at once", crowd), fmt.Sprintf("%.3f", each)).
		atMost(fmt.Sprint(statusesPerAdoption), each, statusesPerAdoption)
	r.add(s.n, "events for them", fmt.Sprint(wrote.events)).atMost(fmt.Sprint(crowd), float64(wrote.events), crowd)
	r.add(s.n, "status writes of their account meanwhile", fmt.Sprint(wrote.accounts)).
		atMost(fmt.Sprint(accountStatuses), float64(wrote.accounts), accountStatuses)
	return nil
}
