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
	"math/big"
	"net"
	"time"
)

// Flaw is what is wrong with a server's certificate; "" is nothing.
type Flaw string

// The flaws of a certificate.
const (
	Expired        Flaw = "expired"         // an hour ago
	OtherHost      Flaw = "other_host"      // for another name and no address
	OtherAuthority Flaw = "other_authority" // not of the authority that CAPEM gives
)

// certify makes a certificate with the flaw, and the PEM of the authority to trust.
func certify(flaw Flaw, now time.Time) (tls.Certificate, []byte, error) {
	template := template(now)
	switch flaw {
	case "", OtherAuthority:
	case Expired:
		template.NotBefore, template.NotAfter = now.Add(-2*time.Hour), now.Add(-time.Hour)
	case OtherHost:
		template.DNSNames, template.IPAddresses = []string{"other.example"}, nil
	default:
		return tls.Certificate{}, nil, fmt.Errorf("%q is no flaw", flaw)
	}
	certificate, ca, err := selfSigned(template)
	if flaw == OtherAuthority && err == nil {
		_, ca, err = selfSigned(template)
	}
	return certificate, ca, err
}

// template is of a certificate for this machine that is its own authority, good for a year.
func template(now time.Time) *x509.Certificate {
	return &x509.Certificate{
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
}

// selfSigned makes the certificate with a key of its own.
func selfSigned(template *x509.Certificate) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca, nil
}
