package certcentral

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestFindUser(t *testing.T) {
	w := newWorld(t, answering(200, `{"users": [
		{"id": 1, "username": "john.smith", "first_name": "john"},
		{"id": "2", "username": "john"}, {"id": 2, "username": "john"}, {"id": 3, "username": "John"}
	], "page": {"total": 4, "limit": 500, "offset": 0}}`))
	id, err := w.FindUser(t.Context(), Change, "john")
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(id).To(BeEquivalentTo(2), "exactly the one, not by another field or case")
	w.g.Expect(w.requests()).To(Equal([]string{"GET /services/v2/user"}), "in one call")
	w.g.Expect(w.calls[0].Route).To(Equal("/user"))
}

func TestFindUserAsksForTheUsername(t *testing.T) {
	w := newWorld(t, answering(200, `{}`))
	_, err := w.FindUser(t.Context(), Change, "a+b&limit=1@example.com")
	e := w.failure(t, err)
	w.g.Expect(e.Kind).To(Equal(NotFound), "a list without users is an empty one")
	w.g.Expect(e.Error()).NotTo(ContainSubstring("example.com"))
	w.g.Expect(w.seen[0].query).To(Equal("filters%5Bsearch%5D=a%2Bb%26limit%3D1%40example.com&limit=500&offset=0"))
}

func TestFindUserRefusesToGuess(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want Kind
	}{
		"none":                    {`{"users": [{"id": 1, "username": "other"}]}`, NotFound},
		"another case of it":      {`{"users": [{"id": 1, "username": "John"}]}`, NotFound},
		"two":                     {`{"users": [{"id": 1, "username": "john"}, {"id": 2, "username": "john", "status": "inactive"}]}`, Ambiguous},
		"two, and one unreadable": {`{"users": [{"id": 1, "username": "john"}, {"id": 2, "username": "john"}, {"id": 3}]}`, Ambiguous},
		"a row without username":  {`{"users": [{"id": 1, "username": "other"}, {"id": 2}]}`, BadResponse},
		"an unreadable username":  {`{"users": [{"id": 2, "username": {"is": "john"}}]}`, BadResponse},
		"a row without id":        {`{"users": [{"username": "john"}]}`, BadResponse},
		"an error in their place": {`{"users": [], "errors": [{"code": "x", "message": "y"}]}`, BadResponse},
		"a proxy's page":          {`<html>`, BadResponse},
		"a key twice":             {`{"users": [{"id": 1, "username": "john", "id": 2}]}`, BadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, answering(200, tc.body))
			id, err := w.FindUser(t.Context(), Change, "john")
			w.g.Expect(w.failure(t, err).Kind).To(Equal(tc.want))
			w.g.Expect(id).To(BeZero())
		})
	}
}

