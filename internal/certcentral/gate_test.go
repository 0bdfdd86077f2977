package certcentral

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestAWriteCanBeCalledOffUntilItIsSent(t *testing.T) {
	inVirtualTime(t, usual, func(t *testing.T, v *virtual) {
		off, connected := errors.New("a newer generation came"), false
		v.dials = func() { time.Sleep(5 * time.Second); connected = true }
		begun := time.Now()
		err := v.UpdateUser(t.Context(), 7, Update{}, func() error {
			v.g.Expect(time.Since(begun)).To(BeNumerically(">=", 5*time.Second+token), "it is asked when all waits are over")
			v.g.Expect(connected).To(BeTrue())
			return off
		})
		v.g.Expect(err).To(BeIdenticalTo(off))
		v.g.Expect(v.requests()).To(BeEmpty())
		v.g.Expect(v.cfg.Budget.bucket.held).To(BeZero(), "and what was not sent is given back")
		v.g.Expect(v.cfg.Budget.bucket.left).To(BeNumerically(">", 0.9))
	})
}

func TestAWriteIsNotSentOnWhatIsTooOld(t *testing.T) {
	for name, tc := range map[string]struct {
		look, wait, dial, sure time.Duration // how long they take
		kind                   Kind
		sent                   bool
	}{
		"all is fresh":                              {kind: "", sent: true},
		"the confirmation is just young enough":     {sure: maxSure - time.Millisecond, sent: true},
		"the process stood still after it":          {sure: maxSure + 1, kind: Canceled},
		"the look is just young enough":             {wait: maxSure - time.Millisecond, sent: true},
		"the process stood still after the look":    {wait: 15 * time.Second, kind: Canceled},
		"the connection took its time":              {dial: 7 * time.Second, kind: Canceled},
		"all of them together":                      {wait: 3 * time.Second, dial: 2 * time.Second, sure: 2 * time.Second, kind: Canceled},
		"a slow look, and nothing after it":         {look: 8 * time.Second, wait: time.Second, sent: true},
		"a look that took so long":                  {look: 13 * time.Second, kind: Unavailable},
		"a process that stood still while it waits": {look: 5 * time.Second, wait: 5 * time.Second, dial: 5 * time.Second, kind: Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, Limits{PerMinute: 6000, Burst: 10}, func(t *testing.T, v *virtual) {
				v.latency = func() { time.Sleep(tc.look) }
				ctx, visit := Begin(t.Context())
				defer visit.End()
				visit.MayWrite()
				_, err := v.GetUser(ctx, Change, 7)
				v.g.Expect(err).NotTo(HaveOccurred())
				v.Close() // the write needs a connection of its own
				v.dials = func() { time.Sleep(tc.dial) }
				time.Sleep(tc.wait)
				err = v.UpdateUser(ctx, 7, Update{}, func() error { time.Sleep(tc.sure); return nil })
				v.g.Expect(KindOf(err)).To(Equal(tc.kind), "%v", err)
				v.g.Expect(slices.Contains(v.requests(), "PUT /user/7")).To(Equal(tc.sent))
				v.g.Expect(visit.Sent()).To(BeEquivalentTo(len(v.requests())))
				if failed, ok := errors.AsType[*Error](err); ok {
					v.g.Expect(failed.Sent).To(BeFalse())
				}
			})
		})
	}
}

func TestThePauseOfAnotherHoldsWhatIsAboutToLeave(t *testing.T) {
	inVirtualTime(t, Limits{PerMinute: 6000, Burst: 10}, func(t *testing.T, v *virtual) {
		err := v.UpdateUser(t.Context(), 7, Update{}, func() error {
			v.cfg.Budget.throttled(time.Minute)
			return nil
		})
		failed, _ := errors.AsType[*Error](err)
		expectKind(v.g, failed, Throttled, time.Minute)
		v.g.Expect(v.requests()).To(BeEmpty())
	})
}

func TestTheAgeIsThatOfTheClockThatSaysMore(t *testing.T) {
	g, now := NewWithT(t), time.Now()
	g.Expect(age(now, now.Add(time.Second))).To(Equal(time.Second))
	slept := now.Add(time.Hour).Round(0) // the monotonic clock stands still while a machine sleeps
	g.Expect(age(now, slept)).To(Equal(time.Hour))
	g.Expect(age(now, now)).To(BeZero())
}

