package certcentral

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"
)

// documented is the example of the user-info page, with container assignments as its table describes them.
const documented = `{
	"id": 125039, "username": "john.smith@digicert.com", "account_id": 123654,
	"first_name": "John", "last_name": "Smith", "email": "john.smith@digicert.com",
	"job_title": "Sys Admin", "telephone": "555-555-5555",
	"status": "active", "last_login_date": "2019-06-21 13:37:00",
	"container": {
		"id": 5, "public_id": "9bba0f54e97e31abb0f2a7e6e9386f1", "name": "My Account", "parent_id": 0,
		"template_id": 5, "ekey": "SECRET-EKEY", "has_logo": true, "is_active": true
	},
	"access_roles": [{"id": 1, "name": "Administrator"}],
	"is_cert_central": true, "is_enterprise": true, "is_saml_sso_only": false,
	"type": "standard", "language_id": 1, "account_language_id": 2,
	"has_container_assignments": true,
	"container_assignments": [{"id": 7, "parent_id": 5, "name": "Branch", "is_active": true}],
	"container_visibility": [
		{
			"id": 5, "public_id": "9bba0f54e97e31abb0f2a7e6e9386f1", "name": "My Account", "parent_id": 0,
			"template_id": 5, "ekey": "SECRET-EKEY", "has_logo": true, "is_active": true
		},
		{
			"id": 94317, "public_id": "049991aead2691319b7f8c536af186", "name": "Support", "parent_id": 0,
			"template_id": 6, "ekey": "SECRET-EKEY", "has_logo": false, "is_active": true,
			"allowed_domain_names": ["example.com"],
			"organization_assignments": [{"id": 11, "name": "Organization Name"}]
		}
	]
}`

// later is a time after all those in answers here.
var later = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// plain is the least a user can be.
const plain = `"id": 1, "username": "u", "email": "e@example.com"`

func TestDecodeTheDocumentedUser(t *testing.T) {
	g := NewWithT(t)
	user, err := decodeUser([]byte(documented), later)
	g.Expect(err).NotTo(HaveOccurred())
	mine := Container{
		ID: 5, PublicID: "9bba0f54e97e31abb0f2a7e6e9386f1", Name: "My Account", TemplateID: 5, HasLogo: true, Active: true,
	}
	g.Expect(user).To(Equal(&User{
		ID: 125039, AccountID: 123654,
		Profile: Profile{
			Username: "john.smith@digicert.com", FirstName: "John", LastName: "Smith", Email: "john.smith@digicert.com",
			JobTitle: "Sys Admin", Telephone: "555-555-5555",
		},
		Status: "active", Type: "standard", LastLogin: time.Date(2019, 6, 21, 13, 37, 0, 0, time.UTC),
		Roles: []Role{{ID: 1, Name: "Administrator"}}, Container: &mine,
		ContainerAssignments: []Assignment{{ID: 7, ParentID: 5, Name: "Branch", Active: true}},
		ContainerVisibility: []VisibleContainer{
			{Container: mine},
			{
				Container: Container{
					ID: 94317, PublicID: "049991aead2691319b7f8c536af186", Name: "Support", TemplateID: 6, Active: true,
				},
				AllowedDomainNames: []string{"example.com"},
				Organizations:      []Organization{{ID: 11, Name: "Organization Name"}},
			},
		},
		LanguageID: 1, AccountLanguageID: 2, CertCentral: true, Enterprise: true,
	}))
	printed, err := json.Marshal(user)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(printed)).NotTo(ContainSubstring("SECRET-EKEY"))
}

