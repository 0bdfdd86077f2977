package certcentral

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxEndpointSize = 1024 // bytes

// Endpoint is the base URL of the service, parsed and normalised. Endpoints that mean the same are ==, so they can be
// looked up in a list of allowed ones. The zero value is no endpoint.
type Endpoint struct {
	host string // lower case, with its port unless that is 443
	path string // "" or as in "/services/v2": no slash at the end
}

// String is the URL without a slash at the end; "" for the zero value.
func (e Endpoint) String() string {
	if e.host == "" {
		return ""
	}
	return "https://" + e.host + e.path
}

// ParseEndpoint takes an https URL of a host, an optional port and an optional path. The host is lower-cased, port 443
// and slashes at the end are dropped. Whatever two readers of a URL could understand differently is refused: user info,
// query, fragment, percent escapes, backslashes, dot segments, empty labels and segments, IP addresses in odd notations.
// Errors say what to change and don't repeat the value.
func ParseEndpoint(s string) (Endpoint, error) {
	e, err := parseEndpoint(s)
	if err != nil {
		return Endpoint{}, fmt.Errorf("parse endpoint: %w", err)
	}
	return e, nil
}

func parseEndpoint(s string) (Endpoint, error) {
	if len(s) > maxEndpointSize {
		return Endpoint{}, fmt.Errorf("it must not be longer than %d bytes", maxEndpointSize)
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found || !strings.EqualFold(scheme, "https") {
		return Endpoint{}, errors.New("it must start with https://")
	}
	if i := strings.IndexFunc(rest, notInEndpoint); i >= 0 {
		r, _ := utf8.DecodeRuneInString(rest[i:])
		return Endpoint{}, fmt.Errorf("remove the %q: only a host, a port and a plain path are allowed", r)
	}
	authority, path, _ := strings.Cut(rest, "/")
	host, err := parseAuthority(authority)
	if err != nil {
		return Endpoint{}, err
	}
	path, err = parsePath(path)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{host: host, path: path}, nil
}

// notInEndpoint keeps to the characters that no reader of a URL treats specially, and those of hosts and ports.
func notInEndpoint(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("-._~/:[]", r) }

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// parsePath takes what follows the host's slash.
func parsePath(path string) (string, error) {
	path = strings.TrimRight(path, "/")
	if path == "" {
		return "", nil
	}
	if strings.ContainsAny(path, ":[]") {
		return "", errors.New("remove the colons and brackets from the path")
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "":
			return "", errors.New("remove the double slash from the path")
		case ".", "..":
			return "", errors.New("remove the dot segment from the path")
		}
	}
	return "/" + path, nil
}

// parseAuthority normalises host, host:port, [v6] and [v6]:port.
func parseAuthority(authority string) (string, error) {
	host, port, hasPort := authority, "", false
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port, hasPort = authority[:i], authority[i+1:], true
	}
	host, err := parseHost(strings.ToLower(host))
	if err != nil || !hasPort {
		return host, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] == '0' {
		return "", errors.New("the port must be a number from 1 to 65535")
	}
	if n == 443 {
		return host, nil
	}
	return host + ":" + port, nil
}

// parseHost takes a DNS name, an IPv4 address in dotted decimal or an IPv6 address in brackets.
func parseHost(host string) (string, error) {
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !found || err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" {
			return "", errors.New("write the host as a name, or as a plain IPv6 address in brackets")
		}
		return "[" + addr.String() + "]", nil
	}
	if len(host) > 253 {
		return "", errors.New("the host must not be longer than 253 bytes")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	last := labels[len(labels)-1]
	if '0' <= last[0] && last[0] <= '9' { // no top-level domain does, but 2130706433, 0x7f.1 and 127.1 are all 127.0.0.1
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() {
			return "", errors.New("write the IP address as four decimal numbers")
		}
	}
	return host, nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("the host must not be empty, nor have empty labels or a dot at its end")
	case len(label) > 63:
		return errors.New("a label of the host must not be longer than 63 bytes")
	case label[0] == '-' || label[len(label)-1] == '-':
		return errors.New("a label of the host must not start or end with a hyphen")
	case strings.ContainsAny(label, "_~:[]"):
		return errors.New("write the host with letters, digits, hyphens and dots")
	}
	return nil
}
