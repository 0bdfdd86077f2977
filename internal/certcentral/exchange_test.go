package certcentral

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestTheServiceExplainsItself(t *testing.T) {
	var echo string
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		answering(400, fmt.Sprintf(`{"errors":[{"code":"bad_request_format|email","message":%q},{"code":%q}]}`, echo, r.Header.Get("X-DC-DEVKEY")))(rw, r)
	})
	echo = "John Smith\n has key " + w.key + "! " + strings.Repeat("x", 400)
	e := w.failure(t, w.UpdateUser(t.Context(), 7, Update{}, nil))
	w.g.Expect(e).To(MatchError("certcentral PUT /user/{id}: Rejected, status 400, bad_request_format|email [redacted]"))
	w.g.Expect(e.Detail).To(And(HavePrefix("John Smith has key [redacted]! xxx"), HaveSuffix("x…")))
	w.g.Expect(len(e.Detail)).To(BeNumerically("<=", 300))
	w.g.Expect(e.Sent).To(BeTrue())
}

func TestAnswersThatCanNotBeTrusted(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(z, documented)
	_ = z.Close()
	const denied = `{"errors":[{"code":"access_denied"}]}`
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		why     string
	}{
		"a proxy's page with status 200": {answering(200, "<html>Log in</html>"), "not the JSON expected"},
		"nothing":                        {answering(200, ""), "not the JSON expected"},
		"no content":                     {answering(204, ""), "unexpected status"},
		"a created user":                 {answering(201, documented), "unexpected status"},
		"an error with status 200":       {answering(200, `{"errors":[{"code":"x","message":"y"}]}`), "an error in place of a user"},
		"compressed unasked":             {encodedAs("gzip", bomb.String()), "an encoding that was not asked for"},
		"too large":                      {answering(200, strings.Repeat(" ", 4<<20)+documented), "too large"},
		"too large and without end":      {endless, "too large"},
		"a proxy's 403":                  {answering(403, "<html>Blocked</html>"), "not from CertCentral"},
		"a gateway's 403":                {answering(403, `{"message":"Forbidden"}`), "not from CertCentral"},
		"a compressed 403":               {withStatus(403, encodedAs("gzip", denied)), "not from CertCentral"},
		"a large 403":                    {answering(403, denied+strings.Repeat(" ", 64<<10)), "not from CertCentral"},
		"a proxy's 404":                  {answering(404, "404 page not found"), "not from CertCentral"},
		"a sign-in page":                 {answering(401, "<html>Log in</html>"), "not from CertCentral"},
		"an empty 401":                   {answering(401, ""), "not from CertCentral"},
		"a gateway's 401":                {answering(401, `{"message":"Unauthorized"}`), "not from CertCentral"},
		"a proxy's 400":                  {answering(400, "<html>Bad</html>"), "not from CertCentral"},
		"a proxy's 405":                  {answering(405, ""), "not from CertCentral: something in between lets no GET through"},
		"a proxy's 407":                  {answering(407, ""), "from a proxy that wants to know who asks"},
		"another page of CertCentral":    {answering(404, `{"errors":[{"code":"not_found_url"}]}`), "not about a user"},
		"an upgrade nobody asked for":    {upgrade, "unexpected status"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.handler)
			_, err := w.GetUser(t.Context(), Poll, 125039)
			e := w.failure(t, err)
			w.g.Expect(e.Kind).To(Equal(BadResponse))
			w.g.Expect(e.Err).To(Equal(reason(tc.why)))
			w.g.Expect(e.Sent).To(BeTrue())
			w.g.Expect(e.Status).NotTo(BeZero())
		})
	}
}

