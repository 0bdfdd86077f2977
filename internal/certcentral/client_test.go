package certcentral

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

func TestNewRefuses(t *testing.T) {
	key, endpoint := aKey(t), Endpoint{host: "a.example"}
	budget := NewBudgets(nil).Use("pki/digicert", key, usual)
	for why, change := range map[string]func(*Config){
		"no endpoint":               func(c *Config) { c.Endpoint = Endpoint{} },
		"no API key":                func(c *Config) { c.Key = APIKey{} },
		"no budget":                 func(c *Config) { c.Budget = nil },
		"no budget of this API key": func(c *Config) { c.Key = aKey(t) },
		"the user agent is not":     func(c *Config) { c.UserAgent = "x\r\nY: z" },
		"no PEM certificate in it":  func(c *Config) { c.CABundle = []byte("x") },
	} {
		cfg := Config{Endpoint: endpoint, Key: key, Budget: budget}
		_, err := New(cfg)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		change(&cfg)
		_, err = New(cfg)
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring(why)))
		expectNoKey(t, key.reveal(), err)
	}
}

func TestARefusedCallIsObservedAndNotSent(t *testing.T) {
	w := newWorld(t, answering(200, documented), func(c *Config) {
		c.Budget = NewBudgets(nil).Use("pki/digicert", c.Key, Limits{PerMinute: 1, Burst: 4})
		c.UserAgent = "a-test/1"
	})
	_, err := w.GetUser(t.Context(), Poll, 125039)
	e := w.failure(t, err)
	w.g.Expect(e).To(MatchError("certcentral GET /user/{id}: Deferred"))
	w.g.Expect(e.RetryAfter).To(BeNumerically(">", 0))
	w.g.Expect(w.requests()).To(BeEmpty())
	w.g.Expect(w.calls).To(HaveLen(1))
	w.g.Expect(w.calls[0].Outcome).To(Equal("Deferred"))
	w.g.Expect(w.calls[0].Sent).To(BeFalse())

	fill(w.cfg.Budget)
	_, err = w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.seen[0].header.Get("User-Agent")).To(Equal("a-test/1"))
}

func TestNobodyNeedsToObserve(t *testing.T) {
	w := newWorld(t, answering(200, documented), func(c *Config) { c.Observe = nil })
	_, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
}

func TestAClientIsSafeForConcurrentUse(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		status := 204
		if strings.HasPrefix(r.Method, "G") {
			status = 200
		}
		answering(status, documented)(rw, r)
	})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				_, get := w.GetUser(t.Context(), Poll, 125039)
				w.g.Expect(get).NotTo(HaveOccurred())
				w.g.Expect(w.UpdateUser(t.Context(), 125039, Update{}, nil)).To(Succeed())
			}
		})
	}
	group.Wait()
	w.g.Expect(w.requests()).To(HaveLen(80))
	w.g.Expect(w.calls).To(HaveLen(80))
}
