package certcentral

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// idleTimeout is shorter than the 5 s after which common servers hang up on an idle connection: a request that meets a
// hang-up fails, because it is not sent again.
const idleTimeout = 4 * time.Second

// newTransport is HTTP/1.1 over TLS, bounded in every direction. HTTP/2 stays off: its transport sends requests again
// on its own.
func newTransport(caBundle []byte) (*http.Transport, error) {
	roots, err := trusted(caBundle)
	if err != nil {
		return nil, err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        16 << 10, // a whole request, so that none of it leaves before it may
		DisableCompression:     true,
		Protocols:              &protocols,
		MaxIdleConnsPerHost:    maxFlights, // a visit thinks between its calls, and a connection costs more than they do
		MaxConnsPerHost:        64,         // more than calls can be under way: one that waited for a connection would run out of time
		IdleConnTimeout:        idleTimeout,
	}, nil
}

// trusted is the system's roots and those of the bundle; nil, which means the system's, without one.
func trusted(caBundle []byte) (*x509.CertPool, error) {
	if len(caBundle) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's root certificates: %w", err)
	}
	found := false
	for block, rest := pem.Decode(caBundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("read CA bundle: a PEM block in it is no certificate")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("read CA bundle: a certificate in it is malformed")
		}
		roots.AddCert(cert)
		found = true
	}
	if !found {
		return nil, errors.New("read CA bundle: no PEM certificate in it")
	}
	return roots, nil
}

// checkProxy gives a proxy's refusal a stable text.
func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return reason("proxy: refused to connect, status " + strconv.Itoa(answer.StatusCode))
	}
	return nil
}
