package process

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
)

func TestBounded(t *testing.T) {
	failed := errors.New("failed")
	orderly := func(ctx context.Context) error { <-ctx.Done(); return failed }
	hangs := func(context.Context) error { select {} }
	for what, c := range map[string]struct {
		run    func(context.Context) error
		signal bool
		after  timeouts
		busy   bool
		want   error
	}{
		"what ends by itself ends all":                {run: func(context.Context) error { return failed }, want: failed},
		"an orderly end is waited for":                {run: orderly, signal: true, after: timeouts{idle: time.Hour, busy: time.Hour}, want: failed},
		"longer, while something is under way":        {run: orderly, signal: true, after: timeouts{busy: time.Hour}, busy: true, want: failed},
		"what hangs is not, if nothing is under way":  {run: hangs, signal: true, after: timeouts{busy: time.Hour}},
		"what hangs is cut, and that is said, if not": {run: hangs, signal: true, busy: true, want: errCut},
	} {
		t.Run(what, func(t *testing.T) {
			g := NewWithT(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.signal {
				cancel()
			}
			err := bounded(ctx, c.after, c.run, func() bool { return c.busy })
			if c.want == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(c.want))
		})
	}
}

// never is a cache that does not sync before somebody stops waiting for it.
type never struct{ cache.Cache }

func (never) WaitForCacheSync(ctx context.Context) bool { <-ctx.Done(); return false }

func TestNobodyWaitsForACacheOfAProcessThatEnds(t *testing.T) {
	g := NewWithT(t)
	process, signal := context.WithCancel(t.Context())
	waiting, giveUp := context.WithCancel(t.Context())
	giveUp()
	g.Expect(endingCache{Cache: never{}, process: process}.WaitForCacheSync(waiting)).To(BeFalse())
	synced := true
	g.Expect(endingCache{Cache: &informertest.FakeInformers{Synced: &synced}, process: process}.WaitForCacheSync(t.Context())).To(BeTrue())
	signal()
	g.Expect(endingCache{Cache: never{}, process: process}.WaitForCacheSync(t.Context())).To(BeTrue())
}
