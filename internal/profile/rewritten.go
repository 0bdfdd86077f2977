package profile

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// rewritten tells whether one value is what a service may make of another when it stores it: nothing, the beginning, the same
// letters and digits, or the same in another encoding.
func rewritten(sent, observed string) bool {
	if strings.HasPrefix(sent, strings.TrimRight(observed, string(utf8.RuneError))) || letters(sent) == letters(observed) && letters(sent) != "" {
		return true
	}
	return html.UnescapeString(observed) == sent || html.UnescapeString(sent) == observed ||
		inLatin1(sent) == observed || inWindows1252(sent) == observed || lossy(sent, observed)
}

// letters leaves of a value what all its spellings have in common: letters and digits, without case, accents and composition.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
}

// lossy tells whether observed is sent with characters beyond ASCII replaced by question marks, or dropped.
func lossy(sent, observed string) bool {
	if isASCII(sent) {
		return false
	}
	lost := func(r rune) rune {
		if r == '?' || r == utf8.RuneError || r > unicode.MaxASCII {
			return -1
		}
		return r
	}
	foreign := func(r rune) bool {
		return r > unicode.MaxASCII && r != utf8.RuneError && !strings.ContainsRune(sent, r)
	}
	return strings.Map(lost, sent) == strings.Map(lost, observed) && !strings.ContainsFunc(observed, foreign)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// inLatin1 is what becomes of a text whose UTF-8 is read as ISO 8859-1.
func inLatin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// windows1252 are the characters that Windows-1252 has where ISO 8859-1 has control characters.
var windows1252 = []rune("\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
	"\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178")

// inWindows1252 is what becomes of a text whose UTF-8 is read as Windows-1252.
func inWindows1252(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r < 0xa0 {
			return windows1252[r-0x80]
		}
		return r
	}, inLatin1(s))
}
