package controller

import (
	"context"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// SetupWithManager has the manager run the reconciler, concurrency users at a time.
func (r *UserReconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, progress *Progress, concurrency int) error {
	for field, index := range indexes {
		if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.CertCentralUser{}, field, index); err != nil {
			return err
		}
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("certcentraluser").
		Watches(&v1alpha1.CertCentralUser{}, enqueue(), builder.WithPredicates(declaredOrRequested())).
		Watches(&v1alpha1.CertCentralUser{}, wake(r.claimants), builder.WithPredicates(gaveUp())).
		Watches(&v1alpha1.CertCentralUser{}, r.statuses.watch()).
		Watches(&v1alpha1.CertCentralAccount{}, wake(r.usersOf), builder.WithPredicates(accountChanged())).
		WatchesRawSource(source.Channel(r.Sessions.opened, wake(r.usersOf))).
		WatchesRawSource(source.Channel(r.Sweeps.lapsed, wake(r.usersOf))).
		WatchesRawSource(source.Channel(r.Sweeps.tipped, wake(itself))).
		WithOptions(options("user", concurrency, limiter{&r.retries, r.Clock})).
		Complete(progress.Watch(r))
}

// SetupWithManager has the manager run the reconciler.
func (r *AccountReconciler) SetupWithManager(mgr ctrl.Manager, progress *Progress) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.CertCentralAccount{}, builder.WithPredicates(declaredOrRequested())).
		WatchesRawSource(source.Channel(r.Sessions.doubted, wake(itself))).
		WithOptions(options("account", accountConcurrency, limiter{&r.retries, r.Clock})).
		Complete(progress.Watch(r))
}

// SetupWithManager has the manager run the reconciler.
func (r *SweepReconciler) SetupWithManager(mgr ctrl.Manager, progress *Progress) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("sweep").
		For(&v1alpha1.CertCentralAccount{}, builder.WithPredicates(predicate.Or(declaredOrRequested(), accountChanged()))).
		Watches(&v1alpha1.CertCentralUser{}, delayed(recount, accountsOf), builder.WithPredicates(counted())).
		WatchesRawSource(source.Channel(r.Sessions.ready, wake(itself))).
		WithOptions(options("sweep", sweepConcurrency, limiter{&r.retries, r.Clock})).
		Complete(progress.Watch(r))
}

const (
	// accountConcurrency and sweepConcurrency are how many accounts are opened and swept at a time: those that are slow or dead must
	// not keep others waiting.
	accountConcurrency, sweepConcurrency = 64, 64
	// recount is how long after a change an account's users are counted again, once for all changes until then.
	recount = 2 * time.Second
)

// options are those of both controllers. Log lines name the object by kind and name, once.
func options(kind string, concurrency int, retries limiter) controller.Options {
	return controller.Options{
		LogConstructor: func(req *reconcile.Request) logr.Logger {
			if req == nil {
				return ctrl.Log.WithValues("controller", kind)
			}
			return ctrl.Log.WithValues(kind, req.String())
		},
		MaxConcurrentReconciles: concurrency,
		RateLimiter:             retries,
		ReconciliationTimeout:   reconcileTimeout,
		UsePriorityQueue:        ptr.To(true),
	}
}

// itself maps an object to itself.
func itself(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(object)}}
}

// accountsOf maps a user to its account.
func accountsOf(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: accountOf(object.(*v1alpha1.CertCentralUser))}}
}

// counted lets pass what changes the counts of an account's users.
func counted() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.CertCentralUser), e.ObjectNew.(*v1alpha1.CertCentralUser)
			return before.Spec.AccountRef != after.Spec.AccountRef || inSync(before) != inSync(after)
		},
	}
}

// inSync tells whether the live profile satisfies the declared one, as far as is known of the present generation.
func inSync(user *v1alpha1.CertCentralUser) metav1.ConditionStatus {
	condition := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionInSync)
	if condition == nil || condition.ObservedGeneration != user.Generation {
		return metav1.ConditionUnknown
	}
	return condition.Status
}

