package certcentral

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	. "github.com/onsi/gomega"
)

func TestRefusal(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		codes  string
		want   Kind
	}{
		"a bad request":                    {400, "bad_request_format", Rejected},
		"a bad request of a proxy":         {400, "", BadResponse},
		"a proxy that lets no PUT through": {405, "", BadResponse},
		"a proxy for which it is too much": {413, "", BadResponse},
		"a proxy that asks who asks":       {407, "", BadResponse},
		"a method refused in words":        {405, "method_not_allowed", Rejected},
		"another 4xx":                      {409, "conflict", Rejected},
		"a bad key":                        {401, "unauthorized", KeyRefused},
		"a sign-in page":                   {401, "", BadResponse},
		"a bad key, as observed":           {403, "access_denied|access_denied_invalid_key", KeyRefused},
		"a bad key among others":           {403, "x access_denied|access_denied_invalid_key", KeyRefused},
		"a bad key, the special part only": {403, "access_denied_invalid_key", KeyRefused},
		"a missing permission":             {403, "access_denied|missing_permission", Forbidden},
		"denied":                           {403, "access_denied", Forbidden},
		"a proxy's 403":                    {403, "", BadResponse},
		"no such user":                     {404, "not_found", NotFound},
		"no such user, special":            {404, "not_found|user", NotFound},
		"no such page":                     {404, "not_found_url", BadResponse},
		"a proxy's 404":                    {404, "", BadResponse},
		"too many":                         {429, "request_limit_exceeded", Throttled},
		"too many, unexplained":            {429, "", Throttled},
		"not acceptable":                   {406, "", Unavailable},
		"a request timeout":                {408, "", Unavailable},
		"a server error":                   {500, "", Unavailable},
		"a gateway's":                      {502, "", Unavailable},
		"maintenance":                      {503, "", Unavailable},
		"the last server error":            {599, "", Unavailable},
		"a redirect":                       {302, "", BadResponse},
		"not modified":                     {304, "", BadResponse},
		"no content for a GET":             {204, "", BadResponse},
		"out of all ranges":                {999, "", BadResponse},
		"switching protocols":              {101, "", BadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			kind, _ := refusal("PUT", tc.status, strings.Fields(tc.codes))
			NewWithT(t).Expect(kind).To(Equal(tc.want))
		})
	}
}

func TestExplain(t *testing.T) {
	long := strings.Repeat("x", 81)
	for name, tc := range map[string]struct{ body, codes, messages string }{
		"one":                       {`{"errors":[{"code":"a|b","message":"Nope."}]}`, "a|b", "Nope."},
		"several":                   {`{"errors":[{"code":"a","message":"M"},{"code":"b","message":"N"}]}`, "a b", "M; N"},
		"an object":                 {`{"errors":{"code":"a","message":"M"}}`, "a", "M"},
		"no message":                {`{"errors":[{"code":"a"}]}`, "a", ""},
		"no code":                   {`{"errors":[{"message":"M"}]}`, "", "M"},
		"other types":               {`{"errors":[{"code":["a"],"message":["M"]}, 5, "x", null]}`, "", ""},
		"a number as a code":        {`{"errors":[{"code":7}]}`, "7", ""},
		"a code that is a sentence": {`{"errors":[{"code":"John Smith <j@example.com>"}]}`, "unprintable_code", ""},
		"a code that is long":       {`{"errors":[{"code":"` + long + `"}]}`, "unprintable_code", ""},
		"an empty code":             {`{"errors":[{"code":""}]}`, "", ""},
		"many":                      {`{"errors":[` + strings.Repeat(`{"code":"a"},`, 20) + `{"code":"a"}]}`, "a a a a a a a a", ""},
		"no errors":                 {`{"message":"Forbidden"}`, "", ""},
		"a proxy's page":            {`<html>403</html>`, "", ""},
		"nothing":                   {``, "", ""},
		"a list":                    {`[]`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			codes, messages := explain([]byte(tc.body))
			NewWithT(t).Expect(strings.Join(codes, " ")).To(Equal(tc.codes))
			NewWithT(t).Expect(messages).To(Equal(tc.messages))
		})
	}
}

func TestDetailIsOneShortLine(t *testing.T) {
	g := NewWithT(t)
	g.Expect(oneLine(" a\n\tb\x00c\u202ed\u2028e\xff ")).To(Equal("a b c d e"))
	g.Expect(shorten(strings.Repeat("x", 300))).To(HaveLen(300))
	long := shorten(strings.Repeat("é", 200))
	g.Expect(len(long)).To(BeNumerically("<=", 300))
	g.Expect(long).To(And(HaveSuffix("é…"), Satisfy(utf8.ValidString)))
}

