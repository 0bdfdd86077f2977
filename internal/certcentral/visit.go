package certcentral

import (
	"context"
	"time"
)

// changeCalls are the requests of a change: the look, the write, and the look at what stayed.
const changeCalls = 3

// Visit is the requests of one reconcile of a user: it keeps its place among a client's visits under way for all that follow the first
// one, since a write that found none after the look that it rests on would begin again with another look. For the same reason a look that
// may lead to a write begins only where the write's tokens will be there. It is for one goroutine.
type Visit struct {
	calls  int // that the next tokens are taken for; 0 is 1
	grant  grant
	looked look
	sent   int64
	in     *flights // nil as long as it has no place
	places *Places  // that it took one of
	since  time.Time
}

type visitKey struct{}

// Begin returns a context whose requests are one visit, which has to end.
func Begin(ctx context.Context) (context.Context, *Visit) {
	v := &Visit{}
	return context.WithValue(ctx, visitKey{}, v), v
}

// visitOf is the visit that a request is part of; nil where it is part of none.
func visitOf(ctx context.Context) *Visit {
	v, _ := ctx.Value(visitKey{}).(*Visit)
	return v
}

// MayWrite has the next look care for the tokens of a write, and of the look after it: with those of a Change they are taken, and given
// back when the visit ends without them; of a Poll they are marked, since few polls find something to write.
func (v *Visit) MayWrite() { v.calls = changeCalls }

// Sent is how many requests were sent so far, answered or not. Nil has sent none.
func (v *Visit) Sent() int64 {
	if v == nil {
		return 0
	}
	return v.sent
}

// End gives back the place, and the tokens that are left. More than once does no harm.
func (v *Visit) End() {
	v.grant.giveBack()
	if v.in != nil {
		v.in.end(v.places, v.sent > 0, time.Since(v.since))
	}
	v.in = nil
}

// enter gets a place among a client's visits under way, and one of all places, unless the visit has them.
func (v *Visit) enter(f *flights, lane Lane, places *Places) bool {
	if v.in == f {
		return true
	}
	if v.in != nil || !f.begin(lane, places) {
		return false
	}
	v.in, v.places, v.since = f, places, time.Now()
	return true
}

// admit gets the token of a request, unless the visit has it. What follows a look that had its tokens marked takes all of them, and
// goes first.
func (v *Visit) admit(ctx context.Context, b *Budget, lane Lane) (failed *Error) {
	if v.grant.tokens > 0 && v.grant.budget == b {
		return v.grant.valid(ctx)
	}
	w := want{tokens: 1, later: max(0, v.calls-1)}
	if v.grant.marked > 0 && lane == Change {
		w = want{tokens: v.grant.marked, first: true}
	}
	v.grant.giveBack()
	v.grant, failed = b.take(ctx, lane, w)
	v.calls = 0
	return failed
}
