package certcentral

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

func TestCausesAreStable(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4567}, Err: err}
	}
	for want, err := range map[string]error{
		"no such host":       dial(&net.DNSError{Name: "x.example", Server: "10.1.2.3:53", IsNotFound: true}),
		"timeout":            dial(os.ErrDeadlineExceeded),
		"connection refused": dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)),
		"connection reset":   dial(os.NewSyscallError("read", syscall.ECONNRESET)),
		"no route to host":   dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)),
		"connection failed":  errors.New("http: persistConn 10.1.2.3:4567 is odd"),
		"proxy: connection refused": &net.OpError{
			Op: "proxyconnect", Err: dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)),
		},
		"TLS: certificate has expired or is not yet valid": &tls.CertificateVerificationError{
			Err: x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired},
		},
		"TLS: certificate is not valid": x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.NotAuthorizedToSign},
	} {
		got := causeOf(fmt.Errorf("wrapped: %w", err))
		NewWithT(t).Expect(got).To(MatchError(want))
		NewWithT(t).Expect(errors.Unwrap(got)).To(BeNil(), "nothing of the original is left")
	}
	other := &tls.CertificateVerificationError{Err: errors.New("odd")}
	NewWithT(t).Expect(causeOf(other)).To(MatchError("TLS: certificate is not valid"))
}
