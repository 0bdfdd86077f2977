package certcentral

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// proxyVariables name the proxy for https, the first that is set.
var proxyVariables = []string{"HTTPS_PROXY", "https_proxy"}

// CheckProxy returns an error that says what to change if the environment names a proxy which can't be understood: net/http drops one
// in silence and goes out directly. The error holds no part of the value.
func CheckProxy(environment func(string) string) error {
	for _, name := range proxyVariables {
		value := environment(name)
		if value == "" {
			continue
		}
		if _, err := parseProxy(value); err != nil {
			return fmt.Errorf("%s can't be used: %w", name, err)
		}
		return nil
	}
	return nil
}

// parseProxy reads a proxy as net/http does, and refuses what that would take for something else.
func parseProxy(value string) (*url.URL, error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	proxy, err := url.Parse(value)
	switch {
	case err != nil, proxy.Path != "" && proxy.Path != "/", proxy.RawQuery != "", proxy.Fragment != "":
		return nil, errors.New("write it like http://user:password@proxy.example.com:3128, with what is special in the name and the password " +
			"percent-encoded: % as %25, # as %23, / as %2F, ? as %3F, @ as %40, a blank as %20")
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, proxy.Scheme):
		return nil, errors.New("its scheme must be http, https, socks5 or socks5h")
	case proxy.Hostname() == "":
		return nil, errors.New("it names no host")
	}
	return proxy, nil
}

// Proxy says which proxy requests to the endpoint go through, without user and password: "http://proxy.example.com:3128", or "none".
func (e Endpoint) Proxy() string {
	target, err := url.Parse(e.String())
	if err != nil {
		return "none"
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: target})
	return nameOf(proxy, err)
}

func nameOf(proxy *url.URL, err error) string {
	if proxy == nil || err != nil {
		return "none"
	}
	return (&url.URL{Scheme: proxy.Scheme, Host: proxy.Host}).String()
}
