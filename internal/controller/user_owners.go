package controller

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// takeOverAfter is how long a claimant with something to write waits for a former owner to come back: it may be deleted and made
	// anew, as by kubectl replace --force or by a restore.
	takeOverAfter = 10 * time.Second
	// ownersKept is how long the owner of a user is remembered that nobody looked at since.
	ownersKept = 7 * 24 * time.Hour
	// ownersPruned is how often those are looked for.
	ownersPruned = time.Hour
)

// owners remembers which resource had each CertCentral user last, by name: that outlives the deletion of the resource. It is what this
// process saw itself, never what a status says.
type owners struct {
	mu     sync.Mutex
	last   map[personKey]*owner
	waits  map[types.UID]time.Time // since when claimants wait for a former owner to come back
	pruned time.Time
}

// personKey is a user of a CertCentral account.
type personKey struct{ account, user int64 }

// owner is who had a user last.
type owner struct {
	name types.NamespacedName
	seen time.Time // when it had it
}

// of returns who had a user last, whichever of its accounts it is known by; no name when nobody knows.
func (o *owners) of(persons []personKey) types.NamespacedName {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range persons {
		if last := o.last[key]; last != nil {
			return last.name
		}
	}
	return types.NamespacedName{}
}

// have records that a resource has a user now.
func (o *owners) have(name types.NamespacedName, persons []personKey, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last == nil {
		o.last, o.pruned = map[personKey]*owner{}, now
	}
	for _, key := range persons {
		if last := o.last[key]; last != nil && last.name == name {
			last.seen = now
			continue
		}
		o.last[key] = &owner{name: name, seen: now}
	}
	o.prune(now)
}

// await returns how much longer a claimant has to wait for a former owner.
func (o *owners) await(claimant types.UID, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waits == nil {
		o.waits = map[types.UID]time.Time{}
	}
	if _, waits := o.waits[claimant]; !waits {
		o.waits[claimant] = now
	}
	return o.waits[claimant].Add(takeOverAfter).Sub(now)
}

// stop ends the wait of a claimant, for whatever reason.
func (o *owners) stop(claimant types.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waits, claimant)
}

// prune forgets whom nobody looked at for long. The caller holds the lock.
func (o *owners) prune(now time.Time) {
	if now.Sub(o.pruned) < ownersPruned {
		return
	}
	o.pruned = now
	maps.DeleteFunc(o.last, func(_ personKey, last *owner) bool { return now.Sub(last.seen) > ownersKept })
	maps.DeleteFunc(o.waits, func(_ types.UID, since time.Time) bool { return now.Sub(since) > ownersKept })
}
