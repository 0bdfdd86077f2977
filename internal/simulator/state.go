package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Account is the account of the documentation's examples; AddUser and AddKey use it where none is given.
const Account int64 = 123654

// State is a world to load: keys, and users in the documentation's own JSON form.
type State struct {
	Keys         []Key  `json:"keys"`
	Users        []User `json:"users"`
	ServiceUsers []User `json:"service_users"`
}

// Key is an API key: of a user, for an account, with the rights of its role.
type Key struct {
	Key         string      `json:"key"`
	UserID      int64       `json:"user_id"`
	AccountID   int64       `json:"account_id"`
	SubAccounts []int64     `json:"sub_accounts,omitempty"` // whose users it sees beside those of AccountID
	Permissions Permissions `json:"permissions,omitempty"`  // Manage where ""
}

// Permissions are what a key may do.
type Permissions string

// The permissions of a key.
const (
	Manage Permissions = "manage" // read and write, like the role User Management
	View   Permissions = "view"   // read, like the role View Only
)

// UnmarshalText refuses any other word.
func (p *Permissions) UnmarshalText(b []byte) error { return oneOf(p, b, Manage, View) }

// credential is a key with its window.
type credential struct {
	Key
	revoked  bool
	admitted []time.Time
}

// sees tells whether a user is of an account that the key is for.
func (k *credential) sees(p *person) bool {
	account := p.number("account_id")
	return account == k.AccountID || slices.Contains(k.SubAccounts, account)
}

// newcomer is what AddUser fills in: an active user who has never signed in.
const newcomer = `{
  "status": "active",
  "container": {"id": 5, "public_id": "9bba0f54e97e31abb0f2a7e6e9386f1", "name": "My Account", "parent_id": 0,
    "template_id": 5, "ekey": "<ekey>", "has_logo": true, "is_active": true},
  "access_roles": [{"id": 5, "name": "Standard User"}],
  "is_cert_central": true, "is_enterprise": true, "is_saml_sso_only": false, "type": "standard",
  "language_id": 1, "account_language_id": 1, "has_container_assignments": false,
  "container_visibility": [{"id": 5, "public_id": "9bba0f54e97e31abb0f2a7e6e9386f1", "name": "My Account",
    "parent_id": 0, "template_id": 5, "ekey": "<ekey>", "has_logo": true, "is_active": true}]
}`

// ReadState reads a State from JSON, strictly but for the users' fields.
func ReadState(r io.Reader) (State, error) {
	var state State
	err := decode(r, &state)
	return state, err
}

// Load adds the state's keys and users to the simulator's. Users are served as they are given; one without an id is an
// error, and so is a key without a value.
func (s *Simulator) Load(state State) error {
	for _, k := range state.Keys {
		if err := s.AddKey(k); err != nil {
			return err
		}
	}
	for _, u := range state.Users {
		if err := s.add(u, false); err != nil {
			return err
		}
	}
	for _, u := range state.ServiceUsers {
		if err := s.add(u, true); err != nil {
			return err
		}
	}
	return nil
}

// AddUser adds a user, or puts one in the place of another, in the documentation's full form: fields merge into an
// active user of Account who has never signed in and is called "User <id>".
func (s *Simulator) AddUser(id int64, fields map[string]any) error {
	return s.addNewcomer(id, fields, false)
}

// AddServiceUser is AddUser for a user without sign-in, of whom only the email can be changed.
func (s *Simulator) AddServiceUser(id int64, fields map[string]any) error {
	return s.addNewcomer(id, fields, true)
}

func (s *Simulator) addNewcomer(id int64, fields map[string]any, service bool) error {
	var u User
	if err := json.Unmarshal([]byte(newcomer), &u); err != nil {
		return err
	}
	address := fmt.Sprintf("user-%d@example.com", id)
	maps.Copy(u, User{
		"id": raw(id), "account_id": raw(Account), "first_name": raw("User"),
		"last_name": raw(strconv.FormatInt(id, 10)), "username": raw(address), "email": raw(address),
	})
	u, err := patched(u, fields)
	if err != nil {
		return err
	}
	return s.add(u, service)
}

func (s *Simulator) add(u User, service bool) error {
	id := u.number("id")
	if id < 1 {
		return fmt.Errorf("a user needs an id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[id] = &person{User: u, service: service}
	return nil
}

// RemoveUser deletes a user, as the console would; it returns false when there is none.
func (s *Simulator) RemoveUser(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.people[id]
	delete(s.people, id)
	return known
}

// Edit changes a user as a colleague would in the console: a JSON merge patch of any fields, past the rules of PUT and
// not on the record of calls. A nil value removes its field.
func (s *Simulator) Edit(id int64, patch map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[id]
	if p == nil {
		return fmt.Errorf("there is no user %d", id)
	}
	after, err := patched(p.User, patch)
	if err != nil {
		return err
	}
	if after.number("id") != id {
		return fmt.Errorf("the id of user %d stays", id)
	}
	names := p.replace(after)
	s.printLine("EDIT", fmt.Sprintf("/user/%d", id), told(names)+" in the console")
	return nil
}

// replace gives the person a new state, keeps the one before for stale reads, and names what changed, nil for nothing.
func (p *person) replace(after User) []string {
	names := changed(p.User, after)
	if len(names) == 0 {
		return nil
	}
	p.before, p.User, p.flipped = p.User, after, false
	return names
}

// told is a change as a line has it.
func told(names []string) string {
	if len(names) == 0 {
		return "nothing changed"
	}
	return strings.Join(names, ", ") + " changed"
}

func patched(u User, patch map[string]any) (User, error) {
	encoded, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encoding fields: %w", err)
	}
	if patch == nil {
		return u, nil
	}
	var after User
	err = json.Unmarshal(merge(raw(u), encoded), &after)
	return after, err
}

// User returns a user as stored now, decoded by encoding/json; nil when there is none. It counts as no read.
func (s *Simulator) User(id int64) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[id]
	if p == nil {
		return nil
	}
	var u map[string]any
	_ = json.Unmarshal(raw(p.User), &u)
	return u
}

// AddKey adds a key with an empty window, in the place of an equal one.
func (s *Simulator) AddKey(k Key) error {
	if k.Key == "" {
		return fmt.Errorf("a key needs a value")
	}
	if k.AccountID == 0 {
		k.AccountID = Account
	}
	if k.Permissions == "" {
		k.Permissions = Manage
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.Key] = &credential{Key: k}
	return nil
}

// RevokeKey makes a key, named by value or Fingerprint, invalid.
func (s *Simulator) RevokeKey(key string) error { return s.setRevoked(key, true) }

// RestoreKey makes a revoked key valid again.
func (s *Simulator) RestoreKey(key string) error { return s.setRevoked(key, false) }

func (s *Simulator) setRevoked(key string, revoked bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for value, k := range s.keys {
		if value == key || Fingerprint(value) == key {
			k.revoked = revoked
			return nil
		}
	}
	return fmt.Errorf("there is no such key")
}
