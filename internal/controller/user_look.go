package controller

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// look finds out who is meant and what CertCentral has of them now. A verdict says why it did not, or must not.
func (r *UserReconciler) look(ctx context.Context, user *v1alpha1.CertCentralUser, found *findings) (err error) {
	if user.Spec.Suspend {
		return r.suspended(ctx, user)
	}
	if found.access, found.mode, err = r.admit(ctx, user); err != nil {
		return err
	}
	if wait := r.retries.left(identityOf(user, found.access.client), r.Clock.Now()); wait > 0 {
		return &verdict{silent: true, after: wait}
	}
	lane := laneOf(user)
	if found.userID, err = r.identify(ctx, lane, user, found.access); err != nil {
		return err
	}
	if err = r.yield(ctx, user, found); err != nil {
		return err
	}
	if rested := r.rest(user, found); rested != nil {
		return rested
	}
	if mayWrite(user, found.access.account) {
		found.visit.MayWrite()
	}
	have, err := r.see(ctx, lane, user, found)
	if err != nil {
		return err
	}
	r.fullLooks.made(user, r.Clock.Now())
	r.Metrics.looked(user)
	found.complete(have)
	if pin := found.access.account.Spec.AccountID; pin != nil && have.AccountID != *pin {
		hold := mismatch(fmt.Sprintf("CertCentral user %d belongs to another CertCentral account than spec.accountID of account %s.",
			have.ID, found.access.key))
		hold.after = slowRecheck
		return hold
	}
	for _, part := range have.Unreadable {
		if r.Sessions.firstUnreadable(found.access.key, part) {
			ctrl.LoggerFrom(ctx).Info("A part of users can't be read, and is left out of their statuses.",
				"account", found.access.key.String(), "part", part, "userID", have.ID)
		}
	}
	found.have = have
	return r.yield(ctx, user, found)
}

// complete takes the account of the key for that of a user which CertCentral shows without one.
func (f *findings) complete(have *certcentral.User) {
	if have.AccountID == 0 {
		have.AccountID = f.access.accountID()
	}
}

// see looks at the user that was found. One that was looked up by its username, and was not found at the look before either, is looked
// up once more: the person may have been made anew, and is a stranger then.
func (r *UserReconciler) see(
	ctx context.Context, lane certcentral.Lane, user *v1alpha1.CertCentralUser, found *findings,
) (*certcentral.User, error) {
	have, err := found.access.client.GetUser(ctx, lane, found.userID)
	if certcentral.KindOf(err) != certcentral.NotFound || user.Spec.UserRef.Username == nil || !goneBefore(user, found.userID) {
		return have, err
	}
	id, lookup := found.access.client.FindUser(ctx, lane, *user.Spec.UserRef.Username)
	switch {
	case certcentral.KindOf(lookup) == certcentral.NotFound || id == found.userID:
		return nil, err
	case lookup != nil:
		return nil, lookup
	}
	found.replaced, found.userID = found.userID, id
	if err := r.yield(ctx, user, found); err != nil {
		return nil, err
	}
	return found.access.client.GetUser(ctx, lane, id)
}

// goneBefore tells whether the user with this id was not found at the look before.
func goneBefore(user *v1alpha1.CertCentralUser, id int64) bool {
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	return user.Status.UserID == id && ready != nil && ready.Reason == v1alpha1.ReasonUserNotFound
}

// mayWrite tells whether a look may lead to a write.
func mayWrite(user *v1alpha1.CertCentralUser, account *v1alpha1.CertCentralAccount) bool {
	mode := profile.Stricter(profile.Mode(user.Spec.Mode), profile.Mode(account.Spec.Mode))
	return mode.Writes(profile.Drift) ||
		mode.Writes(profile.SpecChange) && len(profile.Pending(declared(user.Spec.Profile), settledOf(user.Status.Settled))) > 0
}

// laneOf puts what a person waits for before polls.
func laneOf(user *v1alpha1.CertCentralUser) certcentral.Lane {
	asked := requested(user) || accepts(user) || acceptsRollback(user)
	if user.Generation != user.Status.ObservedGeneration || asked || untried(user) {
		return certcentral.Change
	}
	return certcentral.Poll
}

