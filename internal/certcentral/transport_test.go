package certcentral

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

func TestTheCABundleIsRead(t *testing.T) {
	g := NewWithT(t)
	server := httptest.NewTLSServer(answering(200, ""))
	defer server.Close()
	good := certificate(server)
	for name, tc := range map[string]struct {
		bundle []byte
		why    string
	}{
		"none":                         {nil, ""},
		"one certificate":              {good, ""},
		"two, with comments":           {bytes.Join([][]byte{good, good}, []byte("# the next one\n")), ""},
		"no PEM":                       {[]byte("x"), "no PEM certificate"},
		"another block":                {[]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "is no certificate"},
		"a malformed certificate":      {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "malformed"},
		"a malformed one after a good": {append(bytes.Clone(good), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...), "malformed"},
	} {
		_, err := trusted(tc.bundle)
		if tc.why == "" {
			g.Expect(err).NotTo(HaveOccurred(), name)
			continue
		}
		g.Expect(err).To(MatchError(And(HavePrefix("read CA bundle: "), ContainSubstring(tc.why))), name)
	}
}

func TestConnectionsThatAreNotMade(t *testing.T) {
	unencrypted := httptest.NewServer(answering(200, documented))
	defer unencrypted.Close()
	old := httptest.NewUnstartedServer(answering(200, documented))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = quiet
	old.StartTLS()
	defer old.Close()
	at := func(address string) func(*Config) {
		return func(c *Config) { c.Endpoint = Endpoint{host: address} }
	}
	for name, tc := range map[string]struct {
		change func(*Config)
		why    string
	}{
		"an unknown authority": {func(c *Config) { c.CABundle = nil }, "TLS: certificate signed by unknown authority"},
		"a closed port":        {at(unheard(t)), "connection refused"},
		"no TLS":               {at(unencrypted.Listener.Addr().String()), "TLS: not spoken by the other side"},
		"TLS that is too old":  {at(old.Listener.Addr().String()), "TLS: refused by the other side"},
		"another host's":       {func(c *Config) { c.Endpoint.host = "localhost" + c.Endpoint.host[len("127.0.0.1"):] }, "TLS: certificate is not valid for this host"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, answering(200, documented), tc.change)
			_, err := w.GetUser(t.Context(), Poll, 7)
			w.g.Expect(w.failure(t, err)).To(Equal(&Error{Kind: Unavailable, Op: "GET /user/{id}", Err: reason(tc.why)}))
			w.g.Expect(w.requests()).To(BeEmpty())
		})
	}
}

// unheard is an address that nobody listens at, nor will: it is taken.
func unheard(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	address, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", address.(*syscall.SockaddrInet4).Port)
}

func TestAProxySeesNeitherKeyNorAnswer(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	proxy, passed := newProxy(t, 200)
	w.transport.Proxy = http.ProxyURL(proxy)
	_, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.Close()
	w.server.Close()
	w.g.Expect(passed()).To(ContainSubstring("CONNECT " + w.server.Listener.Addr().String()))
	w.g.Expect(passed()).NotTo(Or(ContainSubstring(w.key), ContainSubstring("john.smith"), ContainSubstring("/user/")))
}

func TestAProxyThatRefuses(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	proxy, _ := newProxy(t, 407)
	w.transport.Proxy = http.ProxyURL(proxy)
	_, err := w.GetUser(t.Context(), Poll, 7)
	w.g.Expect(w.failure(t, err)).To(Equal(&Error{
		Kind: Unavailable, Op: "GET /user/{id}", Err: reason("proxy: refused to connect, status 407"),
	}))
	w.g.Expect(w.requests()).To(BeEmpty())
}

func TestAProxyThatIsNotThere(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	closed := httptest.NewServer(nil)
	closed.Close()
	w.transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: closed.Listener.Addr().String()})
	_, err := w.GetUser(t.Context(), Poll, 7)
	w.g.Expect(w.failure(t, err).Err).To(Equal(reason("proxy: connection refused")))
}

func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	g := NewWithT(t)
	transport, err := newTransport(nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(transport.Proxy).NotTo(BeNil())
	g.Expect(transport.TLSClientConfig.MinVersion).To(BeEquivalentTo(tls.VersionTLS12))
	g.Expect(transport.TLSClientConfig.InsecureSkipVerify).To(BeFalse())
	g.Expect(transport.DisableCompression).To(BeTrue())
	g.Expect(transport.Protocols.HTTP2()).To(BeFalse())
}

// newProxy is a CONNECT proxy with a memory of every byte it passed on, in either direction.
func newProxy(t *testing.T, status int) (at *url.URL, passed func() string) {
	t.Helper()
	var memory memory
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(&memory, r.Method+" "+r.Host+"\n")
		if status != http.StatusOK {
			rw.WriteHeader(status)
			return
		}
		there, err := net.Dial("tcp", r.Host)
		if err != nil {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = there.Close() }()
		here, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = here.Close() }()
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(io.MultiWriter(there, &memory), here) }()
		_, _ = io.Copy(io.MultiWriter(here, &memory), there)
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return at, memory.String
}

// memory is a buffer for many writers.
type memory struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (m *memory) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buf.Write(p)
}

func (m *memory) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buf.String()
}
