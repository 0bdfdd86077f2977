package controller

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// Fields that users are listed by: from the cache through an index, from the API server as selectable fields.
const (
	fieldAccount = "spec.accountRef.name"
	fieldRefID   = "spec.userRef.id"
	fieldRefName = "spec.userRef.username"
	fieldUserID  = "status.userID"
)

// yield returns a verdict if an older resource, of those that match, owns the same CertCentral user. Nobody asks CertCentral for
// that. One that refers to the user by username counts from the beginning, whether it was looked up already or not.
func (r *UserReconciler) yield(
	ctx context.Context, user *v1alpha1.CertCentralUser, found *findings, matches ...client.MatchingFields,
) error {
	rivals, err := r.rivals(ctx, user, matches...)
	if err != nil {
		return err
	}
	owner := user
	for i := range rivals {
		if r.contends(&rivals[i], found) && older(&rivals[i], owner) {
			owner = &rivals[i]
		}
	}
	if owner == user {
		return nil
	}
	return &verdict{
		reason: v1alpha1.ReasonConflict, ready: metav1.ConditionFalse, inSync: metav1.ConditionUnknown, phase: stalled,
		note: fmt.Sprintf("CertCentral user %d is owned by the older resource %s: delete one of the two.",
			found.userID, client.ObjectKeyFromObject(owner)),
		after: found.access.account.Spec.Interval.Duration,
	}
}

// rivals lists the other resources that match any of the fields, in whatever account. They are the cache's, and not to be changed.
func (r *UserReconciler) rivals(
	ctx context.Context, user *v1alpha1.CertCentralUser, matches ...client.MatchingFields,
) ([]v1alpha1.CertCentralUser, error) {
	var rivals []v1alpha1.CertCentralUser
	for _, match := range matches {
		list := &v1alpha1.CertCentralUserList{}
		if err := r.List(ctx, list, match, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			return nil, err
		}
		for _, other := range list.Items {
			if other.UID != user.UID {
				rivals = append(rivals, other)
			}
		}
	}
	return rivals, nil
}

// contends tells whether a rival is a user of the same CertCentral account, and may be.
func (r *UserReconciler) contends(rival *v1alpha1.CertCentralUser, found *findings) bool {
	another := rival.Status.UserID != 0 && rival.Status.UserID != found.userID
	if another || !rival.DeletionTimestamp.IsZero() || refusedByAccount(rival) {
		return false
	}
	key := accountOf(rival)
	if key == found.access.key {
		return true
	}
	id := r.Sessions.accountID(key)
	if id == 0 {
		id = rival.Status.AccountID
	}
	return id == found.access.accountID()
}

// refusedByAccount tells whether the user's account does not allow its namespace.
func refusedByAccount(user *v1alpha1.CertCentralUser) bool {
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonAccountNotAllowed
}

// older orders by age, then namespace, then name.
func older(a, b *v1alpha1.CertCentralUser) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return client.ObjectKeyFromObject(a).String() < client.ObjectKeyFromObject(b).String()
}

// losers maps a user to the resources that wait for it to give up the same CertCentral user.
func (r *UserReconciler) losers(ctx context.Context, object client.Object) []reconcile.Request {
	user, ok := object.(*v1alpha1.CertCentralUser)
	if !ok {
		return nil
	}
	id := user.Status.UserID
	if ref := user.Spec.UserRef.ID; ref != nil {
		id = *ref
	}
	is := strconv.FormatInt(id, 10)
	rivals, err := r.rivals(ctx, user, client.MatchingFields{fieldRefID: is}, client.MatchingFields{fieldUserID: is})
	if err != nil {
		return nil // they look again by themselves
	}
	var requests []reconcile.Request
	for i := range rivals {
		if ready := meta.FindStatusCondition(rivals[i].Status.Conditions, v1alpha1.ConditionReady); ready != nil &&
			ready.Reason == v1alpha1.ReasonConflict {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&rivals[i])})
		}
	}
	return requests
}
