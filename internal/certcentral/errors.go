package certcentral

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind sorts errors by what to do about them. It is a closed set; "" is the kind of no error.
type Kind string

const (
	Rejected    Kind = "Rejected"    // the service refuses this request (400, other 4xx): not again until it changes
	KeyRefused  Kind = "KeyRefused"  // the API key is bad or revoked (401, 403 invalid key): the account's matter
	Forbidden   Kind = "Forbidden"   // the key may not do this (other 403): a person must grant it
	NotFound    Kind = "NotFound"    // no such user, or none this key can see
	Throttled   Kind = "Throttled"   // 429, or the pause after one still runs and no request was sent: wait RetryAfter
	Deferred    Kind = "Deferred"    // the budget has no room in this lane now, no request was sent: wait RetryAfter
	Unavailable Kind = "Unavailable" // 406, 408, 5xx, network, timeout: look again later
	BadResponse Kind = "BadResponse" // an answer that can't be CertCentral's or can't be trusted: look again later
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
	// Sent tells whether the request may have reached the service. The outcome of such a write is unknown, unless the
	// kind says that it was refused.
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
	case Rejected, KeyRefused, Forbidden, NotFound, Throttled, Deferred, Unavailable, BadResponse, Canceled:
		return e.Kind
	}
	return Unavailable
}

// reason is a cause with a stable text of ours.
type reason string

func (r reason) Error() string { return string(r) }
