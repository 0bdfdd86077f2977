package certcentral

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
)

const timeout = reason("timeout")

// causeOf replaces a transport's error by one of a few stable texts: the original holds addresses and ports, and what
// the other side sent.
func causeOf(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return "proxy: " + plainCause(err)
	}
	return plainCause(err)
}

func plainCause(err error) reason {
	if ours, ok := errors.AsType[reason](err); ok {
		return ours
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return "no such host"
	}
	if timed, ok := errors.AsType[net.Error](err); ok && timed.Timeout() {
		return timeout
	}
	if cause := tlsCause(err); cause != "" {
		return cause
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to host"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	return "connection failed"
}

func tlsCause(err error) reason {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "TLS: certificate signed by unknown authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "TLS: certificate is not valid for this host"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return "TLS: certificate has expired or is not yet valid"
		}
		return "TLS: certificate is not valid"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "TLS: certificate is not valid"
	}
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		return "TLS: refused by the other side"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "TLS: not spoken by the other side"
	}
	return ""
}
