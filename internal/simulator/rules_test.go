package simulator

import (
	"maps"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

func TestPutReplacesTheProfile(t *testing.T) {
	has := func(name string, value any) types.GomegaMatcher { return HaveKeyWithValue(name, value) }
	for _, tc := range []struct {
		reason string
		rules  Rules
		sent   map[string]any
		want   types.GomegaMatcher
		note   string
	}{
		{"a value sent is stored", Rules{}, map[string]any{"job_title": "Chief"}, has("job_title", "Chief"), "job_title changed"},
		{"an omitted job title is removed", Rules{}, map[string]any{"job_title": nil}, Not(HaveKey("job_title")), "job_title changed"},
		{"an omitted phone is removed", Rules{}, map[string]any{"telephone": nil}, Not(HaveKey("telephone")), "telephone changed"},
		{"an empty job title is removed", Rules{}, map[string]any{"job_title": ""}, Not(HaveKey("job_title")), "job_title changed"},
		{"an omitted job title may be kept", Rules{OmittedKept: true}, map[string]any{"job_title": nil}, has("job_title", "Sys Admin"), "nothing changed"},
		{"an empty one is removed even then", Rules{OmittedKept: true}, map[string]any{"job_title": ""}, Not(HaveKey("job_title")), "job_title changed"},
		{"nothing changed is accepted", Rules{}, nil, has("job_title", "Sys Admin"), "nothing changed"},
		{
			"role, status, container and language stay",
			Rules{},
			map[string]any{"status": "inactive", "access_roles": []any{}, "container": nil, "language_id": 7},
			And(has("status", "active"), has("access_roles", HaveLen(1)), has("container", HaveKey("id")), has("language_id", 1.0)),
			"nothing changed",
		},
		{
			"several fields in the documentation's order",
			Rules{},
			map[string]any{"telephone": "1", "username": "js"},
			has("username", "js"), "username, telephone changed",
		},
		{"a dot in a username is valid", Rules{}, map[string]any{"username": "j.s@x-y_z+1"}, has("username", "j.s@x-y_z+1"), "username changed"},
		{
			"128 characters are 128 characters, not bytes",
			Rules{},
			map[string]any{"last_name": strings.Repeat("ü", 128)},
			has("last_name", strings.Repeat("ü", 128)), "last_name changed",
		},
		{"blanks stay", Rules{}, map[string]any{"first_name": " Jo "}, has("first_name", " Jo "), "first_name changed"},
		{"blanks may be trimmed", Rules{Trimmed: true}, map[string]any{"first_name": " Jo "}, has("first_name", "Jo"), "first_name changed"},
		{"an address keeps its case", Rules{}, map[string]any{"email": "J@Example.com"}, has("email", "J@Example.com"), "email changed"},
		{
			"an address may be lowered, and only it",
			Rules{EmailLowered: true},
			map[string]any{"email": "J@Example.com"},
			And(has("email", "j@example.com"), has("first_name", "John")), "email changed",
		},
		{"a value may be cut, by characters", Rules{CutTo: map[string]int{"first_name": 4}}, map[string]any{"first_name": "Jürgen"}, has("first_name", "Jürg"), "first_name changed"},
		{"umlauts may become question marks", Rules{Charset: ASCII}, map[string]any{"first_name": "Jürgen 🙂"}, has("first_name", "J?rgen ?"), "first_name changed"},
		{"what Latin-1 has may stay", Rules{Charset: Latin1}, map[string]any{"first_name": "Jürgen 🙂"}, has("first_name", "Jürgen ?"), "first_name changed"},
		{"UTF-8 may be taken for Latin-1", Rules{Charset: Mojibake}, map[string]any{"first_name": "Jürgen"}, has("first_name", "JÃ¼rgen"), "first_name changed"},
		{"a value may be escaped for HTML", Rules{Charset: Entities}, map[string]any{"first_name": "Jo & Co"}, has("first_name", "Jo &amp; Co"), "first_name changed"},
		{"an escaped one is checked as it was sent", Rules{Charset: Entities}, map[string]any{"email": "o'b@example.com"}, has("email", "o&#39;b@example.com"), "email changed"},
		{
			"a username may follow the address",
			Rules{Follows: map[string]string{"email": "username"}},
			map[string]any{"email": "js@example.com"},
			has("username", "js@example.com"), "username, email changed",
		},
		{"and not where the address stays", Rules{Follows: map[string]string{"email": "username"}}, map[string]any{"username": "js"}, has("username", "js"), "username changed"},
		{"the flag is a string", Rules{}, map[string]any{ssoField: "true"}, has(ssoField, true), "is_saml_sso_only changed"},
		{"the flag may be a bool", Rules{SSOAccepted: SSOBool}, map[string]any{ssoField: true}, has(ssoField, true), "is_saml_sso_only changed"},
		{"the flag may be both: a string", Rules{SSOAccepted: SSOBoth}, map[string]any{ssoField: "true"}, has(ssoField, true), "is_saml_sso_only changed"},
		{"the flag may be both: a bool", Rules{SSOAccepted: SSOBoth}, map[string]any{ssoField: true}, has(ssoField, true), "is_saml_sso_only changed"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, tc.rules)
			answer := w.put(john, tc.sent)
			w.Expect(answer.Code).To(Equal(204), answer.Body.String())
			w.Expect(answer.Body.Len()).To(BeZero(), "no body")
			w.Expect(w.get(john)).To(tc.want)
			w.Expect(w.Calls()[0].Applied).To(BeTrue())
			w.Expect(w.Calls()[0].Note).To(Equal(tc.note))
		})
	}
}

