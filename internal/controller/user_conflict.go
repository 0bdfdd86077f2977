package controller

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// Fields that users are listed by: from the cache through an index, from the API server as selectable fields.
const (
	fieldAccount = "spec.accountRef.name"
	fieldRefID   = "spec.userRef.id"
	fieldRefName = "spec.userRef.username"
	fieldUserID  = "status.userID"
)

const (
	// conflictRecheck is how soon a conflict that is news is looked at once more: the other one may have gone meanwhile.
	conflictRecheck = time.Second
	// maxNamed is how many resources a message names.
	maxNamed = 3
)

// yield returns a verdict unless the CertCentral user is this resource's. Nobody asks CertCentral for that, unless only the live profile
// can tell. One that refers to the user by username counts from the beginning, whether it was looked up already or not.
func (r *UserReconciler) yield(ctx context.Context, user *v1alpha1.CertCentralUser, found *findings) error {
	claims, err := r.claims(ctx, user, found)
	if err != nil {
		return err
	}
	last, name := r.owners.of(found.persons(user)), client.ObjectKeyFromObject(user)
	judged := ownerOf(claims, last, found.live())
	switch {
	case judged.unknown:
		return nil // the look tells
	case judged.owner == nil:
		err = found.conflict(user, disputedNote(found.userID, name, claims, judged.disputed))
	case judged.owner.name != name:
		err = found.conflict(user, ownedNote(found.userID, judged.owner.name)+" delete one of the two.")
	default:
		former := former(claims, last)
		overwrites := found.have != nil && !profile.Satisfied(claims[0].declared, found.have.Profile)
		if former == "" || !overwrites {
			return nil
		}
		if left := r.owners.await(user.UID, r.Clock.Now()); left > 0 {
			return formerOwner(found.userID, former, left)
		}
		return nil
	}
	r.owners.stop(user.UID)
	return err
}

// former returns who had the user before the first claimant and is not there now; "" when that is nobody: as this process remembers,
// or where it remembers nothing, as the claimant's own status tells.
func former(claims []claim, last types.NamespacedName) string {
	name := claims[0].names
	if last.Name != "" {
		name = last.String()
	}
	if slices.ContainsFunc(claims, func(c claim) bool { return c.name.String() == name }) {
		return ""
	}
	return name
}

// ownedNote begins what a claimant says of a user that another one owns. By it the owner is known again after a restart.
func ownedNote(userID int64, owner types.NamespacedName) string {
	return ownedBy(userID) + owner.String() + ":"
}

func ownedBy(userID int64) string { return fmt.Sprintf("CertCentral user %d is owned by ", userID) }

// ownerIn returns the owner that the message of a conflict names; "" when it names none.
func ownerIn(message string, userID int64) string {
	rest, found := strings.CutPrefix(message, ownedBy(userID))
	name, _, ended := strings.Cut(rest, ":")
	if !found || !ended {
		return ""
	}
	return name
}

// disputedNote says who else claims a user that is nobody's.
func disputedNote(userID int64, self types.NamespacedName, claims []claim, disputed []profile.Field) string {
	var names []string
	for _, c := range claims {
		if c.name != self {
			names = append(names, c.name.String())
		}
	}
	slices.Sort(names)
	more := ""
	if len(names) > maxNamed {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", len(names)-maxNamed)
	}
	return fmt.Sprintf("CertCentral user %d is also declared by %s%s, with another %s, and nothing tells whose it is: nothing is written "+
		"until all but one are deleted, or they agree.", userID, strings.Join(names, ", "), more, strings.Join(profile.Names(disputed), ", "))
}

// conflict says that the user is not this resource's. What is news is looked at once more soon.
func (f *findings) conflict(user *v1alpha1.CertCentralUser, note string) error {
	v := &verdict{
		reason: v1alpha1.ReasonConflict, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
		note: note, after: f.access.account.Spec.Interval.Duration,
	}
	if !conflicted(user) {
		v.after = conflictRecheck
	}
	return v
}

// formerOwner says that a user is about to be taken over.
func formerOwner(userID int64, last string, left time.Duration) error {
	return &verdict{
		reason: v1alpha1.ReasonConflict, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: retrying,
		note: fmt.Sprintf("CertCentral user %d was owned by %s, which is gone: it is taken over unless that comes back within %s.",
			userID, last, takeOverAfter),
		after: left,
	}
}

// live is the profile of the last look; nil when there was none.
func (f *findings) live() *certcentral.Profile {
	if f.have == nil {
		return nil
	}
	return &f.have.Profile
}

// persons are what the user that was found is remembered by: its id in the account of the key, and in its own one.
func (f *findings) persons(user *v1alpha1.CertCentralUser) []personKey {
	accounts := []int64{f.access.accountID()}
	if f.have != nil {
		accounts = append(accounts, f.have.AccountID)
	} else if user.Status.UserID == f.userID && user.Status.AccountID != 0 {
		accounts = append(accounts, user.Status.AccountID)
	}
	slices.Sort(accounts)
	var keys []personKey
	for _, account := range slices.Compact(accounts) {
		keys = append(keys, personKey{account: account, user: f.userID})
	}
	return keys
}

