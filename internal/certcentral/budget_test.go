package certcentral

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

// usual is 3 tokens a second, of which polls leave 10 in the bucket.
var usual = Limits{PerMinute: 180, Burst: 40}

const token = time.Second / 3 // the time in which one comes

func TestBudgetStartsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		expectKind(g, b.pass(t.Context(), Poll), Deferred, 11*token)
		start := time.Now()
		g.Expect(b.pass(t.Context(), Change)).To(BeNil())
		g.Expect(time.Since(start)).To(BeNumerically("~", token, time.Microsecond))
	})
}

func TestPollsLeaveAReserveForChanges(t *testing.T) {
	for name, tc := range map[string]struct{ burst, polls int }{
		"a quarter of the burst":            {40, 30},
		"rounded down":                      {7, 6},
		"but at least one":                  {3, 2},
		"a burst of two is shared":          {2, 1},
		"a burst of one can't be, and runs": {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, b := NewWithT(t), aBudget(t, Limits{PerMinute: 60, Burst: tc.burst})
				time.Sleep(time.Hour)
				start := time.Now()
				for range tc.polls {
					g.Expect(b.pass(t.Context(), Poll)).To(BeNil())
				}
				for range tc.burst - tc.polls {
					g.Expect(b.pass(t.Context(), Change)).To(BeNil())
				}
				g.Expect(time.Now()).To(Equal(start), "the reserve is there at once")
				expectKind(g, b.pass(t.Context(), Poll), Deferred, time.Duration(1+tc.burst-tc.polls)*time.Second)
				time.Sleep(time.Duration(1+tc.burst-tc.polls) * time.Second)
				g.Expect(b.pass(t.Context(), Poll)).To(BeNil(), "polls come back as told and get theirs")
			})
		})
	}
}

func TestASweepIsNotKeptWaitingByThePollsThatItWouldSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		time.Sleep(time.Hour)
		for b.pass(t.Context(), Poll) == nil { // until there is no room for polls
		}
		for range 1000 {
			g.Expect(KindOf(b.pass(t.Context(), Poll))).To(Equal(Deferred))
		}
		for range 5 {
			g.Expect(b.pass(t.Context(), Sweep)).To(BeNil(), "half of the reserve")
		}
		expectKind(g, b.pass(t.Context(), Sweep), Deferred, token)
		g.Expect(b.pass(t.Context(), Change)).To(BeNil(), "and the other half is left to people")
	})
}

func TestRefusedPollsComeBackOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		first, places := 11*token, map[time.Duration]int{}
		for range 10_000 {
			e := b.pass(t.Context(), Poll)
			g.Expect(KindOf(e)).To(Equal(Deferred))
			g.Expect(e.RetryAfter).To(BeNumerically(">=", first))
			g.Expect(e.RetryAfter).To(BeNumerically("<=", first+slotHorizon+token))
			places[e.RetryAfter]++
		}
		g.Expect(len(places)).To(BeNumerically("~", 180, 2), "one for each token of the horizon")
		for _, sharing := range places {
			g.Expect(sharing).To(BeNumerically("<=", 56), "and evenly")
		}
	})
}

func TestSlotsThatNobodyCameBackForAreNoDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		first := b.pass(t.Context(), Poll).RetryAfter
		for range 100 {
			g.Expect(KindOf(b.pass(t.Context(), Poll))).To(Equal(Deferred))
		}
		time.Sleep(20 * time.Second) // in which the bucket fills
		for b.pass(t.Context(), Poll) == nil {
		}
		g.Expect(b.pass(t.Context(), Poll).RetryAfter).To(BeNumerically("<", first))
	})
}

func TestPollsThatComeBackInTheirSlotsAreServedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		var slots []time.Time
		for range 150 {
			slots = append(slots, time.Now().Add(b.pass(t.Context(), Poll).RetryAfter))
		}
		for _, slot := range slots {
			time.Sleep(time.Until(slot))
			g.Expect(b.pass(t.Context(), Poll)).To(BeNil())
		}
	})
}

func TestChangesAreServedInTurnAndBeforePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		start := time.Now()
		served := make(chan int, 15)
		for i := range 15 {
			go func() {
				if b.pass(t.Context(), Change) == nil {
					served <- i
				}
			}()
			synctest.Wait()
		}
		expectKind(g, b.pass(t.Context(), Poll), Deferred, (15+11)*token)
		expectKind(g, b.pass(t.Context(), Change), Deferred, 16*token)
		expectKind(g, b.pass(t.Context(), Change), Deferred, 17*token)
		for i := range 15 {
			g.Expect(<-served).To(Equal(i))
			g.Expect(time.Since(start)).To(BeNumerically("~", time.Duration(i+1)*token, time.Microsecond))
			expectKind(g, b.pass(t.Context(), Poll), Deferred, 0)
		}
	})
}

func TestWhatAPollFoundGoesBeforeChangesThatHaveNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		start, served := time.Now(), make(chan string, 5)
		queue := func(name string, w want) {
			go func() {
				if g, failed := b.take(t.Context(), Change, w); failed == nil && g.spend() == nil {
					served <- name
				}
			}()
			synctest.Wait()
		}
		queue("a change", want{tokens: 1})
		queue("another change", want{tokens: 1})
		queue("what a poll found", want{tokens: 2, first: true})
		queue("what another poll found", want{tokens: 2, first: true})
		queue("a third change", want{tokens: 1})
		for _, expected := range []struct {
			name  string
			token int
		}{{"what a poll found", 2}, {"what another poll found", 4}, {"a change", 5}, {"another change", 6}, {"a third change", 7}} {
			g.Expect(<-served).To(Equal(expected.name))
			g.Expect(time.Since(start)).To(BeNumerically("~", time.Duration(expected.token)*token, time.Microsecond))
		}
	})
}