func TestOmittedFlag(t *testing.T) {
	for cleared, want := range map[bool]bool{false: true, true: false} {
		w := newWorld(t, Rules{OmittedSSOCleared: cleared})
		w.Expect(w.Edit(john, map[string]any{ssoField: true})).To(Succeed())
		w.Expect(w.put(john, nil).Code).To(Equal(204))
		w.Expect(w.User(john)).To(HaveKeyWithValue(ssoField, want))
	}
}

// TestUndeclaredValuesAreDamagedToo writes back what was read: what can't be stored as it is gets worse each time.
func TestUndeclaredValuesAreDamagedToo(t *testing.T) {
	for charset, want := range map[Charset][]string{
		Unicode: {"Müller & Co", "Müller & Co"}, ASCII: {"M?ller & Co", "M?ller & Co"}, Latin1: {"Müller & Co", "Müller & Co"},
		Mojibake: {"MÃ¼ller & Co", "MÃ\u0083Â¼ller & Co"}, Entities: {"Müller &amp; Co", "Müller &amp;amp; Co"},
	} {
		w := newWorld(t, Rules{Charset: charset})
		w.Expect(w.Edit(john, map[string]any{"last_name": "Müller & Co"})).To(Succeed())
		for _, stored := range want {
			w.Expect(w.put(john, map[string]any{"last_name": w.User(john)["last_name"]}).Code).To(Equal(204))
			w.Expect(w.User(john)).To(HaveKeyWithValue("last_name", stored), string(charset))
		}
	}
}

func TestTheRecordHasAllSevenFieldsBeforeAndAfter(t *testing.T) {
	w := newWorld(t, Rules{OmittedSSOCleared: true})
	w.Expect(w.Edit(john, map[string]any{ssoField: true, "telephone": nil})).To(Succeed())
	w.Expect(w.put(john, map[string]any{"job_title": "Chief", "telephone": ""}).Code).To(Equal(204))
	before := map[string]string{
		"username": "john.smith@digicert.com", "email": "john.smith@digicert.com", "first_name": "John", "last_name": "Smith",
		"job_title": "Sys Admin", "telephone": "", ssoField: "true",
	}
	after := maps.Clone(before)
	after["job_title"], after[ssoField] = "Chief", "false"
	call := w.Calls()[0]
	w.Expect(call.Before).To(Equal(before))
	w.Expect(call.After).To(Equal(after))
	w.Expect(call.Ended).To(Equal(w.now))
}