// TestNoByteLeavesBeforeTheGateOpens counts the bytes themselves, on a real connection, new and used before.
func TestNoByteLeavesBeforeTheGateOpens(t *testing.T) {
	for _, reused := range []bool{false, true} {
		w := newWorld(t, answering(200, documented))
		var wrote atomic.Int64
		dial := w.transport.DialContext
		w.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return countedConn{conn, &wrote}, err
		}
		if reused {
			_, err := w.GetUser(t.Context(), Change, 125039)
			w.g.Expect(err).NotTo(HaveOccurred())
		}
		var before int64
		off := errors.New("off")
		for range 3 {
			err := w.UpdateUser(t.Context(), 7, Update{}, func() error {
				before = wrote.Load()
				w.g.Expect(before).To(BeNumerically(">", 100), "the connection is made, TLS included")
				return off
			})
			w.g.Expect(err).To(BeIdenticalTo(off))
			w.g.Expect(wrote.Load()).To(Equal(before), "not a byte after it was called off, not even of TLS")
		}
		w.cfg.Budget.limit(Limits{PerMinute: 1, Burst: 1})
		err := w.UpdateUser(t.Context(), 7, Update{}, func() error {
			before = wrote.Load()
			w.cfg.Budget.throttled(time.Minute) // found out when the request is in the buffer
			return nil
		})
		w.g.Expect(w.failure(t, err).Sent).To(BeFalse())
		w.g.Expect(wrote.Load()).To(Equal(before))
		w.g.Expect(w.requests()).NotTo(ContainElement("PUT /services/v2/user/7"))
	}
}

// countedConn counts what is written to a connection.
type countedConn struct {
	net.Conn
	wrote *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote.Add(int64(n))
	return n, err
}

// TestEachRequestLeavesInsideTheBudget is the bound where it counts: not when tokens are granted, but when requests leave.
func TestEachRequestLeavesInsideTheBudget(t *testing.T) {
	l := Limits{PerMinute: 330, Burst: 10}
	for name, slow := range map[string]func(int) time.Duration{
		"connections of different speed":   func(i int) time.Duration { return time.Duration(9-i%10) * time.Second },
		"all of them stuck, then none":     func(i int) time.Duration { return max(0, 8*time.Second-time.Duration(i)*100*time.Millisecond) },
		"confirmations of different speed": func(i int) time.Duration { return time.Duration(i%4) * time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, l, func(t *testing.T, v *virtual) {
				var all sync.WaitGroup
				var mu sync.Mutex
				n := 0
				next := func() time.Duration {
					mu.Lock()
					defer mu.Unlock()
					n++
					return slow(n)
				}
				sure := func() error { return nil }
				if name[0] == 'c' && name[3] == 'f' {
					sure = func() error { time.Sleep(next()); return nil }
				} else {
					v.dials = func() { time.Sleep(next()) }
					v.transport.DisableKeepAlives = true
				}
				for i := range 120 {
					all.Go(func() {
						time.Sleep(time.Duration(i) * 90 * time.Millisecond)
						for {
							err := v.UpdateUser(t.Context(), 7, Update{}, sure)
							failed, _ := errors.AsType[*Error](err)
							if failed == nil || failed.Kind != Deferred {
								return
							}
							time.Sleep(failed.RetryAfter)
						}
					})
				}
				all.Wait()
				v.g.Expect(len(v.requests())).To(BeNumerically(">", 60))
				for _, window := range []time.Duration{time.Second, 5 * time.Second, time.Minute, 3 * time.Minute} {
					allowed := l.Burst + int(float64(l.PerMinute)*window.Minutes()) + 1
					v.g.Expect(v.peak(window)).To(BeNumerically("<=", allowed), "in %s", window)
				}
			})
		})
	}
}

