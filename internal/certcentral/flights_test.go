package certcentral

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// hanging is a world whose server answers nothing until it is released.
func hanging(t *testing.T) (w *world, arrived chan struct{}, release func()) {
	arrived, gate := make(chan struct{}, 100), make(chan struct{})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	w = newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-gate
		answering(200, documented)(rw, r)
	})
	return w, arrived, release
}

func TestCallsWithoutAnAnswerLeaveRoomForOtherAccounts(t *testing.T) {
	w, arrived, release := hanging(t)
	var calls sync.WaitGroup
	for range maxFlights {
		calls.Go(func() { _, _ = w.GetUser(t.Context(), Change, 125039) })
	}
	for range maxFlights {
		<-arrived
	}
	for _, lane := range []Lane{Poll, Change} {
		_, err := w.GetUser(t.Context(), lane, 125039)
		e := w.failure(t, err)
		w.g.Expect([]any{e.Kind, e.Sent}).To(Equal([]any{Deferred, false}))
		w.g.Expect(e.RetryAfter).To(BeNumerically("~", firstTook/2, firstTook/100))
	}
	release()
	calls.Wait()
	_, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.requests()).To(HaveLen(maxFlights + 1))
}

func TestCallsThatFindNoPlaceComeBackAsAnswersMakeRoom(t *testing.T) {
	g, now := NewWithT(t), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var f flights
	g.Expect(f.fill(Poll, nil)).To(Equal(maxFlights - keptFlights))
	g.Expect(f.fill(Change, nil)).To(Equal(keptFlights), "what a person waits for has places of its own")
	f.end(nil, true, time.Second)
	f.end(nil, true, time.Second)
	const room = time.Second * 7 / 8 / (maxFlights - keptFlights)
	for i := range 1000 {
		g.Expect(f.later(Poll, now)).To(Equal(time.Second/2 + time.Duration(i)*room))
	}
	for i := range 1000 {
		g.Expect(f.later(Change, now)).To(Equal(time.Second/2+time.Duration(i)*room), "and a line of its own")
	}
	g.Expect(f.later(Poll, now.Add(time.Hour))).To(Equal(time.Second/2), "places that nobody came back for are no debt")
	for range deadAfter {
		f.heard(false)
	}
	g.Expect(f.later(Poll, now)).To(BeZero())
}

func TestThePlacesNobodyCameBackForDelayNobodyWithoutBound(t *testing.T) {
	g, now := NewWithT(t), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := flights{now: 1, took: time.Minute}
	for range 100 {
		g.Expect(f.later(Change, now)).To(BeNumerically("<=", time.Minute/2+slotHorizon))
	}
}

// fill begins visits of a lane until one finds no place, and returns how many found one.
func (f *flights) fill(lane Lane, places *Places) (begun int) {
	for f.begin(lane, places) {
		begun++
	}
	return begun
}

func TestHoweverManyAccountsAreSlowThereIsAPlaceForTheNextOne(t *testing.T) {
	g, places := NewWithT(t), NewPlaces(96)
	slow := make([]flights, 60)
	var begun []int
	for i := range slow {
		begun = append(begun, slow[i].fill(Poll, places))
	}
	g.Expect(begun[:8]).To(Equal([]int{32, 30, 15, 8, 4, 2, 1, 0}), "each leaves as many as it takes, and some")
	g.Expect(places.all - places.taken).To(Equal(keptFlights))

	var next flights
	g.Expect(next.begin(Change, places)).To(BeTrue())
	next.end(places, true, time.Second)
	for i := range slow {
		for range begun[i] {
			slow[i].end(places, true, time.Second)
		}
	}
	g.Expect(places.taken).To(BeZero())
	g.Expect(next.fill(Poll, places)).To(Equal(maxFlights-keptFlights), "alone it gets all that one may")
}

func TestAccountsThatAreDeadLeaveHalfOfAllPlaces(t *testing.T) {
	g, places := NewWithT(t), NewPlaces(96)
	dead := make([]flights, 60)
	for i := range dead {
		dead[i].unanswered = deadAfter
		dead[i].fill(Change, places)
	}
	g.Expect(places.taken).To(Equal(48))
}

func TestEvenASingleWorkerFindsAPlace(t *testing.T) {
	for _, lane := range []Lane{Poll, Change} {
		for workers := range 20 {
			var f flights
			NewWithT(t).Expect(f.fill(lane, NewPlaces(workers+1))).To(BeNumerically(">", workers/3))
		}
	}
}

func TestOnlyVisitsTakeThePlacesOfWorkers(t *testing.T) {
	places := NewPlaces(0)
	w := newWorld(t, answering(200, documented), func(c *Config) { c.Places = places })
	_, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	ctx, visit := Begin(t.Context())
	_, err = w.GetUser(ctx, Change, 125039)
	w.g.Expect(w.failure(t, err).Kind).To(Equal(Deferred))
	visit.End()
	w.g.Expect(places.taken).To(BeZero())
}

func TestAVisitKeepsItsPlaceUntilItEnds(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	ctx, visit := Begin(t.Context())
	_, err := w.GetUser(ctx, Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.flights.fill(Change, nil)).To(Equal(maxFlights - 1))
	_, err = w.GetUser(ctx, Change, 125039)
	w.g.Expect(err).NotTo(HaveOccurred(), "or a write would begin again with another look")
	w.g.Expect(visit.Sent()).To(Equal(int64(2)))
	visit.End()
	visit.End()
	w.g.Expect(w.flights.now).To(Equal(maxFlights - 1))
	w.g.Expect(w.flights.took).To(BeNumerically(">", 0))
}

func TestAVisitThatSentNothingTellsNotHowLongOnesTake(t *testing.T) {
	w := newWorld(t, answering(429, ""))
	_, _ = w.GetUser(t.Context(), Poll, 125039)
	took := w.flights.took
	ctx, visit := Begin(t.Context())
	_, err := w.GetUser(ctx, Poll, 125039)
	w.g.Expect(w.failure(t, err).Sent).To(BeFalse(), "while all pause")
	visit.End()
	w.g.Expect([]any{w.flights.took, w.flights.now}).To(Equal([]any{took, 0}))
}

func TestADeadServiceIsAskedByFew(t *testing.T) {
	w, arrived, release := hanging(t)
	for range deadAfter {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		_, err := w.GetUser(ctx, Poll, 125039)
		w.g.Expect(w.failure(t, err).Sent).To(BeTrue())
	}
	var calls sync.WaitGroup
	for range deadFlights {
		calls.Go(func() { _, _ = w.GetUser(t.Context(), Poll, 125039) })
	}
	for range deadFlights {
		<-arrived
	}
	_, err := w.GetUser(t.Context(), Change, 125039)
	w.g.Expect(w.failure(t, err).Kind).To(Equal(Deferred))
	release()
	calls.Wait()

	w.g.Expect(w.flights.unanswered).To(BeZero(), "an answer opens it to all again")
	w.g.Expect(w.flights.now).To(BeZero())
}

func TestAnAnswerThatIsAnErrorIsAnAnswer(t *testing.T) {
	w := newWorld(t, answering(503, ""))
	for range 3 * deadAfter {
		_, err := w.GetUser(t.Context(), Poll, 125039)
		w.g.Expect(w.failure(t, err).Kind).To(Equal(Unavailable))
	}
	w.g.Expect(w.requests()).To(HaveLen(3 * deadAfter))
	w.g.Expect(w.flights.unanswered).To(BeZero())
}
