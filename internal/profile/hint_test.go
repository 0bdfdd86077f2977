package profile

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	. "github.com/onsi/gomega"
	"golang.org/x/text/unicode/norm"
)

func TestHint(t *testing.T) {
	for _, s := range []struct{ reason, desired, observed, hint string }{
		{"equal values need none", "John", "John", ""},
		{"other values have none", "John", "Jack", ""},
		{"nothing against something is seen", "", "Admin", ""},
		{"a letter more is seen", "Jo", "Joe", ""},
		{"an accent more is seen", "Rene", "René", ""},
		{"a blank in place of none is seen", "VanDyke", "Van Dyke", ""},
		{"a hyphen in place of a blank is seen", "Anna Maria", "Anna-Maria", ""},
		{"another script's letter is not looked into", "John", "Jоhn", ""},

		{"case", "john.smith@example.com", "John.Smith@Example.com", "differs only in case"},
		{"case of other scripts", "ИВАН", "иван", "differs only in case"},
		{"composed against decomposed", "René", "Rene\u0301", "differs only in the encoding of accents (declared: composed; live: decomposed)"},
		{"a blank at the end", "John", "John ", "differs only in blanks (live: one at the end)"},
		{"a blank at the beginning, declared", " John", "John", "differs only in blanks (declared: one at the beginning)"},
		{"two blanks", "Anna Maria", "Anna  Maria", "differs only in blanks (live: two in a row)"},
		{"a no-break space", "Anna\u00a0Maria", "Anna Maria", "differs only in blanks (declared: a no-break space)"},
		{"a tab", "Anna Maria", "Anna\tMaria", "differs only in blanks (live: one that is no plain space)"},
		{"nothing against blanks", "", "  ", "differs only in blanks (live: one at the beginning, one at the end, two in a row)"},
		{"an apostrophe", "O'Neil", "O’Neil", "differs only in quotation marks"},
		{"quotation marks", `"Jim" Smith`, "“Jim” Smith", "differs only in quotation marks"},
		{"a dash", "1-555", "1–555", "differs only in dashes"},
		{"a no-break hyphen", "Anna-Maria", "Anna\u2011Maria", "differs only in dashes"},
		{"a zero-width space", "John", "Jo\u200bhn", "differs only in invisible characters (live: U+200B)"},
		{"an invisible one on either side", "\ufeffJohn", "John\u200e", "differs only in invisible characters (declared: U+FEFF; live: U+200E)"},
		{"a variation selector", "☎ 1", "☎\ufe0f 1", "differs only in invisible characters (live: U+FE0F)"},

		{
			"several at once", "O'Neil", "o’neil ",
			"differs only in quotation marks, blanks (live: one at the end) and case",
		},
		{"a blank that Unicode has twice", "a\u2000b", "a\u2002b", "differs only in the encoding of characters"},
	} {
		t.Run(s.reason, func(t *testing.T) {
			NewWithT(t).Expect(Hint(s.desired, s.observed)).To(Equal(s.hint))
		})
	}
}

// FuzzHint looks for values with a hint that an eye can tell apart: whose letters, digits and marks are others.
func FuzzHint(f *testing.F) {
	for _, seed := range [][2]string{
		{"John", "john"},
		{"John", "John "},
		{"René", "Rene\u0301"},
		{"O'Neil", "O’Neil"},
		{"a", "b"},
		{"ß", "SS"},
		{"İ", "i"},
		{"K", "\u212a"},
		{"\u200b", ""},
		{"`", "\u1fef"},
		{"a\u2000b", "a\u2002b"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, desired, observed string) {
		if !utf8.ValidString(desired) || !utf8.ValidString(observed) {
			t.Skip("CertCentral's answers and declarations are text")
		}
		g := NewWithT(t)
		hint := Hint(desired, observed)
		if hint == "" {
			g.Expect(Hint(observed, desired)).To(BeEmpty(), "either both ways or none")
		} else {
			g.Expect(Hint(observed, desired)).NotTo(BeEmpty(), "either both ways or none")
		}
		if hint == "" {
			return
		}
		g.Expect(desired).NotTo(Equal(observed))
		g.Expect(seen(desired)).To(Equal(seen(observed)), "what is seen differs: %s", hint)
		g.Expect(len(hint)).To(BeNumerically("<=", 256))
	})
}

// seen is what an eye reads of a value, whatever its case: letters, digits and accents.
func seen(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.In(r, unicode.L, unicode.N, unicode.Mn, unicode.Mc) || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return -1
		}
		return least(r)
	}, norm.NFC.String(norm.NFD.String(s)))
}

// least is the first of the characters that differ from r in case only.
func least(r rune) rune {
	lowest := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		lowest = min(lowest, next)
	}
	return lowest
}
