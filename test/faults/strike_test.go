package faults

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// arm puts the faults in force.
func (r *run) arm(ctx context.Context) {
	f := r.plan.fault
	rules := f.rules
	if rules.RetryAfter == "" {
		rules.RetryAfter = simulator.RetryAfterSeconds
	}
	r.certcentral.SetRules(rules)
	r.must(r.breakTransport(ctx))
	for _, c := range f.certcentral {
		if c.Match.User == -1 {
			c.Match.User = r.people[0].id
		}
		if r.decoy != nil && c.Do.Headers["Location"] == "{{decoy}}" {
			c.Do.Headers = map[string]string{"Location": "https://" + r.decoy.Addr().String() + "/services/v2/user/7"}
		}
		c.Do.Body = r.fill(c.Do.Body)
		r.must(r.certcentral.Inject(c))
	}
	r.gate.arm(f.kubernetes...)
}

// breakTransport spoils the connections to CertCentral, and its TLS.
func (r *run) breakTransport(ctx context.Context) error {
	f := r.plan.fault
	if f.flaw != "" || f.maxTLS != 0 {
		return r.serve(ctx, simulator.ServerOptions{Certificate: f.flaw, MaxTLS: f.maxTLS})
	}
	if f.wire != (simulator.WireFault{}) {
		return r.wire.Set(f.wire)
	}
	return nil
}

// serve replaces the server by one at the same address, whose authority the account trusts.
func (r *run) serve(ctx context.Context, o simulator.ServerOptions) (err error) {
	o.Address = r.server.Addr()
	if err := r.server.Close(); err != nil {
		return err
	}
	if r.server, err = simulator.NewServerWith(r.certcentral, o); err != nil {
		return err
	}
	r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"caBundle": r.server.CAPEM()}})
	return nil
}

// fill puts what is known of the first person into a body: {{id}}, {{fields}} of the user's JSON, the {{others}} without the id,
// the {{bare}} ones without the telephone, and the {{key}}.
func (r *run) fill(body string) string {
	without := func(name string) string {
		user := r.certcentral.User(r.people[0].id)
		delete(user, name)
		encoded, err := json.Marshal(user)
		r.must(err)
		return string(encoded[1 : len(encoded)-1])
	}
	return strings.NewReplacer("{{key}}", r.key, "{{id}}", strconv.FormatInt(r.people[0].id, 10),
		"{{fields}}", without(""), "{{others}}", without("id"), "{{bare}}", without("telephone")).Replace(body)
}

// endpoint is the URL of CertCentral by way of the wire.
func (r *run) endpoint() string { return r.wire.URL(r.server.URL()) }

// awaitStrike waits until the fault was felt: one that hits nothing tests nothing.
func (r *run) awaitStrike(ctx context.Context) {
	f := r.plan.fault
	if f.failpoint != "" {
		r.await(ctx, strikeWithin, "the failpoint to be reached", func() bool {
			return !isFile(r.operators.failpoint)
		})
		if strings.Contains(f.failpoint, ":kill:") {
			r.await(ctx, strikeWithin, "a successor", func() bool { return r.operators.succeeded() })
		}
	}
	if len(f.certcentral) > 0 {
		r.await(ctx, strikeWithin, "CertCentral's fault to strike", func() bool {
			return slices.ContainsFunc(r.certcentral.Faults(), func(a simulator.Armed) bool { return a.Used > 0 })
		})
	}
	if len(f.kubernetes) > 0 {
		r.await(ctx, strikeWithin, "the API server's fault to strike", func() bool { return r.gate.hits() > 0 })
	}
	if f.says != "" {
		r.await(ctx, strikeWithin, f.says, func() bool { return r.says(ctx, 0, f.says) })
	}
	if f.accountSays != "" {
		r.await(ctx, strikeWithin, "account: "+f.accountSays, func() bool { return r.accountSays(ctx, f.accountSays) })
	}
}

// struck tells whether any of the faults was felt.
func (r *run) struck() bool {
	f := r.plan.fault
	return f.failpoint != "" && !isFile(r.operators.failpoint) || r.gate.hits() > 0 ||
		slices.ContainsFunc(r.certcentral.Faults(), func(a simulator.Armed) bool { return a.Used > 0 })
}

func (r *run) heal(ctx context.Context) {
	if r.plan.fault.heal != nil {
		r.plan.fault.heal(ctx, r)
	}
	r.certcentral.ClearFaults()
	r.must(r.wire.Set(simulator.WireFault{}))
	if f := r.plan.fault; f.flaw != "" || f.maxTLS != 0 {
		r.must(r.serve(ctx, simulator.ServerOptions{}))
	}
	if !r.plan.fault.keepRules {
		r.certcentral.SetRules(simulator.Rules{RetryAfter: simulator.RetryAfterSeconds})
	}
	r.gate.heal()
}
