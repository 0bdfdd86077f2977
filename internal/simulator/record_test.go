package simulator

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestRecord(t *testing.T) {
	w := newWorld(t, Rules{})
	r := httptest.NewRequest("PUT", BasePath+"/user/125039?x=%5B1%5D", strings.NewReader(body(map[string]any{"job_title": "Chief"})))
	for name, value := range map[string]string{"X-DC-DEVKEY": w.key, "User-Agent": "test/1", "Content-Type": "application/json", "Cookie": "c"} {
		r.Header.Set(name, value)
	}
	w.ServeHTTP(httptest.NewRecorder(), r)
	calls := w.Calls()
	calls[0].Before, calls[0].After = nil, nil // a test of its own
	w.Expect(calls).To(Equal(Calls{{
		Seq: 1, Time: w.now, Ended: w.now, Method: "PUT", Path: "/user/125039?x=[1]", User: john, Key: Fingerprint(w.key),
		Header: map[string]string{"User-Agent": "test/1", "Content-Type": "application/json"},
		Body:   body(map[string]any{"job_title": "Chief"}),
		Status: 204, Applied: true, Changed: []string{"job_title"}, Note: "job_title changed",
	}}))
	w.Expect(w.Calls()[0].Sent()).To(HaveKeyWithValue("job_title", "Chief"))
	w.Expect(Call{}.Sent()).To(BeNil())
}

func TestRecordOfWhatWasServed(t *testing.T) {
	half := func(s string) string { return s[:len(s)/2] }
	whole := func(w *world) string { return string(raw(w.view(w.people[john], false))) }
	for _, tc := range []struct {
		reason string
		do     Do
		want   func(user string) string
	}{
		{"the user", Do{Stale: true}, func(user string) string { return user }},
		{"an error", Do{Status: 500, Body: `{"errors":[]}`}, func(string) string { return `{"errors":[]}` }},
		{"a spoilt body as it was spoilt", Do{Malform: Trailing}, func(user string) string { return user + `{"trailing":true}` }},
		{"half a body", Do{Malform: Cut}, half},
		{"no padding", Do{Malform: Huge}, func(user string) string { return user }},
		{"what is in a bomb", Do{Malform: GzipBomb}, func(user string) string { return user }},
		{"nothing", Do{Drop: true}, func(string) string { return "" }},
		{"no more than the record wants", Do{Status: 200, Body: strings.Repeat("x", maxServed+1)}, func(string) string { return strings.Repeat("x", maxServed) }},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			w.inject(Fault{Match{}, tc.do})
			func() {
				defer func() { _ = recover() }() // net/http's way to end a connection
				r := httptest.NewRequest("GET", BasePath+"/user/125039", nil)
				r.Header.Set("X-DC-DEVKEY", w.key)
				w.ServeHTTP(&flood{ResponseRecorder: httptest.NewRecorder()}, r)
			}()
			w.Expect(w.Calls()).To(HaveExactElements(HaveField("Served", tc.want(whole(w)))))
			w.Expect(w.printed.String()).NotTo(ContainSubstring("Smith"), "only names of fields are printed")
		})
	}
}

func TestRecordOfWhatChanged(t *testing.T) {
	for _, tc := range []struct {
		reason string
		sent   map[string]any
		do     Do
		want   []string
	}{
		{"in the documentation's order", map[string]any{"telephone": nil, "email": "j@example.com", ssoField: "true"}, Do{Stale: true}, []string{"email", "telephone", ssoField}},
		{"nothing", nil, Do{Stale: true}, nil},
		{"nothing, for it was refused", map[string]any{"email": "x"}, Do{Stale: true}, nil},
		{"nothing, for it never arrived", map[string]any{"email": "j@example.com"}, Do{Status: 500}, nil},
		{"something, though the answer was lost", map[string]any{"email": "j@example.com"}, Do{Status: 500, Apply: true}, []string{"email"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			w.inject(Fault{Match{}, tc.do})
			w.put(john, tc.sent)
			w.Expect(w.Calls()[0].Changed).To(Equal(tc.want))
			w.Expect(w.printed.String()).NotTo(ContainSubstring("@"), "only names of fields are printed")
		})
	}
}

func TestFingerprint(t *testing.T) {
	w := NewWithT(t)
	w.Expect(Fingerprint("abc")).To(Equal("ba7816bf"), "the first 8 digits of its well-known SHA-256")
	w.Expect(Fingerprint("")).To(BeEmpty())
}

func TestCallsAsLists(t *testing.T) {
	w := newWorld(t, Rules{})
	w.call("GET", "/user/125039", "")
	w.put(john, nil)
	w.call("GET", "/user?filters%5Bsearch%5D=John", "")
	calls := w.Calls()
	w.Expect(calls.Requests()).To(Equal([]string{"GET /user/125039", "PUT /user/125039", "GET /user?filters[search]=John"}))
	w.Expect(calls.Where(func(c Call) bool { return c.Method == "PUT" })).To(HaveExactElements(HaveField("String()", "PUT /user/125039 204")))
	w.Reset()
	w.Expect(w.Calls()).To(BeEmpty())
	w.Expect(calls).To(HaveLen(3), "the caller's own")
	w.call("GET", "/user/me", "")
	w.Expect(w.Calls()).To(HaveExactElements(HaveField("Seq", 4)))
}

func TestPeak(t *testing.T) {
	at := func(seconds ...int) (calls Calls) {
		for _, s := range seconds {
			calls = append(calls, Call{Time: time.Unix(int64(s), 0)})
		}
		return calls
	}
	for _, tc := range []struct {
		reason string
		calls  Calls
		want   int
	}{
		{"none", nil, 0},
		{"far apart", at(0, 5, 10), 1},
		{"the window is half open", at(0, 1, 5), 2},
		{"in the middle", at(0, 10, 11, 12, 14, 20), 4},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			NewWithT(t).Expect(tc.calls.Peak(5 * time.Second)).To(Equal(tc.want))
		})
	}
}

func TestPrint(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(
		Fault{Match{Method: "PUT", Nth: 3, Times: 1}, Do{Status: 500, Apply: true}},
		Fault{Match{Method: "DELETE"}, Do{Drop: true}},
	)
	w.call("GET", "/user/125039", "")
	w.put(john, map[string]any{"job_title": "Chief", "telephone": nil})
	w.put(john, map[string]any{"email": "x"})
	w.put(john, nil)
	w.call("GET", "/user?limit=5&filters%5Bsearch%5D=John", "")
	w.call("GET", "/user?limit=5", "")
	w.Expect(func() { w.call("DELETE", "/user/125039", "") }).To(Panic())
	w.Expect(w.printed.String()).To(Equal(strings.TrimLeft(`
12:03:04 GET  /user/125039  200
12:03:04 PUT  /user/125039  204  job_title, telephone changed
12:03:04 PUT  /user/125039  400  invalid_email
12:03:04 PUT  /user/125039  500  job_title, telephone changed, server_error, fault: applied, status 500
12:03:04 GET  /user?filters…  200
12:03:04 GET  /user?limit=5  200
12:03:04 DELETE /user/125039  -  no answer, fault: drop
`, "\n")))
}
