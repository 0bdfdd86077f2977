package controller

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// Sweeps is what the walks through the accounts' lists of users came to: who need not be looked at alone, for how long, and who
// should be. The sweep reconciler writes it, the others read it.
type Sweeps struct {
	// Off has every user looked at alone.
	Off bool

	mu       sync.RWMutex
	accounts map[types.NamespacedName]*coverage
	awaited  map[types.NamespacedName]struct{} // accounts whose first walk users wait for
	tips     map[types.NamespacedName]*tip     // by resource
	tipped   chan event.GenericEvent           // resources that a tip is about
	lapsed   chan event.GenericEvent           // accounts whose users are looked at alone from now on
}

// coverage is what the latest walk through an account came to. It is never changed, but replaced.
type coverage struct {
	client *certcentral.Client
	begun  time.Time           // the walk
	users  map[int64]time.Time // when the list showed them as their statuses have them; nil when each is looked at alone
	counts time.Duration       // how long after that it counts
	every  time.Duration       // how often each of them is looked at in full all the same
}

// tip is why a resource should be looked at: what the list shows of its user is not what its status has.
type tip struct {
	row  certcentral.Row
	full bool // only a look at the user itself will do
}

// NewSweeps returns no sweeps.
func NewSweeps(off bool) *Sweeps {
	return &Sweeps{
		Off:      off,
		accounts: map[types.NamespacedName]*coverage{},
		awaited:  map[types.NamespacedName]struct{}{},
		tips:     map[types.NamespacedName]*tip{},
		tipped:   make(chan event.GenericEvent, 1024),
		lapsed:   make(chan event.GenericEvent, 1024),
	}
}

// of returns what the walks through an account came to; nil as long as none has come to anything. What another client saw does
// not count.
func (s *Sweeps) of(account types.NamespacedName, client *certcentral.Client) *coverage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.latest(account, client)
}

// latest is of, for those who have the lock.
func (s *Sweeps) latest(account types.NamespacedName, client *certcentral.Client) *coverage {
	if s.Off {
		return &coverage{}
	}
	if c := s.accounts[account]; c != nil && c.client == client {
		return c
	}
	return nil
}

// vouches returns how often a user is looked at in full while the walk vouches for it; 0 when it does not. Who was seen to be other
// than before since the walk began is known better than from the list. Of nil nothing is vouched.
func (c *coverage) vouches(user int64, seen, now time.Time) time.Duration {
	if c == nil || c.users == nil {
		return 0
	}
	read, listed := c.users[user]
	if !listed {
		if seen.IsZero() || seen.Before(c.begun) {
			return 0
		}
		read = c.begun
	}
	if now.After(read.Add(c.counts)) {
		return 0
	}
	return c.every
}

// works tells whether walks through the account succeed, and vouch with that for the API key too.
func (c *coverage) works(now time.Time) bool {
	return c != nil && c.users != nil && !now.After(c.begun.Add(c.counts))
}

// await is of, and where no walk has come to anything yet it records, at the same moment, that a user waits for the first one.
func (s *Sweeps) await(account types.NamespacedName, client *certcentral.Client) *coverage {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.latest(account, client)
	if c == nil {
		s.awaited[account] = struct{}{}
	}
	return c
}

// set replaces what is vouched for in an account. Its users are woken when they are to be looked at alone and were not until now.
func (s *Sweeps) set(account types.NamespacedName, next *coverage) {
	s.mu.Lock()
	before := s.accounts[account]
	_, awaited := s.awaited[account]
	s.accounts[account] = next
	delete(s.awaited, account)
	s.mu.Unlock()
	if next.users == nil && (awaited || before != nil && before.users != nil) {
		wakeUp(s.lapsed, account)
	}
}

// tell has a resource looked at. It waits for the queue to take it, but not when the manager ends, which takes nothing any more.
func (s *Sweeps) tell(ctx context.Context, user types.NamespacedName, why *tip) {
	s.mu.Lock()
	s.tips[user] = why
	s.mu.Unlock()
	object := &v1alpha1.CertCentralUser{}
	object.Namespace, object.Name = user.Namespace, user.Name
	select {
	case s.tipped <- event.GenericEvent{Object: object}:
	case <-ctx.Done():
	}
}

// tip returns why a resource should be looked at; nil when there is no reason.
func (s *Sweeps) tip(user types.NamespacedName) *tip {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tips[user]
}

// handled drops a tip that was followed, unless there is a newer one.
func (s *Sweeps) handled(user types.NamespacedName, followed *tip) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tips[user] == followed {
		delete(s.tips, user)
	}
}

// forget drops a resource that is gone.
func (s *Sweeps) forget(user types.NamespacedName) { s.handled(user, s.tip(user)) }

// forgetAccount drops an account that is gone.
func (s *Sweeps) forgetAccount(account types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accounts, account)
	delete(s.awaited, account)
}
