package simulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// connKey is where a Server leaves a call's connection in its context.
type connKey struct{}

// rawConn is the connection below an HTTP/1 call of a Server, nil for any other call.
func rawConn(r *http.Request) net.Conn {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	if r.ProtoMajor != 1 {
		return nil
	}
	return conn
}

// raw says whether the fault needs the connection itself: net/http sends no half header, no single bytes of one, and
// does not reset.
func (d Do) raw() bool { return d.Drip != 0 || d.DripBody != 0 || d.Reset != "" }

// send writes the answer to the connection past net/http, as slowly and as far as it is told. It never returns, for
// net/http must end the connection now.
func (v *visit) send(ctx context.Context, conn net.Conn) {
	slow := dripper{conn, time.Duration(v.do.Drip), v.hold, ctx.Done()}
	if err := v.answer.sendHeader(slow); err == nil {
		slow.pause = time.Duration(v.do.DripBody)
		v.answer.sendBody(slow)
	}
	if v.answer.reset != "" {
		hangUp(conn, true)
	}
	panic(http.ErrAbortHandler)
}

func (a answer) sendHeader(w io.Writer) error {
	header := a.rawHeader()
	switch a.reset {
	case ResetAnswer:
		return nil
	case ResetHeader:
		header = header[:len(header)/2]
	}
	_, err := w.Write(header)
	return err
}

func (a answer) sendBody(w io.Writer) {
	switch {
	case a.lost() || a.status == http.StatusNoContent:
	case a.cut || a.reset == ResetBody:
		_, _ = w.Write(a.half())
	default:
		a.writeBody(w)
	}
}

// rawHeader is the answer's header in HTTP/1.1. The end of the connection is the end of a body that is padded or packed.
func (a answer) rawHeader() []byte {
	header := http.Header{"Connection": {"close"}}
	if a.status != http.StatusNoContent && a.padding == 0 && !a.gzip {
		header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	a.fill(header)
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	_ = header.Write(&b) // a buffer takes all
	b.WriteString("\r\n")
	return b.Bytes()
}

// dripper writes with a pause between any two bytes, until it is released: the rest goes out at once then.
type dripper struct {
	io.Writer
	pause          time.Duration
	released, left <-chan struct{}
}

func (d dripper) Write(b []byte) (int, error) {
	for i := range b {
		if i > 0 && d.pause > 0 && !d.wait() {
			return i, errors.New("the client has left")
		}
		if d.pause == 0 || closed(d.released) {
			n, err := d.Writer.Write(b[i:])
			return i + n, err
		}
		if _, err := d.Writer.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// wait spends a pause. It returns false when the client has left meanwhile.
func (d dripper) wait() bool {
	select {
	case <-time.After(d.pause):
	case <-d.released:
	case <-d.left:
	}
	return !closed(d.left)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// hangUp ends a connection: by FIN after all that was written, or by RST without another byte, of TLS neither.
func hangUp(conn net.Conn, reset bool) {
	if secured, ok := conn.(*tls.Conn); ok && reset {
		conn = secured.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
