package controller

import (
	"context"
	"slices"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// keyRecheck is how often an account's Secret is read, and at most how often a refused key is tried.
const keyRecheck = time.Minute

// AccountReconciler opens CertCentral accounts for their users, and closes them while they must not be used.
type AccountReconciler struct {
	client.Client               // reads from the cache, writes statuses
	Live          client.Reader // reads Secrets by name from the API server; they are never cached
	Sessions      *Sessions
	Sweeps        *Sweeps
	Events        events.EventRecorder
	Metrics       *Metrics
	Clock         clock.PassiveClock
	// Endpoints that an API key may be sent to.
	Endpoints []certcentral.Endpoint
	// UserAgent that CertCentral sees.
	UserAgent string

	retries retries
}

// Reconcile reads an account's key, has CertCentral tell whose it is when that is due, and reports.
func (r *AccountReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	account := &v1alpha1.CertCentralAccount{}
	if err := r.Get(ctx, req.NamespacedName, account); err != nil || !account.DeletionTimestamp.IsZero() {
		if client.IgnoreNotFound(err) == nil {
			r.Sessions.forget(req.NamespacedName)
			r.Sessions.resets.forget(req.NamespacedName)
			r.retries.succeeds(req.NamespacedName)
			r.Metrics.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := r.Sessions.get(req.NamespacedName, account)
	current, err := r.look(ctx, account)
	opened := err == nil && (before == nil || before.client != current.client)
	return r.report(ctx, account, current, opened, err)
}

// look returns the account's session, which is open unless an error says why not.
func (r *AccountReconciler) look(ctx context.Context, account *v1alpha1.CertCentralAccount) (*session, error) {
	key := client.ObjectKeyFromObject(account)
	current, err := r.connect(ctx, account)
	if err != nil {
		return nil, err
	}
	if err := r.ask(ctx, account, current); err != nil {
		return current, err
	}
	if pin := account.Spec.AccountID; pin != nil && current.accountID() != *pin {
		r.Sessions.hold(key, current)
		return current, mismatched(current.accountID())
	}
	r.Sessions.admit(key, current)
	return current, nil
}

// connect returns a session for the account as it is declared now: the one there is, if it still fits, else one whose key
// CertCentral has not seen yet. An account that can't be connected as declared is closed.
func (r *AccountReconciler) connect(ctx context.Context, account *v1alpha1.CertCentralAccount) (*session, error) {
	key := client.ObjectKeyFromObject(account)
	endpoint, err := certcentral.ParseEndpoint(account.Spec.Endpoint)
	if err != nil || !slices.Contains(r.Endpoints, endpoint) {
		r.Sessions.forget(key)
		return nil, endpointNotAllowed(account.Spec.Endpoint)
	}
	secret, err := r.readKey(ctx, account)
	if err != nil {
		if _, isVerdict := err.(*verdict); isVerdict { //nolint:errorlint // made by readKey itself, never wrapped
			r.Sessions.forget(key)
		}
		return nil, err
	}
	next := &session{connection: connection{endpoint, secret.Fingerprint(), string(account.Spec.CABundle)}}
	budget := r.Sessions.Budgets.Use(key.String(), secret, certcentral.Limits{
		PerMinute: int(account.Spec.Budget.RequestsPerMinute), Burst: int(account.Spec.Budget.Burst),
	})
	if last := r.Sessions.last(key); last != nil && last.uid == account.UID && last.connection == next.connection {
		*next = *last
	} else if next.client, err = certcentral.New(certcentral.Config{
		Endpoint: endpoint, Key: secret, Budget: budget, Places: r.Sessions.Places, CABundle: account.Spec.CABundle,
		UserAgent: r.UserAgent, Observe: r.Metrics.observer(key),
	}); err != nil {
		r.Sessions.forget(key)
		return nil, invalid(err)
	}
	next.uid, next.generation = account.UID, account.Generation
	return next, nil
}

// ask has CertCentral tell whose key it is, when that is due: for a new key, once per interval (once per fullInterval where the
// account is swept), when a person asks, and for a refused key once a minute.
func (r *AccountReconciler) ask(ctx context.Context, account *v1alpha1.CertCentralAccount, current *session) error {
	now, key := r.Clock.Now(), client.ObjectKeyFromObject(account)
	wait, doubted := account.Spec.Interval.Duration, r.Sessions.inDoubt(key, current.client)
	switch {
	case current.refused:
		wait = keyRecheck
	case doubted:
		wait = 0
	case r.Sweeps.of(key, current.client).works(now):
		wait = max(wait, account.Spec.FullInterval.Duration) // each walk tells that the key is good
	}
	if due := current.askedAt.Add(wait); now.Before(due) && !accountRequested(account) {
		if current.refused {
			return keyRefused(due.Sub(now))
		}
		if current.services == nil {
			r.askServices(ctx, certcentral.Poll, current)
		}
		return nil
	}
	if wait := r.retries.left(identityOf(account, current.client), now); wait > 0 {
		return &verdict{silent: true, after: wait}
	}
	lane := certcentral.Poll
	if account.Generation != account.Status.ObservedGeneration || accountRequested(account) || current.owner == nil || doubted {
		lane = certcentral.Change
	}
	owner, err := current.client.GetMe(ctx, lane)
	kind := certcentral.KindOf(err)
	if doubtsKey(err) {
		if doubted || current.refused { // a 401 once more, and now about the key alone
			kind = certcentral.KeyRefused
		}
		r.Sessions.suspect(key, current.client)
	}
	switch kind {
	case "":
		r.Sessions.assure(key)
		current.owner, current.askedAt, current.refused = owner, now, false
		r.askServices(ctx, lane, current)
		return nil
	case certcentral.KeyRefused:
		current.askedAt, current.refused = now, true
		r.Sessions.hold(key, current)
		return keyRefused(keyRecheck)
	default:
		return err
	}
}

// askServices reads which users are service users. A key that may not see the list knows of none: CertCentral itself then
// refuses what can't be written.
func (r *AccountReconciler) askServices(ctx context.Context, lane certcentral.Lane, current *session) {
	services, err := current.client.ServiceUserIDs(ctx, lane)
	switch certcentral.KindOf(err) {
	case "":
		current.services = services
		return
	case certcentral.Forbidden, certcentral.NotFound, certcentral.Rejected:
		current.services = map[int64]struct{}{}
	default: // what is known stays, and what isn't is asked for again soon
	}
	ctrl.LoggerFrom(ctx).V(1).Info("service users not read", "cause", err.Error())
}
