package faults

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// secretPlans spoil the API key, and what holds it.
func secretPlans() (list []plan) {
	add := func(name string, f fault) {
		list = append(list, plan{group: "secrets", name: name, workload: change, fault: f, sample: strings.HasPrefix(name, "of another") || strings.HasPrefix(name, "rotated")})
	}
	const notReady = "SecretNotReady: Ready=False"
	spoilt := func(data func(r *run) map[string]string) fault {
		return fault{
			strike: func(ctx context.Context, r *run) { r.setSecret(ctx, data(r)); r.requestAccount(ctx) },
			says:   saysNotReady, accountSays: notReady,
			heal: func(ctx context.Context, r *run) { r.setSecret(ctx, map[string]string{"api-key": r.key}) },
		}
	}
	add("missing", fault{
		strike: func(ctx context.Context, r *run) {
			r.must(r.Client.Delete(ctx, &corev1.Secret{ObjectMeta: r.meta("key")}))
			r.requestAccount(ctx)
		},
		says: saysNotReady, accountSays: notReady,
		heal: func(ctx context.Context, r *run) {
			r.must(r.Client.Create(ctx, &corev1.Secret{ObjectMeta: r.meta("key"), StringData: map[string]string{"api-key": r.key}}))
		},
	})
	for name, text := range map[string]func(r *run) string{
		"empty":                 func(*run) string { return "" },
		"a line break inside":   func(r *run) string { return r.key[:8] + "\n" + r.key[8:] },
		"control characters":    func(r *run) string { return "\x00\x1b" + r.key },
		"two line breaks after": func(r *run) string { return r.key + "\n\n" },
		"1 MiB less a little":   func(*run) string { return strings.Repeat("k", 1<<20-1000) },
	} {
		add(name, spoilt(func(r *run) map[string]string { return map[string]string{"api-key": text(r)} }))
	}
	add("under another name", spoilt(func(r *run) map[string]string { return map[string]string{"apikey": r.key} }))
	add("a line break after it", fault{strike: func(ctx context.Context, r *run) {
		r.setSecret(ctx, map[string]string{"api-key": r.key + "\n"})
		r.requestAccount(ctx)
	}})
	add("rotated during a PUT", fault{certcentral: put(simulator.Do{Hang: true, Apply: true}), meanwhile: func(ctx context.Context, r *run) {
		r.awaitPut(ctx)
		r.rotateKey(ctx)
	}})
	add("revoked, and replaced a while later", fault{
		strike: func(_ context.Context, r *run) { r.must(r.certcentral.RevokeKey(r.key)) },
		says:   saysNotReady, accountSays: saysKeyRefused, lasts: 20 * time.Second,
		heal: func(ctx context.Context, r *run) { r.badKeyRests(ctx); r.replaceKey(ctx) }, within: 70 * time.Second,
	})
	add("of another account, with a pin", fault{
		strike: func(ctx context.Context, r *run) {
			r.patch(ctx, r.account(), map[string]any{"spec": map[string]any{"accountID": simulator.Account}})
			r.await(ctx, strikeWithin, "the pin", func() bool { return r.accountSays(ctx, "Available") })
			r.foreignKey(ctx)
		},
		says: "AccountMismatch: Ready=False InSync=Unknown Stalled=True", accountSays: "AccountMismatch: Ready=False Stalled=True",
		heal: func(ctx context.Context, r *run) {
			r.setSecret(ctx, map[string]string{"api-key": r.key})
			r.requestAccount(ctx)
		},
	})
	add("of another account, without a pin", fault{
		strike: func(ctx context.Context, r *run) { r.foreignKey(ctx) },
		says:   saysNotFound, asked: true,
		heal: func(ctx context.Context, r *run) {
			r.setSecret(ctx, map[string]string{"api-key": r.key})
			r.requestAccount(ctx)
			r.await(ctx, strikeWithin, "the key", func() bool { return r.accountID(ctx) == simulator.Account })
		},
	})
	add("in a namespace that is not allowed", fault{strike: strangerDeclares, heal: strangerGetsNothing})
	return list
}

// replaceKey puts a new key into the Secret.
func (r *run) replaceKey(ctx context.Context) {
	r.key = newKey()
	r.keys = append(r.keys, r.key)
	r.must(r.certcentral.AddKey(simulator.Key{Key: r.key, UserID: keyOwner}))
	r.setSecret(ctx, map[string]string{"api-key": r.key})
}

// foreignKey puts the key of another account into the Secret.
func (r *run) foreignKey(ctx context.Context) {
	key := newKey()
	r.keys = append(r.keys, key)
	r.must(r.certcentral.AddUser(keyOwner+1, map[string]any{"account_id": simulator.Account + 1}))
	r.must(r.certcentral.AddKey(simulator.Key{Key: key, UserID: keyOwner + 1, AccountID: simulator.Account + 1}))
	r.setSecret(ctx, map[string]string{"api-key": key})
	r.requestAccount(ctx)
}

// badKeyRests checks that a key known to be bad is not used again within a minute.
func (r *run) badKeyRests(context.Context) {
	bad := r.certcentral.Calls().Where(func(c simulator.Call) bool { return c.Status == 403 })
	for i := 1; i < len(bad); i++ {
		// What was under way when the key was refused may be refused with it.
		if gap := bad[i].Time.Sub(bad[0].Time); gap > 5*time.Second && gap < 54*time.Second {
			r.violate("P4", "%s %s after the key was refused", bad[i], gap)
		}
	}
}

// strangerDeclares declares the person from a namespace that the account does not allow.
func strangerDeclares(ctx context.Context, r *run) {
	stranger := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "stranger-" + strings.ToLower(rand.Text()[:8])}}
	r.must(r.Client.Create(ctx, stranger))
	r.stranger = stranger.Name
	r.must(r.certcentral.AddUser(strangerID, nil))
	r.must(r.Client.Create(ctx, &v1alpha1.CertCentralUser{
		ObjectMeta: metav1.ObjectMeta{Namespace: stranger.Name, Name: "stranger"},
		Spec: v1alpha1.CertCentralUserSpec{
			AccountRef: v1alpha1.AccountRef{Name: "account", Namespace: r.namespace}, UserRef: v1alpha1.UserRef{ID: new(int64(strangerID))},
			Profile: v1alpha1.Profile{JobTitle: new("stranger")},
		},
	}))
}

const strangerID = 8

// strangerGetsNothing expects not one request for the stranger.
func strangerGetsNothing(ctx context.Context, r *run) {
	user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: r.stranger, Name: "stranger"}}
	r.await(ctx, strikeWithin, "the stranger to be refused", func() bool {
		return r.Client.Get(ctx, client.ObjectKeyFromObject(user), user) == nil && strings.HasPrefix(conditionsOf(user.Status.Conditions), "AccountNotAllowed")
	})
	r.must(r.Client.Delete(ctx, user))
	if calls := r.certcentral.Calls().Where(func(c simulator.Call) bool { return c.User == strangerID }); len(calls) > 0 {
		r.violate("P3", "%s for a namespace that is not allowed", calls[0])
	}
}
