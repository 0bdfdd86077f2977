package certcentral

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	strict "sigs.k8s.io/json"
)

// id is an integer that the service may write as a number or as a string. It is read exactly: no fraction, no exponent,
// all 64 bits. null is 0.
type id int64

func (i *id) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	text := unquote(raw)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' {
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[int64]()}
	}
	*i = id(n)
	return nil
}

// flag is a bool that the service may write as true, "true", 1 or "1". null is false.
type flag bool

func (f *flag) UnmarshalJSON(raw []byte) error {
	text := unquote(raw)
	switch {
	case text == "true" || text == "1":
		*f = true
	case text == "false" || text == "0" || string(raw) == "null":
		*f = false
	default:
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[bool]()}
	}
	return nil
}

// text is a string that the service may also write as a number, which is read as it is spelled. null is "". What encoding/json would
// silently repair is refused.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	switch c := raw[0]; {
	case c == 'n':
		return nil
	case c == '-' || '0' <= c && c <= '9':
		*t = text(raw)
		return nil
	case c != '"':
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[string]()}
	case hasLoneSurrogate(raw):
		return reason("not UTF-16 in an escape")
	case !bytes.ContainsRune(raw, '\\'): // raw is valid JSON, and all of the answer is UTF-8
		*t = text(raw[1 : len(raw)-1])
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}

// lenient is a part of an answer that no write rests on: what can't be read is its zero value, and odd.
type lenient[T any] struct {
	value T
	given bool // and readable; null is not
	odd   bool
}

func (l *lenient[T]) UnmarshalJSON(raw []byte) error {
	*l = lenient[T]{}
	if string(raw) == "null" {
		return nil
	}
	if hasLoneSurrogate(raw) || decodePart(raw, &l.value) != nil {
		*l = lenient[T]{odd: true}
		return nil
	}
	l.given = true
	return nil
}

func (lenient[T]) shownOnly() {}

// decodePart decodes a part of an answer, in which no key may be twice.
func decodePart(raw []byte, into any) error {
	if own, ok := into.(json.Unmarshaler); ok { // a decoder of its own costs more than the part
		return own.UnmarshalJSON(raw)
	}
	faults, err := strict.UnmarshalStrict(raw, into, strict.DisallowDuplicateFields)
	return errors.Join(append(faults, err)...)
}

// several is a list that the service may also write as an object with the entries as its values, which then come in the order of
// their keys.
type several[T any] []T

func (s *several[T]) UnmarshalJSON(raw []byte) error {
	if raw[0] != '{' {
		return decodePart(raw, (*[]T)(s))
	}
	var entries map[string]T
	if err := decodePart(raw, &entries); err != nil {
		return err
	}
	*s = nil
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		*s = append(*s, entries[key])
	}
	return nil
}

// unquote strips the quotes of a JSON string; numbers and words have none, and no escape is part of either.
func unquote(raw []byte) string { return strings.Trim(string(raw), `"`) }
