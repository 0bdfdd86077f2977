package simulator

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
)

// Sizes of the two bodies that want to be bounded, as they unfold in memory.
const (
	hugeSize  = 100 << 20
	bombSize  = 256 << 20
	chunkSize = 1 << 20
)

// apiError is one entry of an error's list.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// answer is what goes back to the client.
type answer struct {
	status  int
	header  map[string]string
	body    []byte
	note    string // for the record
	padding int    // bytes of one more field at the start of the body's object
	gzip    bool
	cut     bool // the connection ends in the middle of the body
	drop    bool // the connection ends before anything was answered
	reset   Reset
}

func succeed(status int, body any) answer {
	return answer{status: status, body: raw(body), header: jsonType()}
}

func jsonType() map[string]string { return map[string]string{"Content-Type": "application/json"} }

// refuse is an error in the documented form.
func refuse(status int, errors ...apiError) answer {
	codes := make([]string, len(errors))
	for i, e := range errors {
		codes[i] = e.Code
	}
	a := succeed(status, map[string][]apiError{"errors": errors})
	a.note = strings.Join(codes, ", ")
	return a
}

func notFound() answer {
	return refuse(http.StatusNotFound, apiError{"not_found", "The user does not exist."})
}

// writeTo sends the answer, or ends the connection as net/http provides for it.
func (a answer) writeTo(w http.ResponseWriter) {
	if a.drop {
		panic(http.ErrAbortHandler)
	}
	a.fill(w.Header())
	w.WriteHeader(a.status)
	if a.status == http.StatusNoContent {
		return
	}
	if a.cut {
		a.writeHalf(w)
	}
	a.writeBody(w)
}

func (a answer) fill(header http.Header) {
	for name, value := range a.header {
		header.Set(name, value)
	}
	if a.gzip {
		header.Set("Content-Encoding", "gzip")
	}
}

// lost says that the client gets no answer whose header is whole.
func (a answer) lost() bool { return a.drop || a.reset == ResetAnswer || a.reset == ResetHeader }

// served is the body as it goes out, before it is packed, without padding and as long as the record wants it.
func (a answer) served() string {
	body := a.body
	switch {
	case a.lost() || a.status == http.StatusNoContent:
		return ""
	case a.cut || a.reset == ResetBody:
		body = a.half()
	}
	return string(body[:min(len(body), maxServed)])
}

func (a answer) half() []byte { return a.body[:len(a.body)/2] }

func (a answer) writeHalf(w http.ResponseWriter) {
	_, _ = w.Write(a.half())
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// writeBody repeats one chunk for padding, so that a large answer costs the simulator nothing, compressed or not: gzip
// members may follow each other (RFC 1952). It stops when the client does.
func (a answer) writeBody(w io.Writer) {
	pack := func(b []byte) []byte { return b }
	if a.gzip {
		pack = zipped
	}
	if a.padding == 0 {
		_, _ = w.Write(pack(a.body))
		return
	}
	chunk := pack(bytes.Repeat([]byte("a"), chunkSize))
	_, err := w.Write(pack([]byte(`{"padding":"`)))
	for written := 0; written < a.padding && err == nil; written += chunkSize {
		_, err = w.Write(chunk)
	}
	_, _ = w.Write(pack(append([]byte(`",`), a.body[1:]...)))
}

// zipped is a gzip member of its own.
func zipped(b []byte) []byte {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, _ = z.Write(b) // a buffer takes all
	_ = z.Close()
	return member.Bytes()
}
