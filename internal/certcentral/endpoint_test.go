package certcentral

import (
	"cmp"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestParseEndpoint(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"the documented one":         {"https://www.digicert.com/services/v2", "https://www.digicert.com/services/v2"},
		"case of scheme and host":    {"HTTPS://WWW.Digicert.COM/services/v2", "https://www.digicert.com/services/v2"},
		"case of the path is kept":   {"https://a.example/Services", "https://a.example/Services"},
		"slashes at the end":         {"https://a.example/services/v2//", "https://a.example/services/v2"},
		"no path":                    {"https://a.example", "https://a.example"},
		"a root path":                {"https://a.example/", "https://a.example"},
		"the default port":           {"https://a.example:443/v2", "https://a.example/v2"},
		"another port":               {"https://a.example:8443/v2", "https://a.example:8443/v2"},
		"a single label":             {"https://simulator:8443", "https://simulator:8443"},
		"an IPv4 address":            {"https://127.0.0.1:8443/v2", "https://127.0.0.1:8443/v2"},
		"an IPv6 address":            {"https://[::1]:8443/v2", "https://[::1]:8443/v2"},
		"an IPv6 address, long form": {"https://[2001:DB8:0:0::1]", "https://[2001:db8::1]"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e, err := ParseEndpoint(tc.in)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.String()).To(Equal(tc.want))
			again, err := ParseEndpoint(tc.want)
			g.Expect(err).NotTo(HaveOccurred())
			if again != e {
				t.Errorf("what means the same is ==")
			}
		})
	}
	NewWithT(t).Expect(Endpoint{}.String()).To(BeEmpty())
}

func TestParseEndpointRefuses(t *testing.T) {
	for in, why := range map[string]string{
		"":                                                 "must start with https://",
		"www.digicert.com":                                 "must start with https://",
		"http://www.digicert.com":                          "must start with https://",
		" https://www.digicert.com":                        "must start with https://",
		"https:/www.digicert.com":                          "must start with https://",
		"https://":                                         "must not be empty",
		"https:///services":                                "must not be empty",
		"https://user:pass@www.digicert.com":               "remove the '@'",
		"https://a.example/v2?x=1":                         "remove the '?'",
		"https://a.example/v2#x":                           "remove the '#'",
		"https://a.example/v2%2fuser":                      "remove the '%'",
		`https://a.example\@evil.example`:                  `remove the '\\'`,
		"https://a.example/v2 ":                            "remove the ' '",
		"https://a.example/v2\n":                           `remove the '\n'`,
		"https://ä.example":                                "remove the 'ä'",
		"https://a.example/../v2":                          "dot segment",
		"https://a.example/v2/.":                           "dot segment",
		"https://a.example/x//v2":                          "double slash",
		"https://a.example//v2":                            "double slash",
		"https://a.example/v2:x":                           "colons and brackets",
		"https://a.example.":                               "dot at its end",
		"https://a..example":                               "empty labels",
		"https://.example":                                 "empty labels",
		"https://-a.example":                               "hyphen",
		"https://a_b.example":                              "letters, digits, hyphens and dots",
		"https://a.example:":                               "port must be a number",
		"https://a.example:0":                              "port must be a number",
		"https://a.example:0443":                           "port must be a number",
		"https://a.example:65536":                          "port must be a number",
		"https://a.example:https":                          "port must be a number",
		"https://a:1:2":                                    "letters, digits, hyphens and dots",
		"https://2130706433":                               "four decimal numbers",
		"https://0x7f000001":                               "four decimal numbers",
		"https://127.1":                                    "four decimal numbers",
		"https://0177.0.0.1":                               "four decimal numbers",
		"https://127.0.0.0x1":                              "four decimal numbers",
		"https://[::ffff:127.0.0.1]":                       "plain IPv6",
		"https://[fe80::1":                                 "plain IPv6",
		"https://[127.0.0.1]":                              "plain IPv6",
		"https://[::1]x":                                   "plain IPv6",
		"https://::1":                                      "letters, digits, hyphens and dots",
		"https://" + strings.Repeat("a", 64):               "63 bytes",
		"https://a/" + strings.Repeat("a/", 600):           "1024 bytes",
		"https://" + strings.Repeat("a.", 127) + "example": "253 bytes",
	} {
		t.Run(in, func(t *testing.T) {
			g := NewWithT(t)
			e, err := ParseEndpoint(in)
			g.Expect(err).To(MatchError(And(HavePrefix("parse endpoint: "), ContainSubstring(why))))
			g.Expect(e).To(Equal(Endpoint{}))
			g.Expect(err.Error()).NotTo(ContainSubstring("pass"))
		})
	}
}

