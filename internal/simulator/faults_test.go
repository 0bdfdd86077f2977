package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

func (w *world) inject(faults ...Fault) {
	w.Expect(w.Inject(faults...)).To(Succeed())
}

// statuses makes the calls, like "GET /user/7", and lists the answers.
func (w *world) statuses(calls ...string) []int {
	var statuses []int
	for _, c := range calls {
		method, path, _ := strings.Cut(c, " ")
		statuses = append(statuses, w.call(method, path, body(nil)).Code)
	}
	return statuses
}

// title is John's job title after a PUT of "Chief", applied or not.
func title(applied bool) string {
	if applied {
		return "Chief"
	}
	return "Sys Admin"
}

func TestMatch(t *testing.T) {
	const get, getOwner, put = "GET /user/125039", "GET /user/7", "PUT /user/125039"
	for _, tc := range []struct {
		reason string
		match  Match
		calls  []string
		want   []int
	}{
		{"nothing said is every call", Match{}, []string{get, put, "GET /user"}, []int{500, 500, 500}},
		{"a method", Match{Method: "PUT"}, []string{get, put, put}, []int{200, 500, 500}},
		{"a user", Match{User: owner}, []string{get, getOwner}, []int{200, 500}},
		{"a path, without the query", Match{Path: "/user"}, []string{get, "GET /user?limit=1"}, []int{200, 500}},
		{"a pattern", Match{Path: "/user/*"}, []string{get, "GET /user/me", "GET /user"}, []int{500, 500, 200}},
		{"all of them", Match{Method: "GET", Path: "/user/1*", User: john}, []string{get, put, getOwner}, []int{500, 204, 200}},
		{"the next two calls", Match{Times: 2}, []string{get, get, get}, []int{500, 500, 200}},
		{"from the second call on", Match{Nth: 2}, []string{get, get, get}, []int{200, 500, 500}},
		{"every third call, with the first", Match{Every: 3}, []string{get, get, get, get, get}, []int{500, 200, 200, 500, 200}},
		{"every second call from the second on", Match{Nth: 2, Every: 2, Times: 2}, []string{get, get, get, get, get, get}, []int{200, 500, 200, 500, 200, 200}},
		{"every second call that matches", Match{Method: "PUT", Every: 2}, []string{get, put, get, put, put}, []int{200, 500, 200, 204, 500}},
		{"the second call that matches", Match{Method: "PUT", Nth: 2, Times: 1}, []string{put, get, put, put}, []int{204, 200, 500, 204}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			w.inject(Fault{tc.match, Do{Status: 500}})
			w.Expect(w.statuses(tc.calls...)).To(Equal(tc.want))
		})
	}
}

func TestFaultsInTurn(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(
		Fault{Match{Times: 1}, Do{Status: 500}},
		Fault{Match{Method: "GET", Nth: 3, Times: 1}, Do{Status: 503}},
		Fault{Match{Times: 1}, Do{Status: 429}},
	)
	w.Expect(w.statuses("GET /user/7", "GET /user/7", "GET /user/7", "GET /user/7")).To(Equal([]int{500, 429, 503, 200}))
	w.Expect(w.Faults()).To(HaveExactElements(
		And(HaveField("Seen", 4), HaveField("Used", 1)),
		And(HaveField("Seen", 4), HaveField("Used", 1)),
		And(HaveField("Seen", 4), HaveField("Used", 1)),
	))
	w.inject(Fault{Match{}, Do{Status: 500}})
	w.ClearFaults()
	w.Expect(w.statuses("GET /user/7")).To(Equal([]int{200}))
	w.Expect(w.Faults()).To(BeEmpty())
}

func TestFaultsThatCouldNeverWork(t *testing.T) {
	w := newWorld(t, Rules{})
	works := Fault{Match{}, Do{Stale: true}}
	w.Expect(w.Inject(works, Fault{Match{Path: "/user/["}, works.Do})).To(MatchError(ContainSubstring(`fault 1: path "/user/["`)))
	w.Expect(w.Inject(Fault{Match{}, Do{Status: 99}})).To(MatchError(ContainSubstring("status 99")))
	for _, m := range []Match{{Nth: -1}, {Every: -1}, {Times: -1}} {
		w.Expect(w.Inject(Fault{m, works.Do})).To(MatchError(ContainSubstring("negative")))
	}
	for _, do := range []Do{{Drop: true, Drip: 1}, {Drop: true, DripBody: 1}, {Drop: true, Reset: ResetBody}} {
		w.Expect(w.Inject(Fault{Match{}, do})).To(MatchError(ContainSubstring("drop leaves nothing")))
	}
	w.Expect(w.Inject(Fault{})).To(MatchError(ContainSubstring("does nothing")))
	w.Expect(w.Faults()).To(BeEmpty())
}

