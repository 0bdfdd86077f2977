package certcentral

import (
	"cmp"
	"sync"
	"time"
)

const (
	// maxFlights is how many visits of one client are under way at a time.
	maxFlights = 36
	// keptFlights are those that background looks leave to what people wait for, of one client's and of all.
	keptFlights = 4
	// deadFlights is that for a service that has not answered deadAfter calls in a row: enough to see it come back.
	deadFlights = 2
	deadAfter   = 8
	// firstTook is how long an answer is thought to take before there was one.
	firstTook = 100 * time.Millisecond
)

// Places are shared by the visits of all clients, which take one each: as many as there are workers to make them. A client gets no
// more of them than it would leave free. So one that is alone gets half, of two each a third, and however many are slow, there is a
// place for the next one.
type Places struct {
	all int

	mu    sync.Mutex
	taken int
}

// NewPlaces returns so many places, all of them free.
func NewPlaces(all int) *Places { return &Places{all: all} }

// take gets a place if more than so many are free. Of nil there is always one.
func (p *Places) take(spare int) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all-p.taken <= spare {
		return false
	}
	p.taken++
	return true
}

func (p *Places) leave() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
}

// share is one part in so many of all places.
func (p *Places) share(parts int) int {
	if p == nil {
		return 0
	}
	return p.all / parts
}

// flights counts a client's visits under way, so that a dead or slow account leaves room for the others.
type flights struct {
	mu         sync.Mutex
	now        int
	unanswered int                // calls in a row that no answer came to
	took       time.Duration      // how long visits take, the latest ones most of all; 0 before there was one
	next       map[Lane]time.Time // when the visit of the lane that was sent away last may come back
}

// begin counts a visit, unless there are too many. Services that don't answer leave half of all places to the others, however many
// they are.
func (f *flights) begin(lane Lane, places *Places) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	limit, spare := maxFlights, f.now
	if lane != Change {
		limit, spare = limit-keptFlights, spare+min(keptFlights, places.share(8))
	}
	if f.unanswered >= deadAfter {
		limit, spare = deadFlights, max(spare, places.share(2))
	}
	if f.now >= limit || !places.take(spare) {
		return false
	}
	f.now++
	return true
}

// later is how long a visit that found no place should wait: for one place each, as fast as they become free, so that those who were
// sent away together neither come back together nor leave places empty; 0 when nobody knows, as the service does not answer.
func (f *flights) later(lane Lane, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unanswered >= deadAfter {
		return 0
	}
	took := cmp.Or(f.took, firstTook)
	earliest, next := now.Add(took/2), f.next[lane]
	if next.Before(earliest) || next.Sub(earliest) > slotHorizon {
		next = earliest
	}
	if f.next == nil {
		f.next = map[Lane]time.Time{}
	}
	// A little sooner than there is room, since some will not come; and as if all places of the client were its own, since those that
	// others have now may be free by then.
	f.next[lane] = next.Add(took * 7 / 8 / (maxFlights - keptFlights))
	return next.Sub(now)
}

// end counts a visit out again, after the time that it had its place, which tells nothing where nothing was sent.
func (f *flights) end(places *Places, sent bool, took time.Duration) {
	places.leave()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now--
	if sent {
		f.took = (7*cmp.Or(f.took, took) + took) / 8
	}
}

// heard counts the calls in a row that no answer came to.
func (f *flights) heard(answer bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unanswered++
	if answer {
		f.unanswered = 0
	}
}