func TestPutRefuses(t *testing.T) {
	for _, tc := range []struct {
		reason string
		rules  Rules
		sent   map[string]any
		codes  []string
	}{
		{"a missing username", Rules{}, map[string]any{"username": nil}, []string{"missing_username"}},
		{"a missing first name", Rules{}, map[string]any{"first_name": nil}, []string{"missing_first_name"}},
		{"a missing last name", Rules{}, map[string]any{"last_name": nil}, []string{"missing_last_name"}},
		{"a missing email", Rules{}, map[string]any{"email": nil}, []string{"missing_email"}},
		{"an empty email", Rules{}, map[string]any{"email": ""}, []string{"missing_email"}},
		{"blanks, where they are trimmed", Rules{Trimmed: true}, map[string]any{"last_name": "  "}, []string{"missing_last_name"}},
		{"a blank in a username", Rules{}, map[string]any{"username": "john smith"}, []string{"invalid_username"}},
		{"an umlaut in a username", Rules{}, map[string]any{"username": "jürgen"}, []string{"invalid_username"}},
		{"a long first name", Rules{}, map[string]any{"first_name": strings.Repeat("x", 129)}, []string{"invalid_first_name"}},
		{"a long last name", Rules{}, map[string]any{"last_name": strings.Repeat("x", 129)}, []string{"invalid_last_name"}},
		{"no address", Rules{}, map[string]any{"email": "john"}, []string{"invalid_email"}},
		{"an address with a name", Rules{}, map[string]any{"email": "John <j@example.com>"}, []string{"invalid_email"}},
		{"a long address", Rules{}, map[string]any{"email": strings.Repeat("x", 250) + "@ex.com"}, []string{"invalid_email"}},
		{"a long job title", Rules{}, map[string]any{"job_title": strings.Repeat("x", 65)}, []string{"invalid_job_title"}},
		{"a long phone", Rules{}, map[string]any{"telephone": strings.Repeat("1", 65)}, []string{"invalid_telephone"}},
		{"a number for a phone", Rules{}, map[string]any{"telephone": 555}, []string{"invalid_telephone"}},
		{"a bool for the documented string", Rules{}, map[string]any{ssoField: true}, []string{"invalid_is_saml_sso_only"}},
		{"a string where bools are asked for", Rules{SSOAccepted: SSOBool}, map[string]any{ssoField: "true"}, []string{"invalid_is_saml_sso_only"}},
		{"another word", Rules{}, map[string]any{ssoField: "yes"}, []string{"invalid_is_saml_sso_only"}},
		{"a number for the flag", Rules{SSOAccepted: SSOBoth}, map[string]any{ssoField: 1}, []string{"invalid_is_saml_sso_only"}},
		{"all that is wrong, at once", Rules{}, map[string]any{"username": nil, "email": "x"}, []string{"missing_username", "invalid_email"}},
		{"nothing changed, if so ruled", Rules{UnchangedRefused: true}, nil, []string{"nothing_changed"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, tc.rules)
			before := w.User(john)
			answer := w.put(john, tc.sent)
			w.Expect(answer.Code).To(Equal(400))
			w.Expect(w.codes(answer)).To(Equal(tc.codes))
			w.Expect(w.User(john)).To(Equal(before))
			w.Expect(w.Calls()[0].Applied).To(BeFalse())
		})
	}
}

func TestPutWithoutAnObject(t *testing.T) {
	for _, sent := range []string{"", "null", "[]", "{", `"x"`} {
		w := newWorld(t, Rules{})
		answer := w.call("PUT", "/user/125039", sent)
		w.Expect(answer.Code).To(Equal(400), sent)
		w.Expect(w.codes(answer)).To(Equal([]string{"bad_request_format"}))
	}
}

func TestAViewingKeyMayNotWrite(t *testing.T) {
	w := newWorld(t, Rules{})
	answer := w.callWith(w.viewKey, "PUT", "/user/125039", body(map[string]any{"job_title": "Chief"}))
	w.Expect(answer.Code).To(Equal(403))
	w.Expect(w.codes(answer)).To(Equal([]string{"access_denied|missing_permission"}))
	w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
	w.Expect(w.callWith(w.viewKey, "GET", "/user/125039", "").Code).To(Equal(200))
}

