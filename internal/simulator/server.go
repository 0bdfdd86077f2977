package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"
)

// Server is a listener with its handler, serving from the moment it exists until Close.
type Server struct {
	server *http.Server
	url    string
	ca     []byte
}

// NewServer serves the API over TLS, with a certificate of its own for 127.0.0.1, ::1 and localhost. The address is
// any that net.Listen takes; "" is a free port of 127.0.0.1.
func NewServer(s *Simulator, address string) (*Server, error) {
	certificate, ca, err := selfSigned(time.Now())
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	v := &Server{server: newHTTPServer(s), url: "https://" + host(l) + BasePath, ca: ca}
	v.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
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
	v := &Server{server: newHTTPServer(s.Admin()), url: "http://" + host(l) + "/admin"}
	go func() { _ = v.server.Serve(l) }()
	return v, nil
}

// URL is the base URL: of the API with BasePath, of the admin path with /admin.
func (v *Server) URL() string { return v.url }

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

// selfSigned makes a certificate that is its own authority, good for a year.
func selfSigned(now time.Time) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "CertCentral simulator"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca, nil
}
