package certcentral

import "sync"

const (
	// maxFlights is how many calls of one client are under way at a time: fewer than the operator's workers by default, so that an
	// account whose calls hang does not hold them all.
	maxFlights = 32
	// deadFlights is that for a service that has not answered deadAfter calls in a row: enough to see it come back.
	deadFlights = 2
	deadAfter   = 8
)

// flights counts the calls under way, so that a dead or slow account leaves room for the others.
type flights struct {
	mu         sync.Mutex
	now        int
	unanswered int // calls in a row that no answer came to
}

// begin counts a call, unless there are too many.
func (f *flights) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	limit := maxFlights
	if f.unanswered >= deadAfter {
		limit = deadFlights
	}
	if f.now >= limit {
		return false
	}
	f.now++
	return true
}

// end counts it out again. A call that was not sent tells nothing of the service.
func (f *flights) end(sent, answered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now--
	switch {
	case answered:
		f.unanswered = 0
	case sent:
		f.unanswered++
	}
}
