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

func TestPollsThatFindNoPlaceComeBackAsAnswersMakeRoom(t *testing.T) {
	g, now := NewWithT(t), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var f flights
	for range maxFlights - keptFlights {
		g.Expect(f.begin(Poll)).To(BeTrue())
	}
	g.Expect(f.begin(Poll)).To(BeFalse())
	g.Expect(f.begin(Change)).To(BeTrue(), "what a person waits for has places of its own")
	f.end(true, true, time.Second)
	f.end(true, true, time.Second)
	const room = time.Second * 3 / 4 / (maxFlights - keptFlights)
	for i := range 1000 {
		g.Expect(f.later(Poll, now)).To(Equal(time.Second/2 + time.Duration(i)*room))
	}
	g.Expect(f.later(Change, now)).To(Equal(time.Second/2), "and stands in no line")
	g.Expect(f.later(Poll, now.Add(time.Hour))).To(Equal(time.Second/2), "places that nobody came back for are no debt")
	for range deadAfter {
		f.end(true, false, time.Second)
	}
	g.Expect(f.later(Poll, now)).To(BeZero())
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