func TestAnswersInTheServicesPlace(t *testing.T) {
	for _, tc := range []struct {
		reason string
		do     Do
		header string
		body   string
	}{
		{"a documented error", Do{Status: 429, Headers: map[string]string{"Retry-After": "7"}}, "Retry-After", "request_limit_exceeded"},
		{"a bad request", Do{Status: 400}, "Content-Type", "bad_request_format"},
		{"a bad key", Do{Status: 401}, "Content-Type", "access_denied|access_denied_invalid_key"},
		{"a missing permission", Do{Status: 403}, "Content-Type", "access_denied|missing_permission"},
		{"nobody there", Do{Status: 404}, "Content-Type", "not_found"},
		{"a server's error", Do{Status: 503}, "Content-Type", "server_error"},
		{"any body", Do{Status: 502, Body: "<html>"}, "Content-Type", "<html>"},
		{"301", Do{Status: 301, Headers: map[string]string{"Location": "https://example.com"}}, "Location", ""},
		{"302", Do{Status: 302, Headers: map[string]string{"Location": "https://example.com"}}, "Location", ""},
		{"303", Do{Status: 303, Headers: map[string]string{"Location": "https://example.com"}}, "Location", ""},
		{"307", Do{Status: 307, Headers: map[string]string{"Location": "https://example.com"}}, "Location", ""},
		{"308", Do{Status: 308, Headers: map[string]string{"Location": "https://example.com"}}, "Location", ""},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			for _, apply := range []bool{false, true} {
				w := newWorld(t, Rules{})
				tc.do.Apply = apply
				w.inject(Fault{Match{}, tc.do})
				answer := w.put(john, map[string]any{"job_title": "Chief"})
				w.Expect(answer.Code).To(Equal(tc.do.Status))
				w.Expect(answer.Body.String()).To(ContainSubstring(tc.body))
				w.Expect(answer.Header()).To(HaveKey(tc.header))
				w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", title(apply)))
				w.Expect(w.Calls()[0].Applied).To(Equal(apply))
			}
		})
	}
}

func TestHeadersOnAGoodAnswer(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(
		Fault{Match{Times: 2}, Do{Headers: map[string]string{"ETag": `"1"`}}},
		Fault{Match{}, Do{Headers: map[string]string{"Content-Type": "text/plain"}}},
	)
	w.Expect(w.call("GET", "/user/7", "").Header()).To(And(
		HaveKeyWithValue("Etag", []string{`"1"`}), HaveKeyWithValue("Content-Type", []string{"application/json"})))
	w.Expect(w.put(john, nil).Header()).To(Equal(http.Header{"Etag": {`"1"`}}))
	w.Expect(w.call("GET", "/user/7", "").Header()).To(Equal(http.Header{"Content-Type": {"text/plain"}}))
}

func TestAFaultStandsBeforeTheKey(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(Fault{Match{}, Do{Status: 502}})
	w.Expect(w.callWith("", "GET", "/user/me", "").Code).To(Equal(502))
}

func TestDrop(t *testing.T) {
	for _, apply := range []bool{false, true} {
		w := newWorld(t, Rules{})
		w.inject(Fault{Match{Method: "PUT"}, Do{Drop: true, Apply: apply}})
		w.Expect(func() { w.put(john, map[string]any{"job_title": "Chief"}) }).To(PanicWith(http.ErrAbortHandler),
			"net/http's way to end a connection")
		w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", title(apply)))
		w.Expect(w.Calls()[0]).To(And(HaveField("Applied", apply), HaveField("Status", 0)))
		w.Expect(w.Calls()[0].String()).To(Equal("PUT /user/125039 -"))
	}
}

func TestStaleReads(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(Fault{Match{Method: "GET", Times: 3}, Do{Stale: true}})
	w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Sys Admin"), "nothing was written yet")
	w.Expect(w.put(john, map[string]any{"job_title": "Chief"}).Code).To(Equal(204))
	w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
	w.Expect(w.call("GET", "/user?offset=1", "").Body.String()).To(ContainSubstring("Sys Admin"), "lists too")
	w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Chief"))
}

