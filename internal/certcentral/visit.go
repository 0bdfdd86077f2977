package certcentral

import (
	"context"
	"time"
)

// Visit is the requests of one reconcile: it keeps its place among a client's calls under way for all that follow the first one,
// since a write that found none after the look that it rests on would begin again with another look. It is for one goroutine.
type Visit struct {
	sent  int64
	place *flights // nil as long as it has none
	lane  Lane
	since time.Time
}

type visitKey struct{}

// Begin returns a context whose requests are one visit, which has to end.
func Begin(ctx context.Context) (context.Context, *Visit) {
	v := &Visit{}
	return context.WithValue(ctx, visitKey{}, v), v
}

// visitOf is the visit that a request is part of. One that is part of none is one of its own, and the caller has to end it.
func visitOf(ctx context.Context) (v *Visit, own bool) {
	if v, found := ctx.Value(visitKey{}).(*Visit); found {
		return v, false
	}
	return &Visit{}, true
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
	if v.place != nil {
		v.place.end(v.lane, v.sent > 0, time.Since(v.since))
	}
	v.place = nil
}

// enter gets a place among a client's calls under way, unless the visit has one.
func (v *Visit) enter(f *flights, lane Lane) bool {
	if v.place == f {
		return true
	}
	if v.place != nil || !f.begin(lane) {
		return false
	}
	v.place, v.lane, v.since = f, lane, time.Now()
	return true
}