// indexes are the fields that users are listed by, spelled as the API server's selectable fields.
var indexes = map[string]client.IndexerFunc{
	fieldAccount: func(o client.Object) []string {
		return []string{o.(*v1alpha1.CertCentralUser).Spec.AccountRef.Name}
	},
	fieldRefID: func(o client.Object) []string {
		return idIndex(ptr.Deref(o.(*v1alpha1.CertCentralUser).Spec.UserRef.ID, 0))
	},
	fieldRefName: func(o client.Object) []string {
		if name := o.(*v1alpha1.CertCentralUser).Spec.UserRef.Username; name != nil {
			return []string{*name}
		}
		return nil
	},
	fieldUserID: func(o client.Object) []string {
		return idIndex(o.(*v1alpha1.CertCentralUser).Status.UserID)
	},
}

func idIndex(id int64) []string {
	if id == 0 {
		return nil
	}
	return []string{strconv.FormatInt(id, 10)}
}

// usersOf maps an account to the users that refer to it.
func (r *UserReconciler) usersOf(ctx context.Context, account client.Object) []reconcile.Request {
	key := client.ObjectKeyFromObject(account)
	users, err := referring(ctx, r.Client, key)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "users not woken; they look again by themselves", "account", key)
		return nil
	}
	var requests []reconcile.Request
	for _, user := range users {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(user)})
	}
	return requests
}

// referring lists the users that refer to an account, from whatever namespace. They are the cache's, and not to be changed.
func referring(ctx context.Context, cache client.Reader, account types.NamespacedName) ([]*v1alpha1.CertCentralUser, error) {
	list := &v1alpha1.CertCentralUserList{}
	if err := cache.List(ctx, list, client.MatchingFields{fieldAccount: account.Name}, client.UnsafeDisableDeepCopy,
		client.DisableReadYourWritesConsistency); err != nil {
		return nil, err
	}
	var users []*v1alpha1.CertCentralUser
	for i := range list.Items {
		if accountOf(&list.Items[i]) == account {
			users = append(users, &list.Items[i])
		}
	}
	return users, nil
}

// declaredOrRequested lets pass what a person changed: the spec, or one of the annotations that ask for something.
func declaredOrRequested() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return true },
		DeleteFunc:  func(event.DeleteEvent) bool { return true },
		GenericFunc: func(event.GenericEvent) bool { return true },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
			for _, name := range []string{
				v1alpha1.AnnotationReconcileRequestedAt, v1alpha1.AnnotationConfirmUser,
				v1alpha1.AnnotationAcceptRollback, v1alpha1.AnnotationAcceptUnexpectedChange,
			} {
				if before[name] != after[name] {
					return true
				}
			}
			return false
		},
	})
}

// refusedByAccount tells whether the user's account was seen not to allow its namespace.
func refusedByAccount(user *v1alpha1.CertCentralUser) bool {
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonAccountNotAllowed
}

// accountChanged lets pass what makes a difference to an account's users.
func accountChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return concernsUsers(e.ObjectOld.(*v1alpha1.CertCentralAccount), e.ObjectNew.(*v1alpha1.CertCentralAccount))
		},
	}
}

// concernsUsers tells whether an account's users have to look again.
func concernsUsers(before, after *v1alpha1.CertCentralAccount) bool {
	return before.UID != after.UID || before.Generation != after.Generation ||
		before.Annotations[v1alpha1.AnnotationAcceptRollback] != after.Annotations[v1alpha1.AnnotationAcceptRollback] ||
		before.Status.ObservedGeneration != after.Status.ObservedGeneration ||
		before.Status.AccountID != after.Status.AccountID ||
		refusal(before) != refusal(after)
}

// refusal is why an account can't be used, as far as its status tells; "" when it can, or nobody knows.
func refusal(account *v1alpha1.CertCentralAccount) string {
	ready := meta.FindStatusCondition(account.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionFalse {
		return ""
	}
	return ready.Reason
}

// gaveUp lets pass what may make a CertCentral user another resource's: a claimant is gone, means somebody else now, declares
// something else, may not use its account, or says that the user is not its own, or is after all.
func gaveUp() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.CertCentralUser), e.ObjectNew.(*v1alpha1.CertCentralUser)
			return before.UID != after.UID || before.Generation != after.Generation ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				before.Status.UserID != 0 && before.Status.UserID != after.Status.UserID ||
				before.Status.AccountID != 0 && before.Status.AccountID != after.Status.AccountID ||
				refusedByAccount(before) != refusedByAccount(after) || conflicted(before) && !conflicted(after)
		},
	}
}