func TestDetailHoldsNoPartOfTheKey(t *testing.T) {
	const secret = "A1B2C3D4E5F6_G7H8J9K0"
	key, err := ParseAPIKey([]byte(secret))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	client := &Client{cfg: Config{Key: key}}
	for name, tc := range map[string]struct{ message, detail string }{
		"the whole key":       {"bad key " + secret + ".", "bad key [redacted]."},
		"twice, side by side": {secret + secret, "[redacted]"},
		"clipped":             {"bad key " + secret[:12] + "…", "bad key [redacted]…"},
		"its end":             {"bad key …" + secret[9:], "bad key …[redacted]"},
		"wrapped":             {"bad key " + secret[:10] + "\\n" + secret[10:], "bad key [redacted] [redacted]"},
		"escaped":             {`bad key \u0041` + secret[1:], "bad key [redacted]"},
		"a few letters of it": {"bad key A1B2C3…", "bad key A1B2C3…"},
		"at the cut":          {strings.Repeat("x", 290) + secret, strings.Repeat("x", 290) + "[redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, detail := client.explain([]byte(`{"errors":[{"message":"` + tc.message + `"}]}`))
			NewWithT(t).Expect(detail).To(Equal(tc.detail))
		})
	}
	codes, _ := client.explain([]byte(`{"errors":[{"code":"key.` + secret + `"}]}`))
	NewWithT(t).Expect(codes).To(Equal([]string{"key.[redacted]"}))
}

// FuzzExplain looks for an error body that gets the key, or what no line can hold, into what people read.
func FuzzExplain(f *testing.F) {
	const secret = "KEY-CANARY_0123456789/abcdef"
	for _, seed := range []string{
		``, `null`, `[]`, `"x"`, `<html>502</html>`, `{"errors":"x"}`, `{"errors":null}`, `{"errors":[]}`, `{"errors":[null, 5, "x", []]}`, `{"Errors":[{"Code":"a"}]}`,
		`{"errors":[{"code":"a|b","message":"Nope."}]}`, `{"errors":{"code":"a","message":"M\nN"}}`, `{"errors":[{"code":"a"}],"errors":[{"code":"b"}]}`,
		`{"errors":[{"code":7,"message":["M"]}]}`, `{"errors":[{"code":"John Smith <j@example.com>","message":"John"}]}`, `{"errors":[{"code":"a\nb"},{"code":""}]}`,
		`{"errors":[` + strings.Repeat(`{"code":"a","message":"M"},`, 20) + `{}]}`, `{"errors":[{"code":"` + strings.Repeat("c", 81) + `"}]}`,
		`{"errors":[{"message":"\u001b[31mred\u001b[0m\r\n\tnext\u0000\u202egnp\u2028x\u200b"}]}`, `{"errors":[{"message":"\ud83d \ud83d\ude00"}]}`,
		`{"errors":[{"message":"` + "\xff\xfe" + `"}]}`, `{"errors":[{"message":"` + strings.Repeat("é", 200) + `"}]}`, `{"errors":[{"message":"` + strings.Repeat(" x", 400) + `"}]}`,
		`{"errors":[{"code":"` + secret[:10] + `","message":"your key ` + secret + `"}]}`, `{"errors":[{"message":"` + secret[:20] + `…"}]}`,
		`{"errors":[{"message":"` + secret[:14] + `\n` + secret[14:] + `"}]}`, `{"errors":[{"message":"` + secret[:14] + `"},{"message":"` + secret[14:] + `"}]}`,
		`{"errors":[{"message":"\u004bEY-CANARY_0123456789\/abcdef"}]}`, `{"errors":[{"message":"{\"key\":\"KEY-CANARY_0123456789\\/abcdef\"}"}]}`,
		`{"errors":[{"message":"` + strings.Repeat("x", 285) + secret + `"}]}`, `{"errors":[{"message":"` + secret[:13] + secret + secret[13:] + `"}]}`,
		`{"errors":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`, `{"errors":[{"code":` + strings.Repeat(`{"code":`, 10000) + `}`,
	} {
		f.Add([]byte(seed))
	}
	key, err := ParseAPIKey([]byte(secret))
	if err != nil {
		f.Fatal(err)
	}
	client := &Client{cfg: Config{Key: key}}
	f.Fuzz(func(t *testing.T, body []byte) {
		g := NewWithT(t)
		codes, detail := client.explain(body)
		g.Expect(len(detail)).To(BeNumerically("<=", 300))
		g.Expect(detail).To(Satisfy(utf8.ValidString))
		g.Expect(strings.ContainsFunc(detail, func(r rune) bool { return !unicode.IsPrint(r) })).To(BeFalse())
		g.Expect(detail).To(Equal(strings.Join(strings.Fields(detail), " ")), "one line")
		g.Expect(len(codes)).To(BeNumerically("<=", 8))
		for _, code := range codes {
			g.Expect(len(code)).To(BeNumerically("<=", 100))
			g.Expect(strings.ReplaceAll(code, redacted, "")).To(MatchRegexp(`\A[A-Za-z0-9_.|-]*\z`))
			g.Expect(code).NotTo(BeEmpty())
		}
		said := detail + "\n" + strings.Join(codes, "\n")
		for i := range len(secret) - 7 {
			g.Expect(strings.Contains(said, secret[i:i+8])).To(BeFalse(), "a part of the key: %q", said)
		}
		kind, _ := refusal("GET", 403, codes)
		g.Expect(kind).To(Equal(map[bool]Kind{true: BadResponse, false: kind}[len(codes) == 0]), "who explains nothing says nothing of a user")
		e := &Error{Kind: kind, Op: "GET /user/{id}", Status: 403, Codes: codes, Detail: detail}
		for _, printed := range []string{fmt.Sprintf("%v", e), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e), fmt.Sprintf("%q", e)} {
			g.Expect(strings.Contains(printed, secret[:8])).To(BeFalse())
			g.Expect(len(detail) > 40 && strings.Contains(printed, detail)).To(BeFalse(), "the detail is printed")
		}
	})
}
