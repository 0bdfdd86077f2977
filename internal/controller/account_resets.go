package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// flagResets knows, of each account, the users for whom a write that left the SSO flag out changed it. What it knows is read from the
// users' statuses once, and kept up from then on.
type flagResets struct {
	mu       sync.Mutex
	accounts map[types.NamespacedName]map[types.NamespacedName]struct{}
}

// of returns the users of an account, in their order.
func (f *flagResets) of(ctx context.Context, cache client.Reader, account types.NamespacedName) ([]string, error) {
	f.mu.Lock()
	_, known := f.accounts[account]
	f.mu.Unlock()
	if !known {
		users, err := referring(ctx, cache, account)
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		f.users(account)
		f.mu.Unlock()
		for _, user := range users {
			if slices.ContainsFunc(user.Status.UnexpectedChanges, leftOut) {
				f.add(account, nameOf(user))
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for user := range f.accounts[account] {
		names = append(names, user.String())
	}
	slices.Sort(names)
	return names, nil
}

// users returns the users of an account; the caller holds the lock.
func (f *flagResets) users(account types.NamespacedName) map[types.NamespacedName]struct{} {
	if f.accounts == nil {
		f.accounts = map[types.NamespacedName]map[types.NamespacedName]struct{}{}
	}
	if f.accounts[account] == nil {
		f.accounts[account] = map[types.NamespacedName]struct{}{}
	}
	return f.accounts[account]
}

// add takes notice of a user, and tells whether that is news.
func (f *flagResets) add(account, user types.NamespacedName) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	users := f.users(account)
	_, known := users[user]
	users[user] = struct{}{}
	return !known
}

// release forgets a user, but for the account given, and returns the accounts that it was remembered of.
func (f *flagResets) release(user types.NamespacedName, but types.NamespacedName) []types.NamespacedName {
	f.mu.Lock()
	defer f.mu.Unlock()
	var accounts []types.NamespacedName
	for account, users := range f.accounts {
		if _, known := users[user]; known && account != but {
			delete(users, user)
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// forget drops an account that is gone.
func (f *flagResets) forget(account types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.accounts, account)
}

// leftOut tells whether a change is that of a flag which the write left out.
func leftOut(c v1alpha1.UnexpectedChange) bool {
	return c.Omitted && c.Origin == v1alpha1.OriginService
}

// releaseReset forgets a user whose flag is nobody's concern any more: the account says so, and its users go on.
func (s *Sessions) releaseReset(user, but types.NamespacedName) {
	for _, account := range s.resets.release(user, but) {
		wakeUp(s.doubted, account)
		s.wake(account)
	}
}

// warnOfResets has an account's verdict say that writes which leave the SSO flag out are stopped.
func (r *AccountReconciler) warnOfResets(ctx context.Context, account *v1alpha1.CertCentralAccount, v *verdict) error {
	if v.reason != v1alpha1.ReasonAvailable || account.Spec.SAMLSSOOnlyWrites == v1alpha1.FlagAlways {
		return nil
	}
	affected, err := r.Sessions.resets.of(ctx, r.Client, client.ObjectKeyFromObject(account))
	if err != nil || len(affected) == 0 {
		return err
	}
	named := strings.Join(affected[:min(maxNamed, len(affected))], ", ")
	if more := len(affected) - maxNamed; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	v.reason = v1alpha1.ReasonUnexpectedChange
	v.note += fmt.Sprintf(" A write that left samlSSOOnly out changed it for %s: nothing is written without it until spec.samlSSOOnlyWrites "+
		"is Always, or that is accepted there.", named)
	return nil
}

func nameOf(object client.Object) types.NamespacedName { return client.ObjectKeyFromObject(object) }
