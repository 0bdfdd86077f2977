package certcentral

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Row is a user as the list of all users has it, without what only a look at the user itself tells: the SSO flag, the languages,
// the containers it sees.
type Row struct {
	ID      int64
	Profile Profile // without SAMLSSOOnly
	// Partial is true of a row that lacks a field which every user has. It can't be compared with a look.
	Partial     bool
	Status      string
	LastLogin   time.Time // in UTC; zero when the row has none, or an unparsable one
	Roles       []Role    // nil when the row has none
	ContainerID int64     // 0 when the row has none
}

// Walk goes through all users of the account (GET /user?limit=&offset=), a page at a time. After an error it can be gone on with.
// It is not safe for concurrent use.
type Walk struct{ pager }

// Walk begins one, without a request.
func (c *Client) Walk() *Walk {
	return &Walk{pager{
		client: c, req: request{method: http.MethodGet, route: "/user"}, seen: map[id]struct{}{},
		query: url.Values{"limit": {strconv.Itoa(pageSize)}, "offset": {"0"}},
	}}
}

// Next sends the request for one page, and hands over its rows but for those that an earlier page had.
func (w *Walk) Next(ctx context.Context, lane Lane, each func(Row)) error {
	return w.next(ctx, lane, func(row wireRow) error {
		each(row.row())
		return nil
	})
}

// Done tells whether the list has no more pages.
func (w *Walk) Done() bool { return w.done }

// Total is how many users the list has, as far as it told; 0 before the first page.
func (w *Walk) Total() int { return w.total }

// Has tells whether the walk has come upon the user.
func (w *Walk) Has(user int64) bool {
	_, has := w.seen[id(user)]
	return has
}

// Pages is how many requests a walk through so many users takes.
func Pages(users int) int { return users/pageSize + 1 }

func (w wireRow) row() Row {
	r := Row{
		ID: int64(w.ID), Status: w.Status,
		Profile: Profile{Username: w.Username, JobTitle: w.JobTitle, Telephone: w.Telephone},
		Partial: w.Username == "",
		Roles:   each(w.Roles, func(r wireNamed) Role { return Role{ID: int64(r.ID), Name: r.Name} }),
	}
	if w.FirstName != nil && w.LastName != nil && w.Email != nil {
		r.Profile.FirstName, r.Profile.LastName, r.Profile.Email = *w.FirstName, *w.LastName, *w.Email
	} else {
		r.Partial = true
	}
	r.LastLogin, _ = parseLogin(w.LastLogin)
	if w.Container != nil {
		r.ContainerID = int64(w.Container.ID)
	}
	return r
}
