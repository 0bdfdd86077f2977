package simulator

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// The people of every test's world.
const (
	john    = 125039 // the documentation's user
	owner   = 7      // whose key the tests use
	robot   = 90     // a service user
	foreign = 500    // of another account
)

// world is a simulator with a clock that stands still, and what it printed.
type world struct {
	*Simulator
	*WithT
	now     time.Time
	printed bytes.Buffer
	key     string // may manage
	viewKey string
}

// newWorld ends each test with a search for the keys in all that the simulator lets out.
func newWorld(t *testing.T, rules Rules) *world {
	t.Helper()
	w := &world{
		WithT: NewWithT(t), key: rand.Text(), viewKey: rand.Text(),
		now: time.Date(2026, 3, 1, 12, 3, 4, 0, time.UTC),
	}
	w.Simulator = New(Options{Rules: rules, Now: func() time.Time { return w.now }, Out: &w.printed})
	w.Expect(w.AddKey(Key{Key: w.key, UserID: owner})).To(Succeed())
	w.Expect(w.AddKey(Key{Key: w.viewKey, UserID: john, Permissions: View})).To(Succeed())
	w.Expect(w.AddUser(john, map[string]any{
		"username": "john.smith@digicert.com", "email": "john.smith@digicert.com",
		"first_name": "John", "last_name": "Smith", "job_title": "Sys Admin", "telephone": "555-555-5555",
		"last_login_date": "2019-06-21 13:37:00",
	})).To(Succeed())
	w.Expect(w.AddUser(owner, nil)).To(Succeed())
	w.Expect(w.AddServiceUser(robot, nil)).To(Succeed())
	w.Expect(w.AddUser(foreign, map[string]any{"account_id": 5})).To(Succeed())
	t.Cleanup(func() {
		out := fmt.Sprintf("%s %+v %s", w.printed.String(), w.Calls(), w.admin("GET", "/admin/calls", "").Body)
		for _, key := range []string{w.key, w.viewKey} {
			w.Expect(strings.Contains(out, key)).To(BeFalse(), "a key got out")
		}
	})
	return w
}

// call sends one call with the managing key.
func (w *world) call(method, path, body string) *httptest.ResponseRecorder {
	return w.callWith(w.key, method, path, body)
}

func (w *world) callWith(key, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, BasePath+path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("X-DC-DEVKEY", key)
	}
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

// put sends John's documented profile with the fields given in place of his; a nil leaves one out.
func (w *world) put(id int64, fields map[string]any) *httptest.ResponseRecorder {
	return w.call("PUT", fmt.Sprintf("/user/%d", id), body(fields))
}

func body(fields map[string]any) string {
	profile := map[string]any{
		"username": "john.smith@digicert.com", "email": "john.smith@digicert.com", "first_name": "John",
		"last_name": "Smith", "job_title": "Sys Admin", "telephone": "555-555-5555",
	}
	for name, value := range fields {
		if profile[name] = value; value == nil {
			delete(profile, name)
		}
	}
	return string(raw(profile))
}

// get reads a user as a client would.
func (w *world) get(id int64) map[string]any {
	return w.object(w.call("GET", fmt.Sprintf("/user/%d", id), ""))
}

func (w *world) object(answer *httptest.ResponseRecorder) map[string]any {
	var o map[string]any
	w.Expect(json.Unmarshal(answer.Body.Bytes(), &o)).To(Succeed(), "body: %.200s", answer.Body)
	return o
}

// codes are the codes of an error's entries.
func (w *world) codes(answer *httptest.ResponseRecorder) []string {
	var e struct{ Errors []apiError }
	w.Expect(json.Unmarshal(answer.Body.Bytes(), &e)).To(Succeed(), "body: %.200s", answer.Body)
	var codes []string
	for _, entry := range e.Errors {
		codes = append(codes, entry.Code)
	}
	return codes
}

