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
)

// refusal sorts an answer that is no success by its status and the service's error codes (observed traffic: a bad key
// is a 403). A 403 or 404 that does not carry them comes from something in between, so it says nothing about the user.
func refusal(status int, codes []string) (Kind, error) {
	has := func(code string) bool {
		return slices.ContainsFunc(codes, func(c string) bool { return matches(c, code) })
	}
	switch {
	case status == http.StatusUnauthorized,
		status == http.StatusForbidden && (has("access_denied_invalid_key") || has("access_denied|access_denied_invalid_key")):
		return KeyRefused, nil
	case status == http.StatusForbidden && len(codes) > 0:
		return Forbidden, nil
	case status == http.StatusNotFound && has("not_found"):
		return NotFound, nil
	case status == http.StatusForbidden, status == http.StatusNotFound:
		return BadResponse, reason("not an answer of CertCentral")
	case status == http.StatusTooManyRequests:
		return Throttled, nil
	case status == http.StatusNotAcceptable, status == http.StatusRequestTimeout, 500 <= status && status < 600:
		return Unavailable, nil
	case 400 <= status && status < 500:
		return Rejected, nil
	case 300 <= status && status < 400:
		return BadResponse, reason("redirected; refused")
	}
	return BadResponse, reason("unexpected status")
}

// matches compares a code of the form "general|special" as a whole and by its general part.
func matches(code, want string) bool {
	general, _, _ := strings.Cut(code, "|")
	return code == want || general == want
}

// fault is one entry of an error body, whatever else it holds.
type fault struct {
	Code    any `json:"code"`
	Message any `json:"message"`
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
		if code, ok := f.Code.(string); ok && plainCode(code) && len(codes) < maxCodes {
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
