package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// FuzzReconcile plays scripts of what people, CertCentral, Kubernetes and time do to the reconcilers, and looks for one after
// which a promise is broken. A move is three bytes: what (a letter of the table), whom it is about (a digit; 4 to 7: like 0 to
// 3, and reconciled at once), and how (a digit or what follows it in ASCII). Every string is a script.
func FuzzReconcile(f *testing.F) {
	for _, script := range seeds {
		f.Add(strings.Join(strings.Fields(script), ""))
	}
	f.Fuzz(func(t *testing.T, script string) {
		p := newPlay(t)
		defer p.agents.Sessions.forget(nameOf(p.account()))
		for i := 0; i+2 < len(script) && i < 3*maxMoves; i += 3 {
			p.move(script[i], script[i+1], script[i+2]-'0')
			p.expectKept()
		}
		p.settle()
	})
}

// maxMoves bounds a script: what needs more is for the tests that tell stories.
const maxMoves = 60

// seeds are the stories that the fuzzer starts from.
var seeds = []string{
	``,
	// each field of John declared in one write, changed one by one, cleared and given up; then only drift of others' fields
	`d00 d01 d02 d03 d04 d05 d06 r00 d47 d48 d49 d4: d4; d4< d4= d4B d4C u44 u40 r00 c0I c0E r00`,
	// the same for Jane, whose colleagues undo it, in all modes
	`d1; d1< d5= c5; c5J c5K m11 d58 c5I c5F m12 d59 c5; m10 r10`,
	// a write for an older generation, from a cache that lags, and in the middle of a reconcile
	`d4; d04 l01 c0I r00 r00 l00 r00`,
	`d0; r00 d04 l01 r00 r00 l00 r00 d0; i0P r00 r00 d04 l03 d4; R00 r00 l00 r00`,
	// suspended, observed, held, deleted and replaced between the look and the write
	`d0; i03 r00 s01 d04 i0B r00 m00 d0; i0F r00 M00 a00 d04 i0G r00 P00 a00 d0; i0E r00 d04 i04 r00 r00`,
	"n08 i0\x85 r00 r00",
	// the kill switch, and suspend with open changes
	`M02 a00 d4; c4B M01 a00 r00 c4; M00 a00 r00 s40 d4I r00 s41`,
	`m01 M02 a00 d4; m02 M01 a00 d44 r00`,
	// the account pinned rightly and wrongly
	`P02 a00 d4; P01 a00 r00 d4I P02 r00 a00 r00 P00 a00 r00`,
	// the key revoked, restored, rotated, gone and spoiled
	`d4; K00 d44 a00 r00 t01 K01 a00 r00 K02 t01 a00 d4; K04 t01 a00 r00 K05 a00 r00 K03 a00 d44 r00`,
	// answers to a write lost in both ways, then a restart
	`d0; f28 r00 r00 d04 f27 r00 r00 d0; f28 r00 R00 r00 d04 f28 w01 r00 R00 r00`,
	// a write that never arrives, and one refused, then undone by a person
	`d0; f2] r00 r00 r00 r00 d04 f20 r00 r00 q40 t04 r00 c4I r00 f22 c4B r00 K02 a00 r00`,
	// stale reads before and after a write
	`d0; c0I f1: r00 r00 d04 f1b r00 r00 t01 r00 c0; f1N r00 t01 r00 t02 r00`,
	// trouble with the look after a write
	`d4; f1r d44 r00 f1u d4; r00 f1v d44 r00 t01 r00`,
	// trouble with looks: each answer that is none
	`d4; f16 r00 f13 r00 f15 r00 t02 f1; r00 f1< r00 f1= r00 f1> r00 f1? r00 f1@ r00 f11 r00 t01 a00 r00`,
	// the key and names in what is said about it
	`d4; f1A r00 f1C r00 d04 f2B r00 r00 c4I f2C r00 f0B a00 f0C t03 a00 r00`,
	// a fight: the brake, over a restart and with statuses that are not written
	`d4; c4I c4B c4I R00 c4B c4I c4B w01 c4I t03 r00 t04 r00 R00 c4B c4I r00`,
	// values that do not stay, and writes that are ignored, refused, undone
	`y04 d4: r00 t01 r00 t02 r00 R00 r00 y00 y01 d4; r00 t01 r00 t02 r00 t03 r00 y02 d4I r00 y03 t04 r00 r00 r00`,
	// two resources for John, the older goes and comes back
	`n21 d2; r20 d4I r20 x00 r20 n01 d04 r00 r20 x20 r00`,
	// one that waits for an owner which has gone, and is looked at an hour later only
	`n21 d2; r20 r40 r20 x00`,
	// by username, who is renamed; and for another user under the same name
	`n45 d4; c47 r00 t04 r00 n06 d4; n41 d4; n03 d43 d4; r00`,
	// the wrong person, until it is confirmed
	`d0E d0F d0G d4H r00 C40 r00 d1E d1F d5; n41 d4F d4G`,
	// a service user, and a person without a name
	`n23 d6: d6; u64 c0F c0G d4; d48 d49`,
	// statuses that are refused, or written without an answer
	`w02 d4; r00 r00 w06 d44 r00 R01 r00 a00 r00 w03 c4I r00 r00`,
	// a status that was written without an answer, and a cache that shows the generation before it
	`d4; r00 d0< w03 r00 l02 c0J r00 l00 r00`,
	// a look that is news after an hour, and a write that is put off because the account has just changed
	`d4; r00 t04 c0I l04 P01 r00 l00 a00 r00`,
	// walks that find drift, in all modes; that fail, and end later; and rows that lie
	`d4; W00 c4I W00 r00 W00 m01 r00 c0B W00 r00 m02 r00 r00 m00 r00 W00 r00`,
	`d4; d5; W00 f16 W00 c0I W01 W01 r00 r10 f16 f16 f16 W02 W02 W02 r00 c1J r10 W00 r00 r10 R00 r00 W00 r00 r10`,
	`d4; d5; W00 c0I f1: W00 r00 r10 W00 r00 f1< W00 f1> W00 f13 W00 r00 f12 W00 r00 r10 W02 K00 W00 r00 a00 r00 K01 a00 W00 r00`,
	// walks while a mode only reports that another person may be meant
	`m02 d0F d0G d4; r00 W00 r00 W00 r00 M02 m00 W00 r00`,
	// a user created, deleted, renamed or suspended between two walks; a status that is not written, a cache that lags
	`W00 n03 d4; r00 W00 r00 x10 W00 n15 r10 W00 c5E W00 r10 r10 s01 c0I W00 r00 s00 r00 w01 c0B W00 r00 r00 l02 d0; W00 r00 l00 r00`,
	// backups: of the owner and of who waits for it, in another order, with their statuses and without, over a restart
	`n21 d2; r20 d4I r20 x00 x20 B24 r20 B04 r00 r20 t00 r00 r20`,
	`d4; n21 d28 r20 B03 r00 B25 r20 R00 r20 r00 t01 r20 r00 c0I r00 B01 r00 t04 r00`,
	// a service that stores something else than it was sent, of what is declared and of what is not
	`c06 c0= y06 d4; r00 t01 r00 c4I r00 d10 d11 r10 y00 t03 r00 r10`,
	`y07 d4K r00 c0L d48 r00 t01 r00 d4; r00 y00 d4I r00`,
	// restarts and time without anything new
	`d4; R01 r00 a00 r00 t04 r00 R00 r00 t03 a00 r00 l07 R00 r00`,
}