func TestOfAServiceUserOnlyTheEmailChanges(t *testing.T) {
	mine := map[string]any{"username": "user-90@example.com", "first_name": "User", "last_name": "90", "job_title": nil, "telephone": nil}
	with := func(name string, value any) map[string]any {
		fields := map[string]any{name: value}
		for n, v := range mine {
			if n != name {
				fields[n] = v
			}
		}
		return fields
	}
	w := newWorld(t, Rules{})
	w.Expect(w.Edit(robot, map[string]any{"job_title": "CI"})).To(Succeed())

	w.Expect(w.put(robot, with("email", "ci@example.com")).Code).To(Equal(204), "the rest is the same or omitted")
	w.Expect(w.call("PUT", "/user/90", `{"email": "ci2@example.com"}`).Code).To(Equal(204), "the rest may be omitted")
	w.Expect(w.User(robot)).To(And(HaveKeyWithValue("email", "ci2@example.com"), HaveKeyWithValue("job_title", "CI")))

	w.Expect(w.codes(w.put(robot, with("first_name", "Robot")))).To(Equal([]string{"invalid_first_name"}))
	w.Expect(w.codes(w.put(robot, with("job_title", "")))).To(Equal([]string{"invalid_job_title"}))
	w.Expect(w.codes(w.put(robot, with(ssoField, "true")))).To(Equal([]string{"invalid_is_saml_sso_only"}))
}

func TestOwnedProfiles(t *testing.T) {
	owned := func(o Owned) Rules { return Rules{Owned: map[int64]Owned{john: o}} }
	chief := map[string]any{"job_title": "Chief"}

	t.Run("refused", func(t *testing.T) {
		w := newWorld(t, owned(Owned{Put: Refused}))
		answer := w.put(john, chief)
		w.Expect(answer.Code).To(Equal(403))
		w.Expect(w.codes(answer)).To(Equal([]string{"access_denied"}))
		w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
	})
	t.Run("ignored", func(t *testing.T) {
		w := newWorld(t, owned(Owned{Put: Ignored}))
		w.Expect(w.put(john, chief).Code).To(Equal(204))
		w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
		w.Expect(w.Calls()[0]).To(And(HaveField("Applied", false), HaveField("Note", "ignored")))
	})
	t.Run("undone on the second read, with what was written meanwhile, and nothing else", func(t *testing.T) {
		w := newWorld(t, owned(Owned{Put: Undone, After: 2}))
		w.Expect(w.put(john, chief).Code).To(Equal(204))
		w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Chief"))
		w.Expect(w.put(john, map[string]any{"job_title": nil, ssoField: "true"}).Code).To(Equal(204))
		w.Expect(w.Edit(john, map[string]any{"status": "inactive"})).To(Succeed())
		w.Expect(w.call("GET", "/user", "").Code).To(Equal(200), "a list counts as no read")
		w.Expect(w.get(john)).To(And(Not(HaveKey("job_title")), HaveKeyWithValue(ssoField, true)))
		w.Expect(w.get(john)).To(And(
			HaveKeyWithValue("job_title", "Sys Admin"), HaveKeyWithValue(ssoField, false), HaveKeyWithValue("status", "inactive")))
		w.Expect(w.Edit(john, chief)).To(Succeed())
		w.get(john)
		w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Chief"), "it is undone once")
	})
	t.Run("undone on the first read by default", func(t *testing.T) {
		w := newWorld(t, owned(Owned{Put: Undone}))
		w.Expect(w.put(john, chief).Code).To(Equal(204))
		w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
		w.Expect(w.get(john)).To(HaveKeyWithValue("job_title", "Sys Admin"))
	})
	t.Run("others are written as usual", func(t *testing.T) {
		w := newWorld(t, owned(Owned{Put: Refused}))
		w.Expect(w.put(owner, chief).Code).To(Equal(204))
	})
}
