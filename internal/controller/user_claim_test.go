package controller

import (
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// Claims are spelled here as what there is to say of them, in the order of their age, the oldest first.
func aClaim(name string, title string, says ...func(*claim)) claim {
	c := claim{name: types.NamespacedName{Namespace: "pki", Name: name}}
	if title != "" {
		c.declared = profile.Declared{JobTitle: &title}
	}
	for _, say := range says {
		say(&c)
	}
	return c
}

func hadIt(c *claim)         { c.owned = true }
func lostIt(c *claim)        { c.lost = true }
func canNotTakeIt(c *claim)  { c.waits = true }
func declaresPhone(c *claim) { c.declared.Telephone = new("1-555") }
func lostItTo(name string) func(*claim) {
	return func(c *claim) { c.lost, c.names = true, "pki/"+name }
}

func TestWhoOwnsAUser(t *testing.T) {
	const nobody, look = "nobody", "look"
	for reason, test := range map[string]struct {
		claims []claim
		last   string
		live   string // job title; "" as long as nobody looked
		owner  string
	}{
		"the only one, before any look": {claims: []claim{aClaim("a", "Boss")}, owner: "a"},
		"one that says that it lost, when nobody else is there": {
			claims: []claim{aClaim("a", "Boss", lostItTo("gone"))}, owner: "a",
		},
		"who had it last, whatever age, statuses and the live profile say": {
			claims: []claim{aClaim("a", "Boss", hadIt), aClaim("z", "Clerk", lostIt)}, last: "z", live: "Boss", owner: "z",
		},
		"nobody who had it last and is gone": {claims: []claim{aClaim("a", "Boss", hadIt), aClaim("b", "Clerk")}, last: "z", owner: "a"},
		"whose status says so":               {claims: []claim{aClaim("a", "Boss"), aClaim("z", "Clerk", hadIt)}, live: "Boss", owner: "z"},
		"whom another one's status names": {
			claims: []claim{aClaim("a", "Boss", lostItTo("z")), aClaim("z", "Clerk")}, live: "Boss", owner: "z",
		},
		"not one that is named, and says itself that it lost": {
			claims: []claim{aClaim("a", "Boss", lostItTo("z")), aClaim("z", "Clerk", lostIt)}, live: "Boss", owner: "a",
		},
		"nobody, when two statuses say so and disagree": {
			claims: []claim{aClaim("a", "Boss", hadIt), aClaim("z", "Clerk", hadIt)}, live: "Boss", owner: nobody,
		},
		"the older, when two statuses say so and agree": {
			claims: []claim{aClaim("a", "Boss"), aClaim("b", "Clerk", hadIt), aClaim("c", "Clerk", hadIt)}, owner: "b",
		},
		"a look tells, when nothing else does": {claims: []claim{aClaim("a", "Boss"), aClaim("z", "Clerk")}, owner: look},
		"a look tells, also when they agree":   {claims: []claim{aClaim("a", "Boss"), aClaim("z", "Boss")}, owner: look},
		"whose declaration is live":            {claims: []claim{aClaim("a", "Boss"), aClaim("z", "Clerk")}, live: "Clerk", owner: "z"},
		"not one that is live but for a field": {
			claims: []claim{aClaim("a", "Clerk", declaresPhone), aClaim("z", "Clerk")}, live: "Clerk", owner: "z",
		},
		"nobody, when they disagree and neither is live": {
			claims: []claim{aClaim("a", "Boss"), aClaim("z", "Clerk")}, live: "Intern", owner: nobody,
		},
		"still nobody, when they said so": {
			claims: []claim{aClaim("a", "Boss", lostIt), aClaim("z", "Clerk", lostIt)}, live: "Intern", owner: nobody,
		},
		"still nobody, when a third one comes": {
			claims: []claim{aClaim("a", "Boss", lostIt), aClaim("c", ""), aClaim("z", "Clerk", lostIt)}, live: "Intern", owner: nobody,
		},
		"the older, when they agree": {claims: []claim{aClaim("a", "Boss"), aClaim("b", "Boss")}, live: "Intern", owner: "a"},
		"the older, when they declare different fields": {
			claims: []claim{aClaim("a", "", declaresPhone), aClaim("b", "Boss")}, live: "Intern", owner: "a",
		},
		"not one that can't take it": {
			claims: []claim{aClaim("a", "Boss", canNotTakeIt), aClaim("z", "Clerk")}, owner: "z",
		},
		"one that can't take it but has it": {
			claims: []claim{aClaim("a", "Boss"), aClaim("z", "Clerk", canNotTakeIt, hadIt)}, owner: "z",
		},
		"one that can't take it but had it last": {
			claims: []claim{aClaim("a", "Boss"), aClaim("z", "Clerk", canNotTakeIt)}, last: "z", owner: "z",
		},
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			for i := range test.claims {
				test.claims[i].created = time.Unix(int64(i), 0)
			}
			var live *certcentral.Profile
			if test.live != "" {
				live = &certcentral.Profile{JobTitle: test.live}
			}
			for range test.claims { // the same, whoever asks
				test.claims = append(test.claims[1:], test.claims[0])
				judged := ownerOf(slices.Clone(test.claims), types.NamespacedName{Namespace: "pki", Name: test.last}, live)
				switch test.owner {
				case look:
					g.Expect(judged).To(Equal(ownership{unknown: true}))
				case nobody:
					g.Expect(judged).To(Equal(ownership{disputed: []profile.Field{profile.JobTitle}}))
				default:
					g.Expect(judged.owner).NotTo(BeNil())
					g.Expect(judged.owner.name.Name).To(Equal(test.owner))
				}
			}
		})
	}
}