func TestDecodeUserIsLenientWhereItIsHarmless(t *testing.T) {
	with := func(change func(*User)) *User {
		user := &User{ID: 1, Profile: Profile{Username: "u", Email: "e@example.com"}}
		change(user)
		return user
	}
	for name, tc := range map[string]struct {
		more string
		want func(*User)
	}{
		"what is absent is empty":     {``, func(*User) {}},
		"null is empty too":           {`"job_title": null, "telephone": "", "container": null, "access_roles": null, "language_id": null, "is_enterprise": null, "last_login_date": null`, func(*User) {}},
		"empty lists":                 {`"access_roles": [], "container_visibility": []`, func(*User) {}},
		"ids in strings":              {`"account_id": "9007199254740993"`, func(u *User) { u.AccountID = 9007199254740993 }},
		"ids beyond 2^53":             {`"account_id": 9007199254740993`, func(u *User) { u.AccountID = 9007199254740993 }},
		"flags in strings":            {`"is_saml_sso_only": "true", "is_enterprise": "false"`, func(u *User) { u.Profile.SAMLSSOOnly = true }},
		"flags in numbers":            {`"is_saml_sso_only": 1, "is_enterprise": 0`, func(u *User) { u.Profile.SAMLSSOOnly = true }},
		"flags in numbers in strings": {`"is_saml_sso_only": "1", "is_enterprise": "0"`, func(u *User) { u.Profile.SAMLSSOOnly = true }},
		"an error that is none":       {`"errors": null`, func(*User) {}},
		"a list of no errors":         {`"errors": []`, func(*User) {}},
		"an object of no errors":      {`"errors": {}`, func(*User) {}},
		"a number as a text":          {`"telephone": 5551234`, func(u *User) { u.Profile.Telephone = "5551234" }},
		"it is kept as it is spelled": {`"telephone": 1.50e3`, func(u *User) { u.Profile.Telephone = "1.50e3" }},
		"a list as an object": {`"access_roles": {"2": {"id": 2}, "1": {"id": 1}}`, func(u *User) {
			u.Roles = []Role{{ID: 1}, {ID: 2}}
		}},
		"a list in a list as an object": {`"container_visibility": {"1": {"id": 1, "organization_assignments": {"0": {"id": 3}}}}`, func(u *User) {
			u.ContainerVisibility = []VisibleContainer{{Container: Container{ID: 1}, Organizations: []Organization{{ID: 3}}}}
		}},
		"an empty list as an object":    {`"container_assignments": {}`, func(*User) {}},
		"another case of what is shown": {`"Container": {"id": 1}`, func(*User) {}},
		"unknown fields, deep":          {`"new": {"x": [[[{"y": {}}]]]}, "New": 1`, func(*User) {}},
		"an unknown status":             {`"status": "dormant"`, func(u *User) { u.Status = "dormant" }},
		"an escaped pair":               {`"first_name": "\ud83d\ude00"`, func(u *User) { u.Profile.FirstName = "😀" }},
		"an escaped backslash before u": {`"first_name": "\\ud83d"`, func(u *User) { u.Profile.FirstName = `\ud83d` }},
		"a replacement character":       {`"first_name": "\ufffd�"`, func(u *User) { u.Profile.FirstName = "��" }},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			body := "{" + plain + "}"
			if tc.more != "" {
				body = "{" + plain + ", " + tc.more + "}\n"
			}
			user, err := decodeUser([]byte(body), later)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(user).To(Equal(with(tc.want)))
		})
	}
}

func TestAnEmptyEmailIsPresent(t *testing.T) {
	user, err := decodeUser([]byte(`{"id": 1, "username": "u", "email": ""}`), later)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(user.Profile).To(Equal(Profile{Username: "u"}))
}

