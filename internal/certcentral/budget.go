package certcentral

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxChangeWait is how long a call of the Change lane waits for its token before it is deferred.
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

// Budget is what is left of one API key's requests: a token bucket, shared by all that use the key. It starts empty, so
// that an operator which restarts in a loop stays inside it too. A 429 pauses it for everyone. Get one from Budgets.
type Budget struct {
	fingerprint string
	now         func() time.Time

	mu     sync.Mutex
	limits Limits
	bucket *rate.Limiter
	slots  map[Lane]time.Time // when the lane's next deferred call may come back
	pause  pause
	used   usage
}

func newBudget(fingerprint string, l Limits, now func() time.Time) *Budget {
	b := &Budget{fingerprint: fingerprint, now: now, limits: l, slots: map[Lane]time.Time{}}
	b.pause.begun = make(chan struct{})
	b.drain(now())
	return b
}

// limit sets new limits; tokens and the pause stay.
func (b *Budget) limit(l Limits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limits == l {
		return
	}
	b.limits = l
	now := b.now()
	if now.Before(b.pause.until) {
		b.drain(b.pause.until)
		return
	}
	b.bucket.SetLimitAt(now, l.rate())
	b.bucket.SetBurstAt(now, l.Burst)
}

func (l Limits) rate() rate.Limit { return rate.Limit(l.PerMinute) / 60 }

// interval is the time in which one token comes.
func (l Limits) interval() time.Duration { return time.Minute / time.Duration(l.PerMinute) }

// drain makes the bucket empty as of at, which may lie ahead: it fills from then on.
func (b *Budget) drain(at time.Time) {
	b.bucket = rate.NewLimiter(b.limits.rate(), b.limits.Burst)
	b.bucket.AllowN(at, b.limits.Burst)
}

// reserve is what polls leave in the bucket for the Change lane: a quarter, at least 1, but never all of it.
func (b *Budget) reserve() int {
	return min(max(b.limits.Burst/4, 1), b.limits.Burst-1)
}

// take gets the token for one request, or an Error without Op: Throttled while a pause runs, Deferred when there is no
// room, Canceled or Unavailable when ctx is done. A Poll never waits, and takes only what is above the reserve; a Sweep may take half of that too. A Change
// waits for its turn, first come first served, if that comes within maxChangeWait; the tokens of those who wait are gone
// for polls.
func (b *Budget) take(ctx context.Context, lane Lane) *Error {
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	need, patience := 1.0, maxChangeWait
	switch lane {
	case Poll:
		need, patience = float64(1+b.reserve()), 0
	case Sweep:
		need, patience = float64(1+b.reserve()/2), 0
	case Change:
	}
	if left := b.pause.until.Sub(now); left > 0 {
		return b.throttledUntil(lane, now, left, need)
	}
	if b.bucket.TokensAt(now) >= float64(b.limits.Burst) {
		clear(b.slots) // nobody came for these tokens
	}
	if wait := b.fill(now, need); wait > patience {
		return &Error{Kind: Deferred, RetryAfter: b.slot(lane, now, wait)}
	}
	turn := b.bucket.ReserveN(now, 1)
	b.used.add(now)
	if lane != Change {
		return nil
	}
	return b.await(ctx, turn, turn.DelayFrom(now))
}

// await lets the lock go until the turn has come. The wait is by the machine's clock, whatever b.now is.
func (b *Budget) await(ctx context.Context, turn *rate.Reservation, wait time.Duration) *Error {
	if wait <= 0 {
		return nil
	}
	begun := b.pause.begun
	b.mu.Unlock()
	timer := time.NewTimer(wait)
	select {
	case <-timer.C:
	case <-begun:
	case <-ctx.Done():
	}
	timer.Stop()
	b.mu.Lock()
	now := b.now()
	select {
	case <-begun: // the bucket the turn was in is gone
		return b.throttledUntil(Change, now, max(b.pause.until.Sub(now), minPause), 1)
	default:
	}
	if ctx.Err() != nil {
		turn.CancelAt(now)
		return gaveUp(ctx)
	}
	return nil
}

// fill is the time until the bucket holds so many tokens, rounded up.
func (b *Budget) fill(now time.Time, tokens float64) time.Duration {
	const rounding = 1e-6 // of a token: what floating point loses on the way
	missing := tokens - b.bucket.TokensAt(now)
	if missing <= rounding {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(b.limits.rate()) * float64(time.Second)))
}

// later is the time until the lane's next place in the line, whatever room there is.
func (b *Budget) later(lane Lane) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slot(lane, b.now(), time.Second)
}

// slot is the time until the lane's next place in the line: not before first from now, and one token's time after the
// place given last, so that those who were refused together don't come back together.
func (b *Budget) slot(lane Lane, now time.Time, first time.Duration) time.Duration {
	earliest := now.Add(first)
	place := b.slots[lane]
	if place.Before(earliest) || place.Sub(earliest) > slotHorizon {
		place = earliest
	}
	b.slots[lane] = place.Add(b.limits.interval())
	return place.Sub(now)
}
