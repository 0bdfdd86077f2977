package simulator

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Charset is how written values are stored. All but Unicode damage what they can't hold, and some a second time when it is
// read and written back.
type Charset string

// The charsets.
const (
	Unicode  Charset = "unicode"
	ASCII    Charset = "ascii"    // any other character becomes "?"
	Latin1   Charset = "latin1"   // any character outside ISO 8859-1 becomes "?"
	Mojibake Charset = "mojibake" // the bytes of UTF-8 are taken for ISO 8859-1: "ü" becomes "Ã¼", and four characters the next time
	Entities Charset = "entities" // escaped for HTML: "&" becomes "&amp;", and "&amp;amp;" the next time
)

// UnmarshalText refuses any other word.
func (c *Charset) UnmarshalText(b []byte) error {
	return oneOf(c, b, Unicode, ASCII, Latin1, Mojibake, Entities)
}

// stored is a value as it is stored.
func (c Charset) stored(value string) string {
	switch c {
	case ASCII:
		return replaced(value, unicode.MaxASCII)
	case Latin1:
		return replaced(value, unicode.MaxLatin1)
	case Mojibake:
		var b strings.Builder
		for i := range len(value) {
			b.WriteRune(rune(value[i]))
		}
		return b.String()
	case Entities:
		return html.EscapeString(value)
	}
	return value
}

// replaced has a question mark for each character beyond the last one.
func replaced(value string, last rune) string {
	return strings.Map(func(r rune) rune {
		if r > last {
			return '?'
		}
		return r
	}, value)
}

// normalised is a written value as it is checked, and then stored in the charset.
func (r Rules) normalised(name, value string) string {
	if r.Trimmed {
		value = strings.TrimSpace(value)
	}
	if r.EmailLowered && name == "email" {
		value = strings.ToLower(value)
	}
	if most := r.CutTo[name]; most > 0 && utf8.RuneCountInString(value) > most {
		value = string([]rune(value)[:most])
	}
	return value
}

// follow has fields take over what others were changed to.
func (r Rules) follow(have, after User) {
	for followed, follower := range r.Follows {
		if value := after.text(followed); value != have.text(followed) {
			after.set(follower, value)
		}
	}
}

// profile are the seven fields that a PUT may change: texts as stored, "" where there is none, and the flag as a word.
func (u User) profile() map[string]string {
	seven := map[string]string{ssoField: string(u[ssoField])}
	for _, field := range profileFields {
		seven[field.name] = u.text(field.name)
	}
	return seven
}
