package certcentral

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind sorts errors by what to do about them. It is a closed set; "" is the kind of no error.
type Kind string

const (
	Rejected    Kind = "Rejected"    // the service itself refuses this request (400, other 4xx): not again until it changes
	KeyRefused  Kind = "KeyRefused"  // the service itself says that the API key is bad or revoked (401, 403 invalid key): the account's matter
	Forbidden   Kind = "Forbidden"   // the key may not do this (other 403 of the service itself): a person must grant it
	NotFound    Kind = "NotFound"    // no such user, or none this key can see
	Ambiguous   Kind = "Ambiguous"   // several users have the username: a person must say which, by id
	Throttled   Kind = "Throttled"   // 429, or the pause after one still runs and no request was sent: wait RetryAfter
	Deferred    Kind = "Deferred"    // the budget has no room in this lane now, no request was sent: wait RetryAfter
	Unavailable Kind = "Unavailable" // 406, 408, 5xx, network, timeout: look again later
	BadResponse Kind = "BadResponse" // an answer that isn't CertCentral's or can't be trusted, errors included: look again later
	Canceled    Kind = "Canceled"    // the caller canceled
)

// Error is why a call gave no result. Its text, and that of all it wraps, is stable and free of the key, of personal
// values, addresses and ports; only Detail is not.
type Error struct {
	Kind Kind
	// Op is the method and the route, without ids or values: "GET /user/{id}".
	Op string
	// Status is the HTTP status, 0 when no answer came.
	Status int
	// Codes are the service's error codes, such as "access_denied|missing_permission".
	Codes []string
	// Detail is the service's own message: one printable line of at most 300 bytes without the API key. It may hold
	// personal values, so it belongs into a status and nowhere else. Error() leaves it out.
	Detail string
	// RetryAfter is how long to wait before the next try, 0 when not told.
	RetryAfter time.Duration
	// Sent tells whether the request may have reached the service. See MayBeApplied for what that means of a write.
	Sent bool
	// Err is the cause, where there is one beyond status and codes.
	Err error
}

// Error names what was attempted, the kind, the status, the codes and the cause; see Error for what it leaves out.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "certcentral %s: %s", e.Op, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ", status %d", e.Status)
	}
	if len(e.Codes) > 0 {
		b.WriteString(", " + strings.Join(e.Codes, " "))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// GoString keeps Detail out of %#v as well.
func (e *Error) GoString() string { return e.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// MayBeApplied tells whether the write that failed so may have been done all the same: it went out, and nobody but something in
// between, if anybody, said what became of it.
func (e *Error) MayBeApplied() bool {
	if !e.Sent {
		return false
	}
	switch e.kind() {
	case Rejected, KeyRefused, Forbidden, NotFound, Throttled:
		return false
	default:
		return true
	}
}

// DoubtsKey tells whether the API key may be meant by a 401 that is not CertCentral's own word: a question about the key alone tells.
func (e *Error) DoubtsKey() bool {
	return e.kind() == BadResponse && e.Status == http.StatusUnauthorized
}

// Cause says what was odd, as a short text that is stable and free of values: "timeout", "status 405, not from CertCentral", "status 500
// server_error". It is "" where there is nothing to say beyond the kind.
func (e *Error) Cause() string {
	var parts []string
	if e.Status != 0 && e.Status != http.StatusOK {
		parts = append(parts, fmt.Sprintf("status %d", e.Status))
	}
	parts = append(parts, e.Codes[:min(1, len(e.Codes))]...)
	said := strings.Join(parts, " ")
	switch {
	case e.Err == nil:
		return said
	case said == "":
		return e.Err.Error()
	}
	return said + ", " + e.Err.Error()
}

// KindOf is the one classifier of errors: every error has a kind of the closed set, nil has "". What it doesn't know
// is Unavailable, the kind that looks again and does not write.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.kind()
	}
	if errors.Is(err, context.Canceled) {
		return Canceled
	}
	return Unavailable
}

func (e *Error) kind() Kind {
	if e == nil {
		return Unavailable
	}
	switch e.Kind {
	case Rejected, KeyRefused, Forbidden, NotFound, Ambiguous, Throttled, Deferred, Unavailable, BadResponse, Canceled:
		return e.Kind
	}
	return Unavailable
}

// reason is a cause with a stable text of ours.
type reason string

func (r reason) Error() string { return string(r) }
