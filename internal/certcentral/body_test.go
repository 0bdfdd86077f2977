package certcentral

import (
	"runtime"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

// TestAnswersWithoutEndCostNoMemory reads answers that never end, many at a time and many times.
func TestAnswersWithoutEndCostNoMemory(t *testing.T) {
	g, c := NewWithT(t), &Client{large: make(chan struct{}, 1)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var large oneAtATime
	for range 8 {
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				if _, whole, err := c.readLarge(t.Context(), &blanksWithoutEnd{large: &large}); err != nil || whole {
					t.Errorf("whole: %v, %v", whole, err)
				}
			})
		}
		readers.Wait()
	}
	runtime.ReadMemStats(&after)
	g.Expect(large.overlap).To(BeFalse(), "of large answers one is read at a time")
	g.Expect(after.TotalAlloc-before.TotalAlloc).To(BeNumerically("<", 8*8*maxBody/2), "the memory is used again")
}

// oneAtATime sees whether one large answer is begun before the one before it was given up.
type oneAtATime struct {
	mu      sync.Mutex
	now     *blanksWithoutEnd
	overlap bool
}

type blanksWithoutEnd struct {
	size  int
	large *oneAtATime
}

func (b *blanksWithoutEnd) Read(p []byte) (int, error) {
	b.large.mu.Lock()
	defer b.large.mu.Unlock()
	b.size += len(p)
	if b.size > maxBody/2 {
		now := b.large.now
		b.large.overlap = b.large.overlap || now != nil && now != b && now.size <= maxBody
		b.large.now = b
	}
	return len(p), nil
}
