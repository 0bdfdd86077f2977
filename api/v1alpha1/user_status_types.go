package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CertCentralUserStatus is what the operator saw of the user, and did.
type CertCentralUserStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions are Ready and InSync, and Reconciling or Stalled while they are True.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// UserID is the CertCentral user ID.
	//
	// +optional
	UserID int64 `json:"userID,omitempty"`

	// AccountID is the CertCentral account that the user belongs to.
	//
	// +optional
	AccountID int64 `json:"accountID,omitempty"`

	// Profile is the live profile, every field.
	//
	// +optional
	Profile *ObservedProfile `json:"profile,omitempty"`

	// UserStatus is the user's status at CertCentral, such as active.
	//
	// +optional
	UserStatus string `json:"userStatus,omitempty"`

	// Type of the user, such as standard.
	//
	// +optional
	Type string `json:"type,omitempty"`

	// LastLoginTime is when the user last signed in, as CertCentral tells it, in UTC; absent when never.
	//
	// +optional
	LastLoginTime *metav1.Time `json:"lastLoginTime,omitempty"`

	// Roles of the user. They are observed, and set at CertCentral.
	//
	// +optional
	// +listType=atomic
	Roles []Role `json:"roles,omitempty"`

	// Container that the user belongs to.
	//
	// +optional
	Container *Container `json:"container,omitempty"`

	// ContainerAssignments are the containers that the user is assigned to; at most 64 are shown.
	//
	// +optional
	// +listType=atomic
	ContainerAssignments []ContainerAssignment `json:"containerAssignments,omitempty"`

	// ContainerVisibility are the containers that the user can see, ordered by id. As many as fit in 64 KiB are shown;
	// containerVisibilityCount has the true number.
	//
	// +optional
	// +listType=atomic
	ContainerVisibility []VisibleContainer `json:"containerVisibility,omitempty"`

	// ContainerVisibilityCount is the number of containers that the user can see.
	//
	// +optional
	ContainerVisibilityCount int64 `json:"containerVisibilityCount,omitempty"`

	// LanguageID is the language of what the user sees, as CertCentral's locale code.
	//
	// +optional
	LanguageID int64 `json:"languageID,omitempty"`

	// AccountLanguageID is the language of mail that CertCentral sends, as CertCentral's locale code.
	//
	// +optional
	AccountLanguageID int64 `json:"accountLanguageID,omitempty"`

	// CertCentral tells whether the user has a CertCentral account.
	//
	// +optional
	CertCentral bool `json:"certCentral,omitempty"`

	// Enterprise tells whether the user belongs to an enterprise account.
	//
	// +optional
	Enterprise bool `json:"enterprise,omitempty"`

	// Differences between the declared and the live profile that are left.
	//
	// +optional
	// +listType=map
	// +listMapKey=field
	Differences []Difference `json:"differences,omitempty"`

	// Settled are the declared values that the live profile has been seen to satisfy. A later difference from one of them is
	// Drift; any other difference is a SpecChange.
	//
	// +optional
	Settled *SettledProfile `json:"settled,omitempty"`

	// Applied is the last write to CertCentral; absent when nothing was written yet.
	//
	// +optional
	Applied *Applied `json:"applied,omitempty"`

	// LastHandledReconcileAt is the last value of the annotation certcentral.io/reconcile-requested-at that was acted on.
	//
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// LastObservedTime is when the live user was looked at; written along with other changes, and on its own at most once an hour.
	//
	// +optional
	LastObservedTime *metav1.Time `json:"lastObservedTime,omitempty"`
}

// ObservedProfile is a profile as seen at, or sent to, CertCentral.
type ObservedProfile struct {
	// Username to sign in with.
	//
	// +optional
	Username string `json:"username"`

	// FirstName of the person.
	//
	// +optional
	FirstName string `json:"firstName"`

	// LastName of the person.
	//
	// +optional
	LastName string `json:"lastName"`

	// Email address.
	//
	// +optional
	Email string `json:"email"`

	// JobTitle; "" when unset.
	//
	// +optional
	JobTitle string `json:"jobTitle"`

	// Telephone number; "" when unset.
	//
	// +optional
	Telephone string `json:"telephone"`

	// SAMLSSOOnly tells whether the user can sign in through SAML single sign-on only. Absent in a write that left it alone.
	//
	// +optional
	SAMLSSOOnly *bool `json:"samlSSOOnly,omitempty"`
}

