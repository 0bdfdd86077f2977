package certcentral

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestOneKeyHasOneBudget(t *testing.T) {
	g, all := NewWithT(t), NewBudgets(nil)
	key, other := aKey(t), aKey(t)
	b := all.Use("pki/us", key, Limits{PerMinute: 180, Burst: 10})
	g.Expect(all.Use("pki/us", key, Limits{PerMinute: 180, Burst: 10})).To(BeIdenticalTo(b))
	g.Expect(all.Use("pki/eu", key, Limits{PerMinute: 60, Burst: 40})).To(BeIdenticalTo(b))
	g.Expect(b.limits).To(Equal(Limits{PerMinute: 60, Burst: 10}), "the smallest of each")
	g.Expect(all.Use("pki/other", other, usual)).NotTo(BeIdenticalTo(b))

	all.Release("pki/eu")
	g.Expect(b.limits).To(Equal(Limits{PerMinute: 180, Burst: 10}))
	all.Release("pki/eu")
	all.Release("pki/nobody")
	g.Expect(b.limits).To(Equal(Limits{PerMinute: 180, Burst: 10}))
}

func TestARotatedKeyLeavesItsBudget(t *testing.T) {
	g, all := NewWithT(t), NewBudgets(nil)
	before, after := aKey(t), aKey(t)
	b := all.Use("pki/us", before, Limits{PerMinute: 180, Burst: 10})
	all.Use("pki/eu", before, usual)
	g.Expect(all.Use("pki/us", after, Limits{PerMinute: 180, Burst: 10})).NotTo(BeIdenticalTo(b))
	g.Expect(b.limits).To(Equal(usual))
}

func TestABudgetOutlivesItsLastAccount(t *testing.T) {
	g, now := NewWithT(t), time.Now()
	all := NewBudgets(func() time.Time { return now })
	key := aKey(t)
	b := all.Use("pki/us", key, usual)
	all.Release("pki/us")
	now = now.Add(keepUnused)
	all.Release("")
	g.Expect(all.Use("pki/us", key, usual)).To(BeIdenticalTo(b), "calls under way still count")
	all.Release("pki/us")
	now = now.Add(keepUnused + 1)
	all.Release("")
	g.Expect(all.keys).To(BeEmpty())
	g.Expect(all.Use("pki/us", key, usual)).NotTo(BeIdenticalTo(b))
}

func TestLimitsBelowOneCountAsOne(t *testing.T) {
	b := NewBudgets(nil).Use("pki/us", aKey(t), Limits{PerMinute: -1})
	NewWithT(t).Expect(b.limits).To(Equal(Limits{PerMinute: 1, Burst: 1}))
}

func TestBudgetsAreSafeForConcurrentUse(t *testing.T) {
	all, key := NewBudgets(nil), aKey(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 100 {
				b := all.Use(string(rune('a'+i)), key, Limits{PerMinute: 60 + i, Burst: 10 + i})
				_ = b.pass(t.Context(), Poll)
				b.throttled(time.Second)
				b.succeeded()
				all.Release(string(rune('a' + i)))
			}
		})
	}
	group.Wait()
}

func aKey(t *testing.T) APIKey {
	t.Helper()
	key, err := ParseAPIKey([]byte(rand.Text()))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return key
}