// untried tells whether something is declared that was neither seen in place nor tried yet: there is a verdict on this generation,
// but it is that nobody could look. In mode Observe nothing is going to be tried.
func untried(user *v1alpha1.CertCentralUser) bool {
	status := &user.Status
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || user.Spec.Suspend || profile.Mode(user.Spec.Mode) == profile.Observe ||
		status.Applied != nil && status.Applied.Generation == user.Generation ||
		status.Attempt != nil && status.Attempt.Generation == user.Generation {
		return false
	}
	switch ready.Reason {
	case v1alpha1.ReasonAccountNotReady, v1alpha1.ReasonAccountNotAllowed, v1alpha1.ReasonAccountMismatch, v1alpha1.ReasonConflict,
		v1alpha1.ReasonThrottled, v1alpha1.ReasonUnavailable, v1alpha1.ReasonBadResponse:
		return len(profile.Pending(declared(user.Spec.Profile), settledOf(status.Settled))) > 0
	}
	return false
}

// requested tells whether a person asked for a look that was not made yet.
func requested(user *v1alpha1.CertCentralUser) bool {
	value := user.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	return value != "" && value != user.Status.LastHandledReconcileAt
}

// identify returns the id of the user that is meant. A username is looked up once; from then on the id holds, until the resource
// refers to another account, or that has a key of another CertCentral account.
func (r *UserReconciler) identify(
	ctx context.Context, lane certcentral.Lane, user *v1alpha1.CertCentralUser, access *access,
) (int64, error) {
	if id := user.Spec.UserRef.ID; id != nil {
		return *id, nil
	}
	if known := user.Status.UsernameLookup; user.Status.UserID != 0 && (known == nil || sameLookup(*known, access)) {
		return user.Status.UserID, nil // one that is not on record was made by an earlier version
	}
	return access.client.FindUser(ctx, lane, *user.Spec.UserRef.Username)
}

// lookupBy is what is remembered of a look-up by username with this account.
func lookupBy(access *access) v1alpha1.UsernameLookup {
	return v1alpha1.UsernameLookup{Account: access.key.String(), KeyAccountID: access.accountID(), KeyUserID: access.owner.ID}
}

// sameLookup tells whether a username would be looked up in the same place as it was.
func sameLookup(known v1alpha1.UsernameLookup, access *access) bool {
	return known.Account == access.key.String() && known.KeyAccountID == access.accountID()
}

// suspended keeps Ready as it is, unless it may not be true of what is declared now.
func (r *UserReconciler) suspended(ctx context.Context, user *v1alpha1.CertCentralUser) error {
	hold := &verdict{reason: v1alpha1.ReasonSuspended, note: "Suspended: nothing is looked at or written until spec.suspend is false."}
	if user.Status.ObservedGeneration == user.Generation {
		if before := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady); before != nil && before.Reason == hold.reason {
			hold.note = before.Message
		}
		return hold
	}
	account := &v1alpha1.CertCentralAccount{}
	if err := r.Get(ctx, accountOf(user), account); client.IgnoreNotFound(err) != nil {
		return err
	}
	moved := account.Status.AccountID != user.Status.AccountID
	open := len(profile.Pending(declared(user.Spec.Profile), settledOf(user.Status.Settled))) > 0 ||
		slices.ContainsFunc(user.Status.Differences, func(d v1alpha1.Difference) bool {
			return profile.Mode(user.Spec.Mode).Writes(profile.Cause(d.Cause))
		})
	if moved || open {
		hold.ready, hold.inSync = metav1.ConditionUnknown, metav1.ConditionUnknown
		hold.note = "Suspended: what is declared is not known to be in place, and not applied until spec.suspend is false."
	}
	return hold
}

// same tells whether the user that was looked at is the one that the status speaks of.
func (f *findings) same(user *v1alpha1.CertCentralUser) bool {
	return user.Status.UserID == f.have.ID && user.Status.AccountID == f.have.AccountID
}

// settled returns the declared values that this very user was seen to satisfy.
func (f *findings) settled(user *v1alpha1.CertCentralUser) profile.Declared {
	if f.plan.Verb != "" {
		return f.plan.Settled
	}
	if !f.same(user) {
		return profile.Declared{}
	}
	return settledOf(user.Status.Settled)
}

// known tells whether a field that tells who this very user is was settled before.
func (f *findings) known(user *v1alpha1.CertCentralUser) bool {
	return f.plan.Known || user.Status.IdentityKnown && f.same(user)
}

// trusted tells whether it is known that the resource means this user: it was written before, or a person confirmed it.
func (f *findings) trusted(user *v1alpha1.CertCentralUser) bool {
	return f.written != nil ||
		user.Status.Applied != nil && f.same(user) ||
		user.Annotations[v1alpha1.AnnotationConfirmUser] == strconv.FormatInt(f.have.ID, 10)
}
