package simulator

import (
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// admin makes a call of the admin path.
func (w *world) admin(method, path, body string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.Admin().ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	return answer
}

func TestAdminUsers(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.object(w.admin("GET", "/admin/users/125039", ""))).To(HaveKeyWithValue("job_title", "Sys Admin"))

	patched := w.admin("PATCH", "/admin/users/125039", `{"job_title": "Chief", "telephone": null}`)
	w.Expect(w.object(patched)).To(And(HaveKeyWithValue("job_title", "Chief"), Not(HaveKey("telephone"))))
	w.Expect(w.printed.String()).To(HaveSuffix("EDIT /user/125039  job_title, telephone changed in the console\n"))
	w.Expect(w.Calls()).To(BeEmpty())

	w.Expect(w.admin("POST", "/admin/users", `{"id": 8, "first_name": "Eight"}`).Code).To(Equal(204))
	w.Expect(w.get(8)).To(And(HaveKeyWithValue("first_name", "Eight"), HaveKeyWithValue("status", "active")))
	w.Expect(w.admin("DELETE", "/admin/users/8", "").Code).To(Equal(204))
	w.Expect(w.call("GET", "/user/8", "").Code).To(Equal(404))
}

func TestAdminCalls(t *testing.T) {
	w := newWorld(t, Rules{})
	w.put(john, map[string]any{"job_title": "Chief"})
	w.Expect(w.admin("GET", "/admin/calls", "").Body.String()).To(And(
		ContainSubstring(`"method":"PUT","path":"/user/125039","user":125039,"key":"`+Fingerprint(w.key)+`"`),
		ContainSubstring(`"status":204,"applied":true,"changed":["job_title"],"note":"job_title changed"`)))
	w.call("GET", "/user/0", "")
	w.Expect(w.admin("GET", "/admin/calls", "").Body.String()).To(ContainSubstring(`"status":404,"served":"{\"errors\":[{\"code\":\"not_found\"`))
	w.Expect(w.admin("DELETE", "/admin/calls", "").Code).To(Equal(204))
	w.Expect(w.admin("GET", "/admin/calls", "").Body.String()).To(Equal("[]"))
}

func TestAdminFaults(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.admin("POST", "/admin/faults", `{"match": {"method": "GET", "times": 1}, "do": {"status": 503}}`).Code).To(Equal(204))
	w.Expect(w.statuses("GET /user/7", "GET /user/7")).To(Equal([]int{503, 200}))
	w.Expect(w.admin("GET", "/admin/faults", "").Body.String()).To(
		Equal(`[{"match":{"method":"GET","times":1},"do":{"status":503},"seen":2,"used":1}]`))
	w.Expect(w.admin("POST", "/admin/release", "").Code).To(Equal(204))
	w.Expect(w.admin("DELETE", "/admin/faults", "").Code).To(Equal(204))
	w.Expect(w.Faults()).To(BeEmpty())
}

func TestAdminKeys(t *testing.T) {
	w := newWorld(t, Rules{})
	w.Expect(w.admin("POST", "/admin/keys", `{"action": "revoke", "key": "`+Fingerprint(w.key)+`"}`).Code).To(Equal(204))
	w.Expect(w.statuses("GET /user/7")).To(Equal([]int{403}))
	w.Expect(w.admin("POST", "/admin/keys", `{"action": "restore", "key": "`+w.key+`"}`).Code).To(Equal(204))
	w.Expect(w.statuses("GET /user/7")).To(Equal([]int{200}))
	w.Expect(w.admin("POST", "/admin/keys", `{"action": "add", "key": "new", "user_id": 500, "account_id": 5, "permissions": "view"}`).Code).To(Equal(204))
	w.Expect(w.callWith("new", "GET", "/user/me", "").Code).To(Equal(200))
}

func TestAdminRules(t *testing.T) {
	w := newWorld(t, Rules{})
	const rules = `{"limits":[{"requests":5,"per":"1m0s"}],"retry_after":"seconds","latency":"1ns","sso_accepted":"both","put_only":["email"],"lag":"5s","flip":true,"owned":{"125039":{"put":"undone","after":2}}}`
	w.Expect(w.admin("PUT", "/admin/rules", rules).Code).To(Equal(204))
	w.Expect(w.admin("GET", "/admin/rules", "").Body.String()).To(Equal(rules))
	w.Expect(w.Rules().Owned[john]).To(Equal(Owned{Put: Undone, After: 2}))
	w.Expect(w.admin("PUT", "/admin/rules", `{"limits": []}`).Code).To(Equal(204))
	w.Expect(w.admin("GET", "/admin/rules", "").Body.String()).To(Equal(`{"limits":[]}`), "off is not the default")
}

func TestAdminMistakes(t *testing.T) {
	for _, tc := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"GET", "/admin/users/1", "", 404, "no such user"},
		{"GET", "/admin/users/john", "", 404, "no such user"},
		{"PATCH", "/admin/users/1", "{}", 404, "no such user"},
		{"PATCH", "/admin/users/125039", "[]", 400, "reading JSON"},
		{"PATCH", "/admin/users/125039", `{"id": 4}`, 400, "the id of user 125039 stays"},
		{"DELETE", "/admin/users/1", "", 404, "no such user"},
		{"POST", "/admin/users", `{"first_name": "A"}`, 400, "needs an id"},
		{"POST", "/admin/users", `[]`, 400, "reading JSON"},
		{"POST", "/admin/faults", `{"do": {"staus": 5}}`, 400, `unknown field "staus"`},
		{"POST", "/admin/faults", `{"do": {}}`, 400, "does nothing"},
		{"POST", "/admin/keys", `{"action": "sell"}`, 400, "none of add, revoke, restore"},
		{"POST", "/admin/keys", `{"act": "add"}`, 400, "unknown field"},
		{"POST", "/admin/keys", `{"action": "revoke", "key": "x"}`, 400, "no such key"},
		{"PUT", "/admin/rules", `{"sso_accepted": "number"}`, 400, "none of"},
		{"PUT", "/admin/rules", `{"owned": {"1": {"put": "eaten"}}}`, 400, "none of"},
		{"GET", "/admin/other", "", 404, ""},
	} {
		t.Run(tc.method+" "+tc.path+" "+tc.body, func(t *testing.T) {
			w := newWorld(t, Rules{})
			answer := w.admin(tc.method, tc.path, tc.body)
			w.Expect(answer.Code).To(Equal(tc.status))
			w.Expect(answer.Body.String()).To(ContainSubstring(tc.message))
		})
	}
}