func TestDecodeUserRefusesWhatItWouldMisread(t *testing.T) {
	for name, tc := range map[string]struct{ body, why string }{
		"nothing":                     {``, "not the JSON expected"},
		"a proxy's page":              {`<html>`, "not the JSON expected"},
		"null":                        {`null`, "not a JSON object"},
		"a list":                      {`[]`, "not the JSON expected"},
		"cut off":                     {`{` + plain, "not the JSON expected"},
		"more after the user":         {`{` + plain + `} {}`, "not the JSON expected"},
		"no id":                       {`{"username": "u", "email": "e"}`, "a user without id, username or email"},
		"an id of 0":                  {`{"id": 0, "username": "u", "email": "e"}`, "a user without id, username or email"},
		"no username":                 {`{"id": 1, "email": "e"}`, "a user without id, username or email"},
		"an empty username":           {`{"id": 1, "username": "", "email": "e"}`, "a user without id, username or email"},
		"no email":                    {`{"id": 1, "username": "u"}`, "a user without id, username or email"},
		"a null email":                {`{"id": 1, "username": "u", "email": null}`, "a user without id, username or email"},
		"an error in its place":       {`{` + plain + `, "errors": [{"code": "x"}]}`, "an error in place of a user"},
		"a key twice":                 {`{` + plain + `, "email": "f"}`, "a key twice"},
		"a key twice, escaped":        {`{` + plain + `, "\u0065mail": "f"}`, "a key twice"},
		"a key in two cases":          {`{` + plain + `, "Email": "f"}`, "a key in another case"},
		"a key in another case":       {`{` + plain + `, "Job_Title": "f"}`, "a key in another case"},
		"a key in look-alike letters": {`{` + plain + `, "fir\u017ft_name": "f"}`, "a key in another case"},
		"bad UTF-8":                   {`{` + plain + `, "first_name": "` + "\xff" + `"}`, "not UTF-8"},
		"half a pair":                 {`{` + plain + `, "first_name": "\ud83d!"}`, "not UTF-16 in an escape"},
		"the other half":              {`{` + plain + `, "first_name": "\ude00"}`, "not UTF-16 in an escape"},
		"two first halves":            {`{` + plain + `, "first_name": "\ud83d\ud83d"}`, "not UTF-16 in an escape"},
		"a fraction in an id":         {`{` + plain + `, "account_id": 1.5}`, "unexpected type of account_id"},
		"an exponent in an id":        {`{` + plain + `, "account_id": 1e3}`, "unexpected type of account_id"},
		"an id beyond 64 bits":        {`{` + plain + `, "account_id": 9223372036854775808}`, "unexpected type of account_id"},
		"a signed id":                 {`{` + plain + `, "account_id": "+1"}`, "unexpected type of account_id"},
		"an empty id":                 {`{` + plain + `, "account_id": ""}`, "unexpected type of account_id"},
		"a word as an id":             {`{` + plain + `, "account_id": "null"}`, "unexpected type of account_id"},
		"a list as an id":             {`{` + plain + `, "account_id": [1]}`, "unexpected type of account_id"},
		"a number as a flag":          {`{` + plain + `, "is_saml_sso_only": 2}`, "unexpected type of is_saml_sso_only"},
		"a word as a flag":            {`{` + plain + `, "is_saml_sso_only": "yes"}`, "unexpected type of is_saml_sso_only"},
		"an empty flag":               {`{` + plain + `, "is_saml_sso_only": ""}`, "unexpected type of is_saml_sso_only"},
		"a flag as a text":            {`{` + plain + `, "telephone": true}`, "unexpected type of telephone"},
		"a list as a text":            {`{` + plain + `, "last_name": []}`, "unexpected type of last_name"},
		"a list as the email":         {`{"id": 1, "username": "u", "email": []}`, "unexpected type of email"},
		"an object as a flag":         {`{` + plain + `, "is_saml_sso_only": {}}`, "unexpected type of is_saml_sso_only"},
		"a word as an error":          {`{` + plain + `, "errors": "x"}`, "an error in place of a user"},
		"nested without end":          {`{` + plain + `, "x": ` + strings.Repeat("[", 1<<20) + `}`, "not the JSON expected"},
	} {
		t.Run(name, func(t *testing.T) {
			user, err := decodeUser([]byte(tc.body), later)
			NewWithT(t).Expect(err).To(Equal(reason(tc.why)))
			NewWithT(t).Expect(user).To(BeNil())
		})
	}
}

