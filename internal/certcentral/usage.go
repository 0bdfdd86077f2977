package certcentral

import "time"

// window is the time that CertCentral counts the requests of a key in (rate limits: 1000 requests in 3 minutes).
const window = 180 // seconds

// usage counts the requests of the last window, by the second.
type usage struct {
	counts [window]int32
	last   int64 // the second that was counted last
}

// add counts a request.
func (u *usage) add(now time.Time) {
	u.turn(now)
	u.counts[u.last%window]++
}

// total is how many requests there were in the window that ends now.
func (u *usage) total(now time.Time) int {
	u.turn(now)
	sum := 0
	for _, n := range &u.counts {
		sum += int(n)
	}
	return sum
}

// turn forgets the seconds that have left the window. Time that goes back counts as the last second.
func (u *usage) turn(now time.Time) {
	second := now.Unix()
	if second-u.last >= window {
		u.counts = [window]int32{}
	} else {
		for at := u.last + 1; at <= second; at++ {
			u.counts[at%window] = 0
		}
	}
	u.last = max(u.last, second)
}

// Requests is how many requests left with the client's API key in the last 3 minutes, whoever made them in this process.
func (c *Client) Requests() int {
	b := c.cfg.Budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used.total(b.now())
}
