package simulator

import (
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// An active user without job title, phone and sign-in, as loaded: with a field from the future.
const loaded = `{"keys": [{"key": "k", "user_id": 1, "account_id": 9, "permissions": "view"}],
"users": [{"id": 1, "username": "a", "account_id": 9, "first_name": "A", "last_name": "B", "email": "a@example.com",
"job_title": "", "telephone": null, "container": {"zeta": 1, "ekey": "<ekey>"}, "shoe_size": 43.0, "type": "standard"}],
"service_users": [{"id": 2, "account_id": 9}]}`

func TestLoadedUsersAreServedAsTheyAre(t *testing.T) {
	w := newWorld(t, Rules{})
	state, err := ReadState(strings.NewReader(loaded))
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Load(state)).To(Succeed())
	answer := w.callWith("k", "GET", "/user/1", "")
	w.Expect(answer.Header().Get("Content-Type")).To(Equal("application/json"))
	w.Expect(answer.Body.String()).To(Equal(`{"id":1,"username":"a","account_id":9,"first_name":"A","last_name":"B",`+
		`"email":"a@example.com","container":{"zeta":1,"ekey":"<ekey>"},"type":"standard","shoe_size":43.0}`),
		"in the documentation's order, without the unset fields, numbers and unknown names as written")
	w.Expect(w.callWith("k", "GET", "/user/api-only", "").Body.String()).To(Equal(`{"users":[{"id":2,"account_id":9}]}`))
}

func TestStateMistakes(t *testing.T) {
	for reason, tc := range map[string]struct{ json, message string }{
		"an unknown section":     {`{"people": []}`, `unknown field "people"`},
		"an unknown permission":  {`{"keys": [{"key": "k", "permissions": "all"}]}`, `"all" is none of`},
		"more than one document": {`{} {}`, "more than one value"},
		"a user without an id":   {`{"users": [{"first_name": "A"}]}`, "needs an id"},
		"a robot without an id":  {`{"service_users": [{"first_name": "A"}]}`, "needs an id"},
		"a key without a value":  {`{"keys": [{"user_id": 1}]}`, "needs a value"},
	} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			state, err := ReadState(strings.NewReader(tc.json))
			if err == nil {
				err = w.Load(state)
			}
			w.Expect(err).To(MatchError(ContainSubstring(tc.message)))
		})
	}
}

func TestGet(t *testing.T) {
	w := newWorld(t, Rules{})
	have := w.get(john)
	w.Expect(have).To(HaveKeyWithValue("job_title", "Sys Admin"))
	w.Expect(have).To(HaveKeyWithValue("last_login_date", "2019-06-21 13:37:00"))
	w.Expect(have).To(HaveKeyWithValue("is_saml_sso_only", false))
	w.Expect(have).To(HaveKeyWithValue("container", HaveKeyWithValue("ekey", "<ekey>")))
	w.Expect(have).To(HaveKey("container_visibility"))
	w.Expect(have).To(HaveKeyWithValue("has_container_assignments", false))
	w.Expect(w.get(owner)).NotTo(Or(HaveKey("job_title"), HaveKey("telephone"), HaveKey("last_login_date")),
		"unset fields are absent")
}

func TestMeIsTheKeysOwner(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.object(w.call("GET", "/user/me", ""))).To(HaveKeyWithValue("id", BeEquivalentTo(owner)))
	w.Expect(w.Calls()[0].User).To(BeEquivalentTo(owner))
	w.Expect(w.RemoveUser(owner)).To(BeTrue())
	w.Expect(w.call("GET", "/user/me", "").Code).To(Equal(404))
}

func TestForms(t *testing.T) {
	for _, tc := range []struct {
		reason string
		rules  Rules
		edit   map[string]any
		name   string
		want   any
	}{
		{"dates with a zone", Rules{ZonedDates: true}, nil, "last_login_date", "2019-06-21T13:37:00+00:00"},
		{"a date of another form stays", Rules{ZonedDates: true}, map[string]any{"last_login_date": "soon"}, "last_login_date", "soon"},
		{"the flag as a string", Rules{SSOServedAsString: true}, nil, "is_saml_sso_only", "false"},
		{"the flag set as a string", Rules{SSOServedAsString: true}, map[string]any{"is_saml_sso_only": true}, "is_saml_sso_only", "true"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, tc.rules)
			w.Expect(w.Edit(john, tc.edit)).To(Succeed())
			w.Expect(w.get(john)).To(HaveKeyWithValue(tc.name, tc.want))
		})
	}
}

