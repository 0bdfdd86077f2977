package certcentral

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
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

// unquote strips the quotes of a JSON string; numbers and words have none, and no escape is part of either.
func unquote(raw []byte) string { return strings.Trim(string(raw), `"`) }
