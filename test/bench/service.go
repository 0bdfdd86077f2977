package main

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
	"github.com/certcentral-io/user-operator/test/world"
)

// service is a CertCentral with one account.
type service struct {
	*simulator.Simulator
	server  *simulator.Server
	account *v1alpha1.CertCentralAccount
	ill     bool // what becomes of it is not measured, but of the others
}

// open starts a service with no user but the owner of the key, and creates its account as soon as the API server takes that.
func (s *stage) open(ctx context.Context, name string) error {
	v, key := &service{Simulator: simulator.New(simulator.Options{})}, rand.Text()
	v.behave(latency)
	if err := errors.Join(v.AddUser(keyOwner, nil), v.AddKey(simulator.Key{Key: key, UserID: keyOwner})); err != nil {
		return err
	}
	var err error
	if v.server, err = simulator.NewServer(v.Simulator, ""); err != nil {
		return err
	}
	s.services = append(s.services, v)
	account, secret := world.NewAccount(&world.Simulator{URL: v.server.URL(), CA: v.server.CAPEM()}, namespace, name, key)
	account.Spec.Budget, account.Spec.Interval.Duration = outOfTheWay, s.interval()
	v.account = account
	if err := s.Client.Create(ctx, secret); err != nil {
		return err
	}
	return s.await(ctx, "the API server to take any budget", func() (bool, error) { return s.Client.Create(ctx, account) == nil, nil })
}

// behave has a service answer after so long, within limits.
func (v *service) behave(after time.Duration, limits ...simulator.Limit) {
	v.SetRules(simulator.Rules{Latency: simulator.Duration(after), Limits: append([]simulator.Limit{}, limits...)})
}

// of is the service that has a user.
func (s *stage) of(i int) *service { return s.services[i%len(s.services)] }

// endpoints is the value of --allowed-endpoints.
func (s *stage) endpoints() string {
	var urls []string
	for _, v := range s.services {
		urls = append(urls, v.server.URL())
	}
	return strings.Join(urls, ",")
}

// reset forgets the calls so far.
func (s *stage) reset() {
	for _, v := range s.services {
		v.Reset()
	}
}

// calls are those to the services that are well, in order of time.
func (s *stage) calls() (all simulator.Calls) {
	for _, v := range s.services {
		if !v.ill {
			all = append(all, v.Calls()...)
		}
	}
	slices.SortStableFunc(all, func(a, b simulator.Call) int { return a.Time.Compare(b.Time) })
	return all
}

// recent tells of a call that it may not have been the last.
func recent(c simulator.Call) bool { return c.Status == 0 || time.Since(c.Time) <= latency+quietFor }
