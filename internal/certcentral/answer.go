package certcentral

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDetail = 300 // bytes of Error.Detail
	maxCodes  = 8   // in Error.Codes,
	maxCode   = 80  // bytes each

	// unprintable stands for a code that is none: the body is one of the service's all the same.
	unprintable = "unprintable_code"
)

// refusal sorts an answer that is no success by its status and the service's error codes (observed traffic: a bad key is a 403). One
// that carries no code comes from something in between: it says nothing about user, profile or key.
func refusal(method string, status int, codes []string) (Kind, error) {
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled, foreign(method, status, codes)
	case status == http.StatusNotAcceptable, status == http.StatusRequestTimeout, 500 <= status && status < 600:
		return Unavailable, foreign(method, status, codes)
	case 300 <= status && status < 400:
		return BadResponse, reason("redirected; refused")
	case status < 400 || status >= 500:
		return BadResponse, reason("unexpected status")
	case len(codes) == 0:
		return BadResponse, foreign(method, status, codes)
	}
	return refusalInWords(status, codes)
}

// refusalInWords sorts a 4xx that the service explains with codes.
func refusalInWords(status int, codes []string) (Kind, error) {
	has := func(code string) bool {
		return slices.ContainsFunc(codes, func(c string) bool { return matches(c, code) })
	}
	badKey := has("access_denied_invalid_key") || has("access_denied|access_denied_invalid_key")
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden && badKey:
		return KeyRefused, nil
	case status == http.StatusForbidden:
		return Forbidden, nil
	case status == http.StatusNotFound && has("not_found"):
		return NotFound, nil
	case status == http.StatusNotFound:
		return BadResponse, reason("not about a user")
	}
	return Rejected, nil
}

// foreign says of an error status that nobody explained whose it is, and what may help; nil of one that the service explained.
func foreign(method string, status int, codes []string) error {
	switch {
	case len(codes) > 0:
		return nil
	case status == http.StatusMethodNotAllowed:
		return reason("not from CertCentral: something in between lets no " + method + " through")
	case status == http.StatusProxyAuthRequired:
		return reason("from a proxy that wants to know who asks")
	case status == http.StatusRequestEntityTooLarge:
		return reason("not from CertCentral: something in between lets no " + method + " of this size through")
	}
	return reason("not from CertCentral")
}

// matches compares a code of the form "general|special" as a whole and by its general part.
func matches(code, want string) bool {
	general, _, _ := strings.Cut(code, "|")
	return code == want || general == want
}

// fault is one entry of an error body, whatever else it holds.
type fault struct {
	Code    lenient[text] `json:"code"`
	Message any           `json:"message"`
}

// explain reads the codes and messages of an error body: "errors" is an array of objects, or one object. Any other
// body, such as a proxy's page, explains nothing.
func explain(body []byte) (codes []string, messages string) {
	var answer struct {
		Errors json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return nil, ""
	}
	var entries []json.RawMessage
	if json.Unmarshal(answer.Errors, &entries) != nil {
		entries = []json.RawMessage{answer.Errors}
	}
	var said []string
	for _, entry := range entries {
		var f fault
		if json.Unmarshal(entry, &f) != nil {
			continue
		}
		code := string(f.Code.value)
		if code != "" && !plainCode(code) {
			code = unprintable
		}
		if code != "" && len(codes) < maxCodes {
			codes = append(codes, code)
		}
		if message, ok := f.Message.(string); ok && message != "" {
			said = append(said, message)
		}
	}
	return codes, strings.Join(said, "; ")
}

// plainCode keeps everything but a code out of Error.Codes, which are printed.
func plainCode(code string) bool {
	return code != "" && len(code) <= maxCode && !strings.ContainsFunc(code, func(r rune) bool {
		return !alphanumeric(r) && !strings.ContainsRune("_-.|", r)
	})
}

// oneLine makes a printable single line.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	return strings.Join(strings.Fields(text), " ")
}

// shorten keeps maxDetail bytes, and says so when that is not all.
func shorten(text string) string {
	if len(text) <= maxDetail {
		return text
	}
	cut := maxDetail - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
