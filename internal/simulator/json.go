package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// User is one user in the documentation's own JSON form (user-info page). Fields nobody here knows are kept.
type User map[string]json.RawMessage

// documentedOrder is how the user-info page lists the fields.
var documentedOrder = []string{
	"id", "username", "account_id", "first_name", "last_name", "email", "job_title", "telephone", "status",
	"last_login_date", "container", "access_roles", "is_cert_central", "is_enterprise", "is_saml_sso_only", "type",
	"language_id", "account_language_id", "has_container_assignments", "container_assignments", "container_visibility",
}

// MarshalJSON writes the fields in the documentation's order, and the ones it does not know after them.
func (u User) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range u.names() {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", raw(name), u[name])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (u User) names() []string {
	names := slices.Sorted(maps.Keys(u))
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

func rank(name string) int {
	if i := slices.Index(documentedOrder, name); i >= 0 {
		return i
	}
	return len(documentedOrder)
}

// text returns a string field, "" when it is absent, null or no string.
func (u User) text(name string) string {
	s, _ := text(u[name])
	return s
}

// number returns an integer field, 0 when it is none.
func (u User) number(name string) int64 {
	var n int64
	_ = json.Unmarshal(u[name], &n)
	return n
}

// set gives a string field its value; "" removes it, for CertCentral leaves unset fields out.
func (u User) set(name, value string) {
	if value == "" {
		delete(u, name)
		return
	}
	u[name] = raw(value)
}

// changed names the fields that differ, in the documentation's order; absent, null and "" are equal.
func changed(before, after User) []string {
	both := maps.Clone(before)
	maps.Copy(both, after)
	return slices.DeleteFunc(both.names(), func(name string) bool {
		return reflect.DeepEqual(meaning(before[name]), meaning(after[name]))
	})
}

func meaning(value json.RawMessage) any {
	var v any
	if json.Unmarshal(value, &v) != nil || v == "" {
		return nil
	}
	return v
}

// merge applies a JSON merge patch (RFC 7386): null removes, objects merge, anything else replaces.
func merge(target, patch json.RawMessage) json.RawMessage {
	var p map[string]json.RawMessage
	if json.Unmarshal(patch, &p) != nil || p == nil {
		return patch
	}
	var t map[string]json.RawMessage
	if json.Unmarshal(target, &t) != nil || t == nil {
		t = map[string]json.RawMessage{}
	}
	for name, value := range p {
		if isNull(value) {
			delete(t, name)
			continue
		}
		t[name] = merge(t[name], value)
	}
	return raw(t)
}

func isNull(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

// text reads a JSON string; null and absence are none.
func text(value json.RawMessage) (string, bool) {
	var s *string
	if json.Unmarshal(value, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// raw encodes what is known to encode: strings, numbers, flags and values decoded before. "<ekey>" stays readable.
func raw(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// decode reads exactly one JSON value, and refuses names the target does not know.
func decode(r io.Reader, target any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(target); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("reading JSON: more than one value")
	}
	return nil
}

// oneOf reads a word of a closed set.
func oneOf[T ~string](word *T, read []byte, set ...T) error {
	if !slices.Contains(set, T(read)) {
		return fmt.Errorf("%q is none of %q", read, set)
	}
	*word = T(read)
	return nil
}

// join puts the parts that say something together.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// Duration is a time.Duration written as "5s" in JSON.
type Duration time.Duration

// MarshalText writes the form UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration does.
func (d *Duration) UnmarshalText(b []byte) error {
	parsed, err := time.ParseDuration(string(b))
	*d = Duration(parsed)
	return err
}
