package certcentral

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// exchange sends one request through its gate and turns what comes back into nil or an Error without Op and Sent.
func (c *Client) exchange(ctx context.Context, g *gate, accept func([]byte) error) *Error {
	limited, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	wire, err := c.newRequest(g.trace(limited), g.req)
	if err != nil {
		return g.req.refuse("no request can be made of it")
	}
	// The transport, not an http.Client: that would follow redirects, with the key, and turn a PUT into a GET.
	answer, err := c.transport.RoundTrip(wire)
	answered := time.Now()
	left, _ := g.close()
	if err != nil {
		return broken(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if left.IsZero() {
		return &Error{Kind: BadResponse, Err: reason("an answer before the request")}
	}
	failed := c.judge(limited, g.req.method, answer, accept)
	if failed != nil && failed.Kind == BadResponse && limited.Err() != nil {
		failed = gaveUp(ctx) // the service saw us hang up and cut its answer short
	}
	if failed == nil && g.req.body == nil {
		g.visit.looked = look{g.req.user, left, answered}
		if g.req.user != 0 {
			c.cfg.Budget.tookLook(answered.Sub(left))
		}
	}
	return failed
}

func (c *Client) newRequest(ctx context.Context, req request) (*http.Request, error) {
	var body io.Reader = onceBody{}
	if req.body != nil {
		body = bytes.NewReader(req.body)
	}
	wire, err := http.NewRequestWithContext(ctx, req.method, c.cfg.Endpoint.String()+req.path, body)
	if err != nil {
		return nil, err
	}
	wire.GetBody = nil // a write whose connection broke would be sent again, past the gate
	wire.Header.Set("X-DC-DEVKEY", c.cfg.Key.reveal())
	wire.Header.Set("Content-Type", "application/json")
	wire.Header.Set("Accept", "application/json")
	wire.Header.Set("User-Agent", c.cfg.UserAgent)
	return wire, nil
}

// onceBody is an empty body that can't be rewound. Without one net/http sends a GET again, past the budget, when the
// service closes a reused connection in place of an answer.
type onceBody struct{}

func (onceBody) Read([]byte) (int, error) { return 0, io.EOF }

// judge turns an answer into nil or an Error, and tells the budget of success and of 429.
func (c *Client) judge(ctx context.Context, method string, answer *http.Response, accept func([]byte) error) *Error {
	if answer.StatusCode/100 == 2 {
		c.cfg.Budget.succeeded()
	}
	switch {
	case accept == nil && answer.StatusCode/100 == 2:
		_, _, _ = readSmall(answer.Body) // for the connection's next use
		return nil
	case accept != nil && answer.StatusCode == http.StatusOK:
		return c.accept(ctx, answer, accept)
	}
	e := c.explained(method, answer)
	e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), c.cfg.Budget.now())
	if e.Kind == Throttled {
		e.RetryAfter = c.cfg.Budget.throttled(e.RetryAfter)
	}
	return e
}

func (c *Client) accept(ctx context.Context, answer *http.Response, accept func([]byte) error) *Error {
	bad := &Error{Kind: BadResponse, Status: answer.StatusCode}
	if encoded(answer) {
		bad.Err = reason("an encoding that was not asked for")
		return bad
	}
	body, whole, err := c.readLarge(ctx, answer.Body)
	switch {
	case err != nil:
		e := broken(ctx, err)
		e.Status = answer.StatusCode
		return e
	case !whole:
		bad.Err = reason("too large")
		return bad
	}
	if bad.Err = accept(body); bad.Err != nil {
		bad.Codes, bad.Detail = c.explain(body)
		return bad
	}
	return nil
}

// explained is the Error of an answer that is no success. Only error statuses have a body worth reading: that of a 101
// would be a connection without a deadline.
func (c *Client) explained(method string, answer *http.Response) *Error {
	e := &Error{Status: answer.StatusCode}
	if e.Status >= http.StatusBadRequest && !encoded(answer) {
		if body, whole, err := readSmall(answer.Body); err == nil && whole {
			e.Codes, e.Detail = c.explain(body)
		}
	}
	e.Kind, e.Err = refusal(method, e.Status, e.Codes)
	return e
}

// explain is what an error body says, fit for an Error.
func (c *Client) explain(body []byte) (codes []string, detail string) {
	codes, messages := explain(body)
	for i := range codes {
		codes[i] = c.cfg.Key.redact(codes[i])
	}
	return codes, shorten(c.cfg.Key.redact(oneLine(messages)))
}

func encoded(answer *http.Response) bool {
	encoding := answer.Header.Get("Content-Encoding")
	return encoding != "" && encoding != "identity"
}

// broken is the Error of a request that got no whole answer.
func broken(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	return &Error{Kind: Unavailable, Err: causeOf(err)}
}

// gaveUp is the Error of a call whose context is done: canceled by the caller, or out of time.
func gaveUp(ctx context.Context) *Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Error{Kind: Canceled, Err: context.Canceled}
	}
	return &Error{Kind: Unavailable, Err: timeout}
}
