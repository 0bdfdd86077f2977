package certcentral

import (
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
		"a bad request, unexplained":       {400, "", Rejected},
		"another 4xx":                      {409, "conflict", Rejected},
		"a bad key":                        {401, "", KeyRefused},
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
			kind, _ := refusal(tc.status, strings.Fields(tc.codes))
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
		"other types":               {`{"errors":[{"code":7,"message":["M"]}, 5, "x", null]}`, "", ""},
		"a code that is a sentence": {`{"errors":[{"code":"John Smith <j@example.com>"}]}`, "", ""},
		"a code that is long":       {`{"errors":[{"code":"` + long + `"}]}`, "", ""},
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

func FuzzExplain(f *testing.F) {
	for _, seed := range []string{
		`{"errors":[{"code":"a|b","message":"Nope."}]}`, `{"errors":{"code":"a","message":"M\nN"}}`, `{"errors":"x"}`,
		`<html>`, `{"errors":[{"code":"KEY-CANARY","message":"your key KEY-CANARY"}]}`, `{"errors":[{"message":"KEY\u0000-CANARY"}]}`,
	} {
		f.Add([]byte(seed))
	}
	key, err := ParseAPIKey([]byte("KEY-CANARY"))
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
		g.Expect(len(codes)).To(BeNumerically("<=", 8))
		g.Expect(detail + strings.Join(codes, " ")).NotTo(ContainSubstring("KEY-CANARY"))
	})
}
