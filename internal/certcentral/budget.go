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

// take grants the tokens for so many requests, or returns an Error without Op: Throttled while a pause runs, Deferred when there is
// no room, Canceled or Unavailable when ctx is done. A Poll never waits, and takes only what is above the reserve; a Sweep may take
// half of that too. A Change waits for its turn, first come first served, if that comes soon; the tokens of those who wait are gone
// for polls.
func (b *Budget) take(ctx context.Context, lane Lane, tokens int) (grant, *Error) {
	if ctx.Err() != nil {
		return grant{}, gaveUp(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	tokens = min(tokens, b.limits.Burst)
	need, patience := tokens, max(maxChangeWait, b.limits.interval(float64(tokens)))
	switch lane {
	case Poll:
		need, patience = min(tokens+b.reserve(), b.limits.Burst), 0
	case Sweep:
		need, patience = min(tokens+b.reserve()/2, b.limits.Burst), 0
	case Change:
	}
	if left := b.pause.until.Sub(now); left > 0 {
		return grant{}, b.throttledUntil(lane, now, left, need)
	}
	b.advance(now)
	if b.bucket.full(b.limits.Burst) {
		clear(b.slots) // nobody came for these tokens
	}
	wait := b.fill(need)
	if wait > patience {
		return grant{}, &Error{Kind: Deferred, RetryAfter: b.slot(lane, now, wait, tokens)}
	}
	b.bucket.left -= float64(tokens)
	if wait > 0 {
		if failed := b.await(ctx, tokens, wait, patience); failed != nil {
			return grant{}, failed
		}
	}
	b.bucket.held += tokens
	return grant{budget: b, pauses: b.pause.count, tokens: tokens}, nil
}

// advance lets the bucket fill. What it has no room for comes later for those who wait, too.
func (b *Budget) advance(now time.Time) {
	if lost := b.bucket.advance(now, b.limits); lost > 0 {
		for _, t := range b.turns {
			t.at = t.at.Add(b.limits.interval(lost))
		}
	}
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