// claims are this resource's claim to the user that was found, which comes first, and those of all others in the running.
func (r *UserReconciler) claims(ctx context.Context, user *v1alpha1.CertCentralUser, found *findings) ([]claim, error) {
	rivals, err := r.rivals(ctx, user, found.matches()...)
	if err != nil {
		return nil, err
	}
	persons := found.persons(user)
	claims := []claim{claimOf(user, persons)}
	judged := standings{}
	for i := range rivals {
		rival := &rivals[i]
		if !rival.DeletionTimestamp.IsZero() || !found.meantBy(rival) {
			continue
		}
		how, err := r.standing(ctx, rival, judged)
		if err != nil {
			return nil, err
		}
		if how.outside || !how.meets(rival, found, persons) {
			continue
		}
		c := claimOf(rival, persons)
		c.waits = how.waits
		claims = append(claims, c)
	}
	return claims, nil
}

// matches are the fields by which others that mean the same user are found.
func (f *findings) matches() []client.MatchingFields {
	id := strconv.FormatInt(f.userID, 10)
	matches := []client.MatchingFields{{fieldRefID: id}, {fieldUserID: id}}
	if f.have != nil {
		matches = append(matches, client.MatchingFields{fieldRefName: f.have.Profile.Username})
	}
	return matches
}

// meantBy tells whether a rival means the same user id, or a username that was not looked up yet.
func (f *findings) meantBy(rival *v1alpha1.CertCentralUser) bool {
	if id := rival.Spec.UserRef.ID; id != nil {
		return *id == f.userID
	}
	return rival.Status.UserID == 0 || rival.Status.UserID == f.userID
}

// claimOf is the claim that a resource has to a user, by what it declares and by what its status tells of this very user.
func claimOf(user *v1alpha1.CertCentralUser, persons []personKey) claim {
	c := claim{
		name: client.ObjectKeyFromObject(user), created: user.CreationTimestamp.Time, declared: declared(user.Spec.Profile),
	}
	status := &user.Status
	if !slices.Contains(persons, personKey{account: status.AccountID, user: status.UserID}) {
		return c
	}
	switch ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); {
	case conflicted(user):
		c.lost, c.names = true, ownerIn(ready.Message, status.UserID)
	case ready != nil && ready.Reason == v1alpha1.ReasonIdentityMismatch:
		c.owned = status.Applied != nil // what fits by chance proves nothing of a person that is not meant
	default:
		c.owned = status.Settled != nil || status.Applied != nil || ready != nil && owning(ready.Reason)
	}
	return c
}

// owning tells whether only the owner of a user can have this verdict on it.
func owning(reason string) bool {
	switch reason {
	case v1alpha1.ReasonInSync, v1alpha1.ReasonUpdated, v1alpha1.ReasonDriftReported, v1alpha1.ReasonNotAccepted,
		v1alpha1.ReasonRejected, v1alpha1.ReasonForbidden, v1alpha1.ReasonRolledBack:
		return true
	}
	return false
}

// conflicted tells whether the user's verdict is that it is not its own.
func conflicted(user *v1alpha1.CertCentralUser) bool {
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonConflict
}

// rivals lists the other resources that match any of the fields, each once, in whatever account. They are the cache's, and not to
// be changed.
func (r *UserReconciler) rivals(
	ctx context.Context, user *v1alpha1.CertCentralUser, matches ...client.MatchingFields,
) ([]v1alpha1.CertCentralUser, error) {
	var rivals []v1alpha1.CertCentralUser
	seen := map[types.UID]bool{user.UID: true}
	for _, match := range matches {
		list := &v1alpha1.CertCentralUserList{}
		if err := r.List(ctx, list, match, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			return nil, err
		}
		for _, other := range list.Items {
			if !seen[other.UID] {
				seen[other.UID] = true
				rivals = append(rivals, other)
			}
		}
	}
	return rivals, nil
}

// claimants maps a user that gave up, or changed, its claim to all others that may mean the same CertCentral user. What their statuses
// say does not matter: a verdict from before may be on its way.
func (r *UserReconciler) claimants(ctx context.Context, object client.Object) []reconcile.Request {
	user, ok := object.(*v1alpha1.CertCentralUser)
	if !ok {
		return nil
	}
	var matches []client.MatchingFields
	for _, id := range []int64{ptr.Deref(user.Spec.UserRef.ID, 0), user.Status.UserID} {
		if id != 0 {
			is := strconv.FormatInt(id, 10)
			matches = append(matches, client.MatchingFields{fieldRefID: is}, client.MatchingFields{fieldUserID: is})
		}
	}
	names := []string{ptr.Deref(user.Spec.UserRef.Username, "")}
	if user.Status.Profile != nil {
		names = append(names, user.Status.Profile.Username)
	}
	for _, name := range slices.Compact(names) {
		if name != "" {
			matches = append(matches, client.MatchingFields{fieldRefName: name})
		}
	}
	rivals, err := r.rivals(ctx, user, matches...)
	if err != nil {
		return nil // they look again by themselves
	}
	var requests []reconcile.Request
	for i := range rivals {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&rivals[i])})
	}
	return requests
}
