package certcentral

import (
	"sync"
	"time"
)

// keepUnused is how long a budget outlives its last account, so that calls under way and a pause still count when the
// key comes back: longer than any pause.
const keepUnused = 15 * time.Minute

// Limits are what one API key may use. Values below 1 count as 1.
type Limits struct {
	PerMinute int // requests a minute, in the long run
	Burst     int // requests at once, after a quiet time
}

// Budgets holds one Budget for each API key in the process, however many accounts use it. Safe for concurrent use.
type Budgets struct {
	now func() time.Time

	mu    sync.Mutex
	keys  map[string]*keyUse // by fingerprint
	users map[string]string  // account → fingerprint
}

// keyUse is one key's budget and who declared what for it.
type keyUse struct {
	budget   *Budget
	declared map[string]Limits // by account
	unused   time.Time         // since when declared is empty
}

// NewBudgets starts without any key. The clock is time.Now when now is nil.
func NewBudgets(now func() time.Time) *Budgets {
	if now == nil {
		now = time.Now
	}
	return &Budgets{now: now, keys: map[string]*keyUse{}, users: map[string]string{}}
}

// Use registers that the account uses the key with these limits, in place of what it used before, and returns the key's
// budget: the same one for each account and each call. The smallest of the declared limits count. Account is any name
// that is unique in the process. Repeating a Use changes nothing.
func (b *Budgets) Use(account string, key APIKey, l Limits) *Budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	fingerprint := key.Fingerprint()
	if b.users[account] != fingerprint {
		b.release(account)
	}
	l = Limits{PerMinute: max(l.PerMinute, 1), Burst: max(l.Burst, 1)}
	use, found := b.keys[fingerprint]
	if !found {
		use = &keyUse{budget: newBudget(fingerprint, l, b.now), declared: map[string]Limits{}}
		b.keys[fingerprint] = use
	}
	use.declared[account] = l
	b.users[account] = fingerprint
	use.budget.limit(use.smallest())
	return use.budget
}

// Release takes back the account's use. Unknown accounts are no error.
func (b *Budgets) Release(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.release(account)
}

func (b *Budgets) release(account string) {
	b.forgetUnused()
	fingerprint, found := b.users[account]
	if !found {
		return
	}
	delete(b.users, account)
	use := b.keys[fingerprint]
	delete(use.declared, account)
	if len(use.declared) == 0 {
		use.unused = b.now() // the limits stay as they were for calls under way
		return
	}
	use.budget.limit(use.smallest())
}

func (b *Budgets) forgetUnused() {
	now := b.now()
	for fingerprint, use := range b.keys {
		if len(use.declared) == 0 && now.Sub(use.unused) > keepUnused {
			delete(b.keys, fingerprint)
		}
	}
}

// smallest is what all the declared limits allow.
func (u *keyUse) smallest() Limits {
	var smallest Limits
	for _, l := range u.declared {
		if smallest == (Limits{}) {
			smallest = l
		}
		smallest = Limits{PerMinute: min(smallest.PerMinute, l.PerMinute), Burst: min(smallest.Burst, l.Burst)}
	}
	return smallest
}
