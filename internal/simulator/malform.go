package simulator

import (
	"bytes"
	"net/http"
)

// Malform is a way to spoil an answer's body.
type Malform string

// The malformed bodies. Those that need something to spoil leave an answer without body alone.
const (
	HTML        Malform = "html"         // a proxy's page; 200 where the answer was 204
	Empty       Malform = "empty"        // nothing; 200 where the answer was 204
	Truncated   Malform = "truncated"    // half of the JSON, as if that were all
	Cut         Malform = "cut"          // half of the JSON, then the connection ends
	Trailing    Malform = "trailing"     // a second JSON value after the first
	Duplicate   Malform = "duplicate"    // "email" (in a list: "users") a second time, with another value
	CaseVariant Malform = "case_variant" // the same as "Email" ("Users")
	BadUTF8     Malform = "bad_utf8"     // first names that begin with the byte 0xff
	OtherUser   Malform = "other_user"   // GET /user/{id} serves somebody else, or at least another id
	Huge        Malform = "huge"         // 100 MiB of valid JSON
	GzipBomb    Malform = "gzip_bomb"    // 256 MiB of valid JSON, compressed, asked for or not
)

// UnmarshalText refuses any other word.
func (m *Malform) UnmarshalText(b []byte) error {
	return oneOf(m, b, HTML, Empty, Truncated, Cut, Trailing, Duplicate, CaseVariant, BadUTF8, OtherUser, Huge, GzipBomb)
}

const page502 = "<!DOCTYPE html>\n<html><head><title>Please wait</title></head><body>The proxy has no answer.</body></html>\n"

// distort spoils the answer. OtherUser isn't done here, for only the service knows whom else to serve.
func (m Malform) distort(a *answer) {
	switch m {
	case HTML:
		a.replace([]byte(page502), "text/html; charset=utf-8")
	case Empty:
		a.replace(nil, "")
	case Huge:
		a.pad(hugeSize)
	case GzipBomb:
		a.pad(bombSize)
		a.gzip = true
	}
	if len(a.body) == 0 {
		return
	}
	switch m {
	case Truncated:
		a.body = a.body[:len(a.body)/2]
	case Cut:
		a.cut = true
	case Trailing:
		a.body = append(a.body, `{"trailing":true}`...)
	case Duplicate:
		a.repeat(`"email":"duplicate@example.com"`, `"users":[]`)
	case CaseVariant:
		a.repeat(`"Email":"duplicate@example.com"`, `"Users":[]`)
	case BadUTF8:
		a.body = bytes.ReplaceAll(a.body, []byte(`"first_name":"`), []byte("\"first_name\":\"\xff"))
	}
}

func (a *answer) replace(body []byte, contentType string) {
	a.body = body
	a.header = map[string]string{}
	if contentType != "" {
		a.header["Content-Type"] = contentType
	}
	a.withBody()
}

func (a *answer) pad(size int) {
	if len(a.body) == 0 {
		a.body, a.header = []byte(`{"id":0}`), jsonType()
	}
	a.padding = size
	a.withBody()
}

// withBody makes room for a body: a 204 can have none.
func (a *answer) withBody() {
	if a.status == http.StatusNoContent {
		a.status = http.StatusOK
	}
}

// repeat adds a name to the object at its end, where encoding/json lets it win.
func (a *answer) repeat(inUser, inList string) {
	added := inUser
	if bytes.Contains(a.body, []byte(`"users":`)) {
		added = inList
	}
	a.body = append(bytes.TrimSuffix(a.body, []byte("}")), ","+added+"}"...)
}
