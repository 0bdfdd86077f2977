package gitops

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const (
	available   = "Available: The API key is accepted for CertCentral account "
	unavailable = "Unavailable: CertCentral can't be reached, or fails: "
	badResponse = "BadResponse: CertCentral"
	keyRefused  = "KeyRefused: CertCentral refuses the API key: put a valid one into the Secret"
)

// accountSituations are those of a CertCentralAccount.
var accountSituations = []situation{
	{"is available", current(available), func(ctx context.Context, s *stage) object { return s.open(ctx, ``) }},
	{"is available in mode ReportDrift", current(available), func(ctx context.Context, s *stage) object { return s.open(ctx, `mode: ReportDrift`) }},
	{"is available in mode Observe", current(available), func(ctx context.Context, s *stage) object { return s.open(ctx, `mode: Observe`) }},
	{"is the one that it is pinned to", current(available), func(ctx context.Context, s *stage) object {
		return s.open(ctx, fmt.Sprintf(`accountID: %d`, s.accountID))
	}},
	{"is open to some namespaces", current(available), func(ctx context.Context, s *stage) object {
		return s.open(ctx, `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: tls}}}`)
	}},
	{"was looked at because a person asked", current(available), func(ctx context.Context, s *stage) object {
		return s.look(ctx, s.open(ctx, ``))
	}},
	{"was changed", current(available), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.open(ctx, `{mode: Observe, interval: 1h}`)
	}},
	{"has a key that may not list service users", current(available), func(ctx context.Context, s *stage) object {
		s.fault(simulator.Match{Path: "/user/api-only"}, forbidden)
		return s.open(ctx, ``)
	}},
	{"is available after an outage", current(available), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, down)
		account := s.await(ctx, s.account(ctx, ``), "Unknown Unavailable")
		s.ClearFaults()
		return s.await(ctx, account, "True Available")
	}},
	{"is being deleted", terminating(), func(ctx context.Context, s *stage) object { return s.remove(ctx, s.open(ctx, ``)) }},

	{"has no Secret", inProgress("SecretNotReady: Secret nowhere does not exist in namespace "), func(ctx context.Context, s *stage) object {
		return s.await(ctx, s.account(ctx, `apiKeySecretRef: {name: nowhere}`), "False SecretNotReady")
	}},
	{"has lost its Secret", inProgress("SecretNotReady: Secret certcentral does not exist in namespace "), func(ctx context.Context, s *stage) object {
		account := s.open(ctx, ``)
		s.setSecret(ctx, nil)
		s.annotate(ctx, account, v1alpha1.AnnotationReconcileRequestedAt, "1")
		return s.await(ctx, account, "False SecretNotReady")
	}},
	{"has a Secret without the key", inProgress("SecretNotReady: Secret certcentral has no key devkey."), func(ctx context.Context, s *stage) object {
		return s.await(ctx, s.account(ctx, `apiKeySecretRef: {name: certcentral, key: devkey}`), "False SecretNotReady")
	}},
	{"has a Secret with something else", inProgress("SecretNotReady: Secret certcentral, key api-key: "), func(ctx context.Context, s *stage) object {
		account := s.open(ctx, ``)
		s.setSecret(ctx, map[string]string{"api-key": "two words"})
		s.annotate(ctx, account, v1alpha1.AnnotationReconcileRequestedAt, "1")
		return s.await(ctx, account, "False SecretNotReady")
	}},

	{"may not be reached by this operator", failed("EndpointNotAllowed: The operator does not send API keys to "), func(ctx context.Context, s *stage) object {
		other := strings.Replace(s.server.URL(), "127.0.0.1", "localhost", 1)
		return s.await(ctx, s.account(ctx, `endpoint: `+other), "False EndpointNotAllowed")
	}},
	{"has certificates that can't be read", failed("InvalidSpec: The account can't be used as it is declared: "), func(ctx context.Context, s *stage) object {
		return s.await(ctx, s.account(ctx, `caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==`), "False InvalidSpec")
	}},
	{"has a key that CertCentral does not know", failed(keyRefused), func(ctx context.Context, s *stage) object {
		s.Expect(s.RevokeKey(s.key)).To(Succeed())
		return s.await(ctx, s.account(ctx, ``), "False KeyRefused")
	}},
	{"has a key that was revoked", failed(keyRefused), func(ctx context.Context, s *stage) object {
		account := s.open(ctx, ``)
		s.Expect(s.RevokeKey(s.key)).To(Succeed())
		return s.look(ctx, account)
	}},
	{"has the key of another account than pinned", failed("AccountMismatch: The API key belongs to CertCentral account "), func(ctx context.Context, s *stage) object {
		return s.await(ctx, s.account(ctx, `accountID: 4711`), "False AccountMismatch")
	}},
	{"has a key that may not even look", failed("Forbidden: The API key may not do this"), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, forbidden)
		return s.await(ctx, s.account(ctx, ``), "False Forbidden")
	}},

	{"is throttled", inProgress("Throttled: CertCentral's request limit for this API key is reached."), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, throttled)
		return s.await(ctx, s.account(ctx, ``), "Unknown Throttled")
	}},
	{"can't be asked", inProgress(unavailable), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, down)
		return s.await(ctx, s.account(ctx, ``), "Unknown Unavailable")
	}},
	{"can't be asked any more", inProgress(unavailable), func(ctx context.Context, s *stage) object {
		account := s.open(ctx, ``)
		s.fault(aQuestion, down)
		s.annotate(ctx, account, v1alpha1.AnnotationReconcileRequestedAt, "1")
		return s.await(ctx, account, "Unknown Unavailable")
	}},
	{"gets no answer", inProgress(unavailable), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, cut)
		return s.await(ctx, s.account(ctx, ``), "Unknown Unavailable")
	}},
	{"is answered by somebody whom nobody vouches for", inProgress(unavailable), func(ctx context.Context, s *stage) object {
		return s.await(ctx, s.account(ctx, `caBundle: null`), "Unknown Unavailable")
	}},
	{"is answered by a proxy", inProgress(badResponse), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, page)
		return s.await(ctx, s.account(ctx, ``), "Unknown BadResponse")
	}},
	{"has no key user", inProgress(badResponse), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, simulator.Do{Status: http.StatusNotFound})
		return s.await(ctx, s.account(ctx, ``), "Unknown BadResponse")
	}},
}

