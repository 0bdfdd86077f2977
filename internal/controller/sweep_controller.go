package controller

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// SweepReconciler walks through the lists of users of the accounts that are open, once per interval, and has those looked at whom
// a list shows other than their status. It counts an account's users for its status. It never looks at a user, nor writes one.
type SweepReconciler struct {
	client.Client // reads from the cache, writes statuses
	Sessions      *Sessions
	Sweeps        *Sweeps
	Events        events.EventRecorder
	Metrics       *Metrics
	Clock         clock.PassiveClock

	retries retries

	mu    sync.Mutex
	known map[types.NamespacedName]*sweep
}

// sweep is what is remembered of an account's walks. One reconcile at a time has it.
type sweep struct {
	client    *certcentral.Client
	since     time.Time // when it was first used
	walk      *walk     // under way; nil between two
	due       time.Time // when the next one begins
	requested string    // the last request for one that was acted on
	whole     time.Time // when the latest one that came to its end began
	total     int       // users of the account, as far as the latest page told: what a walk costs
	told      time.Time // when it did
	users     int       // that the latest whole walk came upon
	odd       oddities
	counts    pace
	state     v1alpha1.SweepState
}

// Reconcile goes on with an account's walk, as far as it gets, and reports.
func (r *SweepReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	account := &v1alpha1.CertCentralAccount{}
	if err := r.Get(ctx, req.NamespacedName, account); err != nil || !account.DeletionTimestamp.IsZero() {
		if client.IgnoreNotFound(err) == nil {
			r.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	managed, err := referring(ctx, r.Client, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	s := r.of(req.NamespacedName)
	open := r.Sessions.get(req.NamespacedName, account)
	if open == nil {
		s.walk = nil // one that is taken up again would be judged by the time that it lay about
	} else {
		r.Metrics.uses(req.NamespacedName, open.client)
		err = r.sweep(ctx, account, open, managed, s)
	}
	return r.report(ctx, account, open, managed, s, err)
}

// sweep goes on with the walk through the account, or begins one that is due. An error keeps it where it is.
func (r *SweepReconciler) sweep(
	ctx context.Context, account *v1alpha1.CertCentralAccount, open *session, managed []*v1alpha1.CertCentralUser, s *sweep,
) error {
	now, requested := r.Clock.Now(), account.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	if s.client != open.client {
		*s = sweep{client: open.client, since: now, odd: oddities{}}
	}
	more := s.state == v1alpha1.SweepSingle && !r.Sweeps.Off && !fewer(len(managed), s.total)
	if s.late(now, account) {
		r.tooSlow(account, s, len(managed))
	}
	if s.walk == nil && now.Before(s.due) && requested == s.requested && !more {
		return nil
	}
	if requested != s.requested || now.Sub(s.told) > account.Spec.FullInterval.Duration {
		s.total = 0 // it may have been wrong, or be so by now
	}
	if wait := r.retries.left(identityOf(account, open.client), now); wait > 0 {
		return &certcentral.Error{Kind: certcentral.Deferred, RetryAfter: wait}
	}
	s.requested = requested
	if s.walk == nil {
		s.walk = &walk{Walk: open.client.Walk(), begun: now, vouched: make(map[int64]time.Time, len(managed))}
	}
	s.walk.managed = byUser(managed)
	for !s.walk.Done() {
		if r.Sweeps.Off || fewer(len(managed), s.total) {
			r.alone(account, s, v1alpha1.SweepSingle, now.Add(jittered(account.Spec.Interval.Duration)))
			return nil
		}
		if why := tooLong(account, s.total); why != "" {
			r.alone(account, s, why, now.Add(max(slowRecheck, account.Spec.Interval.Duration)))
			return nil
		}
		if err := r.step(ctx, account, s); err != nil {
			return r.failed(account, open, s, len(managed), err)
		}
	}
	if err := r.end(ctx, account, managed, s); err != nil {
		return r.failed(account, open, s, len(managed), err)
	}
	return nil
}

// step reads one page of the list.
func (r *SweepReconciler) step(ctx context.Context, account *v1alpha1.CertCentralAccount, s *sweep) error {
	rows := 0
	err := s.walk.Next(ctx, certcentral.Sweep, func(row certcentral.Row) {
		rows++
		for _, user := range s.walk.managed[row.ID] {
			r.meet(ctx, user, &row, s)
		}
	})
	if err != nil {
		return err
	}
	s.total, s.told = s.walk.Total(), r.Clock.Now()
	r.Metrics.swept(client.ObjectKeyFromObject(account), rows)
	return nil
}

// meet compares a row with the resource of its user.
func (r *SweepReconciler) meet(ctx context.Context, user *v1alpha1.CertCentralUser, row *certcentral.Row, s *sweep) {
	news := compare(row, &user.Status, r.Clock.Now())
	if notShown(user) {
		news = essential
	}
	if news == noNews {
		delete(s.odd, row.ID)
		r.vouch(user, row, s)
		return
	}
	times := s.odd.met(row)
	if news == aside && times == 1 || times > habit {
		r.vouch(user, row, s)
	}
	if times <= habit {
		r.Sweeps.tell(ctx, client.ObjectKeyFromObject(user), &tip{row: *row, full: news == essential || times > 1})
	}
}

// vouch takes a row for a look at its user, at the time at which its page was read.
func (r *SweepReconciler) vouch(user *v1alpha1.CertCentralUser, row *certcentral.Row, s *sweep) {
	s.walk.vouched[row.ID] = r.Clock.Now()
	r.Metrics.looked(user)
}

// end makes a walk that came to its end count, and has those looked at whom it no longer came upon.
func (r *SweepReconciler) end(
	ctx context.Context, account *v1alpha1.CertCentralAccount, managed []*v1alpha1.CertCentralUser, s *sweep,
) error {
	key, walk := client.ObjectKeyFromObject(account), s.walk
	if before := r.Sweeps.of(key, s.client); before.works(r.Clock.Now()) {
		var gone []*v1alpha1.CertCentralUser
		for id := range before.users {
			if !walk.Has(id) {
				gone = append(gone, walk.managed[id]...)
			}
		}
		if len(gone) > len(before.users)/2 {
			s.walk = nil
			return errIncomplete
		}
		for _, user := range gone {
			r.Sweeps.tell(ctx, client.ObjectKeyFromObject(user), &tip{full: true})
		}
	}
	interval := account.Spec.Interval.Duration
	r.Sweeps.set(key, &coverage{
		client: s.client, begun: walk.begun, users: walk.vouched, counts: lapse * interval, every: fullInterval(account, len(managed), s.total),
	})
	s.state, s.whole, s.users, s.walk = v1alpha1.SweepSwept, walk.begun, walk.Total(), nil
	s.odd.keep(walk.managed)
	s.due = walk.begun.Add(jittered(interval))
	if now := r.Clock.Now(); s.due.Sub(now) < now.Sub(walk.begun)/2 {
		s.due = now.Add(now.Sub(walk.begun) / 2) // looks at single users need room too
	}
	return nil
}

// failed says what becomes of a walk that a page failed. Where the list can't be had, users are looked at alone.
func (r *SweepReconciler) failed(
	account *v1alpha1.CertCentralAccount, open *session, s *sweep, managed int, err error,
) error {
	now, interval := r.Clock.Now(), account.Spec.Interval.Duration
	if doubtsKey(err) {
		r.Sessions.doubt(client.ObjectKeyFromObject(account), open.client)
	}
	if s.walk != nil && s.walk.Endless() {
		r.alone(account, s, v1alpha1.SweepTooLong, now.Add(max(slowRecheck, interval)))
		return nil
	}
	switch certcentral.KindOf(err) {
	case certcentral.KeyRefused:
		s.walk = nil
		r.Sessions.refuse(client.ObjectKeyFromObject(account), open, now)
		return nil
	case certcentral.Forbidden, certcentral.NotFound, certcentral.Rejected:
		r.alone(account, s, v1alpha1.SweepRefused, now.Add(max(slowRecheck, interval)))
		return nil
	case certcentral.Unavailable, certcentral.BadResponse:
		if s.overdue(now, interval) {
			begun := s.walk
			r.alone(account, s, v1alpha1.SweepFailing, now)
			s.walk = begun
		}
	case certcentral.Deferred, certcentral.Throttled:
		var failure *certcentral.Error
		if errors.As(err, &failure) && s.late(now.Add(failure.RetryAfter), account) {
			r.tooSlow(account, s, managed)
			return nil
		}
	default: // no time to send it now
	}
	return err
}

// overdue tells whether users have waited long enough for a walk that fails: until the one before vouches for them no more, or, where
// there was none, a little.
func (s *sweep) overdue(now time.Time, interval time.Duration) bool {
	if s.whole.IsZero() {
		return now.Sub(s.since) > firstWalk
	}
	return now.Sub(s.whole) > lapse*interval
}

// late tells whether the walk under way will have taken longer at that time than a walk vouches for anybody.
func (s *sweep) late(at time.Time, account *v1alpha1.CertCentralAccount) bool {
	return s.walk != nil && at.Sub(s.walk.begun) > lapse*account.Spec.Interval.Duration
}

// tooSlow gives up a walk that takes too long, for a while in which everybody can be looked at alone. One whose list can't be read
// has them looked at already, and begins anew.
func (r *SweepReconciler) tooSlow(account *v1alpha1.CertCentralAccount, s *sweep, managed int) {
	now := r.Clock.Now()
	if s.state == v1alpha1.SweepFailing {
		s.walk, s.due = nil, now
		return
	}
	r.alone(account, s, v1alpha1.SweepTooSlow, now.Add(nextTry(account, managed)))
}

// alone has each user of the account looked at alone, until a walk that is due then.
func (r *SweepReconciler) alone(account *v1alpha1.CertCentralAccount, s *sweep, why v1alpha1.SweepState, due time.Time) {
	s.state, s.walk, s.due = why, nil, due
	r.Sweeps.set(client.ObjectKeyFromObject(account), &coverage{client: s.client})
}

// of returns what is remembered of an account.
func (r *SweepReconciler) of(account types.NamespacedName) *sweep {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[types.NamespacedName]*sweep{}
	}
	if r.known[account] == nil {
		r.known[account] = &sweep{}
	}
	return r.known[account]
}

func (r *SweepReconciler) forget(account types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, account)
	r.retries.succeeds(account)
	r.Sweeps.forgetAccount(account)
}