// SettledProfile holds declared values, without the rules that a declaration must keep.
type SettledProfile struct {
	// Username as declared.
	//
	// +optional
	Username *string `json:"username,omitempty"`

	// FirstName as declared.
	//
	// +optional
	FirstName *string `json:"firstName,omitempty"`

	// LastName as declared.
	//
	// +optional
	LastName *string `json:"lastName,omitempty"`

	// Email as declared.
	//
	// +optional
	Email *string `json:"email,omitempty"`

	// JobTitle as declared.
	//
	// +optional
	JobTitle *string `json:"jobTitle,omitempty"`

	// Telephone as declared.
	//
	// +optional
	Telephone *string `json:"telephone,omitempty"`

	// SAMLSSOOnly as declared.
	//
	// +optional
	SAMLSSOOnly *bool `json:"samlSSOOnly,omitempty"`
}

// Role is an access role at CertCentral.
type Role struct {
	// ID of the role: 1 Administrator, 2 Limited User, 3 Finance Manager, 4 Manager, 5 Standard User.
	ID int64 `json:"id"`

	// Name of the role.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// Container is a division of a CertCentral account.
type Container struct {
	// ID of the container.
	ID int64 `json:"id"`

	// PublicID of the container.
	//
	// +optional
	PublicID string `json:"publicID,omitempty"`

	// Name of the container.
	//
	// +optional
	Name string `json:"name,omitempty"`

	// ParentID is the ID of the parent container.
	//
	// +optional
	ParentID int64 `json:"parentID,omitempty"`

	// TemplateID is the ID of the template assigned to the container.
	//
	// +optional
	TemplateID int64 `json:"templateID,omitempty"`

	// HasLogo tells whether the container has a logo of its own.
	//
	// +optional
	HasLogo bool `json:"hasLogo,omitempty"`

	// Active tells whether the container is active.
	//
	// +optional
	Active bool `json:"active,omitempty"`
}

// ContainerAssignment is a container that a user is assigned to.
type ContainerAssignment struct {
	// ID of the container.
	ID int64 `json:"id"`

	// Name of the container.
	//
	// +optional
	Name string `json:"name,omitempty"`

	// ParentID is the ID of the parent container.
	//
	// +optional
	ParentID int64 `json:"parentID,omitempty"`

	// Active tells whether the container is active.
	//
	// +optional
	Active bool `json:"active,omitempty"`
}

// VisibleContainer is a container that a user can see.
type VisibleContainer struct {
	Container `json:",inline"`

	// AllowedDomainNames are the domains that can be used with the container.
	//
	// +optional
	// +listType=atomic
	AllowedDomainNames []string `json:"allowedDomainNames,omitempty"`

	// Organizations that can be used with the container.
	//
	// +optional
	// +listType=atomic
	Organizations []Organization `json:"organizations,omitempty"`
}

// Organization is an organization at CertCentral.
type Organization struct {
	// ID of the organization.
	ID int64 `json:"id"`

	// Name is the legal name of the organization.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// Cause tells why a field differs.
//
// +kubebuilder:validation:Enum=SpecChange;Drift
type Cause string

// Causes of a difference.
const (
	CauseSpecChange Cause = "SpecChange" // the declared value is new: the live profile has not been seen to satisfy it
	CauseDrift      Cause = "Drift"      // the live profile satisfied the declared value once, and was changed since by others
)

// Difference is a field whose live value is not the declared one.
type Difference struct {
	// Field of spec.profile.
	Field string `json:"field"`

	// Cause is SpecChange (the declared value is new) or Drift (the live value was changed by others).
	Cause Cause `json:"cause"`

	// Desired is the declared value.
	Desired string `json:"desired"`

	// Observed is the live value; "" when unset.
	Observed string `json:"observed"`
}

// Applied is a write to CertCentral.
type Applied struct {
	// Generation of the spec that was written.
	Generation int64 `json:"generation"`

	// Time of the write.
	Time metav1.Time `json:"time"`

	// Earlier are the times of the writes before this one, of the same generation and within an hour: a user is written at most 5
	// times an hour for an unchanged generation.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4
	Earlier []metav1.Time `json:"earlier,omitempty"`

	// Fields that the write was made for.
	//
	// +optional
	// +listType=atomic
	Fields []string `json:"fields,omitempty"`

	// Profile as it was sent: CertCentral replaces the profile whole, so undeclared fields are sent back as they were read.
	Profile ObservedProfile `json:"profile"`
}
