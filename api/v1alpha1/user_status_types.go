package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CertCentralUserStatus is what the operator saw of the user, and did.
type CertCentralUserStatus struct {
	// conditions are Ready and InSync, and Reconciling or Stalled while they are True.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// mode is the one that counts now: Suspended while spec.suspend is true, else the stricter one of the user's and its account's.
	// Left out: no account applies.
	//
	// +optional
	Mode EffectiveMode `json:"mode,omitempty"`

	// userID is the CertCentral user ID.
	//
	// +optional
	UserID int64 `json:"userID,omitempty"`

	// accountID is the CertCentral account that the user belongs to.
	//
	// +optional
	AccountID int64 `json:"accountID,omitempty"`

	// usernameLookup tells where the username of spec.userRef was looked up. userID holds as long as that is the same; absent where the
	// user is referred to by id.
	//
	// +optional
	UsernameLookup *UsernameLookup `json:"usernameLookup,omitempty"`

	// profile is the live profile, every field.
	//
	// +optional
	Profile *ObservedProfile `json:"profile,omitempty"`

	// userStatus is the user's status at CertCentral, such as active.
	//
	// +optional
	UserStatus string `json:"userStatus,omitempty"`

	// type of the user, such as standard.
	//
	// +optional
	Type string `json:"type,omitempty"`

	// lastLoginTime is when the user last signed in, as CertCentral tells it, in UTC; absent when never.
	//
	// +optional
	LastLoginTime *metav1.Time `json:"lastLoginTime,omitempty"`

	// lastLoginDate is the day of lastLoginTime, such as 2019-06-21.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=10
	LastLoginDate string `json:"lastLoginDate,omitempty"`

	// roles of the user. They are observed, and set at CertCentral.
	//
	// +optional
	// +listType=atomic
	Roles []Role `json:"roles,omitempty"`

	// container that the user belongs to.
	//
	// +optional
	Container *Container `json:"container,omitempty"`

	// containerAssignments are the containers that the user is assigned to; at most 64 are shown.
	//
	// +optional
	// +listType=atomic
	ContainerAssignments []ContainerAssignment `json:"containerAssignments,omitempty"`

	// containerVisibility are the containers that the user can see, ordered by id. As many as fit in 64 KiB are shown;
	// containerVisibilityCount has the true number.
	//
	// +optional
	// +listType=atomic
	ContainerVisibility []VisibleContainer `json:"containerVisibility,omitempty"`

	// containerVisibilityCount is the number of containers that the user can see.
	//
	// +optional
	ContainerVisibilityCount int64 `json:"containerVisibilityCount,omitempty"`

	// languageID is the language of what the user sees, as CertCentral's locale code.
	//
	// +optional
	LanguageID int64 `json:"languageID,omitempty"`

	// accountLanguageID is the language of mail that CertCentral sends, as CertCentral's locale code.
	//
	// +optional
	AccountLanguageID int64 `json:"accountLanguageID,omitempty"`

	// certCentral tells whether the user has a CertCentral account.
	//
	// +optional
	CertCentral bool `json:"certCentral,omitempty"`

	// enterprise tells whether the user belongs to an enterprise account.
	//
	// +optional
	Enterprise bool `json:"enterprise,omitempty"`

	// unreadable names the fields of this status that are left out, since CertCentral answered them in a shape that nobody can
	// read, such as container or lastLoginTime. All that is written can always be read.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=64
	Unreadable []string `json:"unreadable,omitempty"`

	// differences between the declared and the live profile that are left.
	//
	// +optional
	// +listType=map
	// +listMapKey=field
	Differences []Difference `json:"differences,omitempty"`

	// settled are the declared values that the live profile has been seen to satisfy. A later difference from one of them is
	// Drift; any other difference is a SpecChange.
	//
	// +optional
	Settled *SettledProfile `json:"settled,omitempty"`

	// identityKnown is true once a declared username, email, first or last name was seen in the live profile of this very user. From
	// then on a profile that differs in all of them is not taken for another person's.
	//
	// +optional
	IdentityKnown bool `json:"identityKnown,omitempty"`

	// applied is the last write to CertCentral; absent when nothing was written yet.
	//
	// +optional
	Applied *Applied `json:"applied,omitempty"`

	// attempt is the last write that may have been made and whose outcome its answer, or the look right after it, did not tell.
	//
	// +optional
	Attempt *Attempt `json:"attempt,omitempty"`

	// unexpectedChanges are the fields that the last write was not to change, and that were others after it.
	//
	// +optional
	// +listType=map
	// +listMapKey=field
	// +kubebuilder:validation:MaxItems=7
	UnexpectedChanges []UnexpectedChange `json:"unexpectedChanges,omitempty"`

	// rolledBack tells that the resource went back to an older generation; absent otherwise. Nothing is written meanwhile.
	//
	// +optional
	RolledBack *Rollback `json:"rolledBack,omitempty"`

	// lastHandledAcceptance is the value of the annotation certcentral.io/accept-unexpected-change that was acted on. To accept once
	// more, take the annotation away and set it anew.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	LastHandledAcceptance string `json:"lastHandledAcceptance,omitempty"`

	// resourceUID is the metadata.uid of the resource that the operator wrote this status for: of a status that was restored
	// into a new resource, the former one's.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ResourceUID string `json:"resourceUID,omitempty"`

	// lastHandledReconcileAt is the last value of the annotation certcentral.io/reconcile-requested-at that was acted on.
	//
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// lastObservedTime is when the live user was looked at; written along with other changes, and on its own at most once an hour.
	//
	// +optional
	LastObservedTime *metav1.Time `json:"lastObservedTime,omitempty"`
}

