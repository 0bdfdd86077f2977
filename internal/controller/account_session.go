package controller

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// session is an account as this process uses it: a client, and what CertCentral told about its key.
type session struct {
	client     *certcentral.Client
	connection connection
	uid        types.UID
	generation int64              // of the account's spec that it was last judged by
	owner      *certcentral.User  // the user that owns the key; nil while CertCentral never accepted it
	services   map[int64]struct{} // ids of CertCentral's api-only list, as far as it could be read
	askedAt    time.Time          // when CertCentral last accepted or refused the key
	refused    bool               // it was refused then
}

// connection is all of an account that a client is made of; another one needs another client.
type connection struct {
	endpoint certcentral.Endpoint
	key      string // fingerprint
	caBundle string
}

// serviceUser tells whether the id is one of CertCentral's api-only list.
func (s *session) serviceUser(id int64) bool {
	_, ok := s.services[id]
	return ok
}

// accountID returns the CertCentral account of the key; 0 when it is not known.
func (s *session) accountID() int64 {
	if s == nil || s.owner == nil {
		return 0
	}
	return s.owner.AccountID
}

// Sessions hands the accounts that the account reconciler opened to the user reconciler, and wakes each of the two for the
// other. A session that is here is never changed, but replaced.
type Sessions struct {
	Budgets *certcentral.Budgets
	Places  *certcentral.Places // of the user reconciler's workers

	mu      sync.RWMutex
	open    map[types.NamespacedName]*session // users may use these
	held    map[types.NamespacedName]*session // nobody may, but what is known of them saves questions
	opened  chan event.GenericEvent           // accounts whose users can go on
	ready   chan event.GenericEvent           // accounts that can be swept
	doubted chan event.GenericEvent           // accounts whose key was refused, or may have been, or of which there is something to say

	doubts     map[types.NamespacedName]*certcentral.Client           // whose key may be what a 401 in somebody else's words meant
	unreadable map[types.NamespacedName]map[certcentral.Part]struct{} // parts of users that could not be read, as far as it was told
	resets     flagResets                                             // users whose SSO flag a write reset by leaving it out
}

// NewSessions returns no sessions.
func NewSessions(budgets *certcentral.Budgets, places *certcentral.Places) *Sessions {
	return &Sessions{
		Budgets: budgets,
		Places:  places,
		open:    map[types.NamespacedName]*session{},
		held:    map[types.NamespacedName]*session{},
		opened:  make(chan event.GenericEvent, 1024),
		ready:   make(chan event.GenericEvent, 1024),
		doubted: make(chan event.GenericEvent, 1024),

		doubts:     map[types.NamespacedName]*certcentral.Client{},
		unreadable: map[types.NamespacedName]map[certcentral.Part]struct{}{},
	}
}

// get returns the session of an account as it is declared now; nil when there is none.
func (s *Sessions) get(key types.NamespacedName, account *v1alpha1.CertCentralAccount) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if open := s.open[key]; open != nil && open.uid == account.UID && open.generation == account.Generation {
		return open
	}
	return nil
}

// accountID returns the CertCentral account that an account object was last seen to be; 0 when it is not known.
func (s *Sessions) accountID(key types.NamespacedName) int64 {
	return s.last(key).accountID()
}

// last returns what is known of an account, open or held; nil when nothing is.
func (s *Sessions) last(key types.NamespacedName) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if open := s.open[key]; open != nil {
		return open
	}
	return s.held[key]
}

// admit opens a session, unless its key was refused since CertCentral was last asked whose it is.
func (s *Sessions) admit(key types.NamespacedName, next *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.held[key]
	if held != nil && held.refused && held.client == next.client && held.askedAt.After(next.askedAt) {
		return
	}
	s.swap(key, s.open, next)
}

// wake wakes an account's users.
func (s *Sessions) wake(key types.NamespacedName) { wakeUp(s.opened, key) }

// hold keeps a session from being used, until another one is admitted.
func (s *Sessions) hold(key types.NamespacedName, next *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swap(key, s.held, next)
}

// swap puts the session, nil for none, in one of the two maps and takes the former out of both. The caller holds the lock.
func (s *Sessions) swap(key types.NamespacedName, into map[types.NamespacedName]*session, next *session) {
	open, held := s.open[key], s.held[key]
	delete(s.open, key)
	delete(s.held, key)
	if next != nil {
		into[key] = next
	}
	for _, before := range []*session{open, held} {
		if before != nil && (next == nil || before.client != next.client) {
			before.client.Close()
		}
	}
}

// refuse holds a session because CertCentral just refused its key: nothing asks with it from now on, and the account is
// woken to see whether there is another.
func (s *Sessions) refuse(key types.NamespacedName, bad *session, now time.Time) {
	s.mu.Lock()
	current := s.open[key]
	doubted := current != nil && current.client == bad.client
	if doubted {
		next := *current
		next.refused, next.askedAt = true, now
		delete(s.open, key)
		s.held[key] = &next
	}
	s.mu.Unlock()
	if doubted {
		wakeUp(s.doubted, key)
	}
}

// forget drops an account that is gone or can't be used; its budget goes with it.
func (s *Sessions) forget(key types.NamespacedName) {
	s.hold(key, nil)
	s.Budgets.Release(key.String())
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doubts, key)
	delete(s.unreadable, key)
}

func wakeUp(waiting chan<- event.GenericEvent, key types.NamespacedName) {
	waiting <- event.GenericEvent{Object: &v1alpha1.CertCentralAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
	}}
}
