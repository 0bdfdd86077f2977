package simulator

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

// relay is a wire between a test's two hands: what it dials, and what arrives at the far end.
type relay struct {
	*Wire
	*WithT
	far chan net.Conn

	endsMu sync.Mutex
	ends   []net.Conn // that the garbage collector would close where nobody mentions them any more
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	w := NewWithT(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.Expect(err).NotTo(HaveOccurred())
	wire, err := NewWire(l.Addr().String())
	w.Expect(err).NotTo(HaveOccurred())
	r := &relay{Wire: wire, WithT: w, far: make(chan net.Conn, 10)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.keep(conn)
			r.far <- conn
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		wire.Close()
		runtime.KeepAlive(r)
	})
	return r
}

func (r *relay) keep(conn net.Conn) {
	r.endsMu.Lock()
	defer r.endsMu.Unlock()
	r.ends = append(r.ends, conn)
}

func (r *relay) set(f WireFault) { r.Expect(r.Set(f)).To(Succeed()) }

func (r *relay) dial() net.Conn {
	conn, err := net.Dial("tcp", r.Addr())
	r.Expect(err).NotTo(HaveOccurred())
	r.keep(conn)
	return conn
}

// pair is a connection's two ends, once a word has gone each way.
func (r *relay) pair() (client, server net.Conn) {
	client = r.dial()
	r.say(client, "hello")
	server = <-r.far
	r.hear(server, "hello")
	r.say(server, "welcome")
	r.hear(client, "welcome")
	return client, server
}

func (r *relay) say(conn net.Conn, words string) {
	_, err := io.WriteString(conn, words)
	r.Expect(err).NotTo(HaveOccurred())
}

func (r *relay) hear(conn net.Conn, words string) {
	heard := make([]byte, len(words))
	_, err := io.ReadFull(conn, heard)
	r.Expect(err).NotTo(HaveOccurred())
	r.Expect(string(heard)).To(Equal(words))
}

// hearReset reads exactly the words, and then a RST.
func (r *relay) hearReset(conn net.Conn, words string) {
	heard, err := io.ReadAll(conn)
	r.Expect(string(heard)).To(Equal(words))
	r.Expect(err).To(MatchError(syscall.ECONNRESET))
}

// held is how much the wire keeps from the servers and the clients of its open connections.
func (r *relay) held() (bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.links {
		bytes += len(l.toServer.held) + len(l.toClient.held)
	}
	return bytes
}

func TestWireBeforeAServer(t *testing.T) {
	w := newWorld(t, Rules{})
	c := w.dial(t)
	wire, err := NewWire(c.server.Addr())
	w.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(wire.Close)
	direct := c.server.url
	c.server.url = wire.URL(direct)
	w.Expect(c.server.URL()).To(Equal("https://" + wire.Addr() + BasePath))
	w.Expect(wire.Addr()).NotTo(Equal(c.server.Addr()))
	for range 2 {
		answer := c.get("/user/125039")
		_, err := io.Copy(io.Discard, answer.Body)
		w.Expect(err).NotTo(HaveOccurred())
	}
	w.Expect([]int{wire.Conns(), wire.Opened()}).To(Equal([]int{1, 1}), "it was kept alive")
	w.Eventually(func() int {
		c.client.CloseIdleConnections() // as soon as it takes the connection for idle
		return wire.Conns()
	}).Should(BeZero())
	w.Expect(wire.Opened()).To(Equal(1))
}

func TestWireToNowhere(t *testing.T) {
	w := NewWithT(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(l.Close()).To(Succeed())
	wire, err := NewWire(l.Addr().String())
	w.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(wire.Close)
	conn, err := net.Dial("tcp", wire.Addr())
	if err == nil { // the RST may also meet the dialling
		_, err = io.ReadAll(conn)
	}
	w.Expect(err).To(MatchError(syscall.ECONNRESET))
	w.Eventually(wire.Conns).Should(BeZero())
}

func TestWirePassesOnHowASideEnds(t *testing.T) {
	for _, tc := range []struct {
		reason string
		leave  func(net.Conn)
		hear   func(*relay, net.Conn)
	}{
		{"by FIN, after its last word", func(c net.Conn) { _ = c.Close() }, func(r *relay, c net.Conn) {
			heard, err := io.ReadAll(c)
			r.Expect(err).NotTo(HaveOccurred())
			r.Expect(string(heard)).To(Equal("bye"))
		}},
		{"by RST, after its last word", func(c net.Conn) { hangUp(c, true) }, func(r *relay, c net.Conn) { r.hearReset(c, "bye") }},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			r := newRelay(t)
			client, server := r.pair()
			r.say(server, "bye")
			tc.leave(server)
			tc.hear(r, client)
			client, server = r.pair()
			r.say(client, "bye")
			tc.leave(client)
			tc.hear(r, server)
			r.Expect(r.Conns()).To(BeZero())
		})
	}
}

