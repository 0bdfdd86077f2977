package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// connection is a client that trusts one server.
type connection struct {
	w      *world
	server *Server
	client *http.Client
}

// dial serves the world for the rest of the test.
func (w *world) dial(t *testing.T) connection {
	t.Helper()
	server, err := NewServer(w.Simulator, "")
	w.Expect(err).NotTo(HaveOccurred())
	roots := x509.NewCertPool()
	w.Expect(roots.AppendCertsFromPEM(server.CAPEM())).To(BeTrue())
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
	}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		w.Expect(server.Close()).To(Succeed())
	})
	return connection{w, server, client}
}

func (c connection) request(method, path, body string) *http.Request {
	r, err := http.NewRequest(method, c.server.URL()+path, strings.NewReader(body))
	c.w.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("X-DC-DEVKEY", c.w.key)
	return r
}

func (c connection) do(method, path, body string) *http.Response {
	answer, err := c.client.Do(c.request(method, path, body))
	c.w.Expect(err).NotTo(HaveOccurred())
	return answer
}

func (c connection) get(path string) *http.Response { return c.do("GET", path, "") }

func TestServer(t *testing.T) {
	w := newWorld(t, Rules{})
	c := w.dial(t)
	w.Expect(c.server.URL()).To(MatchRegexp(`^https://127\.0\.0\.1:\d+/services/v2$`))
	answer := c.get("/user/125039")
	w.Expect(answer.StatusCode).To(Equal(200))
	w.Expect(answer.TLS.Version).To(BeNumerically(">=", tls.VersionTLS12))
	w.Expect(c.do("PUT", "/user/125039", body(map[string]any{"job_title": "Chief"})).StatusCode).To(Equal(204))
	w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Chief"))
}

func TestTheCertificateIsForThisMachine(t *testing.T) {
	w := newWorld(t, Rules{})
	c := w.dial(t)
	base, err := url.Parse(c.server.URL())
	w.Expect(err).NotTo(HaveOccurred())
	config := c.client.Transport.(*http.Transport).TLSClientConfig
	for name, works := range map[string]bool{"127.0.0.1": true, "::1": true, "localhost": true, "example.com": false} {
		named := config.Clone()
		named.ServerName = name
		connection, err := tls.Dial("tcp", base.Host, named)
		w.Expect(err == nil).To(Equal(works), "%s: %v", name, err)
		if err == nil {
			w.Expect(connection.Close()).To(Succeed())
		}
	}
	old := config.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	_, err = tls.Dial("tcp", base.Host, old)
	w.Expect(err).To(HaveOccurred(), "TLS 1.1 is too old")
	_, err = (&http.Client{}).Get(c.server.URL())
	w.Expect(err).To(MatchError(ContainSubstring("certificate")), "nobody trusts it unasked")
}

func TestDropOverTheWire(t *testing.T) {
	w := newWorld(t, Rules{})
	c := w.dial(t)
	w.inject(Fault{Match{}, Do{Drop: true, Apply: true}})
	_, err := c.client.Do(c.request("PUT", "/user/125039", body(map[string]any{"job_title": "Chief"})))
	w.Expect(err).To(HaveOccurred())
	w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Chief"))
}

func TestCloseEndsHangingCalls(t *testing.T) {
	w := newWorld(t, Rules{})
	c := w.dial(t)
	w.inject(Fault{Match{}, Do{Hang: true}})
	failed := make(chan error)
	r := c.request("PUT", "/user/125039", body(map[string]any{"job_title": "Chief"}))
	go func() {
		_, err := c.client.Do(r)
		failed <- err
	}()
	w.Eventually(w.Calls).Should(HaveLen(1))
	w.Expect(c.server.Close()).To(Succeed())
	w.Expect(<-failed).To(HaveOccurred())
	w.Eventually(w.Calls).Should(HaveExactElements(HaveField("Note", "client left")))
	w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
}

func TestServeAdmin(t *testing.T) {
	w := newWorld(t, Rules{})
	server, err := ServeAdmin(w.Simulator, "")
	w.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { w.Expect(server.Close()).To(Succeed()) })
	w.Expect(server.URL()).To(MatchRegexp(`^http://127\.0\.0\.1:\d+/admin$`))
	w.Expect(server.CAPEM()).To(BeNil())
	answer, err := http.Get(server.URL() + "/users/125039")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(answer.StatusCode).To(Equal(200))
	w.Expect(answer.Body.Close()).To(Succeed())
}

func TestAddresses(t *testing.T) {
	w := newWorld(t, Rules{})
	_, err := ServeAdmin(w.Simulator, "0.0.0.0:0")
	w.Expect(err).To(MatchError(ContainSubstring("not a loopback address")))
	_, err = ServeAdmin(w.Simulator, "nowhere")
	w.Expect(err).To(HaveOccurred())
	_, err = NewServer(w.Simulator, "nowhere")
	w.Expect(err).To(HaveOccurred())

	l, err := net.Listen("tcp", "0.0.0.0:0")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(host(l)).To(HavePrefix("127.0.0.1:"), "a client needs an address it can reach")
	w.Expect(l.Close()).To(Succeed())
}
