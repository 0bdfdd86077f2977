package certcentral

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	pageSize = 500 // rows asked for at once (observed traffic: accepted)
	maxPages = 200 // of one list; more is no list we can trust

	// MaxUsers is how many users a list may have to be read to its end.
	MaxUsers = maxPages * pageSize
)

// ErrOtherCase is the Err of a NotFound of FindUser that came upon a username which differs in case only. Detail is that name.
const ErrOtherCase = reason("no user with this username, but one with a username that differs in case only")

// FindUser returns the id of the user with exactly this username, compared byte by byte: the search of the service also
// finds names and addresses. None is NotFound, with ErrOtherCase where another case of it is there; several ids with the same
// username are Ambiguous. A row that can't be read doesn't stand in the way of one that can, but then nobody knows that there is
// none: BadResponse. It sends a request for each page of the search, mostly one.
func (c *Client) FindUser(ctx context.Context, lane Lane, username string) (int64, error) {
	req := request{method: http.MethodGet, route: "/user"}
	if username == "" {
		return 0, req.refuse("the username must not be empty")
	}
	search := search{username: username, found: map[id]struct{}{}}
	query := url.Values{"filters[search]": {username}, "limit": {strconv.Itoa(pageSize)}, "offset": {"0"}}
	if err := c.list(ctx, lane, req, query, search.see); err != nil {
		return 0, err
	}
	found, failed := search.result()
	if failed != nil {
		failed.Op, failed.Sent = req.op(), true
		return 0, failed
	}
	return found, nil
}

// search is what the rows of a search by username came to.
type search struct {
	username  string
	found     map[id]struct{} // users with exactly this username
	otherCase string          // the first, by bytes, of the usernames that differ in case only
	odd       bool            // a row could not be read
}

func (s *search) see(row wireRow) error {
	name := string(row.Username.value)
	switch {
	case name == "" || name == s.username && row.id() <= 0:
		s.odd = true
	case name == s.username:
		s.found[row.id()] = struct{}{}
	case strings.EqualFold(name, s.username) && (s.otherCase == "" || name < s.otherCase):
		s.otherCase = name
	}
	return nil
}

// result is the one user found, or an Error without Op and Sent.
func (s *search) result() (int64, *Error) {
	switch {
	case len(s.found) > 1:
		return 0, &Error{Kind: Ambiguous, Err: reason("several users with this username")}
	case len(s.found) == 1:
		for found := range s.found {
			return int64(found), nil
		}
	case s.odd:
		return 0, &Error{Kind: BadResponse, Err: reason("a list row without id or username")}
	case s.otherCase != "":
		return 0, &Error{Kind: NotFound, Err: ErrOtherCase, Detail: shorten(oneLine(s.otherCase))}
	}
	return 0, &Error{Kind: NotFound, Err: reason("no user with this username")}
}

// ServiceUserIDs returns the ids of the account's service users, of whom only the email may be changed.
func (c *Client) ServiceUserIDs(ctx context.Context, lane Lane) (map[int64]struct{}, error) {
	ids := map[int64]struct{}{}
	req := request{method: http.MethodGet, route: "/user/api-only"}
	err := c.list(ctx, lane, req, url.Values{}, func(row wireRow) error {
		if row.id() <= 0 { // whose it is, nobody knows, and a write would have to
			return reason("a list row without id")
		}
		ids[int64(row.id())] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// list goes through all rows of a list of users, page by page. query is that of the first page.
func (c *Client) list(ctx context.Context, lane Lane, req request, query url.Values, each func(wireRow) error) error {
	pages := pager{client: c, req: req, query: query, seen: map[id]struct{}{}}
	for !pages.done {
		if err := pages.next(ctx, lane, each); err != nil {
			return err
		}
	}
	return nil
}

// pager goes through a list of users, each row once and those without an id as often as they come, until a page that is the last or brings nothing new. After an error it can
// be asked for the same page again.
type pager struct {
	client *Client
	req    request
	query  url.Values // of the next page; those after the first have limit and offset in any case
	seen   map[id]struct{}
	offset int // of the next page
	pages  int // read so far
	total  int // of all rows, as the pages told: the most that one did
	done   bool
}

// next reads one page and hands over the rows that no page before had.
func (p *pager) next(ctx context.Context, lane Lane, each func(wireRow) error) error {
	if p.pages == maxPages {
		return &Error{Kind: BadResponse, Op: p.req.op(), Sent: true, Err: reason("a list without end")}
	}
	p.req.path = p.req.route
	if len(p.query) > 0 {
		p.req.path += "?" + p.query.Encode()
	}
	var list *wireList
	if err := p.client.call(ctx, lane, p.req, func(body []byte) (err error) {
		list, err = decodeList(body)
		return err
	}); err != nil {
		return err
	}
	before := len(p.seen)
	for _, row := range list.Users {
		if _, again := p.seen[row.id()]; again {
			continue
		}
		if row.id() > 0 {
			p.seen[row.id()] = struct{}{}
		}
		if err := each(row); err != nil {
			return &Error{Kind: BadResponse, Op: p.req.op(), Sent: true, Err: err}
		}
	}
	p.pages++
	p.offset += len(list.Users)
	p.total = max(p.total, int(list.Page.Total), len(p.seen))
	p.done = len(p.seen) == before || list.last(p.offset)
	p.query.Set("limit", strconv.Itoa(pageSize))
	p.query.Set("offset", strconv.Itoa(p.offset))
	return nil
}

// last reports whether the page that ends at offset is the last one. A full page never is, whatever the total says.
func (w *wireList) last(offset int) bool {
	full := pageSize
	if 0 < w.Page.Limit && w.Page.Limit < pageSize {
		full = int(w.Page.Limit)
	}
	return len(w.Users) < full && int64(offset) >= int64(w.Page.Total)
}