func TestDelay(t *testing.T) {
	for _, tc := range []struct {
		reason  string
		rules   Rules
		do      Do
		asleep  string // the job title while the call waits
		release bool
		took    time.Duration
	}{
		{"before the call takes effect", Rules{}, Do{Delay: Duration(time.Second)}, "Sys Admin", false, time.Second},
		{"after it did", Rules{}, Do{Delay: Duration(time.Second), Apply: true}, "Chief", false, time.Second},
		{"beside the latency of every call", Rules{Latency: Duration(time.Second)}, Do{Delay: Duration(time.Minute)}, "Sys Admin", false, 61 * time.Second},
		{"until released", Rules{}, Do{Delay: Duration(time.Hour)}, "Sys Admin", true, time.Second / 2},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.rules)
				w.inject(Fault{Match{}, tc.do})
				start := time.Now()
				done := make(chan time.Duration)
				go func() {
					w.put(john, map[string]any{"job_title": "Chief"})
					done <- time.Since(start)
				}()
				time.Sleep(time.Second / 2) // of the bubble's clock
				w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", tc.asleep))
				w.Expect(w.Calls()[0].String()).To(Equal("PUT /user/125039 -"), "it is on record while it waits")
				if tc.release {
					w.Release()
				}
				w.Expect(<-done).To(Equal(tc.took))
				w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Chief"))
				w.Expect(w.Calls()[0].Note).To(Equal("job_title changed"), "once")
			})
		})
	}
}

func TestHang(t *testing.T) {
	for _, tc := range []struct {
		reason  string
		apply   bool
		end     func(*world, context.CancelFunc)
		applied bool
		call    string
		note    string
	}{
		{"released it goes on", false, func(w *world, _ context.CancelFunc) { w.Release() }, true, "PUT /user/125039 204", "job_title changed"},
		{"so it does when the faults end", false, func(w *world, _ context.CancelFunc) { w.ClearFaults() }, true, "PUT /user/125039 204", "job_title changed"},
		{"left it has no effect", false, func(_ *world, leave context.CancelFunc) { leave() }, false, "PUT /user/125039 -", "client left"},
		{"left after it took effect", true, func(_ *world, leave context.CancelFunc) { leave() }, true, "PUT /user/125039 -", "job_title changed, client left"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Rules{})
				w.inject(Fault{Match{}, Do{Hang: true, Apply: tc.apply}})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				r := httptest.NewRequestWithContext(ctx, "PUT", BasePath+"/user/125039", strings.NewReader(body(map[string]any{"job_title": "Chief"})))
				r.Header.Set("X-DC-DEVKEY", w.key)
				done := make(chan struct{})
				go func() {
					w.ServeHTTP(httptest.NewRecorder(), r)
					close(done)
				}()
				synctest.Wait()
				w.Expect(w.Calls()).To(HaveExactElements(HaveField("Status", 0)))
				tc.end(w, leave)
				<-done
				w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", title(tc.applied)))
				w.Expect(w.Calls()[0]).To(And(HaveField("String()", tc.call), HaveField("Applied", tc.applied), HaveField("Note", tc.note)))
			})
		})
	}
}

func TestFaultsAreData(t *testing.T) {
	w := newWorld(t, Rules{})
	f := Fault{
		Match{Method: "PUT", Path: "/user/*", User: 1, Nth: 2, Every: 4, Times: 3},
		Do{
			Delay: Duration(1500 * time.Millisecond), Hang: true, Apply: true, Drop: true, Status: 503,
			Headers: map[string]string{"Retry-After": "7"}, Body: "x", Stale: true, Malform: HTML,
			Reset: ResetBody, Drip: Duration(time.Second), DripBody: Duration(time.Minute),
		},
	}
	const form = `{"match":{"method":"PUT","path":"/user/*","user":1,"nth":2,"every":4,"times":3},"do":{"delay":"1.5s","hang":true,` +
		`"apply":true,"drop":true,"status":503,"headers":{"Retry-After":"7"},"body":"x","reset":"body","drip":"1s","drip_body":"1m0s","stale":true,"malform":"html"}}`
	w.Expect(string(raw(f))).To(Equal(form))
	var read Fault
	w.Expect(json.Unmarshal([]byte(form), &read)).To(Succeed())
	w.Expect(read).To(Equal(f))
	w.Expect(f.Do.String()).To(Equal("delay 1.5s, hang, applied, drop, status 503, stale, html, drip 1s, drip body 1m0s, reset body"))
	w.Expect(json.Unmarshal([]byte(`{"do":{"malform":"ugly"}}`), &read)).To(MatchError(ContainSubstring(`"ugly" is none of`)))
	w.Expect(json.Unmarshal([]byte(`{"do":{"reset":"all"}}`), &read)).To(MatchError(ContainSubstring(`"all" is none of`)))
	w.Expect(json.Unmarshal([]byte(`{"do":{"delay":"long"}}`), &read)).NotTo(Succeed())
}
