package faults

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// decoy is a host that is not on the list. It counts who comes.
type decoy struct {
	net.Listener
	visits atomic.Int64
}

// openDecoy opens a host that nobody may come to, which faults name as {{decoy}}.
func openDecoy(_ context.Context, r *run) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	r.decoy = &decoy{Listener: listener}
	go func() {
		for {
			visitor, err := listener.Accept()
			if err != nil {
				return
			}
			r.decoy.visits.Add(1)
			_ = visitor.Close()
		}
	}()
}

func closeDecoy(_ context.Context, r *run) {
	_ = r.decoy.Close()
	if visits := r.decoy.visits.Load(); visits > 0 {
		r.violate("P7", "%d connections to a host that is not on the list", visits)
	}
}

// oddEndpoints are URLs that one reader or another may take for the decoy's. Its port is PORT, that of the endpoint allowed ALLOWED.
var oddEndpoints = []string{
	"https://127.0.0.1:PORT/services/v2", "http://127.0.0.1:PORT/services/v2", "http://127.0.0.1:ALLOWED/services/v2", "https://localhost:PORT/services/v2",
	"https://2130706433:PORT/services/v2", "https://0x7f000001:PORT/services/v2", "https://0177.0.0.1:PORT/services/v2", "https://127.1:PORT/services/v2",
	"https://[::ffff:127.0.0.1]:PORT/services/v2", "https://[::1]:PORT/services/v2", "https://0:PORT/services/v2",
	"https://127.0.0.1:ALLOWED@127.0.0.1:PORT/services/v2", "https://key@127.0.0.1:PORT/services/v2", "https://127.0.0.1:ALLOWED#@127.0.0.1:PORT/services/v2",
	"https://127.0.0.1:ALLOWED\\@127.0.0.1:PORT/services/v2", "https://127.0.0.1:PORT?127.0.0.1:ALLOWED/services/v2", "https://127.0.0.1:PORT#127.0.0.1:ALLOWED/services/v2",
	"https://127.0.0.1:ALLOWED.localhost:PORT/services/v2", "https://127.0.0.1.localhost:PORT/services/v2", "https://127.0.0.1%3APORT/services/v2",
	"https://127.0.0.1:ALLOWED/services/v2/../../..//127.0.0.1:PORT", "https://127.0.0.1:ALLOWED/services/v2/%2e%2e", "https://127.0.0.1:ALLOWED/services/./v2",
	"https://127.0.0.1:ALLOWED/other", "https://127.0.0.1:ALLOWED/services/v2x", "https://127.0.0.1:ALLOWED/services/v2/user", "https://127.0.0.1:0PORT/services/v2",
	"//127.0.0.1:PORT/services/v2", "file:///etc/passwd", "HTTPS://127.0.0.1:PORT/services/v2", "https://127.0.0.1:PORT/services/v2\n", " https://127.0.0.1:PORT",
}

// endpointPlans have accounts name endpoints that are not on the list.
func endpointPlans() []plan {
	return []plan{{group: "endpoints", name: "odd URLs", workload: change, sample: true, fault: fault{strike: openDecoy, meanwhile: declareOdd, heal: closeDecoy}}}
}

// declareOdd declares accounts with the run's key. Each is refused, by the API server or by the operator.
func declareOdd(ctx context.Context, r *run) {
	replace := strings.NewReplacer("ALLOWED", portOf(r.wire.Addr()), "PORT", portOf(r.decoy.Addr().String()))
	declared := 0
	for i, odd := range oddEndpoints {
		account := &v1alpha1.CertCentralAccount{ObjectMeta: r.meta(fmt.Sprintf("odd-%d", i)), Spec: v1alpha1.CertCentralAccountSpec{
			Endpoint: replace.Replace(odd), CABundle: r.server.CAPEM(), APIKeySecretRef: v1alpha1.SecretKeyRef{Name: "key"},
		}}
		err := r.Client.Create(ctx, account)
		if apierrors.IsInvalid(err) {
			continue
		}
		r.must(err)
		declared++
		r.await(ctx, strikeWithin, account.Spec.Endpoint+" to be refused", func() bool {
			return r.Client.Get(ctx, client.ObjectKeyFromObject(account), account) == nil &&
				strings.HasPrefix(conditionsOf(account.Status.Conditions), "EndpointNotAllowed: Ready=False Stalled=True")
		})
	}
	if declared == 0 {
		r.violate("run", "the API server takes none of them, so the operator was not asked")
	}
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
