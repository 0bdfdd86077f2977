package certcentral

import (
	"context"
	"slices"
	"time"
)

// turn is somebody's place among those who wait for tokens. Its time is the machine's, whatever the budget's clock says.
type turn struct {
	tokens int
	first  bool          // before those that are not
	at     time.Time     // when its tokens are there
	moved  chan struct{} // told when that is another time
}

// await returns once the tokens, which are taken already, are there. It lets the lock go meanwhile. With an error they are given back.
func (b *Budget) await(ctx context.Context, w want, wait, patience time.Duration) *Error {
	tokens, place := w.tokens, len(b.turns)
	if w.first {
		place = b.firsts()
		b.move(b.turns[place:], b.limits.interval(float64(tokens)))
	}
	if wait == 0 {
		return nil
	}
	begun, latest := b.pause.begun, time.Now().Add(patience)
	t := &turn{tokens: tokens, first: w.first, at: time.Now().Add(wait), moved: make(chan struct{}, 1)}
	b.turns = slices.Insert(b.turns, place, t)
	b.bucket.waiting += tokens
	for left := wait; left > 0; left = time.Until(t.at) {
		if left < wait { // while the bucket is full of what was granted, turns come no nearer
			left = max(left, b.limits.interval(0.1))
		}
		b.mu.Unlock()
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-t.moved:
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
		b.advance(now)
		switch {
		case ctx.Err() != nil:
			b.leave(t)
			return gaveUp(ctx)
		case t.at.After(latest):
			b.leave(t)
			return &Error{Kind: Deferred, RetryAfter: b.slot(Change, now, b.fill(tokens), tokens)}
		}
	}
	b.bucket.waiting -= tokens
	b.turns = slices.DeleteFunc(b.turns, func(other *turn) bool { return other == t })
	return nil
}

// leave gives a turn up, to those behind it.
func (b *Budget) leave(t *turn) {
	i := slices.Index(b.turns, t)
	b.move(b.turns[i+1:], -b.limits.interval(float64(t.tokens)))
	b.turns = slices.Delete(b.turns, i, i+1)
	b.bucket.waiting -= t.tokens
	b.bucket.left += float64(t.tokens)
}

// firsts is how many turns go before those that are not first.
func (b *Budget) firsts() int {
	if i := slices.IndexFunc(b.turns, func(t *turn) bool { return !t.first }); i >= 0 {
		return i
	}
	return len(b.turns)
}

// behind is how many tokens are taken by those who come after the firsts.
func (b *Budget) behind() (tokens int) {
	for _, t := range b.turns[b.firsts():] {
		tokens += t.tokens
	}
	return tokens
}

// move lets turns come so much later, or sooner.
func (b *Budget) move(turns []*turn, by time.Duration) {
	for _, t := range turns {
		t.at = t.at.Add(by)
		select {
		case t.moved <- struct{}{}:
		default:
		}
	}
}

// grant is the right to send some requests. It ends with a pause: what was granted before is void.
type grant struct {
	budget *Budget
	pauses int // that had begun when it was granted
	tokens int // neither spent nor given back
	marked int // may be needed after these
}

// valid returns why nothing may be sent by the grant now; nil when it may. A grant without tokens is none.
func (g *grant) valid(ctx context.Context) *Error {
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	g.budget.mu.Lock()
	defer g.budget.mu.Unlock()
	return g.void()
}

// void is valid for those who have the lock.
func (g *grant) void() *Error {
	if g.pauses == g.budget.pause.count {
		return nil
	}
	now := g.budget.now()
	return g.budget.throttledUntil(Change, now, max(g.budget.pause.until.Sub(now), minPause), 1)
}

// spend takes one token out of the budget for good: a request leaves now. An error says that it must not.
func (g *grant) spend() *Error {
	b := g.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if void := g.void(); void != nil {
		return void
	}
	now := b.now()
	b.drop(g, now)
	b.used.add(now)
	return nil
}

// waste is spend for a request that did not come so far: a connection that can't be made is no reason to try all the more.
func (g *grant) waste() {
	b := g.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.void() == nil {
		b.drop(g, b.now())
	}
}

func (b *Budget) drop(g *grant, now time.Time) {
	b.advance(now)
	g.tokens--
	b.bucket.held--
}

// giveBack returns what was not spent to those who wait, and to the bucket.
func (g *grant) giveBack() {
	if g.tokens == 0 && g.marked == 0 {
		return
	}
	b := g.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.marked -= g.marked
	if g.tokens > 0 && g.void() == nil {
		b.advance(b.now())
		b.bucket.held -= g.tokens
		b.bucket.left += float64(g.tokens)
		b.move(b.turns, -b.limits.interval(float64(g.tokens)))
	}
	g.tokens, g.marked = 0, 0
}
