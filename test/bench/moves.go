package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// quietFor is how long nobody has called when things are said to be settled.
const quietFor = time.Second

// settle returns once nobody calls any more.
func (s *stage) settle(ctx context.Context) error {
	return s.await(ctx, "calls to end", func() (bool, error) { return !slices.ContainsFunc(s.calls(), recent), nil })
}

// heard returns once all users have had their turn whom a change of the account woke, though they made no call.
func (s *stage) heard(ctx context.Context) error {
	if err := pass(ctx, time.Second); err != nil { // until they are in the queue
		return err
	}
	return s.await(ctx, "the queue to be empty", func() (bool, error) {
		p, err := s.metrics(ctx, s.manager.Metrics)
		return p.sum("workqueue_depth", `controller="certcentraluser"`) == 0, err
	})
}

// lookNow asks for a look at all users: for a sweep, or else, as user by user nothing else does it, by changing the account.
func (s *stage) lookNow(ctx context.Context) error {
	s.asked++
	if s.way.name == swept.name {
		return s.patchAccounts(ctx, map[string]any{"metadata": map[string]any{"annotations": map[string]any{
			v1alpha1.AnnotationReconcileRequestedAt: fmt.Sprint(s.asked),
		}}})
	}
	return s.patchAccounts(ctx, map[string]any{"spec": map[string]any{"interval": (time.Hour + time.Duration(s.asked)*time.Second).String()}})
}

// round is a look at all users: what it took.
type round struct {
	calls  simulator.Calls
	writes int           // to Kubernetes
	cpu    time.Duration // of the manager
	took   time.Duration // until the last answer
}

// looked is how many calls were for the list of all users, or about one of them. A request to look now costs two more, which ask
// whose the key is and who are service users.
func (r round) looked() int {
	return len(r.calls.Where(func(c simulator.Call) bool { return isPage(c) || c.User >= firstID }))
}

// look has all users looked at, and returns what it took once things have settled.
func (s *stage) look(ctx context.Context) (round, error) {
	return s.watch(ctx, func() error {
		if err := s.lookNow(ctx); err != nil {
			return err
		}
		if err := s.await(ctx, "a look", func() (bool, error) { return round{calls: s.calls()}.looked() > 0, nil }); err != nil {
			return err
		}
		return s.settle(ctx)
	})
}

// watch returns what something took.
func (s *stage) watch(ctx context.Context, do func() error) (r round, err error) {
	s.reset()
	before, err := s.written(ctx)
	if err != nil {
		return r, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return r, err
	}
	began := time.Now()
	if err := do(); err != nil {
		return r, err
	}
	if r.cpu, err = s.cpu(); err != nil {
		return r, err
	}
	wrote, err := s.written(ctx)
	r.writes, r.cpu, r.calls = wrote.since(before).sum(), r.cpu-cpu, s.calls()
	if len(r.calls) > 0 {
		r.took = r.calls[len(r.calls)-1].Time.Add(latency).Sub(began)
	}
	return r, err
}

// isPage tells whether the call asks for a page of the list of all users.
func isPage(c simulator.Call) bool {
	return c.Method == http.MethodGet && (c.Path == "/user" || strings.HasPrefix(c.Path, "/user?")) && !strings.Contains(c.Path, "filters")
}

// pages is how many calls a list of n users and the owner of the key takes.
func pages(n int) int { return (n + 1 + pageRows) / pageRows }

// others returns so many users of services that are well, from all over the list, and at first those who were not returned for the
// longest time: who drifts too often is left alone for a while.
func (s *stage) others(count int) (others []int) {
	const stride = 7919 // has no divisor in common with any number of users, so that nobody is left out
	for ; len(others) < count; s.next++ {
		if i := s.next * stride % s.n; !s.of(i).ill {
			others = append(others, i)
		}
	}
	return others
}

// drift changes so many users as a colleague would, asks for a look, and returns how it went until all are back.
func (s *stage) drift(ctx context.Context, count int) (r round, err error) {
	want := map[int]any{}
	for _, i := range s.others(count) {
		want[i] = s.of(i).User(id(i))["job_title"]
		if err := s.of(i).Edit(id(i), map[string]any{"job_title": "Drifted"}); err != nil {
			return r, err
		}
	}
	back := func() (bool, error) {
		for i, title := range want {
			if s.of(i).User(id(i))["job_title"] != title {
				return false, nil
			}
		}
		return true, nil
	}
	return s.watch(ctx, func() error {
		if err := s.lookNow(ctx); err != nil {
			return err
		}
		if err := s.await(ctx, "users who drifted to be back", back); err != nil {
			return err
		}
		return s.settle(ctx)
	})
}

// declare gives a user another job title by changing the resource, and returns the title.
func (s *stage) declare(ctx context.Context, i int) (title string, err error) {
	s.titles++
	title = fmt.Sprintf("Title %d", s.titles)
	return title, s.patch(ctx, named(i), map[string]any{"spec": map[string]any{"profile": map[string]any{"jobTitle": title}}})
}

// edits declares other job titles, one each pause, and returns how long it took from each to its PUT.
func (s *stage) edits(ctx context.Context, count int, pause time.Duration) (durations, error) {
	began := map[string]time.Time{}
	who := slices.DeleteFunc(rand.Perm(s.n), func(i int) bool { return s.of(i).ill })
	for _, i := range who[:count] {
		now := time.Now()
		title, err := s.declare(ctx, i)
		if err != nil {
			return nil, err
		}
		began[title] = now
		if err := pass(ctx, pause-time.Since(now)); err != nil {
			return nil, err
		}
	}
	var took durations
	err := s.await(ctx, "declared titles to be written", func() (bool, error) {
		arrived := s.arrived()
		took = nil
		for title, at := range began {
			if put, found := arrived[title]; found {
				took = append(took, put.Sub(at))
			}
		}
		return len(took) == count, nil
	})
	slices.Sort(took)
	return took, err
}

// arrived is when each job title was written first.
func (s *stage) arrived() map[string]time.Time {
	arrived := map[string]time.Time{}
	for _, call := range s.calls() {
		if call.Method != http.MethodPut {
			continue
		}
		title := fmt.Sprint(call.Sent()["job_title"])
		if _, again := arrived[title]; !again {
			arrived[title] = call.Time
		}
	}
	return arrived
}

// durations are in order.
type durations []time.Duration

// percentile is the smallest of them that so many percent do not exceed.
func (d durations) percentile(percent int) time.Duration {
	return d[max((len(d)*percent+99)/100, 1)-1]
}

func (d durations) String() string {
	return fmt.Sprintf("%s / %s", seconds(d.percentile(50)), seconds(d.percentile(99)))
}
