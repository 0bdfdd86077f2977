package profile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// kind is a way in which two values can differ without an eye telling them apart.
type kind struct {
	name string
	fold func(string) string // takes the difference away; for case, that is left to the comparison
	tell func(string) string // what a value has of it, in words; "" when nothing
}

var kinds = []kind{
	{"invisible characters", func(s string) string { return strings.Map(dropInvisible, s) }, tellInvisible},
	{"the encoding of accents", norm.NFC.String, tellEncoding},
	{"quotation marks", replaced(quotes), nil},
	{"dashes", replaced(dashes), nil},
	{"blanks", func(s string) string { return strings.Join(strings.FieldsFunc(s, isBlank), " ") }, tellBlanks},
	{"case", nil, nil},
}

// The characters that are taken for a plain quotation mark or dash.
var (
	quotes = map[rune]string{'\'': "`´‘’‚‛ʼʹ′", '"': "“”„‟″«»"}
	dashes = map[rune]string{'-': "‐‑‒–—―−"}
)

// Hint says in what values differ that look the same: "differs only in blanks (live: one at the end)". It returns "" for values
// that are equal, and for those that differ in anything else. It holds no part of them but the numbers of invisible characters.
func Hint(desired, observed string) string {
	if desired == observed || !alike(desired, observed, -1) {
		return ""
	}
	var differ []string
	for i, k := range kinds {
		if alike(desired, observed, i) {
			continue
		}
		differ = append(differ, k.name+tellSides(k, desired, observed))
	}
	if len(differ) == 0 { // a character that two kinds take away
		return "differs only in the encoding of characters"
	}
	return "differs only in " + listed(differ)
}

// alike tells whether two values are equal once all kinds of differences but one are taken away.
func alike(a, b string, but int) bool {
	for i, k := range kinds {
		if i != but && k.fold != nil {
			a, b = k.fold(a), k.fold(b)
		}
	}
	if but == len(kinds)-1 {
		return a == b
	}
	return strings.EqualFold(a, b)
}

// tellSides tells what either value has of a kind.
func tellSides(k kind, desired, observed string) string {
	if k.tell == nil {
		return ""
	}
	var parts []string
	for _, side := range []struct{ name, value string }{{"declared", desired}, {"live", observed}} {
		if told := k.tell(side.value); told != "" {
			parts = append(parts, side.name+": "+told)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func listed(parts []string) string {
	last := len(parts) - 1
	if last == 0 {
		return parts[0]
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

// isBlank tells whether a character is seen as nothing but a space.
func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Zs, r) }

// isInvisible tells whether a character is not seen at all.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) ||
		unicode.IsControl(r) && !unicode.IsSpace(r)
}

func dropInvisible(r rune) rune {
	if isInvisible(r) {
		return -1
	}
	return r
}

// replaced returns a function that replaces each of the given characters by the one that it is taken for.
func replaced(plain map[rune]string) func(string) string {
	return func(s string) string {
		return strings.Map(func(r rune) rune {
			for as, characters := range plain {
				if strings.ContainsRune(characters, r) {
					return as
				}
			}
			return r
		}, s)
	}
}

func tellInvisible(s string) string {
	at := strings.IndexFunc(s, isInvisible)
	if at < 0 {
		return ""
	}
	invisible, _ := utf8.DecodeRuneInString(s[at:])
	return fmt.Sprintf("%U", invisible)
}

func tellEncoding(s string) string {
	switch composed := norm.NFC.IsNormalString(s); {
	case composed && norm.NFD.IsNormalString(s):
		return ""
	case composed:
		return "composed"
	default:
		return "decomposed"
	}
}

func tellBlanks(s string) string {
	runes := []rune(s)
	var told []string
	add := func(has bool, words string) {
		if has {
			told = append(told, words)
		}
	}
	double, unusual := false, false
	for i, r := range runes {
		double = double || i > 0 && isBlank(r) && isBlank(runes[i-1])
		unusual = unusual || isBlank(r) && r != ' '
	}
	add(len(runes) > 0 && isBlank(runes[0]), "one at the beginning")
	add(len(runes) > 0 && isBlank(runes[len(runes)-1]), "one at the end")
	add(double, "two in a row")
	add(strings.ContainsAny(s, "\u00a0\u202f\u2007"), "a no-break space")
	add(unusual && !strings.ContainsAny(s, "\u00a0\u202f\u2007"), "one that is no plain space")
	return strings.Join(told, ", ")
}
