package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// page is metrics in the text form of Prometheus.
type page []byte

// sum adds up the samples of a metric that have all of these labels, each written like `verb="GET"`.
func (p page) sum(metric string, labels ...string) (sum float64) {
lines:
	for line := range bytes.Lines(p) {
		rest, found := strings.CutPrefix(string(line), metric)
		if !found || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(rest, label) {
				continue lines
			}
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64)
		if err == nil {
			sum += value
		}
	}
	return sum
}

// unverified trusts any certificate: the manager makes its own.
var unverified = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// metrics reads the page of the manager or of the API server.
func (s *stage) metrics(ctx context.Context, base string) (page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.REST.BearerToken)
	answer, err := unverified.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("metrics: %s", answer.Status)
	}
	return text, err
}

// tally is how often the operator has written to Kubernetes, by what it wrote.
type tally struct{ users, accounts, events int }

func (t tally) sum() int { return t.users + t.accounts + t.events }

func (t tally) since(before tally) tally {
	return tally{users: t.users - before.users, accounts: t.accounts - before.accounts, events: t.events - before.events}
}

// written is how often anybody but this program has written to Kubernetes what the operator may write: statuses and events. Its
// lease, which it renews every 2 s, is left out.
func (s *stage) written(ctx context.Context) (t tally, err error) {
	p, err := s.metrics(ctx, s.REST.Host)
	for _, verb := range []string{"POST", "PUT", "PATCH", "APPLY", "DELETE"} {
		of := func(labels ...string) int {
			return int(p.sum("apiserver_request_total", append(labels, `verb="`+verb+`"`)...))
		}
		t.users += of(`resource="certcentralusers"`, `subresource="status"`)
		t.accounts += of(`resource="certcentralaccounts"`, `subresource="status"`)
		t.events += of(`resource="events"`)
	}
	return t, err
}

// ready is how many resources are as declared, as the manager tells.
func (s *stage) ready(ctx context.Context) (int, error) {
	p, err := s.metrics(ctx, s.manager.Metrics)
	return int(p.sum("certcentral_users", `condition="Ready"`, `status="True"`)), err
}

// cpu is the time that the manager has computed: of each thread, to the nanosecond, where /proc/*/stat has hundredths of a second.
func (s *stage) cpu() (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.manager.PID()))
	if len(threads) == 0 {
		return 0, errors.Join(err, errors.New("no threads of the manager in /proc"))
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			return 0, err
		}
		computed, _, _ := strings.Cut(string(text), " ")
		nanoseconds, err := strconv.ParseInt(computed, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(nanoseconds)
	}
	return sum, nil
}

// memory is what the manager has of the machine's, and of the Go heap in bytes that are in use after a collection.
type memory struct{ rss, peak, heap float64 }

// memory has the manager collect, by asking it for its metrics until it has.
func (s *stage) memory(ctx context.Context) (m memory, err error) {
	const cycles = "go_gc_cycles_total_gc_cycles_total"
	var first page
	if err := s.await(ctx, "metrics", func() (_ bool, err error) {
		first, err = s.metrics(ctx, s.manager.Metrics)
		return true, err
	}); err != nil {
		return m, err
	}
	err = s.await(ctx, "the manager to collect garbage", func() (bool, error) {
		p, err := s.metrics(ctx, s.manager.Metrics)
		m.heap = p.sum("go_gc_heap_live_bytes")
		return p.sum(cycles) >= first.sum(cycles)+2, err
	})
	m.rss, m.peak = s.proc("VmRSS"), s.proc("VmHWM")
	return m, err
}

// proc is a number of kB in /proc/*/status, in bytes.
func (s *stage) proc(name string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.manager.PID()))
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			value, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return value * 1024
		}
	}
	return 0
}

// patience is how long anything may take.
const patience = 5 * time.Minute

// await asks every few milliseconds until the answer is yes. It gives up when the manager ends.
func (s *stage) await(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		ok, err := done()
		if ok && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-s.ended():
			return fmt.Errorf("waiting for %s: the manager ended with exit code %d", what, s.manager.ExitCode())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ended is closed once the manager has ended; it is nil before there was one.
func (s *stage) ended() <-chan struct{} {
	if s.manager == nil {
		return nil
	}
	return s.manager.Done()
}

// pass lets time go by.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
