package faults

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"

	"github.com/certcentral-io/user-operator/test/world"
)

// gate stands between a manager and the API server, and lets a call fail or an event of a watch come late, twice or never.
type gate struct {
	world.Server
	server *httptest.Server

	mu     sync.Mutex
	faults []*kubeFault
	held   chan struct{} // closed to let held calls and events go on
	hit    int           // calls and events that a fault hit
}

// kubeFault is trouble for calls of the manager to the API server, as data.
type kubeFault struct {
	Verb     string // get, list, watch, create, patch, …; "" is any but watch
	Resource string // as in certcentralusers/status; "" is any
	Times    int    // how many calls, or events of a watch, to hit; 0 is for ever
	Skip     int    // how many to let pass before
	Do       kubeTrouble

	seen, used int
}

// kubeTrouble is what happens to a call, or to an event of a watch.
type kubeTrouble string

const (
	conflict    kubeTrouble = "409"
	gone        kubeTrouble = "410"
	tooMany     kubeTrouble = "429"
	broken      kubeTrouble = "500"
	unavailable kubeTrouble = "503"
	hang        kubeTrouble = "hang"        // no answer until heal
	reset       kubeTrouble = "reset"       // the connection ends in place of the call
	delay       kubeTrouble = "delay"       // 2 s
	lostAnswer  kubeTrouble = "answer lost" // the call is made, then the connection ends
	drop        kubeTrouble = "drop"        // an event never comes
	duplicate   kubeTrouble = "duplicate"   // an event comes twice
	hold        kubeTrouble = "hold"        // an event, and all that follow it, come after heal
)

var statusOf = map[kubeTrouble]metav1.Status{
	conflict:    {Code: http.StatusConflict, Reason: metav1.StatusReasonConflict},
	gone:        {Code: http.StatusGone, Reason: metav1.StatusReasonExpired},
	tooMany:     {Code: http.StatusTooManyRequests, Reason: metav1.StatusReasonTooManyRequests},
	broken:      {Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError},
	unavailable: {Code: http.StatusServiceUnavailable, Reason: metav1.StatusReasonServiceUnavailable},
}

// newGate opens a gate to the API server. Whoever passes shows credentials of their own.
func newGate(config *rest.Config) (*gate, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(config.CAData)
	g := &gate{held: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = target.Host },
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 8},
		FlushInterval:  -1,
		ModifyResponse: g.watch,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.pass(proxy, w, r) }))
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.StartTLS()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})
	g.Server = world.Server{URL: g.server.URL, CA: ca}
	return g, nil
}

var requests = &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

// callOf is a call's verb and resource.
func callOf(r *http.Request) (verb, resource string) {
	info, err := requests.NewRequestInfo(r)
	if err != nil || !info.IsResourceRequest {
		return "", ""
	}
	if info.Subresource != "" {
		return info.Verb, info.Resource + "/" + info.Subresource
	}
	return info.Verb, info.Resource
}

// pass lets a call through, or not.
func (g *gate) pass(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	verb, resource := callOf(r)
	switch do, held := g.trouble(verb, resource); do {
	case "", drop, duplicate, hold:
		proxy.ServeHTTP(w, r)
	case delay:
		wait(r, time.After(2*time.Second))
		proxy.ServeHTTP(w, r)
	case hang:
		wait(r, held)
		panic(http.ErrAbortHandler)
	case lostAnswer:
		proxy.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case reset:
		panic(http.ErrAbortHandler)
	default:
		status := statusOf[do]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(status.Code))
		_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"told to fail","reason":%q,"code":%d}`,
			status.Reason, status.Code)
	}
}

func wait[T any](r *http.Request, until <-chan T) {
	select {
	case <-until:
	case <-r.Context().Done():
	}
}

// trouble counts a call, or the event of a watch, and returns what happens to it.
func (g *gate) trouble(verb, resource string) (kubeTrouble, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.faults {
		fits := (f.Verb == verb || f.Verb == "" && verb != "watch") && (f.Resource == "" || f.Resource == resource)
		if !fits || resource == "leases" && f.Resource == "" {
			continue
		}
		if f.seen++; f.seen > f.Skip && (f.Times == 0 || f.used < f.Times) {
			f.used++
			g.hit++
			return f.Do, g.held
		}
	}
	return "", nil
}

// watch puts the faults between the events of a watch and the manager. Calls that begin a watch pass: it is the events that are
// counted.
func (g *gate) watch(answer *http.Response) error {
	verb, resource := callOf(answer.Request)
	if verb != "watch" || answer.StatusCode != http.StatusOK {
		return nil
	}
	events, out := bufio.NewReader(answer.Body), answer.Body
	reader, writer := io.Pipe()
	answer.Body = reader
	go func() {
		defer func() { _ = out.Close() }()
		for {
			event, err := events.ReadBytes('\n')
			if err != nil {
				_ = writer.CloseWithError(err)
				return
			}
			for range g.times(answer.Request, resource, event) {
				if _, err := writer.Write(event); err != nil {
					return
				}
			}
		}
	}()
	return nil
}

// times is how often an event comes through, after the wait for its time. Bookmarks pass.
func (g *gate) times(r *http.Request, resource string, event []byte) int {
	if bytes.HasPrefix(event, []byte(`{"type":"BOOKMARK"`)) {
		return 1
	}
	switch do, held := g.trouble("event", resource); do {
	case drop:
		return 0
	case duplicate:
		return 2
	case hold:
		wait(r, held)
	default: // it is none of an event
	}
	return 1
}

// arm puts faults in force.
func (g *gate) arm(faults ...kubeFault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range faults {
		g.faults = append(g.faults, &faults[i])
	}
}

// heal ends all faults, and lets what is held go on.
func (g *gate) heal() (hit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
	close(g.held)
	g.held = make(chan struct{})
	hit, g.hit = g.hit, 0
	return hit
}

func (g *gate) hits() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hit
}

func (g *gate) close() {
	g.heal()
	g.server.CloseClientConnections()
	g.server.Close()
}

// String names a fault, as in "503 to patch certcentralusers/status".
func (f kubeFault) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s to %s %s", f.Do, f.Verb, f.Resource)), " ")
}
