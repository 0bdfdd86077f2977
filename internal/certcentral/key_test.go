package certcentral

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
)

func TestParseAPIKey(t *testing.T) {
	for name, tc := range map[string]struct {
		raw  string
		want string // "" when refused
	}{
		"as it is":                               {"A1-b2_C3", "A1-b2_C3"},
		"a line feed at the end is the editor's": {"A1B2\n", "A1B2"},
		"a CRLF at the end is the editor's":      {"A1B2\r\n", "A1B2"},
		"as long as may be":                      {strings.Repeat("k", 4096), strings.Repeat("k", 4096)},
		"too long":                               {strings.Repeat("k", 4097), ""},
		"empty":                                  {"", ""},
		"only a line break":                      {"\n", ""},
		"two line breaks at the end":             {"A1B2\n\n", ""},
		"a carriage return alone":                {"A1B2\r", ""},
		"a header smuggled in":                   {"A1B2\r\nX-Evil: 1", ""},
		"a space inside":                         {"A1 B2", ""},
		"a space at the end":                     {"A1B2 ", ""},
		"a NUL":                                  {"A1\x00B2", ""},
		"a DEL":                                  {"A1\x7fB2", ""},
		"not ASCII":                              {"A1é", ""},
		"a byte order mark":                      {"\ufeffA1B2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			key, err := ParseAPIKey([]byte(tc.raw))
			if tc.want == "" {
				g.Expect(err).To(MatchError(HavePrefix("read API key: ")))
				g.Expect(key.IsZero()).To(BeTrue())
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(key.IsZero()).To(BeFalse())
			g.Expect(key.reveal()).To(Equal(tc.want))
		})
	}
}

func TestParseAPIKeyErrorsDoNotHoldTheKey(t *testing.T) {
	secret := rand.Text()
	for _, raw := range []string{secret + "\n\n", secret + " ", " " + secret, secret + "é", strings.Repeat(secret, 200)} {
		_, err := ParseAPIKey([]byte(raw))
		NewWithT(t).Expect(err).To(HaveOccurred())
		expectNoKey(t, secret, err)
	}
}

func TestAPIKeyDoesNotPrint(t *testing.T) {
	secret := rand.Text()
	key, err := ParseAPIKey([]byte(secret))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	type exported struct{ Key APIKey }
	type unexported struct{ key APIKey }
	expectNoKey(t, secret, key, &key, exported{key}, &exported{key}, unexported{key}, &unexported{key},
		[]APIKey{key}, map[string]APIKey{"key": key}, Config{Key: key})
	NewWithT(t).Expect(key.String()).To(Equal("[redacted]"))
}

func TestAPIKeyFingerprint(t *testing.T) {
	g := NewWithT(t)
	abc, err := ParseAPIKey([]byte("abc"))
	g.Expect(err).NotTo(HaveOccurred())
	broken, err := ParseAPIKey([]byte("abc\n"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(abc.Fingerprint()).To(Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
	g.Expect(broken.Fingerprint()).To(Equal(abc.Fingerprint()))
	g.Expect(APIKey{}.Fingerprint()).To(BeEmpty())
}

// formatted is how Gomega prints a thing when a test fails.
func formatted(thing any) string { return format.Object(thing, 1) }

// FuzzParseAPIKey looks for a key that is taken for another one, or that prints.
func FuzzParseAPIKey(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "\r\n", "\r", " ", "A1B2C3", "A1B2\n", "A1B2\r\n", "A1B2\n\n", "A1B2\r\n\n", "A1B2\n\r\n", "A1B2\r", "\nA1B2", "A1\nB2", "A1B2 ", "A1\tB2",
		"A1B2\r\nX-Evil: 1", "é", "\ufeffA1B2", "A1\u200bB2", "\x00", "A1\x00B2", "A1\x7fB2", "\xff\xfe", "~!\"#%&'()*+,-./:;<=>?@[\\]^_`{|}", "[redacted]", "%s%d%v",
		strings.Repeat("k", 4096), strings.Repeat("k", 4096) + "\r\n", strings.Repeat("k", 4097),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		g := NewWithT(t)
		value := strings.TrimSuffix(string(raw), "\n")
		if value != string(raw) {
			value = strings.TrimSuffix(value, "\r")
		}
		key, err := ParseAPIKey(raw)
		g.Expect(key.IsZero()).To(Equal(err != nil))
		switch plain := !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }); {
		case value == "":
			g.Expect(err).To(MatchError("read API key: it is empty"))
		case len(value) > 4096:
			g.Expect(err).To(MatchError("read API key: it is longer than 4096 bytes"))
		case !plain:
			g.Expect(err).To(MatchError("read API key: it has a space, a line break or another character that is not printable ASCII"))
		default:
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(key.reveal()).To(Equal(value))
			g.Expect(key.Fingerprint()).To(Equal(fmt.Sprintf("%x", sha256.Sum256([]byte(value)))))
			g.Expect(fmt.Sprintf("%v %+v %#v %s %q %x", key, key, key, key, key, key)).To(Equal(strings.TrimSpace(strings.Repeat("[redacted] ", 6))))
			if len(value) >= 16 { // shorter ones are also found by chance
				expectNoKey(t, value, key, &key, Config{Key: key}, err)
			}
			return
		}
		g.Expect(key.Fingerprint()).To(BeEmpty())
	})
}