const unlooked = "Waits for the operator to look at generation "

// unseen are situations before an operator runs.
var unseen = []situation{
	{"account", inProgress(unlooked + "1."), func(ctx context.Context, s *stage) object { return s.account(ctx, ``) }},
	{"user", inProgress(unlooked + "1."), func(ctx context.Context, s *stage) object { return s.user(ctx, another) }},
	{"suspended user", inProgress(unlooked + "1."), func(ctx context.Context, s *stage) object { return s.user(ctx, `suspend: true`) }},
	{"changed user", inProgress(unlooked + "2."), func(ctx context.Context, s *stage) object {
		s.user(ctx, asIs)
		return s.user(ctx, another)
	}},
	{"user that is being deleted", terminating(), func(ctx context.Context, s *stage) object { return s.remove(ctx, s.user(ctx, asIs)) }},
}

// outdate changes what every situation left behind, while the operator can't look.
func outdate(t *testing.T, casts ...cast) {
	g := NewWithT(t)
	for _, m := range slices.Concat(casts...) {
		if m.judged == nil {
			continue // it was not asked for
		}
		c := m.earth.Client
		before := read(t.Context(), g, c, m.judged)
		mode := "Observe"
		if before.Object["spec"].(map[string]any)["mode"] == mode {
			mode = "ReportDrift"
		}
		g.Expect(c.Patch(t.Context(), before.DeepCopy(), client.RawPatch(mergePatch, fmt.Appendf(nil, `{"spec": {"mode": %q}}`, mode)))).To(Succeed())
		live := read(t.Context(), g, c, before)
		g.Expect(live.GetGeneration()).To(Equal(before.GetGeneration()+1), m.name)
		want := inProgress(fmt.Sprintf("%s%d.", unlooked, live.GetGeneration()))
		if m.kstatus == status.TerminatingStatus {
			want = terminating()
		}
		m.earth.expectVerdict(g, live, want)
	}
}
