package controller

import (
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// doubtsKey tells whether an error is a 401 that is not CertCentral's own word.
func doubtsKey(err error) bool {
	var failure *certcentral.Error
	return errors.As(err, &failure) && failure.DoubtsKey()
}

// doubt has the account find out whether a client's key is still good. Users go on meanwhile: one odd answer stops nobody.
func (s *Sessions) doubt(key types.NamespacedName, client *certcentral.Client) {
	if s.suspect(key, client) {
		wakeUp(s.doubted, key)
	}
}

// suspect records that a client's key is in doubt, and tells whether that is news.
func (s *Sessions) suspect(key types.NamespacedName, client *certcentral.Client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.doubts[key] != client
	s.doubts[key] = client
	return news
}

// inDoubt tells whether a client's key is in doubt.
func (s *Sessions) inDoubt(key types.NamespacedName, client *certcentral.Client) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.doubts[key] == client
}

// assure ends all doubt about an account's key.
func (s *Sessions) assure(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doubts, key)
}

// firstUnreadable tells whether it is news that a part of an account's users can't be read.
func (s *Sessions) firstUnreadable(key types.NamespacedName, part certcentral.Part) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.unreadable[key][part]
	if s.unreadable[key] == nil {
		s.unreadable[key] = map[certcentral.Part]struct{}{}
	}
	s.unreadable[key][part] = struct{}{}
	return !known
}
