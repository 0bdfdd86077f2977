package certcentral

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	minPause  = time.Second      // also when the service says 0
	maxTold   = 10 * time.Minute // of what the service may ask for
	firstRoof = 10 * time.Second // a first untold pause is 5 to 10 s,
	lastRoof  = 2 * time.Minute  // the longest 1 to 2 min
)

// pause is the time after a 429 in which nobody sends.
type pause struct {
	until  time.Time
	streak int           // pauses since the last success
	count  int           // of pauses, and of changes to the one that runs
	begun  chan struct{} // closed when a pause begins, for those who wait
}

// throttled notes a 429 and returns how long nobody sends: as told when told is not 0, else longer with each 429 in
// a row. When the pause is over the bucket is empty, so that no burst follows.
func (b *Budget) throttled(told time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	until := now.Add(told)
	if now.Before(b.pause.until) { // this one was sent before the pause began: no news, but for a longer time told
		if until.Before(b.pause.until) {
			return b.pause.until.Sub(now)
		}
	} else {
		b.pause.streak++
		if told == 0 {
			until = now.Add(untold(b.pause.streak))
		}
		close(b.pause.begun)
		b.pause.begun = make(chan struct{})
	}
	b.pause.until = until
	b.pause.count++
	b.turns = nil
	b.bucket.drain(until)
	return until.Sub(now)
}

// PausedUntil is when the pause that the service asked for ends, of all that use the client's API key; in the past when there is none.
func (c *Client) PausedUntil() time.Time {
	b := c.cfg.Budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pause.until
}

// succeeded ends the streak, unless a pause runs: then the success is of a request from before it.
func (b *Budget) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.now().Before(b.pause.until) {
		b.pause.streak = 0
	}
}

// throttledUntil refuses a call for the time left. Polls are spread over the time after it.
func (b *Budget) throttledUntil(lane Lane, now time.Time, left time.Duration, need int) *Error {
	if lane != Change {
		left = b.slot(lane, now, left+b.fill(need), 1)
	}
	return &Error{Kind: Throttled, RetryAfter: left}
}

// untold is the pause after so many 429s in a row without Retry-After: the upper half of a doubling roof, at random.
func untold(streak int) time.Duration {
	roof := firstRoof
	for range streak - 1 {
		roof = min(2*roof, lastRoof)
	}
	return roof/2 + rand.N(roof/2+1)
}

// retryAfter reads a Retry-After header: seconds or an HTTP date, at least 1 s and at most 10 min from now. 0 is not
// told: the header is missing, negative, in the past or no time at all.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if at, err := http.ParseTime(value); err == nil {
		if !at.After(now) {
			return 0
		}
		return min(max(at.Sub(now), minPause), maxTold)
	}
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0
	}
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds > int(maxTold/time.Second) {
		return maxTold
	}
	return max(time.Duration(seconds)*time.Second, minPause)
}