// What becomes of a write is known only where CertCentral itself refuses it.
func TestAWriteMayBeApplied(t *testing.T) {
	const named = `{"errors":[{"code":"access_denied"}]}`
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		may     bool
		cause   string
	}{
		"refused":            {answering(400, `{"errors":[{"code":"bad_request_format"}]}`), false, "status 400 bad_request_format"},
		"forbidden":          {answering(403, named), false, "status 403 access_denied"},
		"a bad key":          {answering(401, named), false, "status 401 access_denied"},
		"gone":               {answering(404, `{"errors":[{"code":"not_found"}]}`), false, "status 404 not_found"},
		"too many":           {answering(429, ""), false, "status 429, not from CertCentral"},
		"fails":              {answering(500, `{"errors":[{"code":"server_error"}]}`), true, "status 500 server_error"},
		"a gateway's":        {answering(502, "<html>"), true, "status 502, not from CertCentral"},
		"a page: 400":        {answering(400, "<html>"), true, "status 400, not from CertCentral"},
		"a page: 401":        {answering(401, "<html>"), true, "status 401, not from CertCentral"},
		"a page: 403":        {answering(403, "<html>"), true, "status 403, not from CertCentral"},
		"a page: 404":        {answering(404, "<html>"), true, "status 404, not from CertCentral"},
		"a page: 405":        {answering(405, "<html>"), true, "status 405, not from CertCentral: something in between lets no PUT through"},
		"a page: 413":        {answering(413, "<html>"), true, "status 413, not from CertCentral: something in between lets no PUT of this size through"},
		"no answer":          {hangUp, true, "connection closed"},
		"another connection": {withStatus(302, answering(200, "")), true, "status 302, redirected; refused"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.handler)
			e := w.failure(t, w.UpdateUser(t.Context(), 7, Update{}, nil))
			w.g.Expect(e.MayBeApplied()).To(Equal(tc.may))
			w.g.Expect(e.Cause()).To(Equal(tc.cause))
			w.g.Expect(e.DoubtsKey()).To(Equal(name == "a page: 401"))
		})
	}
	g := NewWithT(t)
	g.Expect((&Error{Kind: Unavailable, Err: timeout}).MayBeApplied()).To(BeFalse(), "it did not go out")
	g.Expect((&Error{Kind: "Strange", Sent: true}).MayBeApplied()).To(BeTrue())
}

func TestAnErrorInPlaceOfAUserIsExplained(t *testing.T) {
	w := newWorld(t, answering(200, `{"errors":[{"code":"odd","message":"Odd."}]}`))
	_, err := w.GetUser(t.Context(), Poll, 7)
	e := w.failure(t, err)
	w.g.Expect(e.Codes).To(Equal([]string{"odd"}))
	w.g.Expect(e.Detail).To(Equal("Odd."))
}

func TestTheContentTypeOfAUserIsNotFatal(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Content-Encoding", "identity")
		_, _ = io.WriteString(rw, documented)
	})
	_, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
}

func TestTheLargestBodyIsRead(t *testing.T) {
	w := newWorld(t, answering(200, documented+strings.Repeat(" ", 4<<20-len(documented))))
	_, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
}

func TestRedirectsAreRefused(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			var visited atomic.Bool
			elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Store(true) }))
			defer elsewhere.Close()
			for _, target := range []string{elsewhere.URL + "/services/v2/user/7", "/services/v2/user/8"} {
				w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, target, status) })
				_, get := w.GetUser(t.Context(), Poll, 7)
				for _, err := range []error{get, w.UpdateUser(t.Context(), 7, Update{}, nil)} {
					e := w.failure(t, err)
					w.g.Expect(e.Kind).To(Equal(BadResponse))
					w.g.Expect(e).To(MatchError(And(ContainSubstring("redirected; refused"), Not(ContainSubstring("user/8")))))
				}
				w.g.Expect(w.requests()).To(Equal([]string{"GET /services/v2/user/7", "PUT /services/v2/user/7"}))
				w.g.Expect(visited.Load()).To(BeFalse())
			}
		})
	}
}

func TestEachRequestIsSentOnce(t *testing.T) {
	for name, call := range map[string]func(context.Context, *Client) error{
		"GET": func(ctx context.Context, c *Client) error { _, err := c.GetUser(ctx, Change, 125039); return err },
		"PUT": func(ctx context.Context, c *Client) error { return c.UpdateUser(ctx, 125039, Update{}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			served := 0
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				if served++; served == 1 {
					answering(200, documented)(rw, r)
					return
				}
				hangUp(rw, r)
			})
			w.g.Expect(call(t.Context(), w.Client)).To(Succeed())
			e := w.failure(t, call(t.Context(), w.Client))
			w.g.Expect(e.Kind).To(Equal(Unavailable))
			w.g.Expect(e.Sent).To(BeTrue(), "it may have been read")
			w.g.Expect(w.requests()).To(HaveLen(2), "also when a reused connection breaks")
		})
	}
}

func TestConnectionsThatBreak(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		status  int
		why     string
	}{
		"before the answer": {hangUp, 0, "connection closed"},
		"inside the answer": {func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(rw, "{")
			_ = http.NewResponseController(rw).Flush()
			hangUp(rw, r)
		}, 200, "connection closed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.handler)
			_, err := w.GetUser(t.Context(), Poll, 7)
			w.g.Expect(w.failure(t, err)).To(Equal(&Error{
				Kind: Unavailable, Op: "GET /user/{id}", Status: tc.status, Sent: true, Err: reason(tc.why),
			}))
		})
	}
}

