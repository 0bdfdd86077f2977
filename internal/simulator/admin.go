package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Admin is the way to script a running simulator: everything under /admin, in JSON, without a key. Whoever reaches it
// can read what was sent, so it belongs on the loopback interface only, where ServeAdmin puts it.
//
//	GET, PATCH, DELETE /admin/users/{id}   as stored; a merge patch, as a colleague's edit; deleted
//	POST               /admin/users        a user's fields: "id", and what differs from an active newcomer
//	GET, DELETE        /admin/calls        the record; forgotten
//	GET, POST, DELETE  /admin/faults       in force with counts; one Fault more; all ended, waiting calls released
//	POST               /admin/release      waiting calls go on
//	POST               /admin/keys         {"action": "add" | "revoke" | "restore", "key": value or fingerprint, …as Key}
//	GET, PUT           /admin/rules        Rules
func (s *Simulator) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /admin/users/{id}", onUser(s.adminUser))
	mux.Handle("PATCH /admin/users/{id}", onUser(s.adminEdit))
	mux.Handle("DELETE /admin/users/{id}", onUser(s.adminRemove))
	mux.Handle("POST /admin/users", admin(s.adminAddUser))
	mux.Handle("GET /admin/calls", admin(func(*http.Request) (any, error) { return s.Calls(), nil }))
	mux.Handle("DELETE /admin/calls", admin(func(*http.Request) (any, error) { s.Reset(); return nil, nil }))
	mux.Handle("GET /admin/faults", admin(func(*http.Request) (any, error) { return s.Faults(), nil }))
	mux.Handle("POST /admin/faults", admin(s.adminFault))
	mux.Handle("DELETE /admin/faults", admin(func(*http.Request) (any, error) { s.ClearFaults(); return nil, nil }))
	mux.Handle("POST /admin/release", admin(func(*http.Request) (any, error) { s.Release(); return nil, nil }))
	mux.Handle("POST /admin/keys", admin(s.adminKey))
	mux.Handle("GET /admin/rules", admin(func(*http.Request) (any, error) { return s.Rules(), nil }))
	mux.Handle("PUT /admin/rules", admin(s.adminRules))
	return mux
}

// errUnknown is the admin path's 404.
var errUnknown = errors.New("there is no such user")

// admin answers with what the step returns: 200 and JSON, 204 for nil, 404 for errUnknown, 400 for any other error.
func admin(step func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := step(r)
		switch {
		case errors.Is(err, errUnknown):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case result == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(raw(result))
		}
	}
}

// onUser is admin for a user who must exist.
func onUser(step func(id int64, r *http.Request) (any, error)) http.HandlerFunc {
	return admin(func(r *http.Request) (any, error) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			return nil, errUnknown
		}
		return step(id, r)
	})
}

func (s *Simulator) adminUser(id int64, _ *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[id]
	if p == nil {
		return nil, errUnknown
	}
	return p.User, nil
}

func (s *Simulator) adminEdit(id int64, r *http.Request) (any, error) {
	fields, err := readFields(r.Body)
	if err != nil {
		return nil, err
	}
	if s.User(id) == nil {
		return nil, errUnknown
	}
	if err := s.Edit(id, fields); err != nil {
		return nil, err
	}
	return s.adminUser(id, r)
}

func (s *Simulator) adminRemove(id int64, _ *http.Request) (any, error) {
	if !s.RemoveUser(id) {
		return nil, errUnknown
	}
	return nil, nil
}

func (s *Simulator) adminAddUser(r *http.Request) (any, error) {
	fields, err := readFields(r.Body)
	if err != nil {
		return nil, err
	}
	id, _ := fields["id"].(json.RawMessage)
	return nil, s.AddUser(User{"id": id}.number("id"), fields)
}

func (s *Simulator) adminFault(r *http.Request) (any, error) {
	var f Fault
	if err := decode(r.Body, &f); err != nil {
		return nil, err
	}
	return nil, s.Inject(f)
}

func (s *Simulator) adminKey(r *http.Request) (any, error) {
	var order struct {
		Action string `json:"action"`
		Key
	}
	if err := decode(r.Body, &order); err != nil {
		return nil, err
	}
	switch order.Action {
	case "add":
		return nil, s.AddKey(order.Key)
	case "revoke":
		return nil, s.RevokeKey(order.Key.Key)
	case "restore":
		return nil, s.RestoreKey(order.Key.Key)
	}
	return nil, errors.New("action is none of add, revoke, restore")
}

func (s *Simulator) adminRules(r *http.Request) (any, error) {
	rules, err := ReadRules(r.Body)
	if err != nil {
		return nil, err
	}
	s.SetRules(rules)
	return nil, nil
}

// readFields reads an object and leaves its values as they were written.
func readFields(r io.Reader) (map[string]any, error) {
	var object User
	if err := decode(r, &object); err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for name, value := range object {
		fields[name] = value
	}
	return fields, nil
}