// What no write rests on is left out where it can't be read, and named; the rest of the user counts.
func TestDecodeUserLeavesOutWhatIsOnlyShown(t *testing.T) {
	for more, part := range map[string]Part{
		`"status": {}`: PartStatus, `"type": ["standard"]`: PartType, `"last_login_date": "the other day"`: PartLastLogin,
		`"access_roles": ""`: PartRoles, `"access_roles": {"id": 1}`: PartRoles, `"access_roles": [{"id": "x"}]`: PartRoles,
		`"container": []`: PartContainer, `"container": {"id": 1.5}`: PartContainer, `"container": {"id": 1, "id": 2}`: PartContainer,
		`"container": {"name": "\ud83d!"}`: PartContainer, `"container": {"has_logo": ""}`: PartContainer,
		`"container_assignments": 7`: PartContainerAssignments, `"container_assignments": [{"id": 1, "id": 2}]`: PartContainerAssignments,
		`"container_visibility": [[]]`: PartContainerVisibility, `"container_visibility": {"id": 5}`: PartContainerVisibility,
		`"language_id": ""`: PartLanguageID, `"account_language_id": true`: PartAccountLanguageID,
		`"is_cert_central": ""`: PartCertCentral, `"is_enterprise": "yes"`: PartEnterprise,
	} {
		t.Run(more, func(t *testing.T) {
			user, err := decodeUser([]byte("{"+plain+", "+more+"}"), later)
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			NewWithT(t).Expect(user).To(Equal(&User{
				ID: 1, Profile: Profile{Username: "u", Email: "e@example.com"}, Unreadable: []Part{part},
			}))
		})
	}
}

func TestLastLogin(t *testing.T) {
	at := time.Date(2023, 10, 13, 15, 15, 13, 0, time.UTC)
	for name, tc := range map[string]struct {
		raw      string
		want     time.Time
		readable bool
	}{
		"the documented form":      {`"2023-10-13 15:15:13"`, at, true},
		"the observed form":        {`"2023-10-13T15:15:13+00:00"`, at, true},
		"in another zone":          {`"2023-10-13T17:15:13+02:00"`, at, true},
		"with a Z":                 {`"2023-10-13T15:15:13Z"`, at, true},
		"a zone without a colon":   {`"2023-10-13T15:15:13+0000"`, at, true},
		"another one, without":     {`"2023-10-13T17:15:13+0200"`, at, true},
		"a T without a zone":       {`"2023-10-13T15:15:13"`, at, true},
		"a blank and a zone":       {`"2023-10-13 17:15:13 +0200"`, at, true},
		"a blank, a zone, a colon": {`"2023-10-13 17:15:13+02:00"`, at, true},
		"with milliseconds":        {`"2023-10-13T15:15:13.000Z"`, at, true},
		"a Unix time":              {`1697210113`, at, true},
		"a Unix time as a string":  {`"1697210113"`, at, true},
		"a Unix time, finer":       {`1697210113000`, at, true},
		"escaped":                  {`"2023-10-13\u002015:15:13"`, at, true},
		"just now, by their clock": {`"2026-03-01 12:04:59"`, later.Add(299 * time.Second), true},
		"absent":                   {``, time.Time{}, true},
		"null":                     {`null`, time.Time{}, true},
		"empty":                    {`""`, time.Time{}, true},
		"ahead of now":             {`"2026-03-01 12:05:01"`, time.Time{}, false},
		"far ahead of now":         {`"2036-03-01 12:00:00"`, time.Time{}, false},
		"a Unix time ahead":        {`4102444800`, time.Time{}, false},
		"beyond what has a year":   {`9223372036854775807`, time.Time{}, false},
		"a Unix time of nobody":    {`0`, time.Time{}, false},
		"a time before Unix":       {`-62135596801`, time.Time{}, false},
		"a zero date":              {`"0000-00-00 00:00:00"`, time.Time{}, false},
		"out of what can be told":  {`"9999-12-31T23:59:59-01:00"`, time.Time{}, false},
		"words":                    {`"yesterday"`, time.Time{}, false},
		"a fraction":               {`1.5`, time.Time{}, false},
		"a flag":                   {`false`, time.Time{}, false},
		"an object":                {`{"date": "2023-10-13 15:15:13"}`, time.Time{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, readable := parseLogin(json.RawMessage(tc.raw), later)
			g.Expect(got).To(Equal(tc.want))
			g.Expect(readable).To(Equal(tc.readable))
		})
	}
}

