package certcentral

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

// world is one client, the server it speaks to, and what both saw.
type world struct {
	*Client
	g      Gomega
	key    string // the canary
	server *httptest.Server

	mu    sync.Mutex
	seen  []seen
	calls []Call
}

// seen is a request as it arrived.
type seen struct {
	method, path, query, body string
	header                    http.Header
}

// quiet is a server's log of handshakes that are meant to fail.
var quiet = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)

// newWorld starts a TLS server with the handler and a client of it that has room in its budget. At the end of the test
// nothing the client has printed may hold the key.
func newWorld(t *testing.T, handler http.HandlerFunc, changes ...func(*Config)) *world {
	t.Helper()
	w := &world{g: NewWithT(t), key: rand.Text()}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.mu.Lock()
		w.seen = append(w.seen, seen{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header})
		w.mu.Unlock()
		handler(rw, r)
	}))
	w.server.Config.ErrorLog = quiet
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	key, err := ParseAPIKey([]byte(w.key))
	w.g.Expect(err).NotTo(HaveOccurred())
	endpoint, err := ParseEndpoint(w.server.URL + "/services/v2")
	w.g.Expect(err).NotTo(HaveOccurred())
	cfg := Config{
		Endpoint: endpoint, Key: key, CABundle: certificate(w.server), Observe: w.observe,
		Budget: NewBudgets(nil).Use("pki/digicert", key, Limits{PerMinute: 6000, Burst: 1000}),
	}
	fill(cfg.Budget)
	for _, change := range changes {
		change(&cfg)
	}
	w.Client, err = New(cfg)
	w.g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(w.Close)
	t.Cleanup(func() { expectNoKey(t, w.key, cfg, fmt.Sprintf("%+v %#v", w.Client, w.Client), w.calls) })
	return w
}

// answering serves one answer to everything.
func answering(status int, body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}
}

func (w *world) observe(call Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, call)
}

// requests is "METHOD path" of each request so far.
func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, s := range w.seen {
		all = append(all, s.method+" "+s.path)
	}
	return all
}

// failure is the *Error in err, which must print neither the key nor what the service said.
func (w *world) failure(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("no *Error: %v", err)
	}
	expectNoKey(t, w.key, err, e.Detail, e.Codes)
	if e.Detail != "" && strings.Contains(fmt.Sprintf("%v %+v %#v %s %q", e, e, e, e, e), e.Detail) {
		t.Errorf("the error prints its detail: %v", e)
	}
	return e
}

// fill gives a budget all it can hold.
func fill(b *Budget) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bucket = bucket{left: float64(b.limits.Burst), at: b.now()}
}

func certificate(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// expectNoKey prints the things in each way this process could, and looks for the key.
func expectNoKey(t *testing.T, key string, things ...any) {
	t.Helper()
	var out bytes.Buffer
	logText, logJSON := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			_, _ = fmt.Fprintf(&out, verb+" ", thing)
		}
		_ = json.NewEncoder(&out).Encode(thing)
		logText.Info("told", "thing", thing)
		logJSON.Info("told", "thing", thing)
		_, _ = fmt.Fprintln(&out, formatted(thing))
	}
	for _, form := range []string{key, fmt.Sprintf("%x", key), fmt.Sprint([]byte(key))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the API key is printed")
		}
	}
}