func TestPollsBeginWhereThereWillBeTokensForWhatTheyFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		poll := func() (grant, *Error) { return b.take(t.Context(), Poll, want{tokens: 1, later: 2}) }
		time.Sleep(time.Minute)
		var looks []grant
		for {
			look, failed := poll()
			if failed != nil {
				break
			}
			looks = append(looks, look)
		}
		g.Expect(looks).To(HaveLen(10), "the last one leaves 20 tokens for the ten, and the reserve of 10")
		looks[0].giveBack()
		_, failed := poll()
		g.Expect(failed).To(BeNil())

		b.tookLook(2 * time.Second)
		_, failed = poll()
		g.Expect(failed).To(BeNil(), "6 tokens will have come")

		b.tookLook(time.Hour)
		more := -1
		for ; failed == nil; _, failed = poll() {
			more++
		}
		g.Expect(more).To(Equal(4), "15 tokens will have come, whatever one slow answer took")
	})
}

func TestAChangeThatIsCanceledGivesItsTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		ctx, cancel := context.WithCancel(t.Context())
		refused := make(chan *Error)
		go func() { refused <- b.pass(ctx, Change) }()
		synctest.Wait()
		cancel()
		expectKind(g, <-refused, Canceled, 0)
		expectKind(g, b.pass(ctx, Change), Canceled, 0)
		start := time.Now()
		g.Expect(b.pass(t.Context(), Change)).To(BeNil())
		g.Expect(time.Since(start)).To(BeNumerically("~", token, time.Microsecond))
	})
}

func TestAChangeOutOfTimeLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		ctx, cancel := context.WithTimeout(t.Context(), token/2)
		defer cancel()
		expectKind(g, b.pass(ctx, Change), Unavailable, 0)
	})
}

// TestBudgetHolds is promise number one of a budget: whatever is asked for, in any window no more than the burst and
// what came in meanwhile is given.
func TestBudgetHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		random := rand.New(rand.NewPCG(1, 2))
		start, given := time.Now(), []time.Duration{}
		for time.Since(start) < 20*time.Minute {
			switch lane := Lane(random.IntN(2)); {
			case random.IntN(500) == 0:
				b.throttled(time.Duration(random.IntN(3)) * time.Minute)
			case b.pass(t.Context(), lane) == nil:
				given = append(given, time.Since(start))
			case random.IntN(2) == 0:
				if found, failed := b.take(t.Context(), Change, want{tokens: 2, first: true}); failed == nil && found.spend() == nil {
					given = append(given, time.Since(start))
					found.giveBack()
				}
			}
			if random.IntN(20) == 0 {
				time.Sleep(time.Duration(random.IntN(20_000)) * time.Millisecond)
			}
		}
		g.Expect(len(given)).To(BeNumerically(">", 500))
		for i := range given {
			for j := i; j < len(given); j++ {
				room := float64(usual.Burst) + math.Ceil((given[j]-given[i]).Seconds()*3)
				if float64(j-i+1) > room+1e-6 {
					t.Fatalf("%d given from %v to %v", j-i+1, given[i], given[j])
				}
			}
		}
	})
}

func TestNewLimitsKeepTheTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		b.limit(Limits{PerMinute: 60, Burst: 80})
		expectKind(g, b.pass(t.Context(), Poll), Deferred, 21*time.Second)
		b.throttled(time.Minute)
		b.limit(usual)
		time.Sleep(time.Minute)
		expectKind(g, b.pass(t.Context(), Poll), Deferred, 0)
		g.Expect(b.bucket.left).To(BeZero(), "a pause still ends with an empty bucket")
	})
}

func BenchmarkBudgetPoll(b *testing.B) {
	budget := NewBudgets(nil).Use("pki/digicert", APIKey{}, usual)
	for b.Loop() {
		_ = budget.pass(b.Context(), Poll)
	}
}

func BenchmarkBudgetChange(b *testing.B) {
	budget := NewBudgets(nil).Use("pki/digicert", APIKey{}, Limits{PerMinute: math.MaxInt32, Burst: math.MaxInt32})
	fill(budget)
	for b.Loop() {
		_ = budget.pass(b.Context(), Change)
	}
}

// aBudget is one of a random key with the bubble's clock, still empty.
func aBudget(t *testing.T, l Limits) *Budget {
	t.Helper()
	return NewBudgets(nil).Use("pki/digicert", aKey(t), l)
}

// expectKind compares kind and wait; a wait of 0 means any.
func expectKind(g Gomega, e *Error, kind Kind, wait time.Duration) {
	g.Expect(e).NotTo(BeNil())
	g.Expect(e.Kind).To(Equal(kind))
	g.Expect(e.Sent).To(BeFalse())
	if wait != 0 {
		g.Expect(e.RetryAfter).To(BeNumerically("~", wait, time.Millisecond))
	}
}

// pass takes one token and spends it at once.
func (b *Budget) pass(ctx context.Context, lane Lane) *Error {
	g, failed := b.take(ctx, lane, want{tokens: 1})
	if failed != nil {
		return failed
	}
	return g.spend()
}
