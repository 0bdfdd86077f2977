// Package simulator stands in for CertCentral's Services API: its documented rules in memory, faults on demand, every
// call on record. It shares no type with the client, or a wrong tag would hide, and it knows nothing of Kubernetes.
package simulator

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// BasePath is where the API lives on its host.
const BasePath = "/services/v2"

// keyHeader carries the API key (user-info page).
const keyHeader = "X-DC-DEVKEY"

// maxRequestBody bounds what a call may send; the rest is not read.
const maxRequestBody = 1 << 20

// Options are what a simulator is made with; the zero value is the documented service on the system's clock, silent.
type Options struct {
	Rules Rules
	// Now is the clock of windows, records and print-out; nil is time.Now.
	Now func() time.Time
	// Out gets one line for each call and each change from the console: field names only, never a value or a key.
	Out io.Writer
}

// Simulator is one CertCentral with all its accounts. Its methods may be called from any goroutine.
type Simulator struct {
	now func() time.Time
	out io.Writer

	mu     sync.Mutex
	rules  Rules
	keys   map[string]*credential // by the key's value
	people map[int64]*person
	faults []*Armed
	calls  []*Call
	seq    int
	hold   chan struct{} // closed to let waiting calls go on
}

// New returns a simulator without users or keys: Load, AddUser and AddKey bring them.
func New(o Options) *Simulator {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &Simulator{
		now:    now,
		out:    o.Out,
		rules:  o.Rules,
		keys:   map[string]*credential{},
		people: map[int64]*person{},
		hold:   make(chan struct{}),
	}
}

// visit is one call on its way through the simulator.
type visit struct {
	method, path string // path is without BasePath and without the query
	outside      bool   // it is not below BasePath
	query        url.Values
	key          string
	body         []byte

	call   *Call // on record; guarded by the simulator's lock
	do     Do
	delay  time.Duration
	hold   <-chan struct{}
	answer answer
}

// ServeHTTP answers one call of the API. A fault stands where a proxy would: before keys and limits are looked at.
// The record is complete before the caller can read the answer.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequestBody)) // what did not arrive is judged as missing
	v := s.arrive(r, body)
	if v.do.Apply {
		s.serve(v)
	}
	if !v.wait(r.Context().Done()) {
		s.depart(v, "client left")
		return
	}
	if v.do.answers(v.method) {
		v.answer = v.do.answer(v.answer.note)
	} else if !v.do.Apply {
		s.serve(v)
	}
	v.do.distort(&v.answer)
	s.answer(v, w, r)
}

// answer completes the record and sends the answer.
func (s *Simulator) answer(v *visit, w http.ResponseWriter, r *http.Request) {
	if !v.do.raw() {
		s.depart(v, "")
		v.answer.writeTo(w)
		return
	}
	conn := rawConn(r)
	if conn == nil {
		s.depart(v, "the fault needs a Server and HTTP/1")
		panic(http.ErrAbortHandler)
	}
	s.depart(v, "")
	v.send(r.Context(), conn)
}

// arrive puts the call on record and finds its fault.
func (s *Simulator) arrive(r *http.Request, body []byte) *visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, below := strings.CutPrefix(r.URL.Path, BasePath)
	v := &visit{
		method: r.Method, path: path, outside: !below, query: r.URL.Query(),
		key: r.Header.Get(keyHeader), body: body, hold: s.hold,
	}
	v.call = s.record(v, r)
	v.do = s.faultFor(v)
	v.call.Fault = v.do.String()
	v.delay = time.Duration(s.rules.Latency + v.do.Delay)
	return v
}

// wait spends the call's delay, which a slow service spends whether or not the client still listens, and then hangs,
// if told to. It returns false when the client left a hanging call. Release ends both.
func (v *visit) wait(left <-chan struct{}) bool {
	if v.delay > 0 {
		select {
		case <-time.After(v.delay):
		case <-v.hold:
		}
	}
	if !v.do.Hang {
		return true
	}
	select {
	case <-v.hold:
		return true
	case <-left:
		return false
	}
}

// serve does what CertCentral would do, and keeps its answer in v.
func (s *Simulator) serve(v *visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, refusal := s.authenticate(v.key)
	if refusal != nil {
		v.answer = *refusal
		return
	}
	v.answer = s.route(v, k)
}

// depart completes the call's record; a reason takes the place of an answer.
func (s *Simulator) depart(v *visit, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reason == "" && !v.answer.lost() {
		v.call.Status, v.call.Served = v.answer.status, v.answer.served()
	}
	v.call.Note, v.call.Ended = join(v.answer.note, reason), s.now()
	s.print(v.call)
}

// route picks the endpoint. Endpoints of CertCentral that are not simulated answer 405, and are on record.
func (s *Simulator) route(v *visit, k *credential) answer {
	segments := strings.Split(strings.TrimPrefix(v.path, "/"), "/")
	switch {
	case v.outside || segments[0] != "user" || len(segments) > 2:
		return refuse(http.StatusNotFound, apiError{"not_found|route", "There is no such endpoint."})
	case v.method == http.MethodGet && len(segments) == 1:
		return s.list(v, k)
	case v.method == http.MethodGet && segments[1] == "api-only":
		return s.listServiceUsers(v, k)
	case v.method == http.MethodGet:
		return s.get(v, k, segments[1])
	case v.method == http.MethodPut && len(segments) == 2:
		return s.put(v, k, segments[1])
	}
	return refuse(http.StatusMethodNotAllowed, apiError{"method_not_allowed", "The simulator does not know this call."})
}

// authenticate returns the key's credential, or the answer to a call that may not pass: a bad key's or a full window's.
func (s *Simulator) authenticate(key string) (*credential, *answer) {
	k, known := s.keys[key]
	if !known || k.revoked {
		a := refuse(cmp.Or(s.rules.BadKeyStatus, http.StatusForbidden),
			apiError{"access_denied|access_denied_invalid_key", "The API key is not valid."})
		return nil, &a
	}
	if wait, ok := k.admit(s.now(), s.rules); !ok {
		a := refuse(http.StatusTooManyRequests,
			apiError{"request_limit_exceeded", "Too many requests: wait and try again."})
		if value := s.rules.RetryAfter.value(s.now(), wait); value != "" {
			a.header = map[string]string{"Retry-After": value}
		}
		return nil, &a
	}
	return k, nil
}

// Rules returns the rules in force.
func (s *Simulator) Rules() Rules {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rules
}

// SetRules changes all rules from the next call on.
func (s *Simulator) SetRules(r Rules) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = r
}

// userID reads the id a path names, 0 when it names none.
func userID(path string) int64 {
	id, _ := strconv.ParseInt(strings.TrimPrefix(path, "/user/"), 10, 64)
	return id
}
