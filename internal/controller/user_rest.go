package controller

import (
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// firstWalk is how soon a user asks again whether the first walk through its account has come to anything.
const firstWalk = time.Minute

// rest returns the verdict on a user that need not be looked at now: the walks through the account vouch that it still is as the
// status has it, and that is judged anew. It returns nil where only a look will do: for what a person waits for, for what is not
// settled, after a tip, when the full look is due, and whenever there is something to write.
func (r *UserReconciler) rest(user *v1alpha1.CertCentralUser, found *findings) error {
	if laneOf(user) == certcentral.Change || found.hearsay || !settledAs(user, found) {
		return nil
	}
	if found.tip != nil && found.tip.full {
		return nil
	}
	covered := r.Sweeps.await(found.access.key, found.access.client)
	if covered == nil {
		wait := &verdict{silent: true, after: firstWalk}
		if found.tip != nil {
			wait.after = recount // the walk that it comes from is about to end
		}
		return wait
	}
	seen := r.fullLooks.last(user, r.Clock.Now())
	left := r.untilFullLook(user, seen, covered.vouches(found.userID, seen, r.Clock.Now()))
	if left <= 0 {
		return nil
	}
	found.have = remembered(user)
	found.decide(user)
	found.have = nil
	if found.plan.Verb != profile.Keep && found.plan.Verb != profile.Report {
		found.plan = profile.Plan{}
		return nil
	}
	found.rested = true
	v := judge(user, *found, r.Clock.Now(), nil)
	v.after = time.Duration(float64(left) / (1 - jitter)) // of which the queue takes some
	if byLabels(found.access.account, user.Namespace) {
		v.after = min(v.after, found.access.account.Spec.Interval.Duration) // nobody tells when a namespace loses its label
	}
	return v
}

// untilFullLook returns how long a user, last seen then, may go on without a look that has one every so often; 0 or less when it is
// due. Users that were looked at together don't come back together.
func (r *UserReconciler) untilFullLook(user *v1alpha1.CertCentralUser, seen time.Time, every time.Duration) time.Duration {
	if every == 0 || seen.IsZero() {
		return 0
	}
	spread := fnv.New32a()
	_, _ = spread.Write([]byte(user.UID))
	_, _ = spread.Write([]byte(seen.UTC().String()))
	share := 0.5 + 0.5*float64(spread.Sum32())/(1<<32)
	return seen.Add(time.Duration(share * float64(every))).Sub(r.Clock.Now())
}

// settledAs tells whether the status has a verdict on this very user, of a look at it that found it as declared, or as reported.
func settledAs(user *v1alpha1.CertCentralUser, found *findings) bool {
	status := &user.Status
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || status.Profile == nil || status.UserID != found.userID || status.AccountID == 0 {
		return false
	}
	if pin := found.access.account.Spec.AccountID; pin != nil && status.AccountID != *pin {
		return false
	}
	switch ready.Reason {
	case v1alpha1.ReasonInSync, v1alpha1.ReasonUpdated, v1alpha1.ReasonDriftReported:
		return true
	}
	return false
}

// remembered is the user as the status has it.
func remembered(user *v1alpha1.CertCentralUser) *certcentral.User {
	p := user.Status.Profile
	have := &certcentral.User{ID: user.Status.UserID, AccountID: user.Status.AccountID, Profile: certcentral.Profile{
		Username: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email, JobTitle: p.JobTitle, Telephone: p.Telephone,
	}}
	if p.SAMLSSOOnly != nil {
		have.Profile.SAMLSSOOnly = *p.SAMLSSOOnly
	}
	return have
}
