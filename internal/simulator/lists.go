package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// defaultPage is the number of rows of a list that names no limit.
const defaultPage = 1000

// absentFromRows are the fields that only GET /user/{id} has.
var absentFromRows = []string{
	ssoField, "language_id", "account_language_id", "container_visibility", "is_cert_central", "is_enterprise",
}

// list answers GET /user. A page without rows has no users key.
func (s *Simulator) list(v *visit, k *credential) answer {
	limit, errLimit := page(v, "limit", defaultPage)
	offset, errOffset := page(v, "offset", 0)
	if errLimit != nil || errOffset != nil {
		return refuse(http.StatusBadRequest, apiError{"bad_request_format", "limit and offset are whole numbers."})
	}
	found := s.search(v, s.visible(k, false))
	rest := found[min(offset, len(found)):]
	listed := map[string]any{
		"page": map[string]int{"total": len(found), "limit": limit, "offset": offset},
	}
	if rows := s.rows(v, rest[:min(limit, len(rest))]); len(rows) > 0 {
		listed["users"] = rows
	}
	return succeed(http.StatusOK, listed)
}

// listServiceUsers answers GET /user/api-only.
func (s *Simulator) listServiceUsers(v *visit, k *credential) answer {
	listed := map[string]any{}
	if rows := s.rows(v, s.visible(k, true)); len(rows) > 0 {
		listed["users"] = rows
	}
	return succeed(http.StatusOK, listed)
}

func page(v *visit, name string, otherwise int) (int, error) {
	if !v.query.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v.query.Get(name))
	if err == nil && n < 0 {
		err = fmt.Errorf("negative")
	}
	return n, err
}

// search keeps the users with the value in one of four fields; a leading % asks for "contains" rather than "equals".
func (s *Simulator) search(v *visit, people []*person) []*person {
	if !v.query.Has("filters[search]") {
		return people
	}
	value := v.query.Get("filters[search]")
	part, contains := strings.CutPrefix(value, "%")
	part = strings.TrimSuffix(part, "%")
	return slices.DeleteFunc(people, func(p *person) bool {
		return !slices.ContainsFunc([]string{"username", "first_name", "last_name", "email"}, func(name string) bool {
			has := p.text(name)
			return has == value || contains && strings.Contains(has, part)
		})
	})
}

func (s *Simulator) rows(v *visit, people []*person) []User {
	var rows []User
	for _, p := range people {
		row := s.view(p, v.do.Stale)
		for _, name := range absentFromRows {
			delete(row, name)
		}
		rows = append(rows, row)
	}
	return rows
}

// visible returns the account's users, or its service users, by id.
func (s *Simulator) visible(k *credential, service bool) []*person {
	var visible []*person
	for _, id := range slices.Sorted(maps.Keys(s.people)) {
		if p := s.people[id]; p.service == service && k.sees(p) {
			visible = append(visible, p)
		}
	}
	return visible
}
