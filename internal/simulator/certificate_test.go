package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
)

// greet does a TLS handshake with the server, as a client that trusts what CAPEM gives.
func greet(server *Server, config *tls.Config) (uint16, error) {
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AppendCertsFromPEM(server.CAPEM())
	conn, err := tls.Dial("tcp", server.Addr(), config)
	if err != nil {
		return 0, err
	}
	return conn.ConnectionState().Version, conn.Close()
}

func TestFlawedCertificates(t *testing.T) {
	for flaw, refused := range map[Flaw]func(error) bool{
		"": func(err error) bool { return err == nil },
		Expired: func(err error) bool {
			invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && invalid.Reason == x509.Expired
		},
		OtherHost:      func(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok },
		OtherAuthority: func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok },
	} {
		t.Run(string(flaw), func(t *testing.T) {
			w := newWorld(t, Rules{})
			server, err := NewServerWith(w.Simulator, ServerOptions{Certificate: flaw})
			w.Expect(err).NotTo(HaveOccurred())
			t.Cleanup(func() { w.Expect(server.Close()).To(Succeed()) })
			_, err = greet(server, &tls.Config{})
			w.Expect(refused(err)).To(BeTrue(), "%v", err)
			_, err = greet(server, &tls.Config{InsecureSkipVerify: true})
			w.Expect(err).NotTo(HaveOccurred(), "there is nothing else wrong with it")
		})
	}
}

func TestOldTLS(t *testing.T) {
	for newest, accepted := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		w := newWorld(t, Rules{})
		server, err := NewServerWith(w.Simulator, ServerOptions{MaxTLS: newest})
		w.Expect(err).NotTo(HaveOccurred())
		_, err = greet(server, &tls.Config{MinVersion: tls.VersionTLS12})
		w.Expect(err == nil).To(Equal(accepted), "%s: %v", tls.VersionName(newest), err)
		version, err := greet(server, &tls.Config{MinVersion: tls.VersionTLS10})
		w.Expect(err).NotTo(HaveOccurred())
		w.Expect(version).To(Equal(newest))
		w.Expect(server.Close()).To(Succeed())
	}
}

func TestServerMistakes(t *testing.T) {
	w := newWorld(t, Rules{})
	_, err := NewServerWith(w.Simulator, ServerOptions{Certificate: "ugly"})
	w.Expect(err).To(MatchError(ContainSubstring(`"ugly" is no flaw`)))
	_, err = NewServerWith(w.Simulator, ServerOptions{Address: "nowhere"})
	w.Expect(err).To(HaveOccurred())
}
