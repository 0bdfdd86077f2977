package faults

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// transportPlans break what lies between the operator and CertCentral.
func transportPlans() (list []plan) {
	add := func(name string, f fault) {
		list = append(list, plan{group: "transport", name: name, workload: change, fault: f, sample: f.wire.Refuse || f.flaw != ""})
	}
	add("refused", fault{wire: simulator.WireFault{Refuse: true}, says: saysUnavailable})
	add("black hole, for all", fault{wire: simulator.WireFault{BlackHole: true}, says: saysUnavailable})
	add("reset in the handshake, to the client", fault{wire: simulator.WireFault{ResetToClient: 100}, says: saysUnavailable})
	add("reset in the handshake, to the server", fault{wire: simulator.WireFault{ResetToServer: 100}, says: saysUnavailable})
	for _, count := range []int{1500, 1700, 1900} {
		add(fmt.Sprintf("reset after %d bytes to the server", count), fault{wire: simulator.WireFault{ResetToServer: count}, lasts: 5 * time.Second})
	}
	for _, method := range []string{"GET", "PUT"} {
		name := map[string]string{"GET": " a look", "PUT": " a write"}[method]
		for _, do := range []struct {
			name string
			simulator.Do
		}{
			{"FIN in place of the answer to", simulator.Do{Drop: true}},
			{"reset before the answer to", simulator.Do{Reset: simulator.ResetAnswer}},
			{"reset in the header of", simulator.Do{Reset: simulator.ResetHeader}},
			{"no answer to", simulator.Do{Hang: true}},
			{"a header in drips to", simulator.Do{Drip: simulator.Duration(time.Second)}},
		} {
			add(do.name+name, fault{certcentral: on(method, do.Do), says: saysUnavailable})
		}
		for _, do := range []struct {
			name string
			simulator.Do
		}{
			{"applied, FIN in place of the answer to", simulator.Do{Apply: true, Drop: true}},
			{"applied, reset before the answer to", simulator.Do{Apply: true, Reset: simulator.ResetAnswer}},
			{"applied, reset in the header of", simulator.Do{Apply: true, Reset: simulator.ResetHeader}},
			{"applied, no answer to", simulator.Do{Apply: true, Hang: true}},
		} {
			if method == "PUT" {
				add(do.name+name, fault{certcentral: put(do.Do)})
			}
		}
	}
	add("reset in the body of a look", fault{certcentral: on("GET", simulator.Do{Reset: simulator.ResetBody}), says: saysUnavailable})
	add("the body of a look ends in the middle", fault{certcentral: on("GET", simulator.Do{Malform: simulator.Cut}), says: saysUnavailable})
	add("a body in drips to a look", fault{certcentral: on("GET", simulator.Do{DripBody: simulator.Duration(time.Second)}), says: saysUnavailable})
	add("a dead connection that was kept", fault{strike: func(ctx context.Context, r *run) {
		r.request(ctx, 0) // there is one, which idles
		r.await(ctx, strikeWithin, "a connection", func() bool { return r.wire.Conns() > 0 })
		r.must(r.wire.Set(simulator.WireFault{BlackHole: true}))
	}, says: saysUnavailable})
	for _, flaw := range []simulator.Flaw{simulator.Expired, simulator.OtherHost, simulator.OtherAuthority} {
		add("certificate: "+string(flaw), fault{flaw: flaw, says: saysPending, accountSays: "Unavailable: Ready=Unknown"})
	}
	add("TLS 1.1", fault{maxTLS: tls.VersionTLS11, says: saysPending, accountSays: "Unavailable: Ready=Unknown"})
	for status := range 9 {
		if code := 300 + status; code != 306 {
			add(fmt.Sprintf("redirected by %d", code), fault{certcentral: everywhere(simulator.Do{
				Status: code, Headers: map[string]string{"Location": "{{decoy}}"},
			}), says: saysBadResponse, strike: openDecoy, heal: closeDecoy})
		}
	}
	return append(list, plan{group: "transport", name: "black hole for 10 %", workload: people60, fault: fault{
		certcentral: []simulator.Fault{{Match: simulator.Match{Method: "GET", Every: 10, Nth: 5}, Do: simulator.Do{Hang: true}}},
		meanwhile:   healthyGoOn, within: 2 * time.Minute, asFast: true,
	}})
}
