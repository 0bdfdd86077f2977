package v1alpha1

// Condition types. Ready, Reconciling and Stalled read as kstatus defines them.
const (
	// ConditionReady is True when the object is as declared (or observed as asked), False when it is known not to be,
	// Unknown when nobody could look.
	ConditionReady = "Ready"
	// ConditionInSync tells, in every mode, whether the live profile satisfies the declared one.
	ConditionInSync = "InSync"
	// ConditionReconciling is True only while a retry is under way, and absent otherwise.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True only when a person must act, and absent otherwise.
	ConditionStalled = "Stalled"
)

// Reasons of a CertCentralUser.
const (
	ReasonInSync            = "InSync"            // the live profile satisfies the declared one
	ReasonUpdated           = "Updated"           // written, and seen to have stayed
	ReasonDriftReported     = "DriftReported"     // differs, and the mode forbids writing
	ReasonSuspended         = "Suspended"         // nobody looks or writes until spec.suspend is false
	ReasonWaiting           = "Waiting"           // nobody has looked yet: the budget lets the first look come later
	ReasonAccountNotReady   = "AccountNotReady"   // the account is missing or can't be used
	ReasonAccountNotAllowed = "AccountNotAllowed" // the account does not allow this namespace
	ReasonAccountMismatch   = "AccountMismatch"   // the API key, or the user, belongs to another CertCentral account than pinned
	ReasonConflict          = "Conflict"          // another resource owns the same CertCentral user, or nobody does
	ReasonIdentityMismatch  = "IdentityMismatch"  // the live user is not the person meant
	ReasonUserNotFound      = "UserNotFound"      // no such user, or not visible to this API key
	ReasonRejected          = "Rejected"          // CertCentral refuses this profile
	ReasonForbidden         = "Forbidden"         // the API key may not do this
	ReasonNotAccepted       = "NotAccepted"       // written, but the value did not stay
	ReasonUnexpectedChange  = "UnexpectedChange"  // a write changed a field that it was not to change
	ReasonRolledBack        = "RolledBack"        // the resource or its account is older than it was seen before: a restored backup
	ReasonThrottled         = "Throttled"         // CertCentral's request limit is reached
	ReasonUnavailable       = "Unavailable"       // CertCentral could not be reached or failed
	ReasonBadResponse       = "BadResponse"       // CertCentral, or something before it, answered nonsense
)

// EventUserReplaced is an event's only: the username referred to belongs to a user with another id now, and the former one is gone.
const EventUserReplaced = "UserReplaced"

// Reasons of a CertCentralAccount; it shares AccountMismatch, Forbidden, Throttled, Unavailable and BadResponse with its users.
const (
	ReasonAvailable          = "Available"          // the API key was accepted
	ReasonEndpointNotAllowed = "EndpointNotAllowed" // not on the operator's --allowed-endpoints list
	ReasonSecretNotReady     = "SecretNotReady"     // the Secret or its key is missing or unusable
	ReasonInvalidSpec        = "InvalidSpec"        // a field passed the schema but can't be used
	ReasonKeyRefused         = "KeyRefused"         // CertCentral refuses the API key
)

// Annotations people set.
const (
	// AnnotationReconcileRequestedAt asks for a look now; any new value does. Acknowledged in status.lastHandledReconcileAt.
	AnnotationReconcileRequestedAt = "certcentral.io/reconcile-requested-at"
	// AnnotationConfirmUser confirms, by the CertCentral user ID as its value, that a profile unlike the live one is meant.
	AnnotationConfirmUser = "certcentral.io/confirm-user"
	// AnnotationAcceptRollback takes a resource or an account as a restored backup left it, by the generation that it went back to
	// as its value. A value that was there before does nothing.
	AnnotationAcceptRollback = "certcentral.io/accept-rollback"
	// AnnotationAcceptUnexpectedChange takes what a write changed beside what it was to change as it is, by the generation of the
	// resource as its value: writing goes on. Acknowledged in status.lastHandledAcceptance.
	AnnotationAcceptUnexpectedChange = "certcentral.io/accept-unexpected-change"
)
