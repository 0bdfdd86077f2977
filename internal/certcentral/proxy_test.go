package certcentral

import (
	"errors"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"
)

func TestAProxyThatWouldBeDroppedIsRefused(t *testing.T) {
	const encode = "percent-encoded"
	for value, why := range map[string]string{
		"":                                 "",
		"proxy":                            "",
		"proxy.example.com:3128":           "",
		"http://proxy.example.com:3128/":   "",
		"https://[2001:db8::1]:3128":       "",
		"socks5://proxy:1080":              "",
		"http://user:p%25s%23s@proxy:3128": "",
		"user:pass@proxy:3128":             "",
		"http://user:CANARY%ss@proxy:3128": encode,
		"http://user:CANARY#ss@proxy:3128": encode,
		"http://user:CANARY/ss@proxy:3128": encode,
		"http://user:CANARY?ss@proxy:3128": encode,
		"http://user:CANARY ss@proxy:3128": encode,
		"user:CANARY%@proxy:3128":          encode,
		"http://proxy:CANARY":              encode,
		"http://proxy:3128/CANARY":         encode,
		"http://proxy:3128 ":               encode,
		"ftp://CANARY@proxy:21":            "its scheme must be",
		"http://CANARY@:3128":              "it names no host",
		"http://":                          "it names no host",
	} {
		t.Run(value, func(t *testing.T) {
			for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
				err := CheckProxy(environment{name: value, "NO_PROXY": "%"}.get)
				if why == "" {
					NewWithT(t).Expect(err).NotTo(HaveOccurred())
					continue
				}
				NewWithT(t).Expect(err).To(MatchError(And(HavePrefix(name+" can't be used: "), ContainSubstring(why), Not(ContainSubstring("CANARY")))))
			}
		})
	}
}

func TestTheFirstProxyThatIsSetCounts(t *testing.T) {
	g := NewWithT(t)
	g.Expect(CheckProxy(environment{"HTTPS_PROXY": "proxy", "https_proxy": "%"}.get)).To(Succeed())
	g.Expect(CheckProxy(environment{"HTTP_PROXY": "%"}.get)).To(Succeed(), "nothing goes out by http")
}

func TestAProxyIsNamedWithoutItsUser(t *testing.T) {
	g := NewWithT(t)
	proxy, err := parseProxy("http://user:secret@proxy.example.com:3128/")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(nameOf(proxy, nil)).To(Equal("http://proxy.example.com:3128"))
	g.Expect(nameOf(nil, nil)).To(Equal("none"))
	g.Expect(nameOf(&url.URL{}, errors.New("odd"))).To(Equal("none"))
	g.Expect(Endpoint{}.Proxy()).To(Equal("none"))
}

type environment map[string]string

func (e environment) get(name string) string { return e[name] }