// UsernameLookup is where a username was looked up.
type UsernameLookup struct {
	// account is the namespace and name of the account that spec.accountRef referred to, separated by a slash.
	//
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=317
	Account string `json:"account"`

	// keyAccountID is the CertCentral account of the API key; the user may belong to another one, as one of its sub-accounts.
	//
	// +required
	KeyAccountID int64 `json:"keyAccountID"`

	// keyUserID is the CertCentral user that owned the API key.
	//
	// +required
	KeyUserID int64 `json:"keyUserID"`
}

// ObservedProfile is a profile as seen at, or sent to, CertCentral.
type ObservedProfile struct {
	// username to sign in with.
	//
	// +optional
	Username string `json:"username"`

	// firstName of the person.
	//
	// +optional
	FirstName string `json:"firstName"`

	// lastName of the person.
	//
	// +optional
	LastName string `json:"lastName"`

	// email address.
	//
	// +optional
	Email string `json:"email"`

	// jobTitle of the person; "" when unset.
	//
	// +optional
	JobTitle string `json:"jobTitle"`

	// telephone number; "" when unset.
	//
	// +optional
	Telephone string `json:"telephone"`

	// samlSSOOnly tells whether the user can sign in through SAML single sign-on only. Absent in a write that left it alone.
	//
	// +optional
	SAMLSSOOnly *bool `json:"samlSSOOnly,omitempty"`
}

// SettledProfile holds declared values, without the rules that a declaration must keep.
type SettledProfile struct {
	// username as declared.
	//
	// +optional
	Username *string `json:"username,omitempty"`

	// firstName as declared.
	//
	// +optional
	FirstName *string `json:"firstName,omitempty"`

	// lastName as declared.
	//
	// +optional
	LastName *string `json:"lastName,omitempty"`

	// email as declared.
	//
	// +optional
	Email *string `json:"email,omitempty"`

	// jobTitle as declared.
	//
	// +optional
	JobTitle *string `json:"jobTitle,omitempty"`

	// telephone as declared.
	//
	// +optional
	Telephone *string `json:"telephone,omitempty"`

	// samlSSOOnly as declared.
	//
	// +optional
	SAMLSSOOnly *bool `json:"samlSSOOnly,omitempty"`
}