// FuzzDecodeUser looks for a body that is taken for a user other than the one a plain reading of it gives.
func FuzzTopKeys(f *testing.F) {
	for _, object := range []string{
		`{}`, documented, ` {"a" : {"b": "c", "d": ["e", {"f": 1}]}, "g":"h:\"i\":", "\u006aob":null } `, `{"a":"\\","b\"":[":"],"":""}`, `["a"]`, `"a"`,
	} {
		f.Add([]byte(object))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		var parsed map[string]json.RawMessage
		if json.Unmarshal(object, &parsed) != nil || parsed == nil {
			return
		}
		found := slices.Sorted(topKeys(object))
		NewWithT(t).Expect(slices.Compact(found)).To(Equal(slices.Sorted(maps.Keys(parsed))))
	})
}

func FuzzDecodeUser(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `[]`, `"x"`, `<html>`, "\xff", documented, `{` + plain + `}`, ` {` + plain + "} \n", `{` + plain + `} {}`, `{` + plain + `}x`,
		`{"errors": [{"code": "x", "message": "y"}]}`, `{` + plain + `, "errors": []}`, `{` + plain + `, "errors": null}`,
		`{` + plain + `, "first_name": null, "last_name": "", "job_title": " ", "telephone": "\t"}`,
		`{` + plain + `, "new": {"x": [[{}]]}, "new": 1, "NEW": 2}`, `{` + plain + `, "": 0}`,
		`{"id": "1", "username": "u", "email": "e"}`, `{"id": 1.0, "username": "u", "email": "e"}`, `{"id": 1e0, "username": "u", "email": "e"}`,
		`{"id": 9007199254740993, "username": "u", "email": "e"}`, `{"id": 9223372036854775808, "username": "u", "email": "e"}`,
		`{"id": -1, "username": "u", "email": "e"}`, `{"id": -0, "username": "u", "email": "e"}`, `{"id": "\u0031", "username": "u", "email": "e"}`,
		`{"id": [1], "username": "u", "email": "e"}`, `{"id": true, "username": "u", "email": "e"}`, `{"id": "1", "id": "2", "username": "u", "email": "e"}`,
		`{` + plain + `, "email": "x"}`, `{` + plain + `, "\u0065mail": "x"}`, `{` + plain + `, "Email": "x"}`, `{` + plain + `, "fir\u017ft_name": "x"}`,
		`{` + plain + `, "container": {"id": 5, "ID": 6, "ekey": "x"}, "access_roles": [{"id": 1, "id": 2}]}`,
		`{` + plain + `, "first_name": "\ud83d\ude00", "is_saml_sso_only": "1", "account_id": "7"}`, `{` + plain + `, "is_saml_sso_only": "TRUE"}`,
		`{` + plain + `, "first_name": "\ud83d"}`, `{` + plain + `, "first_name": "\ude00\ud83d"}`, `{` + plain + `, "x": "\ud83d"}`,
		`{` + plain + `, "first_name": "` + "\xff" + `"}`, `{` + plain + `, "first_name": "` + "\xed\xa0\xbd" + `"}`, `{` + plain + `, "` + "\xff" + `": 1}`,
		`{` + plain + `, "first_name": "\ufffd\u0000\u202e\\ud83d"}`, "\ufeff{" + plain + `}`, `{` + plain + `, "last_login_date": "0000-00-00"}`,
		`{` + plain + `, "x": ` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`, `{` + plain + `, "x": ` + strings.Repeat(`{"":`, 10000),
		`{` + plain + `, "container_visibility": [{"id": 1, "organization_assignments": [{"id": "2"}], "allowed_domain_names": ["a", null]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		g := NewWithT(t)
		user, err := decodeUser(body, later)
		if err != nil {
			g.Expect(user).To(BeNil())
			g.Expect(err.Error()).To(MatchRegexp(`\A(unexpected type of [a-z_.]+|[a-zA-Z0-9, -]+)\z`), "no value is repeated")
			return
		}
		plainly := readPlainly(g, body)
		p := user.Profile
		for key, got := range map[string]string{
			"username": p.Username, "first_name": p.FirstName, "last_name": p.LastName, "email": p.Email,
			"job_title": p.JobTitle, "telephone": p.Telephone, "status": user.Status, "type": user.Type,
		} {
			if slices.Contains(user.Unreadable, Part(key)) {
				g.Expect(got).To(BeEmpty(), key)
				continue
			}
			want, isText := plainly[key].(string)
			if number, isNumber := plainly[key].(json.Number); isNumber {
				want, isText = number.String(), true
			}
			g.Expect(isText || plainly[key] == nil).To(BeTrue(), "%s is text, a number, null or absent", key)
			g.Expect(got).To(Equal(want), key)
			invented := strings.Contains(got, "\ufffd") && !bytes.Contains(body, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`))
			g.Expect(invented).To(BeFalse(), "%s was repaired", key)
		}
		for key, got := range map[string]int64{
			"id": user.ID, "account_id": user.AccountID, "language_id": user.LanguageID, "account_language_id": user.AccountLanguageID,
		} {
			want := "0"
			if value := plainly[key]; value != nil && !slices.Contains(user.Unreadable, Part(key)) {
				want = fmt.Sprint(value)
			}
			exactly, err := strconv.ParseInt(want, 10, 64)
			g.Expect(err).NotTo(HaveOccurred(), key)
			g.Expect(got).To(Equal(exactly), key)
		}
		g.Expect(user.ID).To(BeNumerically(">", 0))
		g.Expect(p.Username).NotTo(BeEmpty())
		g.Expect(plainly["email"]).NotTo(BeNil())
		g.Expect(plainly["errors"]).To(Or(BeNil(), BeEmpty(), ConsistOf(BeEmpty())))
		g.Expect(p.SAMLSSOOnly).To(Equal(slices.Contains([]string{"true", "1"}, fmt.Sprint(plainly["is_saml_sso_only"]))))
		expectSentAsRead(g, p)
	})
}

// readPlainly reads an object token by token. It expects that nothing is left to choose: one object and nothing after it, each
// known key once and in no other spelling.
func readPlainly(g Gomega, body []byte) map[string]any {
	g.Expect(utf8.Valid(body)).To(BeTrue())
	known := map[string]string{} // by what encoding/json would take for it
	for field := range reflect.TypeFor[wireUser]().Fields() {
		if _, shown := reflect.New(field.Type).Interface().(interface{ shownOnly() }); !shown {
			known[strings.ToLower(field.Tag.Get("json"))] = field.Tag.Get("json")
		}
	}
	tokens := json.NewDecoder(bytes.NewReader(body))
	tokens.UseNumber()
	open, err := tokens.Token()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(open).To(Equal(json.Delim('{')))
	object := map[string]any{}
	for tokens.More() {
		name, err := tokens.Token()
		g.Expect(err).NotTo(HaveOccurred())
		key := name.(string)
		var value any
		g.Expect(tokens.Decode(&value)).To(Succeed())
		for lower, spelled := range known {
			if strings.EqualFold(key, lower) {
				g.Expect(key).To(Equal(spelled), "in another case")
				g.Expect(object).NotTo(HaveKey(key), "twice")
			}
		}
		object[key] = value
	}
	_, err = tokens.Token()
	g.Expect(err).NotTo(HaveOccurred())
	_, err = tokens.Token()
	g.Expect(err).To(MatchError(io.EOF), "nothing comes after")
	return object
}

// expectSentAsRead expects that a write which changes nothing sends each value as it was read.
func expectSentAsRead(g Gomega, p Profile) {
	sent, err := Update{
		Username: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email,
		JobTitle: p.JobTitle, Telephone: p.Telephone, SAMLSSOOnly: &p.SAMLSSOOnly,
	}.body()
	g.Expect(err).NotTo(HaveOccurred())
	var back map[string]string
	g.Expect(json.Unmarshal(sent, &back)).To(Succeed())
	g.Expect(back).To(Equal(map[string]string{
		"username": p.Username, "first_name": p.FirstName, "last_name": p.LastName, "email": p.Email,
		"job_title": p.JobTitle, "telephone": p.Telephone, "is_saml_sso_only": strconv.FormatBool(p.SAMLSSOOnly),
	}))
}

func BenchmarkDecodeUser(b *testing.B) {
	b.SetBytes(int64(len(documented)))
	for b.Loop() {
		if _, err := decodeUser([]byte(documented), later); err != nil {
			b.Fatal(err)
		}
	}
}
