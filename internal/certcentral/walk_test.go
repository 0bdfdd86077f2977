package certcentral

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// walked goes on with a walk until its end or an error, and returns the ids that it came upon.
func walked(t *testing.T, walk *Walk) (ids []int64, err error) {
	t.Helper()
	for !walk.Done() && err == nil {
		err = walk.Next(t.Context(), Poll, func(row Row) { ids = append(ids, row.ID) })
	}
	return ids, err
}

func TestARowHasWhatTheListTells(t *testing.T) {
	w := newWorld(t, answering(200, `{"users": [{
		"id": "7", "username": "j", "first_name": "John", "last_name": "Smith", "email": "j@example.com", "job_title": null, "telephone": "1",
		"status": "active", "last_login_date": "2023-10-13T15:15:13+00:00", "access_roles": [{"id": "1", "name": "Administrator"}],
		"container": {"id": 12, "name": "Example"}
	}], "page": {"total": 1, "limit": 500, "offset": 0}}`))
	var row Row
	walk := w.Walk()
	w.g.Expect(walk.Next(t.Context(), Poll, func(r Row) { row = r })).To(Succeed())
	w.g.Expect(row).To(Equal(Row{
		ID: 7, Profile: Profile{Username: "j", FirstName: "John", LastName: "Smith", Email: "j@example.com", Telephone: "1"},
		Status: "active", LastLogin: time.Date(2023, 10, 13, 15, 15, 13, 0, time.UTC),
		Roles: []Role{{ID: 1, Name: "Administrator"}}, ContainerID: 12,
	}))
	w.g.Expect(walk.Done()).To(BeTrue())
	w.g.Expect(walk.Total()).To(Equal(1))
	w.g.Expect([]bool{walk.Has(7), walk.Has(8)}).To(Equal([]bool{true, false}))
	w.g.Expect(w.seen[0].query).To(Equal("limit=500&offset=0"))
}

func TestARowWithoutAFieldThatEveryUserHasIsPartial(t *testing.T) {
	for _, field := range []string{"username", "first_name", "last_name", "email"} {
		t.Run(field, func(t *testing.T) {
			whole := `{"users": [{"id": 7, "username": "j", "first_name": "J", "last_name": "S", "email": "j@example.com"}]}`
			partial := func(body string) (partial bool) {
				w := newWorld(t, answering(200, body))
				w.g.Expect(w.Walk().Next(t.Context(), Poll, func(r Row) { partial = r.Partial })).To(Succeed())
				return partial
			}
			g := NewWithT(t)
			g.Expect(partial(whole)).To(BeFalse())
			g.Expect(partial(strings.Replace(whole, field, "other", 1))).To(BeTrue())
		})
	}
}

func TestARowHasTheFlagWhereTheListDoes(t *testing.T) {
	for flag, want := range map[string]*bool{
		``: nil, `, "is_saml_sso_only": null`: nil, `, "is_saml_sso_only": true`: new(true), `, "is_saml_sso_only": "false"`: new(false),
		`, "is_saml_sso_only": "1"`: new(true),
	} {
		w := newWorld(t, answering(200, `{"users": [{"id": 7, "username": "j", "first_name": "J", "last_name": "S", "email": ""`+flag+`}]}`))
		var row Row
		w.g.Expect(w.Walk().Next(t.Context(), Poll, func(r Row) { row = r })).To(Succeed())
		w.g.Expect(row.SAMLSSOOnly).To(Equal(want), flag)
		w.g.Expect(row.Partial).To(BeFalse(), flag)
	}
}

// One row in an odd shape hides no other, and what can't be read of it is not taken for the user's.
func TestAnOddRowIsPartialAndTheOthersCount(t *testing.T) {
	for odd, partial := range map[string]bool{
		`"job_title": []`: true, `"telephone": {}`: true, `"first_name": false`: true, `"username": "\ud83d"`: true,
		`"is_saml_sso_only": "yes"`: true, `"is_saml_sso_only": ""`: true, `"email": {}`: true,
		`"status": []`: false, `"access_roles": ""`: false, `"container": []`: false, `"last_login_date": "2036-01-01 00:00:00"`: false,
	} {
		t.Run(odd, func(t *testing.T) {
			const names = `"first_name": "J", "last_name": "S", "email": "j@example.com"`
			first, _, _ := strings.Cut(odd, ":")
			others := `"username": "j", ` + names
			others = strings.Replace(others, first+": ", `"x`+first[1:]+": ", 1)
			w := newWorld(t, answering(200, `{"users": [{"id": 1, `+others+`, `+odd+`}, {"id": 2, "username": "k", `+names+`}, {"id": {}}]}`))
			var rows []Row
			w.g.Expect(w.Walk().Next(t.Context(), Poll, func(r Row) { rows = append(rows, r) })).To(Succeed())
			w.g.Expect(rows).To(HaveLen(2))
			w.g.Expect([]bool{rows[0].Partial, rows[1].Partial}).To(Equal([]bool{partial, false}))
			w.g.Expect(rows[0].LastLogin).To(BeZero())
		})
	}
}

func TestAWalkGoesOnAfterAPageThatFailed(t *testing.T) {
	calls := 0
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		calls++
		if calls == 2 {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var rows []string
		if r.URL.Query().Get("offset") == "0" {
			for id := range 500 {
				rows = append(rows, fmt.Sprintf(`{"id": %d, "username": "u"}`, id+1))
			}
		} else {
			rows = []string{`{"id": 500, "username": "u"}`, `{"id": 501, "username": "u"}`} // one has moved
		}
		_, _ = fmt.Fprintf(rw, `{"users": [%s], "page": {"total": 501, "limit": 500}}`, strings.Join(rows, ","))
	})
	walk := w.Walk()
	ids, err := walked(t, walk)
	w.g.Expect(w.failure(t, err).Kind).To(Equal(Unavailable))
	w.g.Expect(ids).To(HaveLen(500))
	w.g.Expect(walk.Done()).To(BeFalse())

	ids, err = walked(t, walk)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(ids).To(Equal([]int64{501}), "each row once")
	w.g.Expect(calls).To(Equal(3), "the first page is not asked for again")
	w.g.Expect(walk.Total()).To(Equal(501))
}

func TestAWalkEnds(t *testing.T) {
	for name, body := range map[string]string{
		"where there are no users":            `{"page": {"total": 0}}`,
		"where a total promises ever more":    `{"page": {"total": 100000}}`,
		"where a page comes again":            `{"users": [{"id": 1, "username": "u"}], "page": {"total": 9, "limit": 1}}`,
		"where the total is less than it has": `{"users": [{"id": 1, "username": "u"}], "page": {"total": 0, "limit": 500}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, answering(200, body))
			walk := w.Walk()
			_, err := walked(t, walk)
			w.g.Expect(err).NotTo(HaveOccurred())
			w.g.Expect(len(w.requests())).To(BeNumerically("<=", 2))
		})
	}
}

func TestPages(t *testing.T) {
	g := NewWithT(t)
	g.Expect([]int{Pages(0), Pages(499), Pages(500), Pages(5001)}).To(Equal([]int{1, 1, 2, 11}), "a full page is never the last")
}
