package certcentral

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

// virtual is a client and a service in one bubble of time, joined by pipes: what waits takes no time at all.
type virtual struct {
	*Client
	g *WithT
	// dials is called before each connection is made, latency before each answer.
	dials, latency func()

	mu   sync.Mutex
	seen []arrival
}

// arrival is a request and when it came.
type arrival struct {
	request string
	at      time.Time
}

// inVirtualTime runs a test with a client whose waits take no time.
func inVirtualTime(t *testing.T, l Limits, test func(*testing.T, *virtual)) {
	t.Helper()
	identity := httptest.NewTLSServer(nil) // for its certificate
	defer identity.Close()
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{g: NewWithT(t), dials: func() {}, latency: func() {}}
		key, err := ParseAPIKey([]byte("secret"))
		v.g.Expect(err).NotTo(HaveOccurred())
		endpoint, err := ParseEndpoint("https://127.0.0.1:1")
		v.g.Expect(err).NotTo(HaveOccurred())
		v.Client, err = New(Config{
			Endpoint: endpoint, Key: key, CABundle: certificate(identity), Budget: NewBudgets(nil).Use("pki/digicert", key, l),
		})
		v.g.Expect(err).NotTo(HaveOccurred())
		pipes := &pipes{made: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(v.serve), ErrorLog: quiet, ReadHeaderTimeout: time.Hour}
		go func() { _ = server.Serve(tls.NewListener(pipes, &tls.Config{Certificates: identity.TLS.Certificates})) }()
		v.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			v.dials()
			here, there := net.Pipe()
			select {
			case pipes.made <- there:
				return here, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		defer time.Sleep(time.Minute) // in which connections say good-bye
		defer func() { _ = server.Close() }()
		defer v.Close()
		test(t, v)
	})
}

func (v *virtual) serve(rw http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.seen = append(v.seen, arrival{r.Method + " " + r.URL.Path, time.Now()})
	v.mu.Unlock()
	_, _ = io.Copy(io.Discard, r.Body)
	v.latency()
	if r.Method == http.MethodPut {
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = io.WriteString(rw, `{"id": "`+r.URL.Path[len("/user/"):]+`", "account_id": 1, "username": "u", "first_name": "f", "last_name": "l", "email": "e"}`)
}

// requests are those that came so far.
func (v *virtual) requests() (list []string) {
	for _, a := range v.arrivals() {
		list = append(list, a.request)
	}
	return list
}

func (v *virtual) arrivals() []arrival {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]arrival(nil), v.seen...)
}

// peak is the largest number of requests in any window of this length.
func (v *virtual) peak(window time.Duration) (peak int) {
	all, first := v.arrivals(), 0
	for last := range all {
		for all[last].at.Sub(all[first].at) >= window {
			first++
		}
		peak = max(peak, last-first+1)
	}
	return peak
}

// pipes is a listener.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
