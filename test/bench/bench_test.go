package main

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestABarThatIsMissedIsTold(t *testing.T) {
	g := NewWithT(t)
	r := &report{}
	r.add(10, "calls", "7").than("10").atMost("7", 7, 7)
	r.add(10, "seconds", "3")
	g.Expect(r.held()).To(BeTrue())
	r.add(10, "writes", "1").atMost("0", 1, 0)
	g.Expect(r.held()).To(BeFalse())
	var out strings.Builder
	r.print(&out)
	g.Expect(strings.Split(out.String(), "\n")[2:]).To(Equal([]string{
		"| calls   | 10  | 7     | 10       | ≤ 7 | yes  |",
		"| seconds | 10  | 3     | –        | –   | –    |",
		"| writes  | 10  | 1     | –        | ≤ 0 | NO   |",
		"",
	}))
}

func TestPercentileIsOneOfThem(t *testing.T) {
	g := NewWithT(t)
	for count, want := range map[int][2]time.Duration{1: {1, 1}, 2: {1, 2}, 60: {30, 60}, 100: {50, 99}, 200: {100, 198}} {
		var d durations
		for i := range count {
			d = append(d, time.Duration(i+1))
		}
		g.Expect([2]time.Duration{d.percentile(50), d.percentile(99)}).To(Equal(want), "of %d", count)
	}
}

func TestMetricsAreAddedUp(t *testing.T) {
	g := NewWithT(t)
	p := page("# HELP requests_total of \"GET\"\nrequests_total{verb=\"GET\",code=\"200\"} 3\nrequests_total{verb=\"GET\",code=\"404\"} 1e+00\n" +
		"requests_total{verb=\"PUT\",code=\"200\"} 5\nrequests_total_of_others 7\nheap 12\n")
	g.Expect(p.sum("requests_total", `verb="GET"`)).To(BeEquivalentTo(4))
	g.Expect(p.sum("requests_total", `verb="GET"`, `code="200"`)).To(BeEquivalentTo(3))
	g.Expect(p.sum("requests_total")).To(BeEquivalentTo(9))
	g.Expect(p.sum("heap")).To(BeEquivalentTo(12))
	g.Expect(p.sum("none")).To(BeZero())
}