func TestASlowServiceIsATimeout(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{"without an answer": hang, "inside the answer": hangInside} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					handler(rw, r)
				}
			})
			w.g.Expect(w.UpdateUser(t.Context(), 7, Update{}, nil)).To(Succeed(), "a connection is open")
			w.cfg.Timeout = 50 * time.Millisecond
			_, err := w.GetUser(t.Context(), Poll, 7)
			e := w.failure(t, err)
			w.g.Expect(e.Kind).To(Equal(Unavailable))
			w.g.Expect(e.Err).To(Equal(timeout))
			w.g.Expect(e.Sent).To(BeTrue())
		})
	}
}

func TestTheCallerCanCancel(t *testing.T) {
	for name, begin := range map[string]string{"without an answer": "", "inside the answer": "{"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				if begin != "" {
					_, _ = io.WriteString(rw, begin)
					_ = http.NewResponseController(rw).Flush()
				}
				cancel()
				hang(rw, r)
			})
			_, err := w.GetUser(ctx, Poll, 7)
			e := w.failure(t, err)
			w.g.Expect(e.Kind).To(Equal(Canceled))
			w.g.Expect(e).To(MatchError(context.Canceled))
			w.g.Expect(e.Sent).To(BeTrue())

			_, err = w.GetUser(ctx, Poll, 7)
			e = w.failure(t, err)
			w.g.Expect(e.Kind).To(Equal(Canceled))
			w.g.Expect(e.Sent).To(BeFalse())
			w.g.Expect(w.requests()).To(HaveLen(1))
		})
	}
}

func TestTooManyRequestsPauseTheKey(t *testing.T) {
	status, told := 429, "30"
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Retry-After", told)
		answering(status, `{"errors":[{"code":"request_limit_exceeded","message":"Slow down."}]}`)(rw, r)
	})
	_, err := w.GetUser(t.Context(), Poll, 7)
	e := w.failure(t, err)
	w.g.Expect(e).To(MatchError("certcentral GET /user/{id}: Throttled, status 429, request_limit_exceeded"))
	w.g.Expect(e.RetryAfter).To(Equal(30 * time.Second))
	w.g.Expect(e.Sent).To(BeTrue())

	e = w.failure(t, w.UpdateUser(t.Context(), 7, Update{}, nil))
	w.g.Expect(e).To(MatchError("certcentral PUT /user/{id}: Throttled"))
	w.g.Expect(e.RetryAfter).To(BeNumerically("~", 30*time.Second, 10*time.Second))
	w.g.Expect(e.Sent).To(BeFalse())
	w.g.Expect(w.requests()).To(HaveLen(1))
	w.g.Expect(w.calls[1].Outcome).To(Equal("Throttled"))
	w.g.Expect(w.calls[1].Duration).To(BeZero())
}

func TestASuccessEndsTheStreak(t *testing.T) {
	status := 503
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Retry-After", "7")
		answering(status, documented)(rw, r)
	})
	w.cfg.Budget.pause.streak = 3
	_, err := w.GetUser(t.Context(), Poll, 125039)
	e := w.failure(t, err)
	w.g.Expect(e.Kind).To(Equal(Unavailable))
	w.g.Expect(e.RetryAfter).To(Equal(7*time.Second), "a 503 tells the caller, and pauses nobody")
	w.g.Expect(w.cfg.Budget.pause.streak).To(Equal(3))
	status = 200
	_, err = w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.cfg.Budget.pause.streak).To(BeZero())
}

// hangUp closes the connection in place of an answer.
func hangUp(rw http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(rw).Hijack(); err == nil {
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

// hang answers when the client has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func hangInside(rw http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(rw, "{")
	_ = http.NewResponseController(rw).Flush()
	hang(rw, r)
}

func endless(rw http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(rw, strings.Repeat(" ", 1<<16))
	}
}

func withStatus(status int, handler http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		handler(rec, r)
		rw.Header().Set("Content-Encoding", rec.Header().Get("Content-Encoding"))
		rw.WriteHeader(status)
		_, _ = rec.Body.WriteTo(rw)
	}
}

// upgrade takes the connection over and says nothing more.
func upgrade(rw http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(rw).Hijack(); err == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}
}
