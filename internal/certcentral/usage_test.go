package certcentral

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestUsageIsOfTheLastThreeMinutes(t *testing.T) {
	g := NewWithT(t)
	var u usage
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	g.Expect(u.total(at(0))).To(Equal(0))
	for _, s := range []int{0, 0, 90, 179} {
		u.add(at(s))
	}
	for _, tc := range []struct{ at, want int }{{179, 4}, {180, 2}, {269, 2}, {270, 1}, {358, 1}, {359, 0}, {10_000, 0}} {
		g.Expect(u.total(at(tc.at))).To(Equal(tc.want), "at %d s", tc.at)
	}
	u.add(at(9_000))
	g.Expect(u.total(at(10_000))).To(Equal(1), "a clock that was set back loses no request")
}

func TestRequestsAreCountedByKey(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	_, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	_ = w.UpdateUser(t.Context(), 125039, Update{}, nil)
	w.g.Expect(w.Requests()).To(Equal(2))
}
