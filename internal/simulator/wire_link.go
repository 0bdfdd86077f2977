package simulator

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// mostHeld is how much of a direction is read ahead of what its other side takes.
const mostHeld = 1 << 20

// dialTimeout bounds the way to the target, which is on this machine.
const dialTimeout = 5 * time.Second

// link is one connection through a wire, whose lock guards it.
type link struct {
	wire     *Wire
	changed  *sync.Cond // bytes came or went, a side ended, another fault was set
	number   int        // among those opened since the fault was set; 0 for older ones
	ended    bool
	toServer *lane
	toClient *lane
}

// lane is one direction of a link. Its reader runs ahead of its writer, so that an end is noticed in a black hole too.
type lane struct {
	*link
	from, to net.Conn
	limit    func(WireFault) int
	held     []byte // read and not yet written
	passed   int    // bytes written since the fault was set
	over     bool   // nothing more will be read
	broken   bool   // for the other side has reset
}

func newLink(w *Wire, client net.Conn, number int) *link {
	l := &link{wire: w, changed: sync.NewCond(&w.mu), number: number}
	l.toServer = &lane{link: l, from: client, limit: func(f WireFault) int { return f.ResetToServer }}
	l.toClient = &lane{link: l, to: client, limit: func(f WireFault) int { return f.ResetToClient }}
	return l
}

// run relays until the link has ended.
func (l *link) run() {
	l.wire.running.Go(l.toServer.read)
	if !l.connect() {
		return
	}
	l.wire.running.Go(l.toClient.read)
	l.wire.running.Go(l.toClient.write)
	l.toServer.write()
}

// connect dials the target, once no black hole keeps the client from it. It returns false when the link has ended.
func (l *link) connect() bool {
	if !l.awaitPass() {
		return false
	}
	server, err := net.DialTimeout("tcp", l.wire.target, dialTimeout)
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	if err != nil {
		l.end(true)
		return false
	}
	if l.ended {
		hangUp(server, true)
		return false
	}
	l.toServer.to, l.toClient.from = server, server
	return true
}

func (l *link) awaitPass() bool {
	l.wire.mu.Lock()
	defer l.wire.mu.Unlock()
	return l.pass()
}

// pass waits for the end of the black hole, if there is one. It returns false when the link has ended, as it does when
// the client leaves within.
func (l *link) pass() bool {
	for !l.ended && l.inHole() {
		if l.toServer.over {
			l.end(l.toServer.broken)
			break
		}
		l.changed.Wait()
	}
	return !l.ended
}

func (l *link) inHole() bool {
	f := l.wire.fault
	return f.BlackHole || f.BlackHoleEvery > 0 && l.number > 0 && l.number%f.BlackHoleEvery == 0
}

// renew begins to count anew for another fault.
func (l *link) renew() {
	l.number, l.toServer.passed, l.toClient.passed = 0, 0, 0
	l.changed.Broadcast()
}

// end ends both sides, once.
func (l *link) end(reset bool) {
	if l.ended {
		return
	}
	l.ended = true
	delete(l.wire.links, l)
	hangUp(l.toServer.from, reset)
	if l.toServer.to != nil {
		hangUp(l.toServer.to, reset)
	}
	l.changed.Broadcast()
}

func (d *lane) read() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := d.from.Read(buffer)
		if !d.hold(buffer[:n], err) {
			return
		}
	}
}

// hold keeps what was read, and waits while that is a lot. It returns false when there is nothing more to read.
func (d *lane) hold(b []byte, err error) bool {
	d.wire.mu.Lock()
	defer d.wire.mu.Unlock()
	d.held = append(d.held, b...)
	d.over = err != nil
	d.broken = d.over && !errors.Is(err, io.EOF)
	d.changed.Broadcast()
	for len(d.held) >= mostHeld && !d.ended {
		d.changed.Wait()
	}
	return !d.over && !d.ended
}

func (d *lane) write() {
	for {
		b := d.next()
		if b == nil {
			return
		}
		if _, err := d.to.Write(b); err != nil {
			d.wire.mu.Lock()
			d.end(true)
			d.wire.mu.Unlock()
			return
		}
	}
}

// next waits for bytes that may pass; nil says that the link has ended.
func (d *lane) next() []byte {
	d.wire.mu.Lock()
	defer d.wire.mu.Unlock()
	for d.pass() {
		limit := d.limit(d.wire.fault)
		switch {
		case limit > 0 && d.passed >= limit:
			d.end(true)
		case len(d.held) > 0:
			return d.take(limit)
		case d.over:
			d.end(d.broken)
		default:
			d.changed.Wait()
		}
	}
	return nil
}

// take removes what is held, up to the limit.
func (d *lane) take(limit int) []byte {
	n := len(d.held)
	if limit > 0 {
		n = min(n, limit-d.passed)
	}
	b := d.held[:n]
	d.held = d.held[n:]
	d.passed += n
	d.changed.Broadcast()
	return b
}
