package simulator

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

// http1 makes the client speak HTTP/1.1, as the simulator's raw faults need.
func (c connection) http1() connection {
	c.client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	return c
}

// drips is a GET of John over a pipe: what the client reads, and done once the simulator has ended the call.
func (w *world) drips(ctx context.Context, do Do) (client net.Conn, done chan any) {
	w.inject(Fault{Match{}, do})
	client, server := net.Pipe()
	r := httptest.NewRequestWithContext(context.WithValue(ctx, connKey{}, server), "GET", BasePath+"/user/125039", nil)
	r.Header.Set("X-DC-DEVKEY", w.key)
	done = make(chan any, 1)
	go func() {
		defer func() {
			done <- recover()
			_ = server.Close()
		}()
		w.ServeHTTP(httptest.NewRecorder(), r)
	}()
	return client, done
}

func TestDrip(t *testing.T) {
	const second = Duration(time.Second)
	for _, tc := range []struct {
		reason                   string
		do                       Do
		pauseInHead, pauseInBody int // seconds
	}{
		{"the header", Do{Drip: second}, 1, 0},
		{"the body, after a header at once", Do{DripBody: second}, 0, 1},
		{"both, each in its way", Do{Drip: second, DripBody: 2 * second}, 1, 2},
		{"half a body", Do{DripBody: second, Malform: Cut}, 0, 1},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Rules{})
				start := time.Now()
				client, done := w.drips(t.Context(), tc.do)
				all := bufio.NewReaderSize(client, 16)
				var header strings.Builder
				for !strings.HasSuffix(header.String(), "\r\n\r\n") {
					b, err := all.ReadByte()
					w.Expect(err).NotTo(HaveOccurred())
					header.WriteByte(b)
				}
				w.Expect(time.Since(start)).To(Equal(time.Duration(tc.pauseInHead*(header.Len()-1)) * time.Second))

				start = time.Now()
				body, err := io.ReadAll(all)
				w.Expect(err).NotTo(HaveOccurred())
				w.Expect(time.Since(start)).To(Equal(time.Duration(tc.pauseInBody*(len(body)-1)) * time.Second))
				w.Expect(<-done).To(Equal(http.ErrAbortHandler), "net/http's way to end a connection")
				w.Expect(w.Calls()).To(HaveExactElements(And(HaveField("Status", 200), HaveField("Served", string(body)))))
				w.Expect(w.Calls()[0].Fault).To(Equal(tc.do.String()))
			})
		})
	}
}

func TestDripIsAnAnswer(t *testing.T) {
	for _, tc := range []struct {
		reason string
		do     Do
		header http.Header
	}{
		{"the service's", Do{}, http.Header{"Content-Type": {"application/json"}}},
		{"the fault's", Do{Status: 429, Body: "{}", Headers: map[string]string{"Retry-After": "7"}}, http.Header{"Content-Type": {"application/json"}, "Retry-After": {"7"}}},
		{"nothing", Do{Status: 204}, http.Header{}},
		{"a packed one, as long as the connection", Do{Malform: GzipBomb}, http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Rules{})
				tc.do.Drip = Duration(time.Second)
				client, done := w.drips(t.Context(), tc.do)
				answer, err := http.ReadResponse(bufio.NewReader(client), nil)
				w.Expect(err).NotTo(HaveOccurred())
				w.Expect(answer.StatusCode).To(Equal(w.Calls()[0].Status))
				w.Expect(answer.Close).To(BeTrue())
				length, err := io.Copy(io.Discard, answer.Body)
				w.Expect(err).NotTo(HaveOccurred())
				if tc.do.Malform == "" {
					w.Expect(answer.ContentLength).To(Equal(length))
					w.Expect(w.Calls()[0].Served).To(HaveLen(int(length)))
					answer.Header.Del("Content-Length")
				}
				w.Expect(answer.Header).To(Equal(tc.header))
				w.Expect(<-done).To(Equal(http.ErrAbortHandler))
			})
		})
	}
}

func TestReleaseEndsADrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Rules{})
		start := time.Now()
		client, done := w.drips(t.Context(), Do{Drip: Duration(time.Hour), DripBody: Duration(time.Hour)})
		go func() {
			time.Sleep(90 * time.Minute) // of the bubble's clock
			w.Release()
		}()
		answer, err := http.ReadResponse(bufio.NewReader(client), nil)
		w.Expect(err).NotTo(HaveOccurred())
		body, err := io.ReadAll(answer.Body)
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(string(body)).To(Equal(w.Calls()[0].Served))
		w.Expect(<-done).To(Equal(http.ErrAbortHandler))
		w.Expect(time.Since(start)).To(Equal(90 * time.Minute))
	})
}

func TestAClientMayLeaveADrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Rules{})
		start := time.Now()
		ctx, leave := context.WithCancel(t.Context())
		client, done := w.drips(ctx, Do{Drip: Duration(time.Hour)})
		go func() {
			time.Sleep(90 * time.Minute) // of the bubble's clock
			leave()
		}()
		read, err := io.ReadAll(client)
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(string(read)).To(Equal("HT"))
		w.Expect(<-done).To(Equal(http.ErrAbortHandler))
		w.Expect(time.Since(start)).To(Equal(90 * time.Minute))
	})
}

func TestDripOverTheWire(t *testing.T) {
	w := newWorld(t, Rules{})
	c := w.dial(t).http1()
	w.inject(Fault{Match{}, Do{Drip: 1, DripBody: 1}})
	answer := c.get("/user/125039")
	body, err := io.ReadAll(answer.Body)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(string(body)).To(Equal(w.Calls()[0].Served))
}

func TestADripEndsWithItsClientAndItsServer(t *testing.T) {
	dripping := func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "dripper.wait")
	}
	for reason, end := range map[string]func(connection, context.CancelFunc){
		"the client leaves": func(_ connection, leave context.CancelFunc) { leave() },
		"the server closes": func(c connection, _ context.CancelFunc) { _ = c.server.Close() },
	} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			c := w.dial(t).http1()
			w.inject(Fault{Match{}, Do{Drip: Duration(time.Hour)}})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			failed := make(chan error)
			r := c.request("PUT", "/user/125039", body(map[string]any{"job_title": "Chief"})).WithContext(ctx)
			go func() {
				_, err := c.client.Do(r)
				failed <- err
			}()
			w.Eventually(dripping).Should(BeTrue())
			end(c, leave)
			w.Expect(<-failed).To(HaveOccurred())
			w.Eventually(dripping).Should(BeFalse())
			w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Chief"), "it is the answer that drips")
		})
	}
}

func TestRawFaultsNeedAServerAndHTTP1(t *testing.T) {
	for _, do := range []Do{{Drip: 1}, {DripBody: 1}, {Reset: ResetBody}} {
		w := newWorld(t, Rules{})
		c := w.dial(t)
		w.inject(Fault{Match{}, do})
		_, err := c.client.Do(c.request("GET", "/user/125039", ""))
		w.Expect(err).To(HaveOccurred(), "the client speaks HTTP/2")
		w.Expect(func() { w.get(john) }).To(PanicWith(http.ErrAbortHandler), "there is no connection")
		w.Expect(w.Calls()).To(HaveEach(And(HaveField("Status", 0), HaveField("Served", ""),
			HaveField("Note", "the fault needs a Server and HTTP/1"))))
	}
}