func TestList(t *testing.T) {
	search := func(value string) string { return "?" + url.Values{"filters[search]": {value}}.Encode() }
	for _, tc := range []struct {
		reason, path string
		ids          []any // nil: no users key
		page         map[string]any
	}{
		{"the account's users by id, no robots", "/user", []any{7.0, 125039.0}, map[string]any{"total": 2.0, "limit": 1000.0, "offset": 0.0}},
		{"the first page", "/user?limit=1", []any{7.0}, map[string]any{"total": 2.0, "limit": 1.0, "offset": 0.0}},
		{"the second page", "/user?limit=1&offset=1", []any{125039.0}, map[string]any{"total": 2.0, "limit": 1.0, "offset": 1.0}},
		{"a page past the end has no users key", "/user?offset=5", nil, map[string]any{"total": 2.0, "limit": 1000.0, "offset": 5.0}},
		{"search finds a username or email", "/user" + search("john.smith@digicert.com"), []any{125039.0}, nil},
		{"search finds a first name", "/user" + search("John"), []any{125039.0}, nil},
		{"search finds a last name", "/user" + search("Smith"), []any{125039.0}, nil},
		{"search is exact", "/user" + search("Smi"), nil, nil},
		{"a percent sign searches parts", "/user" + search("%mit"), []any{125039.0}, nil},
		{"service users have a list of their own", "/user/api-only", []any{90.0}, nil},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			got := w.object(w.call("GET", tc.path, ""))
			if tc.page != nil {
				w.Expect(got["page"]).To(Equal(tc.page))
			}
			if tc.ids == nil {
				w.Expect(got).NotTo(HaveKey("users"))
				return
			}
			var ids []any
			for _, row := range got["users"].([]any) {
				ids = append(ids, row.(map[string]any)["id"])
			}
			w.Expect(ids).To(Equal(tc.ids))
		})
	}
}

func TestRowsLackFields(t *testing.T) {
	w := newWorld(t, Rules{})
	row := w.object(w.call("GET", "/user?offset=1", ""))["users"].([]any)[0]
	for _, name := range []string{
		"is_saml_sso_only", "language_id", "account_language_id", "container_visibility", "is_cert_central", "is_enterprise",
	} {
		w.Expect(w.get(john)).To(HaveKey(name))
		w.Expect(row).NotTo(HaveKey(name))
	}
	w.Expect(row).To(HaveKeyWithValue("job_title", "Sys Admin"))
	w.Expect(row).To(HaveKey("container"))
}

func TestListMistakes(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.call("GET", "/user?limit=many", "").Code).To(Equal(400))
	w.Expect(w.call("GET", "/user?offset=-1", "").Code).To(Equal(400))
	w.Expect(w.RemoveUser(robot)).To(BeTrue())
	w.Expect(w.object(w.call("GET", "/user/api-only", ""))).To(BeEmpty())
}

func TestEdit(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.Edit(john, map[string]any{
		"job_title": "Chief", "telephone": nil, "status": "inactive", "container": map[string]any{"name": "Ours"},
	})).To(Succeed())
	w.Expect(w.User(john)).To(And(
		HaveKeyWithValue("job_title", "Chief"),
		Not(HaveKey("telephone")),
		HaveKeyWithValue("status", "inactive"),
		HaveKeyWithValue("container", And(HaveKeyWithValue("name", "Ours"), HaveKeyWithValue("id", 5.0))),
	))
	w.Expect(w.Calls()).To(BeEmpty(), "a colleague makes no calls")
	w.Expect(w.printed.String()).To(Equal(
		"12:03:04 EDIT /user/125039  job_title, telephone, status, container changed in the console\n"))

	w.Expect(w.Edit(1, nil)).To(MatchError("there is no user 1"))
	w.Expect(w.Edit(john, map[string]any{"id": 3})).To(MatchError("the id of user 125039 stays"))
	w.Expect(w.Edit(john, map[string]any{"x": make(chan int)})).To(MatchError(ContainSubstring("encoding fields")))
	w.Expect(w.AddUser(3, map[string]any{"x": make(chan int)})).To(MatchError(ContainSubstring("encoding fields")))
	w.Expect(w.User(1)).To(BeNil())
	w.Expect(w.RemoveUser(1)).To(BeFalse())
}

func TestAKeyMaySeeSubAccounts(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.AddKey(Key{Key: "parent", UserID: owner, SubAccounts: []int64{5}})).To(Succeed())
	seen := w.callWith("parent", "GET", "/user/500", "")
	w.Expect(w.object(seen)).To(HaveKeyWithValue("account_id", 5.0))
	w.Expect(w.callWith("parent", "GET", "/user", "").Body.String()).To(ContainSubstring(`"id":500`))
	w.Expect(w.callWith(w.key, "GET", "/user/500", "").Code).To(Equal(404))
}
