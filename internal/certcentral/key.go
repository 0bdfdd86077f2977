package certcentral

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	maxKeySize = 4 << 10 // bytes
	keyPart    = 8       // bytes of a key that are too many to be shown
	redacted   = "[redacted]"
)

// APIKey is a CertCentral API key that does not print: fmt with every verb, text, JSON and slog all say "[redacted]".
// Keys are compared by Fingerprint. The zero value is no key.
type APIKey struct {
	// The value sits in a closure, so that printers which reflect into unexported fields find an address only.
	reveal func() string
}

// ParseAPIKey takes a key as a Secret or a file holds it: one trailing line break (\n or \r\n) is dropped, nothing else
// is changed. Anything but 1 byte to 4 KiB of printable ASCII without spaces is refused. Errors never hold the value.
func ParseAPIKey(raw []byte) (APIKey, error) {
	value, broken := bytes.CutSuffix(raw, []byte("\r\n"))
	if !broken {
		value = bytes.TrimSuffix(raw, []byte("\n"))
	}
	switch {
	case len(value) == 0:
		return APIKey{}, errors.New("read API key: it is empty")
	case len(value) > maxKeySize:
		return APIKey{}, fmt.Errorf("read API key: it is longer than %d bytes", maxKeySize)
	}
	for _, b := range value {
		if b <= ' ' || b > '~' {
			return APIKey{}, errors.New("read API key: it has a space, a line break or another character that is not printable ASCII")
		}
	}
	secret := string(value)
	return APIKey{reveal: func() string { return secret }}, nil
}

// IsZero reports whether there is no key.
func (k APIKey) IsZero() bool { return k.reveal == nil }

// Fingerprint is the hex SHA-256 of the key, for comparing keys and for sharing a budget; "" for no key.
// It identifies the key to those who have it, so it is not for logs either.
func (k APIKey) Fingerprint() string {
	if k.IsZero() {
		return ""
	}
	sum := sha256.Sum256([]byte(k.reveal()))
	return hex.EncodeToString(sum[:])
}

// Format prints "[redacted]" whatever the verb and flags.
func (k APIKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String is "[redacted]".
func (k APIKey) String() string { return redacted }

// MarshalText is "[redacted]", and through it JSON is `"[redacted]"`.
func (k APIKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue is "[redacted]".
func (k APIKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// redact takes the key out of a text that the service wrote: it might echo what it was sent, whole, clipped or wrapped. So
// each part of keyPart bytes goes, and of a shorter key the whole.
func (k APIKey) redact(text string) string {
	key := k.reveal()
	size := min(len(key), keyPart)
	parts := map[string]struct{}{}
	for i := range len(key) - size + 1 {
		parts[key[i:i+size]] = struct{}{}
	}
	var kept strings.Builder
	end := 0 // of what is kept or left out so far
	for i := range len(text) - size + 1 {
		if _, found := parts[text[i:i+size]]; !found {
			continue
		}
		if i > end || end == 0 { // what touches the part before goes with it
			kept.WriteString(text[end:i] + redacted)
		}
		end = i + size
	}
	return kept.String() + text[end:]
}
