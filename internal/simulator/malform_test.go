package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"
)

func TestMalformedBodies(t *testing.T) {
	whole := func(w *world) string { return string(raw(w.view(w.people[john], false))) }
	for _, tc := range []struct {
		kind        Malform
		contentType string
		check       func(w *world, whole, got string)
	}{
		{HTML, "text/html; charset=utf-8", func(w *world, _, got string) { w.Expect(got).To(HavePrefix("<!DOCTYPE html>")) }},
		{Empty, "", func(w *world, _, got string) { w.Expect(got).To(BeEmpty()) }},
		{Truncated, "application/json", func(w *world, whole, got string) { w.Expect(got).To(Equal(whole[:len(whole)/2])) }},
		{Trailing, "application/json", func(w *world, whole, got string) { w.Expect(got).To(Equal(whole + `{"trailing":true}`)) }},
		{Duplicate, "application/json", func(w *world, whole, got string) {
			w.Expect(got).To(Equal(whole[:len(whole)-1] + `,"email":"duplicate@example.com"}`))
		}},
		{CaseVariant, "application/json", func(w *world, whole, got string) {
			w.Expect(got).To(Equal(whole[:len(whole)-1] + `,"Email":"duplicate@example.com"}`))
		}},
		{BadUTF8, "application/json", func(w *world, _, got string) { w.Expect(got).To(ContainSubstring("\"first_name\":\"\xffJohn\"")) }},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			w := newWorld(t, Rules{})
			w.inject(Fault{Match{Method: "GET"}, Do{Malform: tc.kind}})
			answer := w.call("GET", "/user/125039", "")
			w.Expect(answer.Code).To(Equal(200))
			w.Expect(answer.Header().Get("Content-Type")).To(Equal(tc.contentType))
			tc.check(w, whole(w), answer.Body.String())
			w.Expect(w.Calls()[0].Fault).To(Equal(string(tc.kind)))
		})
	}
}

func TestMalformedAnswersToAPut(t *testing.T) {
	for kind, status := range map[Malform]int{HTML: 200, Empty: 200, Truncated: 204, Trailing: 204, BadUTF8: 204} {
		w := newWorld(t, Rules{})
		w.inject(Fault{Match{}, Do{Malform: kind}})
		w.Expect(w.put(john, map[string]any{"job_title": "Chief"}).Code).To(Equal(status), string(kind))
		w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Chief"), "it was applied all the same")
	}
}

func TestMalformedErrorsKeepTheirStatus(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(Fault{Match{}, Do{Status: 502, Malform: HTML}})
	answer := w.call("GET", "/user/125039", "")
	w.Expect(answer.Code).To(Equal(502))
	w.Expect(answer.Header().Get("Content-Type")).To(HavePrefix("text/html"))
}

func TestNoBodyIsLeftAlone(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(Fault{Match{}, Do{Status: 302, Malform: Trailing}})
	w.Expect(w.call("GET", "/user/125039", "").Body.Len()).To(BeZero())
}

func TestDuplicatesInAList(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(Fault{Match{}, Do{Malform: Duplicate}})
	w.Expect(w.object(w.call("GET", "/user", ""))).To(HaveKeyWithValue("users", BeEmpty()), "encoding/json takes the last one")
}

func TestOtherUser(t *testing.T) {
	w := newWorld(t, Rules{})
	w.inject(Fault{Match{}, Do{Malform: OtherUser}})
	w.Expect(w.get(john)).To(And(HaveKeyWithValue("id", 7.0), HaveKeyWithValue("first_name", "User")), "the whole other user")
	w.Expect(w.get(owner)).To(HaveKeyWithValue("id", 125039.0))
	w.Expect(w.get(robot)).To(And(HaveKeyWithValue("id", 91.0), HaveKeyWithValue("last_name", "90")), "alone, but for the id")
}

func TestCutBody(t *testing.T) {
	w := newWorld(t, Rules{})
	c := w.dial(t)
	w.inject(Fault{Match{}, Do{Malform: Cut}})
	answer := c.get("/user/125039")
	_, err := io.ReadAll(answer.Body)
	w.Expect(err).To(HaveOccurred(), "the connection ended within the body")
	w.Expect(answer.StatusCode).To(Equal(200))
}

// flood is a client that only counts.
type flood struct {
	*httptest.ResponseRecorder
	bytes, chunks int
	chunk         []byte
}

func (f *flood) Write(p []byte) (int, error) {
	f.bytes += len(p)
	if bytes.Equal(p, f.chunk) {
		f.chunks++
	}
	return len(p), nil
}

func TestHugeBody(t *testing.T) {
	for _, a := range []answer{succeed(200, User{"id": raw(1)}), {status: 204}} {
		w := NewWithT(t)
		Do{Malform: Huge}.distort(&a)
		f := &flood{ResponseRecorder: httptest.NewRecorder()}
		a.writeTo(f)
		w.Expect(f.Code).To(Equal(200))
		w.Expect(f.bytes).To(BeNumerically(">", 100<<20))
	}
}

func TestGzipBomb(t *testing.T) {
	w := NewWithT(t)
	a := succeed(200, User{"id": raw(1)})
	Do{Malform: GzipBomb}.distort(&a)
	f := &flood{ResponseRecorder: httptest.NewRecorder(), chunk: zipped(bytes.Repeat([]byte("a"), chunkSize))}
	a.writeTo(f)
	w.Expect(f.Header().Get("Content-Encoding")).To(Equal("gzip"))
	w.Expect(f.bytes).To(BeNumerically("<", 1<<20), "small on the wire")
	w.Expect(f.chunks*chunkSize).To(Equal(bombSize), "large when unfolded")
}

func TestPaddedBodiesAreValid(t *testing.T) {
	for _, a := range []answer{{status: 204}, {status: 200, body: []byte(`{"id":1}`)}} {
		for _, a.gzip = range []bool{false, true} {
			w := NewWithT(t)
			a.pad(2 * chunkSize)
			answer := httptest.NewRecorder()
			a.writeTo(answer)
			w.Expect(answer.Code).To(Equal(200))
			read := io.Reader(answer.Body)
			if a.gzip {
				var err error
				read, err = gzip.NewReader(read)
				w.Expect(err).NotTo(HaveOccurred())
			}
			content, err := io.ReadAll(read)
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(json.Valid(content)).To(BeTrue())
			w.Expect(len(content)).To(BeNumerically(">", 2*chunkSize))
		}
	}
}

func TestAClientMayLeaveAHugeBody(t *testing.T) {
	written := 0
	answer{body: []byte("{}"), padding: hugeSize}.writeBody(writerFunc(func(p []byte) (int, error) {
		written += len(p)
		return 0, errors.New("gone")
	}))
	NewWithT(t).Expect(written).To(BeNumerically("<", 2*chunkSize))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
