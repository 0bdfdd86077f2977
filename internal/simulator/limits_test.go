package simulator

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// admitted counts the calls that pass, of n made at once.
func (w *world) admitted(key string, n int) int {
	passed := 0
	for range n {
		if w.callWith(key, "GET", "/user/me", "").Code == 200 {
			passed++
		}
	}
	return passed
}

func TestDocumentedLimits(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.admitted(w.key, 105)).To(Equal(100), "100 in 5 s")
	w.Expect(w.admitted(w.viewKey, 1)).To(Equal(1), "each key has its own windows")
	w.now = w.now.Add(5*time.Second - 1)
	w.Expect(w.admitted(w.key, 1)).To(Equal(0))
	for range 9 {
		w.now = w.now.Add(5 * time.Second)
		w.Expect(w.admitted(w.key, 101)).To(Equal(100))
	}
	w.now = w.now.Add(5 * time.Second)
	w.Expect(w.admitted(w.key, 1)).To(Equal(0), "1000 in 3 minutes")
	w.now = w.now.Add(2*time.Minute + 5*time.Second)
	w.Expect(w.admitted(w.key, 1)).To(Equal(0), "they are not over yet")
	w.now = w.now.Add(5 * time.Second)
	w.Expect(w.admitted(w.key, 150)).To(Equal(100), "the window slid past the first hundred")
}

func TestTheWindowRolls(t *testing.T) {
	w := newWorld(t, Rules{Limits: []Limit{{Requests: 2, Per: Duration(10 * time.Second)}}})
	w.Expect(w.admitted(w.key, 1)).To(Equal(1))
	w.now = w.now.Add(6 * time.Second)
	w.Expect(w.admitted(w.key, 2)).To(Equal(1))
	w.now = w.now.Add(4 * time.Second)
	w.Expect(w.admitted(w.key, 2)).To(Equal(1), "only the first call has left the window")
}

func TestRefusedCallsMayCount(t *testing.T) {
	for counted, want := range map[bool]int{false: 1, true: 0} {
		w := newWorld(t, Rules{Limits: []Limit{{Requests: 1, Per: Duration(10 * time.Second)}}, RefusedCount: counted})
		w.Expect(w.admitted(w.key, 1)).To(Equal(1))
		w.now = w.now.Add(9 * time.Second)
		w.Expect(w.admitted(w.key, 1)).To(Equal(0))
		w.now = w.now.Add(time.Second)
		w.Expect(w.admitted(w.key, 1)).To(Equal(want))
	}
}

func TestLimitsCanBeOff(t *testing.T) {
	for _, limits := range [][]Limit{{}, {{Requests: 0, Per: Duration(time.Minute)}}} {
		w := newWorld(t, Rules{Limits: limits})
		w.Expect(w.admitted(w.key, 1100)).To(Equal(1100))
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		reason string
		form   RetryAfter
		want   string
	}{
		{"is not sent by default", "", ""},
		{"in seconds, rounded up", RetryAfterSeconds, "3"},
		{"as a date, not too early", RetryAfterDate, "Sun, 01 Mar 2026 12:03:09 GMT"},
		{"as any nonsense", "soon", "soon"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{Limits: []Limit{{Requests: 2, Per: Duration(5 * time.Second)}}, RetryAfter: tc.form})
			for range 2 {
				w.Expect(w.admitted(w.key, 1)).To(Equal(1))
				w.now = w.now.Add(1250 * time.Millisecond)
			}
			answer := w.call("PUT", "/user/125039", body(map[string]any{"job_title": "Chief"}))
			w.Expect(answer.Code).To(Equal(429))
			w.Expect(w.codes(answer)).To(Equal([]string{"request_limit_exceeded"}))
			w.Expect(answer.Header().Get("Retry-After")).To(Equal(tc.want))
			w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
		})
	}
}