func TestFindUserIsNotKeptFromItByOddRows(t *testing.T) {
	for name, row := range map[string]string{
		"without username":     `{"id": 2}`,
		"without id":           `{"username": "other"}`,
		"an odd id":            `{"id": "x", "username": "other"}`,
		"an odd username":      `{"id": 2, "username": []}`,
		"an odd name":          `{"id": 2, "username": "other", "first_name": {}}`,
		"an odd container":     `{"id": 2, "username": "other", "container": []}`,
		"odd roles":            `{"id": 2, "username": "other", "access_roles": ""}`,
		"half a character":     `{"id": 2, "username": "other", "job_title": "\ud83d"}`,
		"a username of digits": `{"id": 2, "username": 7}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, answering(200, `{"users": [`+row+`, {"id": 1, "username": "john"}, `+row+`]}`))
			id, err := w.FindUser(t.Context(), Change, "john")
			w.g.Expect(err).NotTo(HaveOccurred())
			w.g.Expect(id).To(BeEquivalentTo(1))
		})
	}
}

func TestFindUserTellsOfAnotherCase(t *testing.T) {
	w := newWorld(t, answering(200, `{"users": [{"id": 2, "username": "john@x"}, {"id": 3, "username": "JOHN@x"}]}`))
	_, err := w.FindUser(t.Context(), Change, "John@x")
	e := w.failure(t, err)
	w.g.Expect(e.Kind).To(Equal(NotFound))
	w.g.Expect(e).To(MatchError(ErrOtherCase))
	w.g.Expect(e.Detail).To(Equal("JOHN@x"), "the first of them, in whatever order they come")
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		users, limit int // of the account, and rows on a page at most
		page         string
		requests     int
	}{
		"on one page":                            {3, 500, `{"total": 3, "limit": 500}`, 1},
		"on one page, not told":                  {3, 500, `{}`, 1},
		"on three, of a smaller size than asked": {250, 100, `{"total": "250", "limit": "100"}`, 3},
		"a full page is not the last":            {200, 100, `{"total": 200, "limit": 100}`, 3},
		"a total of the page only ends nothing":  {200, 100, `{"total": 100, "limit": 100}`, 3},
		"a short page before the total":          {250, 100, `{"total": 250, "limit": 500}`, 3},
		"a total that is never reached":          {5, 500, `{"total": 9, "limit": 500}`, 2},
		"a full page, not told":                  {500, 500, `{}`, 2},
		"an empty list":                          {0, 500, `{"total": 0, "limit": 500}`, 1},
		"an empty list with a total":             {0, 500, `{"total": 7, "limit": 500}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, pages(tc.users, tc.limit, tc.page))
			_, err := w.FindUser(t.Context(), Change, "nobody")
			w.g.Expect(w.failure(t, err).Kind).To(Equal(NotFound))
			w.g.Expect(w.requests()).To(HaveLen(tc.requests))

			ids, err := w.ServiceUserIDs(t.Context(), Change)
			w.g.Expect(err).NotTo(HaveOccurred())
			w.g.Expect(ids).To(HaveLen(tc.users))
		})
	}
}

func TestServiceUserIDs(t *testing.T) {
	w := newWorld(t, answering(200, `{"users": [{"id": 1, "type": "standard"}, {"id": 2, "username": "api"}]}`))
	ids, err := w.ServiceUserIDs(t.Context(), Poll)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(ids).To(Equal(map[int64]struct{}{1: {}, 2: {}}))
	w.g.Expect(w.requests()).To(Equal([]string{"GET /services/v2/user/api-only"}))
	w.g.Expect(w.seen[0].query).To(BeEmpty())
}

func TestServiceUsersMustAllBeKnown(t *testing.T) {
	w := newWorld(t, answering(200, `{"users": [{"id": 1}, {"id": {}}]}`))
	_, err := w.ServiceUserIDs(t.Context(), Poll)
	w.g.Expect(w.failure(t, err)).To(MatchError(ContainSubstring("a list row without id")))
}

func TestAListThatRepeatsItselfEnds(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		answering(200, `{"users": [{"id": 1, "username": "u"}], "page": {"total": 9000}}`)(rw, nil)
	})
	ids, err := w.ServiceUserIDs(t.Context(), Change)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(ids).To(HaveLen(1))
	w.g.Expect(w.requests()).To(HaveLen(2))
}

func TestAListWithoutEndIsRefused(t *testing.T) {
	w := newWorld(t, pages(1_000_000, 1, `{"total": 1000000, "limit": 1}`))
	ids, err := w.ServiceUserIDs(t.Context(), Change)
	w.g.Expect(w.failure(t, err).Kind).To(Equal(BadResponse))
	w.g.Expect(ids).To(BeNil())
	w.g.Expect(w.requests()).To(HaveLen(200))
}

// pages serves that many users by limit and offset; page is told with each.
func pages(users, limit int, page string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		var rows []string
		for i := offset; i < min(offset+limit, users); i++ {
			rows = append(rows, fmt.Sprintf(`{"id": %d, "username": "user-%d"}`, i+1, i))
		}
		answering(200, fmt.Sprintf(`{"users": [%s], "page": %s}`, strings.Join(rows, ","), page))(rw, r)
	}
}
