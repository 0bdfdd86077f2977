package simulator

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Wire is a TCP relay on 127.0.0.1 in front of a server: it stands for all that lies between the two sides, knows
// nothing of TLS or HTTP, and passes on how a side ended, by FIN or by RST. One that half closes is taken to have left.
// Its methods may be called from any goroutine.
type Wire struct {
	target, address string
	running         sync.WaitGroup

	mu       sync.Mutex
	fault    WireFault
	listener net.Listener       // nil while the wire refuses, and after Close
	links    map[*link]struct{} // the open connections
	opened   int
	recent   int // connections opened since the fault was set
	closed   bool
}

// WireFault is trouble for all connections through a Wire, the open ones included; the zero value is none.
type WireFault struct {
	// Refuse closes the listener and resets the open connections: who dials gets "connection refused".
	Refuse bool
	// BlackHole takes what is sent and passes nothing on, no end either, until another fault is set; then what was held
	// goes on its way. On idle connections that is a dead keep-alive. A client that leaves takes its connection along.
	BlackHole bool
	// BlackHoleEvery is a black hole for every n-th connection of those opened from Set on.
	BlackHoleEvery int
	// ResetToClient and ResetToServer reset a connection, towards both sides, once so many bytes of it went that way. They
	// count from Set on, so that on a fresh connection they hit the handshake, and on an idle one a request or an answer.
	// What a side has not yet received then may be lost too. 0 is never.
	ResetToClient, ResetToServer int
}

// NewWire relays from a free port to the target, a "host:port" such as Server.Addr has.
func NewWire(target string) (*Wire, error) {
	w := &Wire{target: target, address: "127.0.0.1:0", links: map[*link]struct{}{}}
	if err := w.Set(WireFault{}); err != nil {
		return nil, err
	}
	return w, nil
}

// Addr is the "host:port" to dial. It stays the same whatever befalls the wire.
func (w *Wire) Addr() string { return w.address }

// URL is a URL of the target by way of the wire.
func (w *Wire) URL(target string) string { return strings.Replace(target, w.target, w.address, 1) }

// Set puts a fault in the place of the one before; the zero value heals. The error says that the port could not be
// taken again; nobody gets through then, and Set may be tried again.
func (w *Wire) Set(f WireFault) error {
	if min(f.BlackHoleEvery, f.ResetToClient, f.ResetToServer) < 0 {
		return errors.New("setting a fault of the wire: a number is negative")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.New("setting a fault of the wire: it is closed")
	}
	w.fault, w.recent = f, 0
	for l := range w.links {
		l.renew()
	}
	if f.Refuse {
		w.refuse()
		return nil
	}
	return w.listen()
}

// Fault returns the fault in force.
func (w *Wire) Fault() WireFault {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

// Conns is how many connections are open now: neither side has ended them.
func (w *Wire) Conns() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.links)
}

// Opened is how many connections clients have opened so far. Refused ones do not count.
func (w *Wire) Opened() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened
}

// Close ends the wire and resets its connections; no goroutine of it is left when it returns.
func (w *Wire) Close() {
	w.mu.Lock()
	w.closed = true
	w.refuse()
	w.mu.Unlock()
	w.running.Wait()
}

// listen takes the port, the first time any and then the same again.
func (w *Wire) listen() error {
	if w.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", w.address)
	if err != nil {
		return fmt.Errorf("taking the wire's port: %w", err)
	}
	w.listener, w.address = l, l.Addr().String()
	w.running.Go(func() { w.accept(l) })
	return nil
}

func (w *Wire) refuse() {
	if w.listener != nil {
		_ = w.listener.Close()
		w.listener = nil
	}
	for l := range w.links {
		l.end(true)
	}
}

func (w *Wire) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			w.open(client)
		}
	}
}

// open starts a link, unless the wire has begun to refuse since the client was let in.
func (w *Wire) open(client net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener == nil {
		hangUp(client, true)
		return
	}
	w.opened++
	w.recent++
	l := newLink(w, client, w.recent)
	w.links[l] = struct{}{}
	w.running.Go(l.run)
}
