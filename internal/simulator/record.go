package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Call is one call as the simulator saw it. It holds what was sent and served, so it belongs into tests and not into
// logs.
type Call struct {
	Seq     int               `json:"seq"`            // counts from 1, on across Reset
	Time    time.Time         `json:"time"`           // of its arrival
	Ended   time.Time         `json:"ended,omitzero"` // when its answer was made, or the client had left
	Method  string            `json:"method"`
	Path    string            `json:"path"`             // below BasePath, with the query unescaped
	User    int64             `json:"user,omitempty"`   // whom the path names; for "me" the key's owner
	Key     string            `json:"key,omitempty"`    // Fingerprint of the key, never the key
	Header  map[string]string `json:"header,omitempty"` // User-Agent, Content-Type and Accept, where sent
	Body    string            `json:"body,omitempty"`
	Status  int               `json:"status"`           // 0: no answer, or none yet
	Served  string            `json:"served,omitempty"` // the answer's body as it went out, at most maxServed bytes of it
	Applied bool              `json:"applied"`
	Changed []string          `json:"changed,omitempty"` // the fields that an applied PUT changed, by their API names
	Fault   string            `json:"fault,omitempty"`   // what the fault did, as Do.String has it
	Note    string            `json:"note,omitempty"`    // the changed fields or the error's codes
	Before  map[string]string `json:"before,omitempty"`  // the seven fields that an applied PUT found stored, "" where unset
	After   map[string]string `json:"after,omitempty"`   // and those it left
}

// maxServed bounds what is kept of an answer, so that a long record stays small.
const maxServed = 64 << 10

// Calls are calls in the order of their arrival.
type Calls []Call

// Fingerprint names a key without telling it: the first 8 hex digits of its SHA-256, "" for no key.
func Fingerprint(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:4])
}

// Calls returns what arrived since the last Reset, calls still under way included. It is the caller's own copy.
func (s *Simulator) Calls() Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make(Calls, len(s.calls))
	for i, c := range s.calls {
		calls[i] = *c
	}
	return calls
}

// Reset forgets the calls so far. Users, keys, windows and faults stay.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Request is the call without its answer, like "PUT /user/125039".
func (c Call) Request() string { return c.Method + " " + c.Path }

// String is like "PUT /user/125039 204", with "-" where there is no answer.
func (c Call) String() string { return c.Request() + " " + c.answer() }

func (c Call) answer() string {
	if c.Status == 0 {
		return "-"
	}
	return strconv.Itoa(c.Status)
}

// Sent is the JSON object of the call's body, nil when there is none.
func (c Call) Sent() map[string]any {
	var sent map[string]any
	_ = json.Unmarshal([]byte(c.Body), &sent)
	return sent
}

// Requests lists what was asked, to be compared whole.
func (c Calls) Requests() []string {
	requests := make([]string, len(c))
	for i, call := range c {
		requests[i] = call.Request()
	}
	return requests
}

// Where keeps the calls that fit.
func (c Calls) Where(fits func(Call) bool) Calls {
	var kept Calls
	for _, call := range c {
		if fits(call) {
			kept = append(kept, call)
		}
	}
	return kept
}

// Peak is the largest number of calls in any window of this length.
func (c Calls) Peak(window time.Duration) int {
	peak, first := 0, 0
	for last := range c {
		for c[last].Time.Sub(c[first].Time) >= window {
			first++
		}
		peak = max(peak, last-first+1)
	}
	return peak
}

// record puts an arriving call into the list.
func (s *Simulator) record(v *visit, r *http.Request) *Call {
	s.seq++
	c := &Call{
		Seq: s.seq, Time: s.now(), Method: v.method, Path: v.path, User: userID(v.path),
		Key: Fingerprint(v.key), Body: string(v.body), Header: map[string]string{},
	}
	if q, err := url.QueryUnescape(r.URL.RawQuery); err == nil && q != "" {
		c.Path += "?" + q
	}
	for _, name := range []string{"User-Agent", "Content-Type", "Accept"} {
		if value := r.Header.Get(name); value != "" {
			c.Header[name] = value
		}
	}
	s.calls = append(s.calls, c)
	return c
}

// print writes the call's line.
func (s *Simulator) print(c *Call) {
	note := c.Note
	if c.Fault != "" {
		note = join(note, "fault: "+c.Fault)
	}
	s.printLine(c.Method, withoutSearch(c.Path)+"  "+c.answer(), note)
}

func (s *Simulator) printLine(verb, what, note string) {
	if s.out == nil {
		return
	}
	line := fmt.Sprintf("%s %-4s %s  %s", s.now().Format(time.TimeOnly), verb, what, note)
	_, _ = fmt.Fprintln(s.out, strings.TrimRight(line, " "))
}

// withoutSearch hides the query of a path that searches, for people are searched by name and mail.
func withoutSearch(path string) string {
	bare, query, _ := strings.Cut(path, "?")
	if strings.Contains(query, "filters[") {
		return bare + "?filters…"
	}
	return path
}
