package certcentral

import (
	"cmp"
	"sync"
	"time"
)

const (
	// maxFlights is how many calls of one client are under way at a time: fewer than the operator's workers by default, so that an
	// account whose calls hang does not hold them all.
	maxFlights = 32
	// keptFlights are those that polls leave to what people wait for.
	keptFlights = 4
	// deadFlights is that for a service that has not answered deadAfter calls in a row: enough to see it come back.
	deadFlights = 2
	deadAfter   = 8
	// firstTook is how long an answer is thought to take before there was one.
	firstTook = 100 * time.Millisecond
)

// flights counts the calls under way, so that a dead or slow account leaves room for the others.
type flights struct {
	mu         sync.Mutex
	now        int
	unanswered int           // calls in a row that no answer came to
	took       time.Duration // how long answers take, the latest ones most of all; 0 before there was one
	place      time.Time     // when the poll that was sent away last may come back
}

// begin counts a call, unless there are too many.
func (f *flights) begin(lane Lane) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	limit := maxFlights
	if lane != Change {
		limit -= keptFlights
	}
	if f.unanswered >= deadAfter {
		limit = deadFlights
	}
	if f.now >= limit {
		return false
	}
	f.now++
	return true
}

// later is how long a call that found no place should wait: polls for one place each, as fast as answers make room, so that those
// who were sent away together neither come back together nor leave places empty; 0 when nobody knows, as the service does not answer.
func (f *flights) later(lane Lane, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unanswered >= deadAfter {
		return 0
	}
	took := cmp.Or(f.took, firstTook)
	if lane == Change {
		return took / 2
	}
	if earliest := now.Add(took / 2); f.place.Before(earliest) {
		f.place = earliest
	}
	wait := f.place.Sub(now)
	f.place = f.place.Add(took * 3 / 4 / (maxFlights - keptFlights)) // a little sooner than there is room: some will not come
	return wait
}

// end counts it out again. A call that was not sent tells nothing of the service.
func (f *flights) end(sent, answered bool, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now--
	switch {
	case answered:
		f.unanswered = 0
		f.took = (7*cmp.Or(f.took, took) + took) / 8
	case sent:
		f.unanswered++
	}
}
