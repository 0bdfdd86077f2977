package certcentral

import (
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

func FuzzParseEndpoint(f *testing.F) {
	for _, seed := range []string{
		"https://www.digicert.com/services/v2", "https://[::1]:8443/", "https://a.example:443", "https://u:p@a.example",
		"https://0x7f.1", "https://a.example/%2e%2e/", "HTTPS://A.EXAMPLE//",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		e, err := ParseEndpoint(in)
		if err != nil {
			return
		}
		g := NewWithT(t)
		again, err := ParseEndpoint(e.String())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(again).To(Equal(e))
		u, err := url.Parse(e.String())
		g.Expect(err).NotTo(HaveOccurred(), "net/url reads it too")
		g.Expect(*u).To(Equal(url.URL{Scheme: "https", Host: e.host, Path: e.path}), "and in the same way")
		g.Expect(u.Hostname()).NotTo(BeEmpty())
	})
}
