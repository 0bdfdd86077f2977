package certcentral

import (
	"context"
	"time"
)

// Visit is the requests of one reconcile of a user: it keeps its place among a client's visits under way for all that follow the first
// one, since a write that found none after the look that it rests on would begin again with another look. It is for one goroutine.
type Visit struct {
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

// Sent is how many requests were sent so far, answered or not. Nil has sent none.
func (v *Visit) Sent() int64 {
	if v == nil {
		return 0
	}
	return v.sent
}

// End gives back the place. More than once does no harm.
func (v *Visit) End() {
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