// TestAChangeIsThreeCallsInARow has 40 people changed at once, beside polls, with the default budget.
func TestAChangeIsThreeCallsInARow(t *testing.T) {
	for name, tc := range map[string]struct {
		limits           Limits
		latency          time.Duration
		changes, pollers int
		lane             Lane
	}{
		"the default budget":             {usual, time.Second, 40, 0, Change},
		"beside polls":                   {usual, time.Second, 40, 40, Change},
		"found by polls":                 {usual, time.Second, 40, 20, Poll},
		"found by polls alone":           {usual, time.Second, 40, 0, Poll},
		"the smallest budget":            {Limits{PerMinute: 12, Burst: 3}, time.Second, 8, 2, Change},
		"the smallest, found by polls":   {Limits{PerMinute: 12, Burst: 3}, time.Second, 5, 1, Poll},
		"a large rate and a small burst": {Limits{PerMinute: 330, Burst: 10}, time.Second, 40, 20, Change},
		"a large rate, found by polls":   {Limits{PerMinute: 330, Burst: 10}, time.Second, 40, 0, Poll},
		"a large rate, beside polls":     {Limits{PerMinute: 330, Burst: 10}, time.Second, 40, 40, Poll},
		"a huge rate":                    {Limits{PerMinute: 4000, Burst: 10}, time.Second / 10, 200, 0, Change},
		"a huge rate, found by polls":    {Limits{PerMinute: 4000, Burst: 10}, time.Second / 10, 200, 0, Poll},
		"slow answers":                   {usual, 3 * time.Second, 40, 0, Change},
		"slow answers, found by polls":   {usual, 3 * time.Second, 40, 0, Poll},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, tc.limits, func(t *testing.T, v *virtual) {
				latency := tc.latency
				v.latency = func() { time.Sleep(latency) }
				ctx, cancel := context.WithCancel(t.Context())
				var polls, changes sync.WaitGroup
				for i := range tc.pollers {
					polls.Go(func() {
						for ctx.Err() == nil {
							time.Sleep(cmp.Or(v.visit(ctx, Poll, int64(1000+i), false), 10*time.Second))
						}
					})
				}
				begun := time.Now()
				for i := range tc.changes {
					changes.Go(func() {
						for wait := time.Duration(1); wait > 0; {
							time.Sleep(wait)
							wait = v.visit(t.Context(), tc.lane, int64(1+i), true)
						}
					})
				}
				changes.Wait()
				cancel()
				polls.Wait()
				took, perSecond := time.Since(begun), tc.limits.perSecond()
				if tc.pollers == 0 {
					v.g.Expect(v.requests()).To(HaveLen(3 * tc.changes))
					floor := time.Duration(float64(3*tc.changes) / perSecond * float64(time.Second))
					v.g.Expect(took).To(BeNumerically("<=", floor+floor/10+3*latency), "and no budget is lost")
				}
				v.expectChanges(tc.changes, 2*latency)
			})
		})
	}
}

// TestPollsKeepThePaceOfTheBudget has people looked at, of whom nothing is to be written, by as many as there may be at a time.
func TestPollsKeepThePaceOfTheBudget(t *testing.T) {
	for name, tc := range map[string]struct {
		limits  Limits
		latency time.Duration
	}{
		"the default budget":             {usual, time.Second},
		"slow answers":                   {usual, 3 * time.Second},
		"a large rate and a small burst": {Limits{PerMinute: 330, Burst: 10}, time.Second},
		"fast answers":                   {Limits{PerMinute: 330, Burst: 10}, time.Second / 10},
		"a huge rate":                    {Limits{PerMinute: 4000, Burst: 10}, time.Second / 10},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, tc.limits, func(t *testing.T, v *virtual) {
				v.latency = func() { time.Sleep(tc.latency) }
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				var polls sync.WaitGroup
				for i := range 200 {
					polls.Go(func() {
						for ctx.Err() == nil {
							time.Sleep(cmp.Or(v.visit(ctx, Poll, int64(1000+i), false), time.Second))
						}
					})
				}
				polls.Wait()
				v.g.Expect(len(v.requests())).To(BeNumerically(">=", 0.9*2*float64(tc.limits.PerMinute)))
			})
		})
	}
}

// visit makes one visit, which writes or not, and returns when to try again: 0 when it is done.
func (v *virtual) visit(ctx context.Context, lane Lane, id int64, writes bool) time.Duration {
	ctx, visit := Begin(ctx)
	defer visit.End()
	visit.MayWrite()
	_, err := v.GetUser(ctx, lane, id)
	if err == nil && writes {
		err = v.UpdateUser(ctx, id, Update{}, func() error { time.Sleep(10 * time.Millisecond); return nil })
	}
	if err == nil && writes {
		_, err = v.GetUser(ctx, Change, id)
	}
	if failed, ok := errors.AsType[*Error](err); ok {
		return max(failed.RetryAfter, time.Millisecond)
	}
	return 0
}

// expectChanges finds look, write and look of each user, each within a time after the one before.
func (v *virtual) expectChanges(count int, within time.Duration) {
	byPath := map[string][]arrival{}
	for _, a := range v.arrivals() {
		path := a.request[len("GET "):]
		byPath[path] = append(byPath[path], a)
	}
	found := 0
	for path, calls := range byPath {
		if !slices.ContainsFunc(calls, func(a arrival) bool { return a.request == "PUT "+path }) {
			continue
		}
		found++
		v.g.Expect(calls).To(HaveLen(3), path)
		for i, method := range []string{"GET", "PUT", "GET"} {
			v.g.Expect(calls[i].request).To(Equal(method + " " + path))
			if i > 0 {
				v.g.Expect(calls[i].at.Sub(calls[i-1].at)).To(BeNumerically("<=", within), path)
			}
		}
	}
	v.g.Expect(found).To(Equal(count))
}
