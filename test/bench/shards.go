package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/internal/simulator"
	"github.com/certcentral-io/user-operator/test/world"
)

// label is what the managers of a shared world select by.
const label = "shard"

// share gives half of the resources another account, with another key, and has two managers share the work: each sees the half
// that its label selects.
func (s *stage) share(ctx context.Context, r *report) error {
	s.say("N=%d: two managers share the work", s.n)
	if err := s.stop(ctx); err != nil {
		return err
	}
	s.way = swept
	if err := s.configure(ctx, outOfTheWay, s.interval()); err != nil {
		return err
	}
	other, err := s.divide(ctx)
	if err != nil {
		return err
	}
	halves := []*stage{s, other}
	for i, half := range halves {
		// Each acts, as if they had their leases in namespaces of their own.
		how := way{name: swept.name, args: []string{"--leader-elect=false", "--watch-label-selector=" + label + "=" + shardOf(i)}}
		if err := half.start(ctx, how); err != nil {
			return err
		}
	}
	for _, half := range halves {
		if err := half.awaitReady(ctx); err != nil {
			return err
		}
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	for i, half := range halves {
		one, err := half.look(ctx)
		if err != nil {
			return err
		}
		m, err := half.memory(ctx)
		if err != nil {
			return err
		}
		name := shardOf(i)
		r.add(half.n, "shard "+name+": calls of a sweep", fmt.Sprint(one.looked()))
		r.add(half.n, "shard "+name+": CPU of a sweep", milliseconds(one.cpu))
		r.add(half.n, "shard "+name+": RSS", mebibytes(m.rss))
	}
	return nil
}

// divide labels the resources, gives every other one an account of its own, and returns the stage that those are on.
func (s *stage) divide(ctx context.Context) (*stage, error) {
	other, ours, key := *s, s.services[0], rand.Text()
	account, secret := world.NewAccount(&world.Simulator{URL: ours.server.URL(), CA: ours.server.CAPEM()}, namespace, "other", key)
	account.Labels = map[string]string{label: shardOf(1)}
	account.Spec.Budget, account.Spec.Interval.Duration = outOfTheWay, s.interval()
	other.services = []*service{{Simulator: ours.Simulator, server: ours.server, account: account}}
	if err := ours.AddKey(simulator.Key{Key: key, UserID: keyOwner}); err != nil {
		return nil, err
	}
	for _, object := range []client.Object{secret, account} {
		if err := s.Client.Create(ctx, object); err != nil {
			return nil, err
		}
	}
	if err := s.patch(ctx, ours.account, map[string]any{"metadata": map[string]any{"labels": map[string]any{label: shardOf(0)}}}); err != nil {
		return nil, err
	}
	err := s.each(0, func(i int) error {
		return s.patch(ctx, named(i), map[string]any{
			"metadata": map[string]any{"labels": map[string]any{label: shardOf(i % 2)}},
			"spec":     map[string]any{"accountRef": map[string]any{"name": []string{ours.account.Name, account.Name}[i%2]}},
		})
	})
	other.n = s.n / 2
	s.n -= other.n
	return &other, err
}

func shardOf(i int) string { return string(rune('a' + i)) }
