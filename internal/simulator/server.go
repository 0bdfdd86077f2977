package simulator

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Server is a listener with its handler, serving from the moment it exists until Close.
type Server struct {
	server  *http.Server
	address string
	url     string
	ca      []byte
}

// ServerOptions say how the API is served; the zero value is the way that a client should accept.
type ServerOptions struct {
	Address     string // any that net.Listen takes; "" is a free port of 127.0.0.1
	Certificate Flaw   // of a certificate for 127.0.0.1, ::1 and localhost
	MaxTLS      uint16 // the newest version offered, such as tls.VersionTLS11; 0 is the newest there is
}

// NewServer serves the API over TLS, with a certificate of its own for 127.0.0.1, ::1 and localhost. The address is
// any that net.Listen takes; "" is a free port of 127.0.0.1.
func NewServer(s *Simulator, address string) (*Server, error) {
	return NewServerWith(s, ServerOptions{Address: address})
}

// NewServerWith is NewServer with something about its TLS that a client should refuse. It offers TLS 1.2 at least, but
// for a MaxTLS below.
func NewServerWith(s *Simulator, o ServerOptions) (*Server, error) {
	certificate, ca, err := certify(o.Certificate, time.Now())
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	l, err := listen(o.Address)
	if err != nil {
		return nil, err
	}
	v := &Server{server: newHTTPServer(s), address: host(l), url: "https://" + host(l) + BasePath, ca: ca}
	v.server.TLSConfig = &tls.Config{
		MinVersion:   min(tls.VersionTLS12, cmp.Or(o.MaxTLS, tls.VersionTLS12)),
		MaxVersion:   o.MaxTLS,
		Certificates: []tls.Certificate{certificate},
	}
	v.server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	go func() { _ = v.server.ServeTLS(l, "", "") }()
	return v, nil
}

// ServeAdmin serves the admin path over plain HTTP, and refuses an address that others than this machine can reach.
func ServeAdmin(s *Simulator, address string) (*Server, error) {
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		_ = l.Close()
		return nil, fmt.Errorf("serving the admin path on %s: not a loopback address", address)
	}
	v := &Server{server: newHTTPServer(s.Admin()), address: host(l), url: "http://" + host(l) + "/admin"}
	go func() { _ = v.server.Serve(l) }()
	return v, nil
}

// URL is the base URL: of the API with BasePath, of the admin path with /admin.
func (v *Server) URL() string { return v.url }

// Addr is the "host:port" of it.
func (v *Server) Addr() string { return v.address }

// CAPEM is the certificate to trust, fit for an account's caBundle; nil for the admin path.
func (v *Server) CAPEM() []byte { return v.ca }

// Close ends the server and its connections at once; calls that hang have no effect.
func (v *Server) Close() error { return v.server.Close() }

func listen(address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	return net.Listen("tcp", address)
}

// host is the listener's address as a client on this machine writes it.
func host(l net.Listener) string {
	a := l.Addr().(*net.TCPAddr)
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}

func newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // failed handshakes are the client's story
	}
}
