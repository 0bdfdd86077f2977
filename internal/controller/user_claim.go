package controller

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// claim is one resource's claim to a CertCentral user, as far as its owner is judged by it.
type claim struct {
	name     types.NamespacedName
	created  time.Time
	declared profile.Declared
	// owned is true if its status says that it had this very user: that it was written, settled, or judged.
	owned bool
	// lost is true if its status says that another one has the user, or nobody; names is that other one.
	lost  bool
	names string
	// waits is true if it can't take the user over: its account can't be used, or nobody can tell whether the account allows it.
	waits bool
}

// ownership is whose a CertCentral user is.
type ownership struct {
	owner *claim // nil: nobody's, or not known
	// unknown is true if only the live profile can tell.
	unknown bool
	// disputed are the fields that the claimants declare differently, where nothing tells whose the user is.
	disputed []profile.Field
}

// ownerOf judges whose a user is. Evidence goes before age: who had it last, as this process remembers (last); whose status says so;
// whose declaration the live profile satisfies, nil as long as nobody looked. Among those that are equal in that, and agree on every
// field that both declare, the oldest owns it; of those that don't agree nobody does.
func ownerOf(claims []claim, last types.NamespacedName, live *certcentral.Profile) ownership {
	had := func(c claim) bool { return c.owned || !c.lost && named(claims, c) }
	running := choose(claims, func(c claim) bool { return !c.waits || c.name == last || had(c) })
	if pool := choose(running, func(c claim) bool { return c.name == last }); len(pool) > 0 {
		return oldestOf(pool)
	}
	if pool := choose(running, had); len(pool) > 0 {
		return oldestOf(pool)
	}
	if len(running) > 1 && live == nil {
		return ownership{unknown: true}
	}
	if live != nil {
		satisfied := func(c claim) bool { return c.declared != profile.Declared{} && profile.Satisfied(c.declared, *live) }
		if pool := choose(running, satisfied); len(pool) > 0 {
			return oldestOf(pool)
		}
	}
	return oldestOf(running)
}

// oldestOf returns the oldest of claims that agree; nobody if they don't.
func oldestOf(claims []claim) ownership {
	var o ownership
	for i := range claims {
		if o.owner == nil || claims[i].before(*o.owner) {
			o.owner = &claims[i]
		}
		for _, other := range claims[:i] {
			o.disputed = append(o.disputed, profile.Disputed(claims[i].declared, other.declared)...)
		}
	}
	if len(o.disputed) > 0 {
		o.owner = nil
		o.disputed = profile.InOrder(o.disputed)
	}
	return o
}

// before orders by age, then namespace, then name.
func (c claim) before(other claim) bool {
	if !c.created.Equal(other.created) {
		return c.created.Before(other.created)
	}
	return c.name.String() < other.name.String()
}

// named tells whether a claimant that lost the user names this one as its owner.
func named(claims []claim, owner claim) bool {
	return slices.ContainsFunc(claims, func(c claim) bool { return c.lost && c.names == owner.name.String() })
}

func choose(claims []claim, has func(claim) bool) []claim {
	var chosen []claim
	for _, c := range claims {
		if has(c) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}
