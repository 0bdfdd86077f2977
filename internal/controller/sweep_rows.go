package controller

import (
	"encoding/json"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// news is what a row tells that a status does not have.
type news int

const (
	noNews    news = iota
	aside          // a sign-in, a role, the user's status: written into the status without a look
	essential      // something of the profile, or what can't be told from a row: a full look decides
)

// compare tells what is news in a row.
func compare(row *certcentral.Row, status *v1alpha1.CertCentralUserStatus, now time.Time) news {
	have, p := status.Profile, row.Profile
	switch {
	case row.Partial || have == nil || status.UserID != row.ID,
		clip(p.Username) != have.Username, clip(p.FirstName) != have.FirstName, clip(p.LastName) != have.LastName,
		clip(p.Email) != have.Email, clip(p.JobTitle) != have.JobTitle, clip(p.Telephone) != have.Telephone,
		row.SAMLSSOOnly != nil && (have.SAMLSSOOnly == nil || *row.SAMLSSOOnly != *have.SAMLSSOOnly),
		row.ContainerID != 0 && couldRead(status, userContainer) && (status.Container == nil || status.Container.ID != row.ContainerID):
		return essential
	case signedIn(row, status, now), otherStatus(row, status), otherRoles(row, status):
		return aside
	}
	return noNews
}

// notShown tells whether the latest look at a user was refused, as if there were none.
func notShown(user *v1alpha1.CertCentralUser) bool {
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && (ready.Reason == v1alpha1.ReasonUserNotFound || ready.Reason == v1alpha1.ReasonForbidden && ready.Status == metav1.ConditionUnknown)
}

// signedIn tells whether a row has a later sign-in. An earlier one, or none, is a list that lags or lacks it. Nobody signed in ahead
// of now.
func signedIn(row *certcentral.Row, status *v1alpha1.CertCentralUserStatus, now time.Time) bool {
	return !row.LastLogin.IsZero() && couldRead(status, lastLoginTime) && !row.LastLogin.After(now) &&
		row.LastLogin.Unix() > notAhead(now, status.LastLoginTime).Unix()
}

// What a look at the user could not read is not taken from a row either: the next full look would take it out again.

func otherStatus(row *certcentral.Row, status *v1alpha1.CertCentralUserStatus) bool {
	return row.Status != "" && couldRead(status, userStatus) && clip(row.Status) != status.UserStatus
}

func otherRoles(row *certcentral.Row, status *v1alpha1.CertCentralUserStatus) bool {
	return row.Roles != nil && couldRead(status, userRoles) && !sameRoles(row.Roles, status.Roles)
}

// sameRoles compares ids, in whatever order, of as many as a status has: the casing of names differs between pages.
func sameRoles(have []certcentral.Role, known []v1alpha1.Role) bool {
	return min(len(have), maxEntries) == len(known) && !slices.ContainsFunc(known, func(k v1alpha1.Role) bool {
		return !slices.ContainsFunc(have, func(h certcentral.Role) bool { return h.ID == k.ID })
	})
}

// observeRow writes into a status what a row tells aside.
func observeRow(status *v1alpha1.CertCentralUserStatus, row *certcentral.Row, now time.Time) {
	if signedIn(row, status, now) {
		status.LastLoginTime = &metav1.Time{Time: row.LastLogin}
	}
	if otherStatus(row, status) {
		status.UserStatus = clip(row.Status)
	}
	if otherRoles(row, status) {
		status.Roles = roles(row.Roles)
	}
}

// habit is how many walks in a row must show the same row, with nothing found behind it, before it is taken for the way in which
// the list spells that user. A row that lags behind a write has caught up by then.
const habit = 3

// oddities are the rows that go on telling news although a look finds none, by user.
type oddities map[int64]oddity

type oddity struct {
	sum   uint64 // of the row
	times int    // how many walks in a row had it
}

var seed = maphash.MakeSeed()

// keep drops what is remembered of users that nobody has a resource for any more.
func (o oddities) keep(managed map[int64][]*v1alpha1.CertCentralUser) {
	maps.DeleteFunc(o, func(id int64, _ oddity) bool { return len(managed[id]) == 0 })
}

// met counts a row with news, and returns how many times in a row it came as it is.
func (o oddities) met(row *certcentral.Row) int {
	spelled, _ := json.Marshal(row)
	last, sum := o[row.ID], maphash.Bytes(seed, spelled)
	if last.sum != sum {
		last = oddity{sum: sum}
	}
	last.times++
	o[row.ID] = last
	return last.times
}
