package certcentral

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

const (
	pageSize = 500 // rows asked for at once (observed traffic: accepted)
	maxPages = 200 // of one list; more is no list we can trust
)

// FindUser returns the id of the user with exactly this username, compared byte by byte: the search of the service also
// finds names and addresses. None is NotFound; several ids with the same username are a BadResponse. It sends a request
// for each page of the search, mostly one.
func (c *Client) FindUser(ctx context.Context, lane Lane, username string) (int64, error) {
	req := request{method: http.MethodGet, route: "/user"}
	if username == "" {
		return 0, req.refuse("the username must not be empty")
	}
	var found int64
	query := url.Values{"filters[search]": {username}, "limit": {strconv.Itoa(pageSize)}, "offset": {"0"}}
	err := c.list(ctx, lane, req, query, func(row wireRow) error {
		switch {
		case row.Username == "":
			return reason("a list row without username")
		case row.Username != username || int64(row.ID) == found:
			return nil
		case found != 0:
			return reason("several users with this username")
		}
		found = int64(row.ID)
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case found == 0:
		return 0, &Error{Kind: NotFound, Op: req.op(), Status: http.StatusOK, Sent: true, Err: reason("no user with this username")}
	}
	return found, nil
}

// ServiceUserIDs returns the ids of the account's service users, of whom only the email may be changed.
func (c *Client) ServiceUserIDs(ctx context.Context, lane Lane) (map[int64]struct{}, error) {
	ids := map[int64]struct{}{}
	req := request{method: http.MethodGet, route: "/user/api-only"}
	err := c.list(ctx, lane, req, url.Values{}, func(row wireRow) error {
		ids[int64(row.ID)] = struct{}{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// list goes through all rows of a list of users, page by page, each row once, until a page that is the last or brings
// nothing new. query is that of the first page; the others have limit and offset too.
func (c *Client) list(ctx context.Context, lane Lane, req request, query url.Values, each func(wireRow) error) error {
	seen := map[id]struct{}{}
	for offset, pages := 0, 0; pages < maxPages; pages++ {
		req.path = req.route
		if len(query) > 0 {
			req.path += "?" + query.Encode()
		}
		more := false
		err := c.call(ctx, lane, req, func(body []byte) error {
			list, err := decodeList(body)
			if err != nil {
				return err
			}
			before := len(seen)
			for _, row := range list.Users {
				if _, again := seen[row.ID]; again {
					continue
				}
				seen[row.ID] = struct{}{}
				if err := each(row); err != nil {
					return err
				}
			}
			offset += len(list.Users)
			more = len(seen) > before && !list.last(offset)
			return nil
		})
		if err != nil || !more {
			return err
		}
		query.Set("limit", strconv.Itoa(pageSize))
		query.Set("offset", strconv.Itoa(offset))
	}
	return &Error{Kind: BadResponse, Op: req.op(), Sent: true, Err: reason("a list without end")}
}

// last reports whether the page that ends at offset is the last one. A full page never is, whatever the total says.
func (w *wireList) last(offset int) bool {
	full := pageSize
	if 0 < w.Page.Limit && w.Page.Limit < pageSize {
		full = int(w.Page.Limit)
	}
	return len(w.Users) < full && int64(offset) >= int64(w.Page.Total)
}
