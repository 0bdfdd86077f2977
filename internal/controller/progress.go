package controller

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	// reconcileTimeout bounds one reconcile.
	reconcileTimeout = 2 * time.Minute
	// stuckAfter is when a reconcile that has not come back is past hope: nothing in it waits that long.
	stuckAfter = 2 * reconcileTimeout
)

// Progress tells whether the loop moves: its check fails once a reconcile is stuck.
type Progress struct {
	Clock clock.PassiveClock

	mu      sync.Mutex
	last    int64
	started map[int64]time.Time
}

// Watch returns the reconciler with an eye on how long each of its reconciles takes.
func (p *Progress) Watch(next reconcile.Reconciler) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
		defer p.begin()()
		return next.Reconcile(ctx, req)
	})
}

func (p *Progress) begin() (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started == nil {
		p.started = map[int64]time.Time{}
	}
	p.last++
	id := p.last
	p.started[id] = p.Clock.Now()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.started, id)
	}
}

// Busy tells whether a reconcile is under way.
func (p *Progress) Busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.started) > 0
}

// Check is a liveness check: it fails when a reconcile began long ago and is not over.
func (p *Progress) Check(*http.Request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, start := range p.started {
		if age := p.Clock.Since(start); age > stuckAfter {
			return fmt.Errorf("a reconcile is stuck since %s", age.Round(time.Second))
		}
	}
	return nil
}
