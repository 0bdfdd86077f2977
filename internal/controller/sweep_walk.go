package controller

import (
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

const (
	// lapse is how many intervals a walk vouches for: when the next ones fail, users are looked at alone again.
	lapse = 3
	// few users are looked at alone: in full each time, for about the price of a walk.
	few = 20
)

// errIncomplete is of a list that most users are suddenly missing from: it says more about the list than about them.
var errIncomplete = errors.New("the list of users lacks most of those it had")

// walk is a walk under way.
type walk struct {
	*certcentral.Walk
	begun   time.Time
	managed map[int64][]*v1alpha1.CertCentralUser // by CertCentral user; they are the cache's, and not to be changed
	vouched map[int64]time.Time                   // when the list showed them as their statuses have them
}

// byUser sorts the resources to which what the list shows matters by the CertCentral user that they mean.
func byUser(managed []*v1alpha1.CertCentralUser) map[int64][]*v1alpha1.CertCentralUser {
	users := make(map[int64][]*v1alpha1.CertCentralUser, len(managed))
	for _, user := range managed {
		if id := meant(user); id != 0 && concerned(user) {
			users[id] = append(users[id], user)
		}
	}
	return users
}

// meant is the id of the CertCentral user that a resource means; 0 as long as nobody knows.
func meant(user *v1alpha1.CertCentralUser) int64 {
	return ptr.Deref(user.Spec.UserRef.ID, user.Status.UserID)
}

// concerned tells whether what the list shows matters to a resource: not to one that nobody looks at, and not to one that is
// about to be looked at anyway.
func concerned(user *v1alpha1.CertCentralUser) bool {
	ready := ptr.Deref(meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady), metav1.Condition{})
	return !user.Spec.Suspend && laneOf(user) == certcentral.Poll &&
		ready.Reason != v1alpha1.ReasonConflict && ready.Reason != v1alpha1.ReasonAccountNotAllowed
}

// fewer tells whether it costs less to look at each managed user alone than to walk through all there are.
func fewer(managed, total int) bool {
	return managed <= few || managed <= 2*certcentral.Pages(total)
}

// fullInterval is how often each user of a swept account is looked at in full: as the account says, or so often that it takes,
// with the walks, no more than half of the budget.
func fullInterval(account *v1alpha1.CertCentralAccount, managed, total int) time.Duration {
	perMinute := float64(account.Spec.Budget.RequestsPerMinute)
	walks := float64(certcentral.Pages(total)) / account.Spec.Interval.Minutes()
	looks := max(perMinute/2-walks, perMinute/10)
	return max(account.Spec.FullInterval.Duration, account.Spec.Interval.Duration, time.Duration(float64(managed)/looks*float64(time.Minute)))
}

// tooLong returns why a list of so many users is not to be read; "" when it may be.
func tooLong(account *v1alpha1.CertCentralAccount, total int) v1alpha1.SweepState {
	pages := certcentral.Pages(total)
	if total > certcentral.MaxUsers {
		return v1alpha1.SweepTooLong
	}
	if float64(pages) > lapse*account.Spec.Interval.Minutes()*float64(account.Spec.Budget.RequestsPerMinute) {
		return v1alpha1.SweepTooSlow
	}
	return ""
}

// nextTry is when a walk that was too slow is tried again: once everybody could be looked at alone.
func nextTry(account *v1alpha1.CertCentralAccount, managed int) time.Duration {
	all := time.Duration(float64(managed) / float64(account.Spec.Budget.RequestsPerMinute) * float64(time.Minute))
	return max(min(all, slowRecheck), lapse*account.Spec.Interval.Duration)
}

// safeInterval is the shortest interval at which looking at everybody takes no more than half of the budget.
func safeInterval(account *v1alpha1.CertCentralAccount, calls int) time.Duration {
	half := float64(account.Spec.Budget.RequestsPerMinute) / 2
	return max(time.Minute, time.Duration(float64(calls)/half*float64(time.Minute)).Round(time.Second))
}
