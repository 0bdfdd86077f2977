package certcentral

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	strict "sigs.k8s.io/json"
)

// decodeUser reads the answer of the user-info page. What would let a later write change a field by misreading it is
// refused: see decodeStrict. id, username and email must be present. What is only shown is left out where it can't be read.
func decodeUser(body []byte, now time.Time) (*User, error) {
	var wire wireUser
	if err := decodeStrict(body, &wire); err != nil {
		return nil, err
	}
	switch {
	case filled(wire.Errors):
		return nil, reason("an error in place of a user")
	case wire.ID <= 0 || wire.Username == "" || wire.Email == nil:
		return nil, reason("a user without id, username or email")
	}
	return wire.user(now), nil
}

// decodeList reads a list of users. A missing list is an empty one (observed traffic).
func decodeList(body []byte) (*wireList, error) {
	var list wireList
	if err := decodeStrict(body, &list); err != nil {
		return nil, err
	}
	if filled(list.Errors) {
		return nil, reason("an error in place of a list")
	}
	return &list, nil
}

// decodeStrict decodes one JSON object into a struct and refuses what encoding/json would silently repair: bad UTF-8, duplicate keys,
// keys that differ from a known one in case only, data after the object, and in a text lone surrogates. Errors don't hold values.
func decodeStrict(body []byte, into any) error {
	if !utf8.Valid(body) {
		return reason("not UTF-8")
	}
	faults, err := strict.UnmarshalStrict(body, into, strict.DisallowDuplicateFields)
	if ours, ok := errors.AsType[reason](err); ok {
		return ours
	}
	if err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return reason("unexpected type of " + wrong.Field)
		}
		return reason("not the JSON expected")
	}
	if len(faults) > 0 {
		return reason("a key twice")
	}
	return checkCase(body, into)
}

// checkCase refuses a "Job_Title" beside or in place of "job_title": which one counts would be a guess. Of parts that are only shown
// no other spelling counts. The body is valid JSON.
func checkCase(body []byte, into any) error {
	if !bytes.HasPrefix(bytes.TrimLeft(body, blanks), []byte("{")) {
		return reason("not a JSON object")
	}
	var known []string
	for field := range reflect.TypeOf(into).Elem().Fields() {
		if !field.Type.Implements(reflect.TypeFor[interface{ shownOnly() }]()) {
			known = append(known, field.Tag.Get("json"))
		}
	}
	for key := range topKeys(body) {
		if slices.Contains(known, key) {
			continue
		}
		if slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(key, name) }) {
			return reason("a key in another case")
		}
	}
	return nil
}

// blanks may stand between the parts of a JSON text.
const blanks = " \t\r\n"

// topKeys yields the keys of a valid JSON object, and none of those in its values: a list is long, and to parse it once more takes
// as long as to decode it.
func topKeys(object []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		depth := 0
		for i := 0; i < len(object); i++ {
			switch object[i] {
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			case '"':
				begin := i
				for i++; object[i] != '"'; i++ {
					if object[i] == '\\' {
						i++
					}
				}
				if depth != 1 || !bytes.HasPrefix(bytes.TrimLeft(object[i+1:], blanks), []byte(":")) {
					continue
				}
				key := string(object[begin+1 : i])
				if strings.Contains(key, `\`) && json.Unmarshal(object[begin:i+1], &key) != nil || !yield(key) {
					return
				}
			}
		}
	}
}

// hasLoneSurrogate finds half a UTF-16 pair in a valid JSON text, where a backslash only ever starts an escape.
func hasLoneSurrogate(body []byte) bool {
	for {
		i := bytes.IndexByte(body, '\\')
		if i < 0 {
			return false
		}
		r, size := escape(body[i:])
		body = body[i+size:]
		if !utf16.IsSurrogate(r) {
			continue
		}
		low, size := escape(body)
		if utf16.DecodeRune(r, low) == utf8.RuneError {
			return true
		}
		body = body[size:]
	}
}

// escape is the code unit of the \uXXXX text starts with, else 0, and the size of the escape.
func escape(text []byte) (rune, int) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, 2
	}
	unit, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit), 6
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// filled tells whether there is anything in a JSON value: an empty list of errors is none.
func filled(raw json.RawMessage) bool {
	return present(raw) && strings.Trim(string(raw), blanks+`[]{}"`) != ""
}
