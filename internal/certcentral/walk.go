package certcentral

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Row is a user as the list of all users has it, without what only a look at the user itself tells: the languages, the containers
// it sees, and mostly the SSO flag.
type Row struct {
	ID      int64
	Profile Profile // without SAMLSSOOnly
	// SAMLSSOOnly is nil when the row has no such flag.
	SAMLSSOOnly *bool
	// Partial is true of a row that lacks a field which every user has, or has one that can't be read. It can't be compared with a look.
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
		if row.id() > 0 { // without one nobody knows whom it shows; who is not listed is looked at alone
			each(row.row(w.client.cfg.Budget.now()))
		}
		return nil
	})
}

// Done tells whether the list has no more pages.
func (w *Walk) Done() bool { return w.done }

// Endless tells whether the walk has read as many pages as one may, and the list has more.
func (w *Walk) Endless() bool { return w.pages == maxPages && !w.done }

// Total is how many users the list has, as far as it told; 0 before the first page.
func (w *Walk) Total() int { return w.total }

// Has tells whether the walk has come upon the user.
func (w *Walk) Has(user int64) bool {
	_, has := w.seen[id(user)]
	return has
}

// Pages is how many requests a walk through so many users takes.
func Pages(users int) int { return users/pageSize + 1 }

func (w wireRow) row(now time.Time) Row {
	r := Row{
		ID: int64(w.id()), Status: string(w.Status.value),
		Profile: Profile{Username: string(w.Username.value), JobTitle: string(w.JobTitle.value), Telephone: string(w.Telephone.value)},
		Partial: w.Username.value == "" || w.JobTitle.odd || w.Telephone.odd || w.SAMLSSOOnly.odd,
		Roles:   each(w.Roles.value, wireNamed.role),
	}
	if w.FirstName.given && w.LastName.given && w.Email.given {
		r.Profile.FirstName, r.Profile.LastName, r.Profile.Email = string(w.FirstName.value), string(w.LastName.value), string(w.Email.value)
	} else {
		r.Partial = true
	}
	if w.SAMLSSOOnly.given {
		r.SAMLSSOOnly = new(bool(w.SAMLSSOOnly.value))
	}
	r.LastLogin, _ = parseLogin(w.LastLogin.value, now)
	if w.Container.given {
		r.ContainerID = int64(w.Container.value.ID)
	}
	return r
}
