// Package certcentral is the other side as we speak to it: each call sends one request, inside the key's budget, to one
// endpoint, and comes back with a result or a typed Error that says what to do. It does not retry, cache, judge or log.
package certcentral

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

const (
	defaultTimeout   = 30 * time.Second
	defaultUserAgent = "certcentral-user-operator"
)

// Config is what a Client is made of. Endpoint, Key and Budget are required.
//
// A proxy is taken from HTTPS_PROXY and NO_PROXY in the environment of the process. It is asked to CONNECT, so TLS runs
// end to end and the proxy does not see the key, unless it inspects TLS with a root of CABundle.
type Config struct {
	Endpoint  Endpoint
	Key       APIKey
	Budget    *Budget       // of the same key
	Places    *Places       // for the visits of all clients; nil for no end of them
	CABundle  []byte        // PEM certificates, trusted beside the system roots
	UserAgent string        // "certcentral-user-operator" when empty
	Observe   func(Call)    // called once for each finished or refused call, from its goroutine; may be nil
	Timeout   time.Duration // of one request without its wait for the budget; 30 s when 0
}

// Call is what one call came to, for metrics: nothing in it depends on a person or a key.
type Call struct {
	Method   string
	Route    string        // as in "/user/{id}": no ids or values
	Outcome  string        // "ok" or the Kind
	Duration time.Duration // of the request and its connection, without its confirmation; 0 when none was tried
	Wait     time.Duration // for the budget
	Sent     bool          // whether the request may have reached the service
}

// Client speaks to one endpoint with one key. It is safe for concurrent use.
type Client struct {
	cfg       Config
	transport *http.Transport
	large     chan struct{} // taken while a large answer is read
	flights   flights
}

// New makes a client, without a request. The errors say what is wrong with cfg, and never hold the key.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.Endpoint == Endpoint{}:
		return nil, errors.New("make client: no endpoint")
	case cfg.Key.IsZero():
		return nil, errors.New("make client: no API key")
	case cfg.Budget == nil || cfg.Budget.fingerprint != cfg.Key.Fingerprint():
		return nil, errors.New("make client: no budget of this API key")
	case strings.ContainsFunc(cfg.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }):
		return nil, errors.New("make client: the user agent is not printable ASCII")
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = defaultUserAgent
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	transport, err := newTransport(cfg.CABundle)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, transport: transport, large: make(chan struct{}, 1)}, nil
}

// Close closes idle connections. Calls under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// request is one call's wire form.
type request struct {
	method, route string
	path          string       // with the query
	body          []byte       // nil for none
	user          int64        // whom it looks at or writes; 0 for a list, or nobody knows
	sure          func() error // may call it off at the last moment; nil for never
}

func (r request) op() string { return r.method + " " + r.route }

// refuse is the error of arguments that no request can be made of.
func (r request) refuse(why reason) *Error { return &Error{Kind: Rejected, Op: r.op(), Err: why} }

// take gets a place among the visits under way and a token, or says why not.
func (c *Client) take(ctx context.Context, visit *Visit, lane Lane, places *Places) *Error {
	if !visit.enter(&c.flights, lane, places) {
		wait := c.flights.later(lane, c.cfg.Budget.now())
		if wait == 0 {
			wait = c.cfg.Budget.later(lane)
		}
		return &Error{Kind: Deferred, RetryAfter: wait, Err: reason("too many calls wait for an answer")}
	}
	return visit.admit(ctx, c.cfg.Budget, lane)
}

// call gets a token, sends the request once and hands the body of a 200 to accept, whose error makes a BadResponse.
// With a nil accept any 2xx will do. The error, if any, is an *Error.
func (c *Client) call(ctx context.Context, lane Lane, req request, accept func([]byte) error) error {
	record := Call{Method: req.method, Route: req.route, Outcome: "ok"}
	visit, places := visitOf(ctx), c.cfg.Places
	if visit == nil { // of an account or a walk, which have workers of their own
		visit, places = &Visit{}, nil
		defer visit.End()
	}
	asked := time.Now()
	failed := c.take(ctx, visit, lane, places)
	record.Wait = time.Since(asked)
	if failed == nil {
		var off error
		if failed, off = c.send(ctx, visit, req, accept, &record); off != nil {
			return off
		}
	}
	if failed != nil {
		failed.Op, failed.Sent = req.op(), record.Sent
		record.Outcome = string(failed.Kind)
	}
	if c.cfg.Observe != nil {
		c.cfg.Observe(record)
	}
	if failed == nil {
		return nil
	}
	return failed
}

// send makes the exchange, and records what is to be told of it. off is why the caller called it off.
func (c *Client) send(ctx context.Context, visit *Visit, req request, accept func([]byte) error, record *Call) (failed *Error, off error) {
	g, begun := &gate{visit: visit, req: req}, time.Now()
	failed = c.exchange(ctx, g, accept)
	left, off := g.close()
	record.Duration = time.Since(begun) - g.took
	record.Sent = !left.IsZero()
	if record.Sent {
		visit.sent++
		c.flights.heard(failed == nil || failed.Status != 0)
		return failed, nil
	}
	if ours, ok := errors.AsType[*Error](off); ok && ours.Op == "" { // of the gate
		return ours, nil
	}
	if off == nil {
		visit.grant.waste()
	}
	return failed, off
}
