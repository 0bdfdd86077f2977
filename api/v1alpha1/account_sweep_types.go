package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SweepState says how an account's users are looked at.
type SweepState string

// How an account's users are looked at.
const (
	// all of them in the list of users, and alone only where that shows news
	SweepSwept SweepState = "Swept"
	// each alone: they are so few that it costs no more
	SweepSingle SweepState = "Single"
	// each alone: the API key may not list users
	SweepRefused SweepState = "Refused"
	// each alone: the list can't be read at present
	SweepFailing SweepState = "Failing"
	// each alone: a walk through the list can't be finished within three intervals at this budget
	SweepTooSlow SweepState = "TooSlow"
	// each alone: the list has more users than are walked through
	SweepTooLong SweepState = "TooLong"
)

// Troubled tells whether the list of users would be read if it could.
func (s SweepState) Troubled() bool {
	switch s {
	case SweepRefused, SweepFailing, SweepTooSlow, SweepTooLong:
		return true
	case SweepSwept, SweepSingle:
	}
	return false
}

// AccountSweep is what the operator sees of an account's users as a whole. It is written when any of it but times and requests
// changes, and at most once an hour for those.
type AccountSweep struct {
	// state is Swept when all users are looked at in the list of users, which takes few requests; Single, Refused, Failing,
	// TooSlow or TooLong when each is looked at alone, because they are few, because the API key may not list users, because the
	// list can't be read at present, because reading it takes longer than three intervals at this budget, or because it has more
	// than 100 000 users.
	//
	// +optional
	State SweepState `json:"state,omitempty"`

	// message says what the state means for this account.
	//
	// +optional
	Message string `json:"message,omitempty"`

	// lastTime is when the latest walk through the whole list began.
	//
	// +optional
	LastTime *metav1.Time `json:"lastTime,omitempty"`

	// users is the number of users that the CertCentral account has, service users left out. Left out: not known.
	//
	// +optional
	Users *int64 `json:"users,omitempty"`

	// unmanaged is the number of those that no resource declares. Left out: not known.
	//
	// +optional
	Unmanaged *int64 `json:"unmanaged,omitempty"`

	// managed is the number of resources that refer to this account.
	//
	// +required
	Managed int64 `json:"managed"`

	// inSync is the number of those whose live profile satisfies the declared one.
	//
	// +required
	InSync int64 `json:"inSync"`

	// outOfSync is the number of those whose live profile does not. Of the rest it is not known.
	//
	// +required
	OutOfSync int64 `json:"outOfSync"`

	// waiting is the number of those that nobody has looked at yet.
	//
	// +optional
	Waiting int64 `json:"waiting,omitempty"`

	// waitingTime is about how long that takes at this budget, in whole minutes. Left out: nobody waits.
	//
	// +optional
	WaitingTime *metav1.Duration `json:"waitingTime,omitempty"`

	// requests is how many requests the operator made with this API key in the 3 minutes before this was written.
	//
	// +optional
	Requests int64 `json:"requests,omitempty"`

	// requestsAllowed is how many the budget allows in 3 minutes.
	//
	// +optional
	RequestsAllowed int64 `json:"requestsAllowed,omitempty"`

	// safeInterval is the shortest interval at which looking at all users takes no more than half of the budget.
	//
	// +optional
	SafeInterval *metav1.Duration `json:"safeInterval,omitempty"`
}