func TestKeys(t *testing.T) {
	const invalid = "access_denied|access_denied_invalid_key"
	for _, tc := range []struct {
		reason string
		rules  Rules
		key    func(*world) string
		status int
	}{
		{"a valid key passes", Rules{}, func(w *world) string { return w.key }, 200},
		{"no key is refused with 403", Rules{}, func(*world) string { return "" }, 403},
		{"an unknown key is refused with 403", Rules{}, func(*world) string { return "unknown" }, 403},
		{"a service may say 401 instead", Rules{BadKeyStatus: 401}, func(*world) string { return "unknown" }, 401},
		{"a revoked key is refused", Rules{}, func(w *world) string {
			w.Expect(w.RevokeKey(w.key)).To(Succeed())
			return w.key
		}, 403},
		{"a key is revoked by its fingerprint too", Rules{}, func(w *world) string {
			w.Expect(w.RevokeKey(Fingerprint(w.key))).To(Succeed())
			return w.key
		}, 403},
		{"a restored key passes", Rules{}, func(w *world) string {
			w.Expect(w.RevokeKey(w.key)).To(Succeed())
			w.Expect(w.RestoreKey(w.key)).To(Succeed())
			return w.key
		}, 200},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, tc.rules)
			answer := w.callWith(tc.key(w), "GET", "/user/125039", "")
			w.Expect(answer.Code).To(Equal(tc.status))
			if tc.status != 200 {
				w.Expect(w.codes(answer)).To(Equal([]string{invalid}))
			}
		})
	}
}

func TestKeyMistakes(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.AddKey(Key{})).To(MatchError("a key needs a value"))
	w.Expect(w.RevokeKey("unknown")).To(MatchError("there is no such key"))
	w.Expect(w.AddUser(0, nil)).To(MatchError("a user needs an id"))
}

func TestRoutes(t *testing.T) {
	for _, tc := range []struct {
		reason, method, path string
		status               int
	}{
		{"a role is no profile", "PUT", "/user/125039/role", 404},
		{"users are not created here", "POST", "/user", 405},
		{"users are not deleted here", "DELETE", "/user/125039", 405},
		{"me cannot be written", "PUT", "/user/me", 404},
		{"other endpoints are unknown", "GET", "/order/certificate", 404},
		{"no id is no user", "GET", "/user/smith", 404},
		{"zero is no user", "GET", "/user/0", 404},
		{"another account's user is not visible", "GET", "/user/500", 404},
		{"another account's user cannot be written", "PUT", "/user/500", 404},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			answer := w.call(tc.method, tc.path, "{}")
			w.Expect(answer.Code).To(Equal(tc.status))
			w.Expect(w.codes(answer)).To(HaveLen(1))
			w.Expect(w.Calls().Requests()).To(Equal([]string{tc.method + " " + tc.path}), "it is on record")
		})
	}
}

func TestOutsideTheBasePath(t *testing.T) {
	for _, path := range []string{"/user/125039", "/services/v1/user/125039", "/"} {
		w := newWorld(t, Rules{})
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("X-DC-DEVKEY", w.key)
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, r)
		w.Expect(answer.Code).To(Equal(404))
		w.Expect(w.Calls()[0].String()).To(Equal("GET " + path + " 404"))
	}
}

func TestRulesCanChange(t *testing.T) {
	w := newWorld(t, Rules{})
	w.SetRules(Rules{BadKeyStatus: 401})
	w.Expect(w.Rules()).To(Equal(Rules{BadKeyStatus: 401}))
	w.Expect(w.callWith("unknown", "GET", "/user/me", "").Code).To(Equal(401))
}

func TestTheSystemClockIsTheDefault(t *testing.T) {
	w := NewWithT(t)
	sim := New(Options{})
	sim.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", BasePath+"/user/me", nil))
	w.Expect(sim.Calls()[0].Time).To(BeTemporally("~", time.Now(), time.Minute))
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	w := NewWithT(t)
	sim := New(Options{Rules: Rules{Limits: []Limit{}}, Out: io.Discard})
	w.Expect(sim.AddKey(Key{Key: "k", UserID: 1})).To(Succeed())
	w.Expect(sim.AddUser(1, nil)).To(Succeed())
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			r := httptest.NewRequest("PUT", BasePath+"/user/1", strings.NewReader(body(map[string]any{"job_title": fmt.Sprint(i)})))
			r.Header.Set("X-DC-DEVKEY", "k")
			sim.ServeHTTP(httptest.NewRecorder(), r)
			_ = sim.Inject(Fault{Match: Match{Method: http.MethodDelete}, Do: Do{Stale: true}})
			_ = sim.Edit(1, map[string]any{"status": fmt.Sprint(i)})
			_ = sim.RevokeKey("unknown")
			_, _, _ = sim.Calls().Requests(), sim.Faults(), sim.User(1)
			sim.SetRules(sim.Rules())
			sim.ClearFaults()
		})
	}
	all.Wait()
	w.Expect(sim.Calls().Where(func(c Call) bool { return c.Status == 204 })).To(HaveLen(20))
}
