package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"time"
)

// Fault is trouble for the calls that match; as data, so that Go and the admin path script the same ones.
type Fault struct {
	Match Match `json:"match,omitzero"`
	Do    Do    `json:"do"`
}

// Match picks calls. What is left out picks any; the zero value is every call for ever.
type Match struct {
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`  // a path.Match pattern below BasePath without the query, like "/user/*"
	User   int64  `json:"user,omitempty"`  // whom the path names by id; "me" names nobody
	Nth    int    `json:"nth,omitempty"`   // the first call to hit, counted from 1 among those that match; 0 is 1
	Every  int    `json:"every,omitempty"` // hit only every n-th of them, beginning with the first to hit; 0 is 1
	Times  int    `json:"times,omitempty"` // how many calls to hit; 0 is for ever
}

// Do is what happens to a call. Delay and Hang come first; then Drop, Status or Reset answer in the service's place and
// the call has no effect; without them the service answers, and Stale, Headers and Malform spoil what it says. Drip,
// DripBody and Reset need a call to a Server over HTTP/1, and end its connection; any other call is dropped.
type Do struct {
	// Delay is spent before the call takes effect, even when the client has left meanwhile.
	Delay Duration `json:"delay,omitzero"`
	// Hang waits until Release, then goes on, or until the client has left, and then the call has no effect.
	Hang bool `json:"hang,omitempty"`
	// Apply lets the call take effect before anything else, so that with Drop, Hang or Status only the answer is lost.
	Apply bool `json:"apply,omitempty"`
	// Drop ends the connection without an answer. On a reused HTTP/1 connection net/http's client repeats a GET then.
	Drop bool `json:"drop,omitempty"`
	// Status answers with Body, or with a documented error where Body is empty and Status an error. With a Location in
	// Headers it makes a redirect.
	Status  int               `json:"status,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // added to any answer
	Body    string            `json:"body,omitempty"`
	// Reset ends the connection by RST. A read or an applied call is answered by the service up to there, any other call
	// by the start of a 204, or of what Status says.
	Reset Reset `json:"reset,omitempty"`
	// Drip is the pause between two bytes of the answer's header, DripBody between two of its body. They end with Release,
	// and the rest goes out at once, or when the client has left.
	Drip     Duration `json:"drip,omitzero"`
	DripBody Duration `json:"drip_body,omitzero"`
	// Stale serves users as they were before the last write.
	Stale bool `json:"stale,omitempty"`
	// Malform spoils the answer's body.
	Malform Malform `json:"malform,omitempty"`
}

// Armed is a fault in force: Seen calls matched, Used were hit. A fault that hit nothing tested nothing.
type Armed struct {
	Fault
	Seen int `json:"seen"`
	Used int `json:"used"`
}

// Inject puts faults in force, after the ones that are. Each counts the calls that match it, and the first one due
// hits the call alone. The error names a fault that could never work; none is in force then.
func (s *Simulator) Inject(faults ...Fault) error {
	for i, f := range faults {
		if err := f.check(); err != nil {
			return fmt.Errorf("fault %d: %w", i, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &Armed{Fault: f})
	}
	return nil
}

// Faults returns the faults in force, used up or not, with their counts.
func (s *Simulator) Faults() []Armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := make([]Armed, len(s.faults))
	for i, f := range s.faults {
		faults[i] = *f
	}
	return faults
}

// ClearFaults ends all faults and releases the calls that wait.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	s.faults = nil
	s.mu.Unlock()
	s.Release()
}

// Release lets the calls that hang or are delayed go on now. Later ones wait as their faults say.
func (s *Simulator) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.hold)
	s.hold = make(chan struct{})
}

// faultFor counts the call in every fault it matches and returns what the first one due does.
func (s *Simulator) faultFor(v *visit) Do {
	var hit *Armed
	for _, f := range s.faults {
		if !f.Match.fits(v) {
			continue
		}
		f.Seen++
		if hit == nil && f.due() {
			hit = f
		}
	}
	if hit == nil {
		return Do{}
	}
	hit.Used++
	return hit.Do
}

func (f *Armed) due() bool {
	late := f.Seen - max(1, f.Match.Nth)
	return late >= 0 && late%max(1, f.Match.Every) == 0 && (f.Match.Times == 0 || f.Used < f.Match.Times)
}

func (m Match) fits(v *visit) bool {
	matches, _ := path.Match(cmp.Or(m.Path, v.path), v.path)
	return (matches || m.Path == "") &&
		(m.Method == "" || m.Method == v.method) &&
		(m.User == 0 || m.User == v.call.User)
}

func (f Fault) check() error {
	if _, err := path.Match(f.Match.Path, ""); err != nil {
		return fmt.Errorf("path %q: %w", f.Match.Path, err)
	}
	if min(f.Match.Nth, f.Match.Every, f.Match.Times) < 0 {
		return errors.New("a count is negative")
	}
	if f.Do.Status != 0 && (f.Do.Status < 200 || f.Do.Status > 599) {
		return fmt.Errorf("status %d is none of an answer", f.Do.Status)
	}
	if f.Do.Drop && f.Do.raw() {
		return errors.New("drop leaves nothing to drip or to reset")
	}
	if f.Do.String() == "" && len(f.Do.Headers) == 0 {
		return fmt.Errorf("does nothing")
	}
	return nil
}

// answers says whether the fault answers in the service's place.
func (d Do) answers(method string) bool {
	ineffective := d.Reset != "" && !d.Apply && method != http.MethodGet
	return d.Drop || d.Status != 0 || d.Reset == ResetAnswer || ineffective
}

// answer is the fault's own. The note says what the call had done before.
func (d Do) answer(note string) answer {
	a := answer{status: cmp.Or(d.Status, http.StatusNoContent)}
	switch {
	case d.Drop || d.Reset == ResetAnswer:
		a = answer{drop: d.Drop, note: "no answer"}
	case d.Body != "":
		a = answer{status: a.status, body: []byte(d.Body), header: jsonType()}
	case d.Status >= http.StatusBadRequest:
		a = refuse(d.Status, apiError{plausibleCode(d.Status), "The simulator was told to say so."})
	}
	a.note = join(note, a.note)
	return a
}

// plausibleCode is the error code that CertCentral is known to send with a status, or one in its manner.
func plausibleCode(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "bad_request_format"
	case http.StatusUnauthorized:
		return "access_denied|access_denied_invalid_key"
	case http.StatusForbidden:
		return "access_denied|missing_permission"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusTooManyRequests:
		return "request_limit_exceeded"
	}
	return "server_error"
}

// distort spoils the answer as told.
func (d Do) distort(a *answer) {
	d.Malform.distort(a)
	a.reset = d.Reset
	if len(d.Headers) > 0 {
		header := maps.Clone(a.header)
		if header == nil {
			header = map[string]string{}
		}
		maps.Copy(header, d.Headers)
		a.header = header
	}
}

// String names what is done, like "delay 1s, applied, drop"; "" for nothing.
func (d Do) String() string {
	word := func(name string, on bool) string {
		if !on {
			return ""
		}
		return name
	}
	return join(
		word("delay "+time.Duration(d.Delay).String(), d.Delay != 0),
		word("hang", d.Hang),
		word("applied", d.Apply),
		word("drop", d.Drop),
		word(fmt.Sprintf("status %d", d.Status), d.Status != 0),
		word("stale", d.Stale),
		string(d.Malform),
		word("drip "+time.Duration(d.Drip).String(), d.Drip != 0),
		word("drip body "+time.Duration(d.DripBody).String(), d.DripBody != 0),
		word("reset "+string(d.Reset), d.Reset != ""),
	)
}
