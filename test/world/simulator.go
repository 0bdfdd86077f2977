package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// SimulatorOptions say how a simulator runs.
type SimulatorOptions struct {
	// Output gets standard output and error: a line for each call, without values. Nil drops them.
	Output io.Writer
	// Args are more flags, such as --users FILE for other keys and users than the demonstration's.
	Args []string
}

// Simulator is a simulated CertCentral as a process. Its methods work past the API, and are on no record of calls.
type Simulator struct {
	*Process
	// URL is the endpoint for accounts, and CA the PEM certificate to trust there.
	URL string
	CA  []byte

	admin string // base URL
}

// StartSimulator runs a simulator and returns once it serves.
func (w *World) StartSimulator(ctx context.Context, o SimulatorOptions) (*Simulator, error) {
	dir, err := os.MkdirTemp(w.dir, "simulator-")
	if err != nil {
		return nil, err
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	p, err := w.launch(command{path: w.options.Simulator, output: o.Output, args: append([]string{
		"--ca-out", file("ca"), "--admin-url-out", file("admin"), "--url-out", file("url"),
	}, o.Args...)})
	if err != nil {
		return nil, err
	}
	// The file with the URL is the last one that the simulator writes.
	if err := p.await(ctx, func(context.Context) bool { _, err := os.Stat(file("url")); return err == nil }); err != nil {
		return nil, err
	}
	s := &Simulator{Process: p}
	if s.CA, err = os.ReadFile(file("ca")); err != nil {
		return nil, err
	}
	for name, into := range map[string]*string{"url": &s.URL, "admin": &s.admin} {
		text, err := os.ReadFile(file(name))
		if err != nil {
			return nil, err
		}
		*into = strings.TrimSpace(string(text))
	}
	return s, nil
}

// AddUser adds a user: fields of the API, of which only "id" is required, over those of an active newcomer.
func (s *Simulator) AddUser(ctx context.Context, fields map[string]any) error {
	return s.ask(ctx, http.MethodPost, "/users", fields, nil)
}

// User returns the fields of a user as they are stored.
func (s *Simulator) User(ctx context.Context, id int64) (map[string]any, error) {
	return get[map[string]any](ctx, s, userPath(id))
}

// Edit changes fields of a user as a colleague would in the console; nil removes one.
func (s *Simulator) Edit(ctx context.Context, id int64, fields map[string]any) error {
	return s.ask(ctx, http.MethodPatch, userPath(id), fields, nil)
}

// RemoveUser deletes a user.
func (s *Simulator) RemoveUser(ctx context.Context, id int64) error {
	return s.ask(ctx, http.MethodDelete, userPath(id), nil, nil)
}

// AddKey adds an API key.
func (s *Simulator) AddKey(ctx context.Context, key simulator.Key) error {
	return s.order(ctx, "add", key)
}

// RevokeKey makes the API key invalid.
func (s *Simulator) RevokeKey(ctx context.Context, key string) error {
	return s.order(ctx, "revoke", simulator.Key{Key: key})
}

// RestoreKey makes a revoked API key valid again.
func (s *Simulator) RestoreKey(ctx context.Context, key string) error {
	return s.order(ctx, "restore", simulator.Key{Key: key})
}

func (s *Simulator) order(ctx context.Context, action string, key simulator.Key) error {
	return s.ask(ctx, http.MethodPost, "/keys", struct {
		Action string `json:"action"`
		simulator.Key
	}{action, key}, nil)
}

// Calls returns the calls of the API since the last ResetCalls, those under way included.
func (s *Simulator) Calls(ctx context.Context) (simulator.Calls, error) {
	return get[simulator.Calls](ctx, s, "/calls")
}

// ResetCalls forgets the calls so far.
func (s *Simulator) ResetCalls(ctx context.Context) error {
	return s.ask(ctx, http.MethodDelete, "/calls", nil, nil)
}

// Inject puts a fault in force.
func (s *Simulator) Inject(ctx context.Context, fault simulator.Fault) error {
	return s.ask(ctx, http.MethodPost, "/faults", fault, nil)
}

// Faults returns the faults in force, used up or not, with their counts.
func (s *Simulator) Faults(ctx context.Context) ([]simulator.Armed, error) {
	return get[[]simulator.Armed](ctx, s, "/faults")
}

// ClearFaults ends all faults, and lets the calls go on that wait.
func (s *Simulator) ClearFaults(ctx context.Context) error {
	return s.ask(ctx, http.MethodDelete, "/faults", nil, nil)
}

// Release lets the calls go on that hang or are delayed now.
func (s *Simulator) Release(ctx context.Context) error {
	return s.ask(ctx, http.MethodPost, "/release", nil, nil)
}

// Rules returns the rules in force.
func (s *Simulator) Rules(ctx context.Context) (simulator.Rules, error) {
	return get[simulator.Rules](ctx, s, "/rules")
}

// SetRules replaces all rules.
func (s *Simulator) SetRules(ctx context.Context, rules simulator.Rules) error {
	return s.ask(ctx, http.MethodPut, "/rules", rules, nil)
}

func userPath(id int64) string { return fmt.Sprintf("/users/%d", id) }

// get reads what is at a path of the admin path.
func get[T any](ctx context.Context, s *Simulator, path string) (T, error) {
	var answer T
	err := s.ask(ctx, http.MethodGet, path, nil, &answer)
	return answer, err
}

// ask calls the admin path; body and answer are JSON, nil for none.
func (s *Simulator) ask(ctx context.Context, method, path string, body, answer any) error {
	var encoded bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&encoded).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, s.admin+path, &encoded)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking the simulator: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, bytes.TrimSpace(content))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}

// AdminURL is the base URL of the admin path, for curl.
func (s *Simulator) AdminURL() string { return s.admin }
