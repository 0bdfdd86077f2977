package certcentral

import (
	"context"
	"math"
	"sync"
	"time"
)

const (
	// maxChangeWait is how long a call of the Change lane waits for its tokens before it is deferred, if they come that fast.
	maxChangeWait = 5 * time.Second
	// slotHorizon is how far ahead slots are handed out. Past it they start again at the near end, so that slots nobody
	// came back for, since a walk told or the spec changed, don't keep the others waiting beside tokens that nobody takes.
	slotHorizon = time.Minute
)

// Lane is the class of a call: it decides who goes first when the budget is short.
type Lane int

const (
	Poll   Lane = iota // background looks at one user: never wait, are deferred with a slot to come back in
	Sweep              // background looks at all users: the same, but before those that they make needless
	Change             // what a person changed, and everything in pursuit of a write: waits a little, goes first
)

// Budget is what is left of one API key's requests, for all that use the key. It starts empty, so that an operator which
// restarts in a loop stays inside it too. A 429 pauses it for everyone. Get one from Budgets.
//
// A token is granted before a request and spent when the request's bytes leave. Until then the bucket keeps its place free, so
// that however long connections and confirmations take, in any window of time no more requests leave than the burst and what the
// rate allows meanwhile.
type Budget struct {
	fingerprint string
	now         func() time.Time

	mu     sync.Mutex
	limits Limits
	bucket bucket
	turns  []*turn            // of those who wait for tokens, in the order of their coming
	slots  map[Lane]time.Time // when the lane's next deferred call may come back
	marked int                // tokens for the writes that polls under way may find to be made
	looked time.Duration      // how long the last look took: the tokens of that time have come when a look under way is over
	pause  pause
	used   usage
}

func newBudget(fingerprint string, l Limits, now func() time.Time) *Budget {
	b := &Budget{fingerprint: fingerprint, now: now, limits: l, slots: map[Lane]time.Time{}}
	b.pause.begun = make(chan struct{})
	b.bucket.drain(now())
	return b
}

// limit sets new limits; tokens and the pause stay.
func (b *Budget) limit(l Limits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limits == l {
		return
	}
	b.advance(b.now())
	b.limits = l
	b.bucket.trim(l.Burst)
}

// perSecond is the rate at which tokens come.
func (l Limits) perSecond() float64 { return float64(l.PerMinute) / 60 }

// interval is the time in which so many tokens come, rounded up.
func (l Limits) interval(tokens float64) time.Duration {
	return time.Duration(math.Ceil(tokens / l.perSecond() * float64(time.Second)))
}

// reserve is what polls leave in the bucket for the Change lane: a quarter, at least 1, but never all of it.
func (b *Budget) reserve() int {
	return min(max(b.limits.Burst/4, 1), b.limits.Burst-1)
}

// want is what tokens are asked for.
type want struct {
	tokens int
	later  int  // tokens that may be needed after these: a Change takes them with these, a Poll has them marked
	first  bool // a Change that goes before those that have not begun
}

// take grants the tokens that are wanted, or returns an Error without Op: Throttled while a pause runs, Deferred when there is
// no room, Canceled or Unavailable when ctx is done. A Poll never waits, and takes only what is above the reserve and above what may be
// needed for what looks under way find; a Sweep may take half of the reserve too. A Change waits for its turn, first come first served,
// if that comes soon; the tokens of those who wait are gone for polls.
func (b *Budget) take(ctx context.Context, lane Lane, w want) (grant, *Error) {
	if ctx.Err() != nil {
		return grant{}, gaveUp(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if lane == Change {
		w.tokens, w.later = w.tokens+w.later, 0
	}
	w.tokens = min(w.tokens, b.limits.Burst)
	need, patience := b.need(lane, w), time.Duration(0)
	if lane == Change {
		patience = max(maxChangeWait, b.limits.interval(float64(w.tokens)))
	}
	if left := b.pause.until.Sub(now); left > 0 {
		return grant{}, b.throttledUntil(lane, now, left, need)
	}
	b.advance(now)
	if b.bucket.full(b.limits.Burst) {
		clear(b.slots) // nobody came for these tokens
	}
	wait := b.fill(need)
	if w.first {
		wait = b.fill(need - b.behind())
	}
	if wait > patience {
		return grant{}, &Error{Kind: Deferred, RetryAfter: b.slot(lane, now, wait, w.tokens)}
	}
	b.bucket.left -= float64(w.tokens)
	if failed := b.await(ctx, w, wait, patience); failed != nil {
		return grant{}, failed
	}
	b.bucket.held += w.tokens
	b.marked += w.later
	return grant{budget: b, pauses: b.pause.count, tokens: w.tokens, marked: w.later}, nil
}

// need is how many tokens have to be in the bucket.
func (b *Budget) need(lane Lane, w want) int {
	spare := 0
	switch lane {
	case Poll:
		spare = b.reserve()
	case Sweep:
		spare = b.reserve() / 2
	case Change:
		return w.tokens
	}
	come := int(b.limits.perSecond() * b.looked.Seconds())
	return min(w.tokens+spare+max(0, b.marked+w.later-come), b.limits.Burst)
}

// advance lets the bucket fill. What it has no room for comes later for those who wait, too.
func (b *Budget) advance(now time.Time) {
	if lost := b.bucket.advance(now, b.limits); lost > 0 {
		for _, t := range b.turns {
			t.at = t.at.Add(b.limits.interval(lost))
		}
	}
}

// tookLook notes how long a look took. One slow answer says little of the next ones: no more of it counts than a write would wait.
func (b *Budget) tookLook(took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked = min(took, maxChangeWait)
}

// fill is the time until the bucket holds so many tokens.
func (b *Budget) fill(tokens int) time.Duration {
	missing := float64(tokens) - b.bucket.left
	if missing <= rounding {
		return 0
	}
	return b.limits.interval(missing)
}

// later is the time until the lane's next place in the line, whatever room there is.
func (b *Budget) later(lane Lane) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slot(lane, b.now(), time.Second, 1)
}

// slot is the time until the lane's next place in the line: not before first from now, and the time of its tokens after the
// place given last, so that those who were refused together don't come back together. Of polls most give back all but one.
func (b *Budget) slot(lane Lane, now time.Time, first time.Duration, tokens int) time.Duration {
	earliest := now.Add(first)
	place := b.slots[lane]
	if place.Before(earliest) || place.Sub(earliest) > slotHorizon {
		place = earliest
	}
	if lane != Change {
		tokens = 1
	}
	b.slots[lane] = place.Add(b.limits.interval(float64(tokens)))
	return place.Sub(now)
}
