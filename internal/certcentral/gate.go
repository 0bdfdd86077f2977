package certcentral

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"time"
)

const (
	// maxSure is how old the confirmation may be that a write rests on, and the answer to the look before it, when the write leaves.
	maxSure = 6 * time.Second
	// maxLook is how old that look may be, counted from when it was asked for: the answer may have waited for a process that was stopped.
	maxLook = 2 * maxSure
)

// look is when a user was looked at.
type look struct {
	user            int64
	asked, answered time.Time
}

// gate is what stands between a request and the wire. It opens once there is a connection: TCP, a proxy's and TLS are over then. The
// request is confirmed, if it has to be, and right before its first byte leaves, what it rests on is young enough, and its token is
// spent. A gate that stays shut breaks the connection, so that no byte leaves.
type gate struct {
	visit *Visit
	req   request

	mu        sync.Mutex
	conn      net.Conn
	confirmed time.Time     // when the confirmation was asked for
	took      time.Duration // that it took
	left      time.Time     // when the request left; zero when it did not
	off       error         // why it must not leave
	closed    bool          // nobody waits for it any more
}

// trace returns a context whose request goes through the gate.
func (g *gate) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(info httptrace.GotConnInfo) { g.confirm(info.Conn) },
		WroteHeaders: g.leave, // into a buffer, which is not flushed before this returns
	})
}

// confirm asks whether the request is still wanted, now that it could leave at once.
func (g *gate) confirm(conn net.Conn) {
	var off error
	asked := time.Now()
	if g.req.sure != nil {
		off = g.req.sure()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conn, g.confirmed, g.took, g.off = conn, asked, time.Since(asked), off
	if off != nil {
		g.hangUp()
	}
}

// leave lets the request pass, or not.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.off == nil {
		g.off = g.stale(now)
	}
	if g.off == nil && !g.closed {
		if void := g.visit.grant.spend(); void != nil {
			g.off = void
		}
	}
	if g.off != nil || g.closed {
		g.hangUp()
		return
	}
	g.left = now
}

// stale returns why a write rests on what may not be true any more: the process, or something it waited for, stood still.
func (g *gate) stale(now time.Time) error {
	if g.req.sure == nil && g.req.body == nil {
		return nil
	}
	if age(g.confirmed, now) > maxSure {
		return &Error{Kind: Canceled, Err: reason("no longer sure")}
	}
	look := g.visit.looked
	if look.user != g.req.user || look.user == 0 {
		return nil
	}
	if age(look.asked, look.answered) > maxSure && age(look.asked, now) > maxLook {
		return &Error{Kind: Unavailable, Err: reason("the look took too long for a write to rest on it")}
	}
	if age(look.answered, now) > maxSure || age(look.asked, now) > maxLook {
		return &Error{Kind: Canceled, Err: reason("the look is too old for a write to rest on it")}
	}
	return nil
}

// age is the time between two moments by the monotonic clock, or by the wall's, which goes on while a machine sleeps, if that is more.
func age(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// hangUp breaks the connection without a word: what is in the buffer stays there.
func (g *gate) hangUp() {
	conn := g.conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

// close ends the gate once nobody waits for the request any more, and returns when it left, or why it must not.
func (g *gate) close() (left time.Time, off error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	return g.left, g.off
}
