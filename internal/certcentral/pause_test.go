package certcentral

import (
	"math"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

func TestAPauseHoldsEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		time.Sleep(time.Hour)
		g.Expect(b.throttled(30 * time.Second)).To(Equal(30 * time.Second))
		expectKind(g, b.pass(t.Context(), Change), Throttled, 30*time.Second)
		expectKind(g, b.pass(t.Context(), Poll), Throttled, 30*time.Second+11*token)
		expectKind(g, b.pass(t.Context(), Poll), Throttled, 30*time.Second+12*token)
		time.Sleep(29 * time.Second)
		expectKind(g, b.pass(t.Context(), Change), Throttled, time.Second)
		time.Sleep(time.Second)
		start := time.Now()
		expectKind(g, b.pass(t.Context(), Poll), Deferred, 0)
		g.Expect(b.pass(t.Context(), Change)).To(BeNil())
		g.Expect(time.Since(start)).To(BeNumerically("~", token, time.Microsecond), "no burst follows")
	})
}

func TestAPauseWakesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		start, refused := time.Now(), make(chan *Error)
		go func() { refused <- b.pass(t.Context(), Change) }()
		synctest.Wait()
		b.throttled(time.Minute)
		expectKind(g, <-refused, Throttled, time.Minute)
		g.Expect(time.Now()).To(Equal(start))
	})
}

func TestUntoldPausesGrowUntilASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		within := func(shortest, longest time.Duration) {
			t.Helper()
			paused := b.throttled(0)
			g.Expect(paused).To(And(BeNumerically(">=", shortest), BeNumerically("<=", longest)))
			expectKind(g, b.pass(t.Context(), Change), Throttled, paused)
			time.Sleep(paused)
		}
		for range 3 {
			within(5*time.Second, 10*time.Second)
			within(10*time.Second, 20*time.Second)
			within(20*time.Second, 40*time.Second)
			within(40*time.Second, 80*time.Second)
			for range 100 {
				within(time.Minute, 2*time.Minute)
			}
			b.succeeded()
		}
	})
}

func TestLateAnswersAreNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := NewWithT(t), aBudget(t, usual)
		paused := b.throttled(0)
		for range 10 {
			g.Expect(b.throttled(0)).To(Equal(paused), "others of the same burst don't lengthen it")
		}
		g.Expect(b.throttled(time.Second)).To(Equal(paused), "nor shorten it")
		g.Expect(b.pause.streak).To(Equal(1))
		b.succeeded()
		g.Expect(b.pause.streak).To(Equal(1), "a success from before it ends no streak")
		g.Expect(b.throttled(time.Minute)).To(Equal(time.Minute), "but a longer time told counts")
		expectKind(g, b.pass(t.Context(), Change), Throttled, time.Minute)
		time.Sleep(time.Minute)
		g.Expect(b.bucket.left).To(BeZero())
		b.succeeded()
		g.Expect(b.pause.streak).To(BeZero())
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for name, tc := range map[string]struct {
		value string
		want  time.Duration
	}{
		"not told":                      {"", 0},
		"seconds":                       {"17", 17 * time.Second},
		"with spaces around":            {" 17 ", 17 * time.Second},
		"zero is one second":            {"0", time.Second},
		"huge is capped":                {"86400", 10 * time.Minute},
		"beyond all integers is capped": {"99999999999999999999999999", 10 * time.Minute},
		"negative":                      {"-5", 0},
		"a fraction":                    {"1.5", 0},
		"junk":                          {"soon", 0},
		"signed":                        {"+5", 0},
		"a date":                        {in(90 * time.Second), 90 * time.Second},
		"a date far ahead is capped":    {in(24 * time.Hour), 10 * time.Minute},
		"a date in the past":            {in(-time.Second), 0},
		"the date of now":               {in(0), 0},
		"a date in the old form":        {now.Add(time.Minute).Format(time.ANSIC), time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(retryAfter(tc.value, now)).To(Equal(tc.want))
		})
	}
	NewWithT(t).Expect(retryAfter(in(time.Second), now.Add(900*time.Millisecond))).To(Equal(time.Second), "never less")
}

// FuzzRetryAfter looks for a header that is read as another time than it tells, however it tells it.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []struct {
		value   string
		seconds int64
	}{
		{"", 0},
		{"0", 1},
		{"00", -1},
		{"120", 120},
		{" 17\t", 600},
		{"-1", 601},
		{"+5", 86400},
		{"1.5", math.MaxInt64},
		{"1e9", math.MinInt64},
		{"0x10", 9223372037}, // in nanoseconds beyond 64 bits
		{"18446744073709551616", -62135596800},
		{"99999999999999999999999999999999999999", 253402300799},
		{"Fri, 02 Jan 2026 03:05:05 GMT", 60},
		{"Friday, 02-Jan-26 03:05:05 GMT", 59},
		{"Fri Jan  2 03:05:05 2026", 61},
		{"Fri, 02 Jan 2026 03:05:05 CET", 3600},
		{"Thu, 01 Jan 1970 00:00:00 GMT", -3600},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 2},
		{"2026-01-02T03:05:05Z", 3},
		{"soon", 4},
		{"5, 10", 5},
		{"\u0665", 6},
		{"5\x00", 7},
	} {
		f.Add(seed.value, seed.seconds)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	bounded := func(seconds *big.Int) time.Duration {
		if seconds.Cmp(big.NewInt(600)) > 0 {
			return 10 * time.Minute
		}
		return max(time.Second, time.Duration(seconds.Int64())*time.Second)
	}
	number := regexp.MustCompile(`\A[0-9]+\z`)
	f.Fuzz(func(t *testing.T, value string, seconds int64) {
		g := NewWithT(t)
		got := retryAfter(value, now)
		g.Expect(got).To(Or(BeZero(), And(BeNumerically(">=", time.Second), BeNumerically("<=", 10*time.Minute))))
		g.Expect(retryAfter(" \t"+value+" ", now)).To(Equal(got), "blanks around mean nothing")
		if trimmed := strings.TrimSpace(value); number.MatchString(trimmed) {
			n, _ := new(big.Int).SetString(trimmed, 10)
			g.Expect(got).To(Equal(bounded(n)))
		} else if _, err := http.ParseTime(trimmed); err != nil {
			g.Expect(got).To(BeZero(), "neither a number of seconds nor a date")
		}
		g.Expect(retryAfter(value, now.Add(time.Minute))).To(BeNumerically("<=", got), "it does not grow while time passes")

		told := retryAfter(strconv.FormatInt(seconds, 10), now)
		if seconds < 0 {
			g.Expect(told).To(BeZero())
			return
		}
		g.Expect(told).To(Equal(bounded(big.NewInt(seconds))))
		if at := now.Add(time.Duration(min(seconds, 1e9)) * time.Second); seconds > 0 {
			for _, form := range []string{http.TimeFormat, time.RFC850, time.ANSIC} {
				if form == time.RFC850 && seconds >= 1e9 {
					continue // its year has two digits
				}
				g.Expect(retryAfter(at.Format(form), now)).To(Equal(told), "a date says the same: %s", at.Format(form))
			}
		}
	})
}