// Role is an access role at CertCentral.
type Role struct {
	// id of the role: 1 Administrator, 2 Limited User, 3 Finance Manager, 4 Manager, 5 Standard User.
	//
	// +required
	ID int64 `json:"id"`

	// name of the role.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// Container is a division of a CertCentral account.
type Container struct {
	// id of the container.
	//
	// +required
	ID int64 `json:"id"`

	// publicID of the container.
	//
	// +optional
	PublicID string `json:"publicID,omitempty"`

	// name of the container.
	//
	// +optional
	Name string `json:"name,omitempty"`

	// parentID is the ID of the parent container.
	//
	// +optional
	ParentID int64 `json:"parentID,omitempty"`

	// templateID is the ID of the template assigned to the container.
	//
	// +optional
	TemplateID int64 `json:"templateID,omitempty"`

	// hasLogo tells whether the container has a logo of its own.
	//
	// +optional
	HasLogo bool `json:"hasLogo,omitempty"`

	// active tells whether the container is active.
	//
	// +optional
	Active bool `json:"active,omitempty"`
}

// ContainerAssignment is a container that a user is assigned to.
type ContainerAssignment struct {
	// id of the container.
	//
	// +required
	ID int64 `json:"id"`

	// name of the container.
	//
	// +optional
	Name string `json:"name,omitempty"`

	// parentID is the ID of the parent container.
	//
	// +optional
	ParentID int64 `json:"parentID,omitempty"`

	// active tells whether the container is active.
	//
	// +optional
	Active bool `json:"active,omitempty"`
}

// VisibleContainer is a container that a user can see.
type VisibleContainer struct {
	Container `json:",inline"`

	// allowedDomainNames are the domains that can be used with the container.
	//
	// +optional
	// +listType=atomic
	AllowedDomainNames []string `json:"allowedDomainNames,omitempty"`

	// organizations that can be used with the container.
	//
	// +optional
	// +listType=atomic
	Organizations []Organization `json:"organizations,omitempty"`
}

// Organization is an organization at CertCentral.
type Organization struct {
	// id of the organization.
	//
	// +required
	ID int64 `json:"id"`

	// name is the legal name of the organization.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// EffectiveMode says how far the operator goes with a user now.
//
// +kubebuilder:validation:Enum=Enforce;ReportDrift;Observe;Suspended
type EffectiveMode string

// Modes that can count.
const (
	// applies what is declared, and sets back what others change
	EffectiveModeEnforce EffectiveMode = "Enforce"
	// applies what is declared, and only reports what others change
	EffectiveModeReportDrift EffectiveMode = "ReportDrift"
	// never writes
	EffectiveModeObserve EffectiveMode = "Observe"
	// neither looks nor writes
	EffectiveModeSuspended EffectiveMode = "Suspended"
)

// Cause tells why a field differs.
//
// +kubebuilder:validation:Enum=SpecChange;Drift
type Cause string

// Causes of a difference.
const (
	// the declared value is new: the live profile has not been seen to satisfy it
	CauseSpecChange Cause = "SpecChange"
	// the live profile satisfied the declared value once, and was changed since by others
	CauseDrift Cause = "Drift"
)

// Difference is a field whose live value is not the declared one.
type Difference struct {
	// field of spec.profile.
	//
	// +required
	Field string `json:"field"`

	// cause is SpecChange (the declared value is new) or Drift (the live value was changed by others).
	//
	// +required
	Cause Cause `json:"cause"`

	// desired is the declared value.
	//
	// +required
	Desired string `json:"desired"`

	// observed is the live value; "" when unset.
	//
	// +required
	Observed string `json:"observed"`

	// hint says what differs of two values that look the same: case, blanks, quotation marks, dashes, invisible characters or the
	// encoding of accents. Left out: the difference can be seen.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Hint string `json:"hint,omitempty"`
}

// Applied is a write to CertCentral.
type Applied struct {
	// generation of the spec that was written.
	//
	// +required
	Generation int64 `json:"generation"`

	// time of the write.
	//
	// +required
	Time metav1.Time `json:"time"`

	// earlier are the times of the writes before this one that were made, or may have been, of the same generation and within an
	// hour: a user is written at most 5 times an hour for an unchanged generation.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4
	Earlier []metav1.Time `json:"earlier,omitempty"`

	// fields that the write was made for.
	//
	// +optional
	// +listType=atomic
	Fields []string `json:"fields,omitempty"`

	// profile as it was sent: CertCentral replaces the profile whole, so undeclared fields are sent back as they were read.
	//
	// +required
	Profile ObservedProfile `json:"profile"`
}
