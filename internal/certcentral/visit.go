package certcentral

import (
	"context"
	"sync/atomic"
)

// Tally counts requests. Nil has counted none.
type Tally struct{ sent atomic.Int64 }

// Sent is how many requests were sent so far, answered or not.
func (t *Tally) Sent() int64 {
	if t == nil {
		return 0
	}
	return t.sent.Load()
}

type tallyKey struct{}

// Count returns a context whose requests, of whatever client, are counted.
func Count(ctx context.Context) (context.Context, *Tally) {
	t := &Tally{}
	return context.WithValue(ctx, tallyKey{}, t), t
}

func count(ctx context.Context) {
	if t, counted := ctx.Value(tallyKey{}).(*Tally); counted {
		t.sent.Add(1)
	}
}

// goesOn tells whether a request goes on with what a counted one began.
func goesOn(ctx context.Context) bool {
	t, _ := ctx.Value(tallyKey{}).(*Tally)
	return t.Sent() > 0
}