// FuzzParseEndpoint looks for an endpoint that net/url, and so the transport, would read as another one.
func FuzzParseEndpoint(f *testing.F) {
	for _, seed := range []string{
		"", "https://", "https:///", "http://a.example", "https:a.example", "//a.example", " https://a.example", "https://a.example\n", "https\x00://a.example",
		"https://www.digicert.com/services/v2", "HTTPS://WWW.DigiCert.COM:443/services/v2/", "https://A.EXAMPLE//", "https://a.example/~u/-._/v2",
		"https://www.digicert.com.evil.example/services/v2", "https://evil-www.digicert.com", "https://www.digicert.com@evil.example/services/v2",
		"https://u:p@a.example", "https://@a.example", "https://a.example\\@evil.example", "https://a.example#@evil.example", "https://a.example?@evil.example",
		"https://evil.example/https://www.digicert.com", "https://a.example/%2e%2e/", "https://a.example/../v2", "https://a.example/./v2", "https://a.example/...",
		"https://a.example;x", "https://a.example,b.example", "https://a.example b.example", "https://a%2eexample", "https://\u0430.example", "https://a\u3002example",
		"https://a.example.", "https://.a.example", "https://a..example", "https://-a.example", "https://a-.example", "https://xn--a.example", "https://a_b",
		"https://a.example:443", "https://a.example:0443", "https://a.example:80", "https://a.example:65535", "https://a.example:65536", "https://a.example:",
		"https://a.example:-1", "https://a.example:+1", "https://a.example:\u0661", "https://a.example:1:2", "https://a.example:443:443", "https://:443",
		"https://127.0.0.1:8443", "https://127.1", "https://0177.0.0.1", "https://0x7f.1", "https://0x7f000001", "https://2130706433", "https://1.2.3.4.5",
		"https://127.0.0.1.", "https://127.0.0.256", "https://127.0.0.01", "https://1.a", "https://a.1", "https://a.0x1", "https://256",
		"https://[::1]:8443/", "https://[::1]", "https://[::1", "https://::1", "https://[::1]x", "https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", "https://[0::0]",
		"https://[2001:DB8::0:1]:443", "https://[fe80::1%25eth0]", "https://[fe80::1%eth0]", "https://[127.0.0.1]", "https://[a.example]", "https://[v1.x]", "https://[[::1]]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		g := NewWithT(t)
		e, err := ParseEndpoint(in)
		if err != nil {
			g.Expect(e).To(Equal(Endpoint{}))
			g.Expect(len(in) < 12 || !strings.Contains(err.Error(), in)).To(BeTrue(), "the value is repeated")
			return
		}
		again, err := ParseEndpoint(e.String())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(again).To(Equal(e), "what is normal stays as it is")
		u, err := url.Parse(e.String())
		g.Expect(err).NotTo(HaveOccurred(), "net/url reads it too")
		g.Expect(*u).To(Equal(url.URL{Scheme: "https", Host: e.host, Path: e.path}), "and in the same way")
		expectSameServer(g, in, u)
		expectOnlyItself(g, e, u)
	})
}

// expectSameServer expects that net/url reads what was written as it reads what was made of it.
func expectSameServer(g Gomega, written string, made *url.URL) {
	u, err := url.Parse(written)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(u.Scheme).To(Equal("https"))
	g.Expect(u.User).To(BeNil())
	g.Expect(cmp.Or(u.Port(), "443")).To(Equal(cmp.Or(made.Port(), "443")))
	g.Expect(strings.TrimRight(u.Path, "/")).To(Equal(made.Path))
	host := strings.ToLower(u.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.String()
		g.Expect(addr.Is4In6() || addr.Zone() != "").To(BeFalse())
	} else {
		g.Expect(host).To(MatchRegexp(`(\A|\.)[a-z]([a-z0-9-]*[a-z0-9])?\z`), "no resolver takes it for a number")
	}
	g.Expect(made.Hostname()).To(Equal(host))
}

// expectOnlyItself expects that other spellings of an endpoint are ==, and that nothing else is.
func expectOnlyItself(g Gomega, e Endpoint, u *url.URL) {
	same := []string{"HTTPS://" + strings.ToUpper(e.host) + e.path, e.String() + "/"}
	if u.Port() == "" {
		same = append(same, "https://"+e.host+":443"+e.path)
	}
	for _, spelling := range same {
		if other, err := ParseEndpoint(spelling); err == nil { // it may be too long
			g.Expect(other).To(Equal(e), spelling)
		} else {
			g.Expect(len(spelling)).To(BeNumerically(">", maxEndpointSize), spelling)
		}
	}
	for _, elsewhere := range []string{
		"https://" + e.host + ".evil.example" + e.path, "https://evil-" + e.host + e.path, "https://evil.example/" + e.host + e.path,
		"https://" + u.Hostname() + ":1" + u.Port() + e.path, e.String() + "/v3", e.String() + "x", "https://" + e.host + "@evil.example" + e.path,
	} {
		other, _ := ParseEndpoint(elsewhere)
		g.Expect(other).NotTo(Equal(e), elsewhere)
	}
}
