package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Limit is a rolling window: at most Requests calls of one key in any period Per. Without Requests it limits nothing.
type Limit struct {
	Requests int      `json:"requests"`
	Per      Duration `json:"per"`
}

// DocumentedLimits are the windows of the documentation's page on rate limits; both hold at once, for each key.
func DocumentedLimits() []Limit {
	return []Limit{
		{Requests: 1000, Per: Duration(3 * time.Minute)},
		{Requests: 100, Per: Duration(5 * time.Second)},
	}
}

// RetryAfter is the form of the header on a 429, which the documentation does not promise: "" sends none, any text but
// the two words below is sent as it is.
type RetryAfter string

// The two forms of RFC 9110.
const (
	RetryAfterSeconds RetryAfter = "seconds"
	RetryAfterDate    RetryAfter = "date"
)

// value is the header for a window that opens after wait; both forms round up to whole seconds.
func (r RetryAfter) value(now time.Time, wait time.Duration) string {
	switch r {
	case RetryAfterSeconds:
		return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	case RetryAfterDate:
		return now.Add(wait + time.Second - 1).UTC().Format(http.TimeFormat)
	}
	return string(r)
}

// admit counts a call of the key, or refuses it and says how long until the windows let one pass.
func (k *credential) admit(now time.Time, rules Rules) (time.Duration, bool) {
	limits := rules.Limits
	if limits == nil {
		limits = DocumentedLimits()
	}
	var wait, longest time.Duration
	for _, l := range limits {
		longest = max(longest, time.Duration(l.Per))
		wait = max(wait, l.wait(k.admitted, now))
	}
	if wait == 0 || rules.RefusedCount {
		k.admitted = append(within(k.admitted, now, longest), now)
	}
	return wait, wait == 0
}

// wait is how long until the window has room for one more call; times are in order.
func (l Limit) wait(times []time.Time, now time.Time) time.Duration {
	recent := within(times, now, time.Duration(l.Per))
	if l.Requests < 1 || len(recent) < l.Requests {
		return 0
	}
	return recent[len(recent)-l.Requests].Add(time.Duration(l.Per)).Sub(now)
}

// within returns the times that are less than window old.
func within(times []time.Time, now time.Time, window time.Duration) []time.Time {
	i := slices.IndexFunc(times, func(t time.Time) bool { return now.Sub(t) < window })
	if i < 0 {
		return nil
	}
	return times[i:]
}