// A side that does not read keeps the other from sending without end, and what it gets is whole in the end.
func TestWireHoldsABoundedPart(t *testing.T) {
	r := newRelay(t)
	client, server := r.pair()
	r.set(WireFault{BlackHole: true})
	sent := strings.Repeat("x", 16*mostHeld)
	go func() {
		_, _ = io.WriteString(server, sent)
		_ = server.Close()
	}()
	r.Eventually(r.held).Should(BeNumerically(">=", mostHeld))
	r.Expect(r.held()).To(BeNumerically("<", 2*mostHeld))
	r.set(WireFault{})
	heard, err := io.ReadAll(client)
	r.Expect(err).NotTo(HaveOccurred())
	r.Expect(heard).To(HaveLen(len(sent)))
}

func TestWireMistakes(t *testing.T) {
	r := newRelay(t)
	for _, f := range []WireFault{{BlackHoleEvery: -1}, {ResetToClient: -1}, {ResetToServer: -1}} {
		r.Expect(r.Set(f)).To(MatchError(ContainSubstring("negative")))
	}
	r.Expect(r.Fault()).To(Equal(WireFault{}))
	r.Close()
	r.Close()
	r.Expect(r.Set(WireFault{})).To(MatchError(ContainSubstring("closed")))
}

func TestNothingIsLeftOfAClosedWire(t *testing.T) {
	goroutines := func() string {
		stacks := make([]byte, 1<<20)
		return string(stacks[:runtime.Stack(stacks, true)])
	}
	for _, f := range []WireFault{{}, {BlackHole: true}, {BlackHoleEvery: 1}, {Refuse: true}} {
		r := newRelay(t)
		client, server := r.pair()
		r.Expect(goroutines()).To(And(ContainSubstring("(*Wire)"), ContainSubstring("(*lane)")))
		r.set(f)
		if !f.Refuse {
			r.say(r.dial(), "a handshake")
			r.Eventually(r.Conns).Should(Equal(2))
		}
		r.Close()
		r.Expect(goroutines()).NotTo(Or(ContainSubstring("(*Wire)"), ContainSubstring("(*lane)"), ContainSubstring("(*link)")))
		r.hearReset(client, "")
		r.hearReset(server, "")
		r.Expect(r.Conns()).To(BeZero())
	}
}

// Everything at once, for the race detector.
func TestConcurrentUseOfAWire(t *testing.T) {
	w := newWorld(t, Rules{Limits: []Limit{}})
	c := w.dial(t)
	wire, err := NewWire(c.server.Addr())
	w.Expect(err).NotTo(HaveOccurred())
	c.server.url = wire.URL(c.server.url)
	var calls, faults sync.WaitGroup
	done := make(chan struct{})
	for _, f := range []WireFault{{Refuse: true}, {BlackHole: true}, {BlackHoleEvery: 2}, {ResetToClient: 900}, {ResetToServer: 900}} {
		faults.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_ = wire.Set(f) // another one may be taking the port
					_, _, _ = wire.Conns(), wire.Opened(), wire.Fault()
					_ = wire.Set(WireFault{})
				}
			}
		})
	}
	for range 4 {
		calls.Go(func() {
			for range 5 {
				if answer, err := c.client.Do(c.request("GET", "/user/125039", "")); err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
			}
		})
	}
	calls.Wait()
	close(done)
	faults.Wait()
	w.Expect(wire.Set(WireFault{})).To(Succeed())
	c.client.CloseIdleConnections()
	w.Expect(c.get("/user/125039").StatusCode).To(Equal(200))
	wire.Close()
}
