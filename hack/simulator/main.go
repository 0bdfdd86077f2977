// Command simulator runs a stand-in for CertCentral on this machine, for demonstrations and end-to-end tests: no call
// leaves the machine, and no real account is touched.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

//go:embed users.json
var demonstration []byte

// settings are the command line.
type settings struct {
	listen, admin              string
	users, rules               string
	caOut, urlOut, adminURLOut string
	quiet                      bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	set, err := parse(args, errOut)
	if err != nil {
		return err
	}
	sim, err := build(set, out)
	if err != nil {
		return err
	}
	if set.admin != "" {
		admin, err := simulator.ServeAdmin(sim, set.admin)
		if err != nil {
			return err
		}
		defer func() { _ = admin.Close() }()
		if err := announce(out, "admin", admin.URL(), set.adminURLOut); err != nil {
			return err
		}
	}
	api, err := simulator.NewServer(sim, set.listen)
	if err != nil {
		return err
	}
	defer func() { _ = api.Close() }()
	if err := write(set.caOut, api.CAPEM()); err != nil {
		return err
	}
	if err := announce(out, "api", api.URL(), set.urlOut); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func parse(args []string, errOut io.Writer) (settings, error) {
	var set settings
	f := flag.NewFlagSet("simulator", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.StringVar(&set.listen, "listen", "127.0.0.1:0", "address of the API (TLS); port 0 takes a free one")
	f.StringVar(&set.admin, "admin", "127.0.0.1:0", "loopback address of the admin path; empty turns it off")
	f.StringVar(&set.users, "users", "", "JSON file with keys, users and service users; the demonstration's by default")
	f.StringVar(&set.rules, "rules", "{}", `rules as JSON, like {"latency": "900ms", "zoned_dates": true}`)
	f.StringVar(&set.caOut, "ca-out", "", "file to write the certificate to trust to (PEM)")
	f.StringVar(&set.urlOut, "url-out", "", "file to write the API's base URL to, once it serves")
	f.StringVar(&set.adminURLOut, "admin-url-out", "", "file to write the admin path's base URL to, once it serves")
	f.BoolVar(&set.quiet, "quiet", false, "do not print the calls")
	return set, f.Parse(args)
}

// build makes the simulator that the settings describe.
func build(set settings, out io.Writer) (*simulator.Simulator, error) {
	rules, err := simulator.ReadRules(bytes.NewBufferString(set.rules))
	if err != nil {
		return nil, fmt.Errorf("reading the rules: %w", err)
	}
	users := demonstration
	if set.users != "" {
		if users, err = os.ReadFile(set.users); err != nil {
			return nil, err
		}
	}
	state, err := simulator.ReadState(bytes.NewReader(users))
	if err != nil {
		return nil, fmt.Errorf("reading the users: %w", err)
	}
	if set.quiet {
		out = nil
	}
	sim := simulator.New(simulator.Options{Rules: rules, Out: out})
	return sim, sim.Load(state)
}

// announce says where something serves, in print and in a file that scripts wait for.
func announce(out io.Writer, what, url, file string) error {
	_, _ = fmt.Fprintf(out, "%-5s %s\n", what, url)
	return write(file, []byte(url+"\n"))
}

// write puts the file in place whole, so that whoever waits for it never reads a half; no name, no file.
func write(file string, content []byte) error {
	if file == "" {
		return nil
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".simulator-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(part.Name()) }()
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	return os.Rename(part.Name(), file)
}