// move is one line of a script: who is 0 to 2, and how is any number.
type move struct {
	letter byte
	name   string
	do     func(p *play, who int, how byte) string // returns the details, in words
}

// move makes the move that the bytes stand for.
func (p *play) move(what, whom, how byte) {
	m := moves[int(what)%len(moves)]
	for _, named := range moves {
		if named.letter == what {
			m = named
		}
	}
	who := int(whom&3) % len(names)
	p.moves = append(p.moves, m.name)
	last := len(p.moves) - 1
	p.moves[last] = strings.TrimSpace(fmt.Sprintf("%s %s %s", m.name, names[who], m.do(p, who, how)))
	p.wait(time.Second)
	if whom&4 != 0 {
		p.moves = append(p.moves, "  reconcile "+names[who])
		p.reconcile(names[who])
		p.wait(time.Second)
	}
}

// fieldOf and numberOf read which field a move is about, and which of its values.
func fieldOf(how byte) string { return append(profileFields[:6:6], ssoField)[how%7] }
func numberOf(how byte) byte  { return how / 7 % 4 }

// pick chooses one of a list.
func pick[T any](from []T, how byte) T { return from[int(how)%len(from)] }

// create puts a resource for a person in place, by id or by the username that it has now. One of the name that is there goes.
func (p *play) create(who, person int, byUsername, titled bool) {
	p.delete(names[who])
	p.apply(names[who], func(user *v1alpha1.CertCentralUser) {
		user.Spec.AccountRef.Name, user.Spec.Mode = "digicert", v1alpha1.ModeEnforce
		id := people[person]
		if byUsername {
			user.Spec.UserRef.Username = new(p.User(id)["username"].(string))
		} else {
			user.Spec.UserRef.ID = &id
		}
		if titled {
			declare(&user.Spec.Profile, "job_title", valueOf(person, "job_title", 1))
		}
	})
}

// personOf is the index of the person that a resource is for.
func (p *play) personOf(who int) int {
	user := p.user(names[who])
	for i, id := range people {
		if user != nil && (user.Spec.UserRef.ID != nil && *user.Spec.UserRef.ID == id || user.Status.UserID == id) {
			return i
		}
	}
	return who
}

// edit changes the spec of a resource that is there.
func (p *play) edit(who int, change func(*v1alpha1.CertCentralUserSpec)) {
	if p.user(names[who]) != nil {
		p.apply(names[who], func(user *v1alpha1.CertCentralUser) { change(&user.Spec) })
	}
}

// setOwner has an identity provider or the service itself meddle with writes, in one of a few ways; 0 is in none.
func (p *play) setOwner(how byte) string {
	owned := func(fate simulator.Fate) simulator.Rules {
		return simulator.Rules{Limits: []simulator.Limit{}, Owned: map[int64]simulator.Owned{john: {Put: fate, After: 2}}}
	}
	words := []string{"none", "ignored", "refused", "undone", "lowered", "kept when left out", "clearing a flag that is left out", "cut"}
	rules := pick([]simulator.Rules{
		{Limits: []simulator.Limit{}},
		owned(simulator.Ignored), owned(simulator.Refused), owned(simulator.Undone),
		{Limits: []simulator.Limit{}, EmailLowered: true},
		{Limits: []simulator.Limit{}, OmittedKept: true},
		{Limits: []simulator.Limit{}, OmittedSSOCleared: true},
		{Limits: []simulator.Limit{}, CutTo: map[string]int{"job_title": 12, "telephone": 4}},
	}, how)
	p.SetRules(rules)
	p.damaged = p.damaged || rules.OmittedSSOCleared || rules.CutTo != nil || rules.EmailLowered
	return pick(words, how)
}
