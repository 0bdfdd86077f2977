package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CertCentralUserSpec declares what the CertCentral profile of a person should be.
//
// +kubebuilder:validation:XValidation:rule="!has(self.profile) || !has(self.profile.username) || has(self.userRef.id)",message="profile.username needs userRef.id: a user that is referred to by username can't be renamed"
type CertCentralUserSpec struct {
	// AccountRef names the CertCentralAccount that the user belongs to.
	AccountRef AccountRef `json:"accountRef"`

	// UserRef says which CertCentral user is meant. It can't be changed: for another user, create another resource.
	//
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="userRef can't be changed: create another resource for another user"
	UserRef UserRef `json:"userRef"`

	// Mode says how far the operator may go with this user; the stricter of this and the account's counts. Enforce applies what
	// is declared and sets back what others change, ReportDrift applies what is declared and reports what others change, Observe
	// never writes. Left out: Enforce.
	//
	// +optional
	// +kubebuilder:default=Enforce
	Mode Mode `json:"mode,omitempty"`

	// Suspend stops all looking and writing for this user while it is true. Left out: false.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Profile holds the declared values. A field that is left out is not managed: it keeps the value it has.
	//
	// +optional
	Profile Profile `json:"profile,omitempty,omitzero"`
}

// AccountRef names a CertCentralAccount.
type AccountRef struct {
	// Name of the CertCentralAccount.
	//
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",message="must be the name of a CertCentralAccount: lower-case letters, digits, '-' and '.'"
	Name string `json:"name"`

	// Namespace of the CertCentralAccount, which must allow it (spec.allowedNamespaces). Left out: the namespace of this resource.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="must be the name of a namespace: lower-case letters, digits and '-'"
	Namespace string `json:"namespace,omitempty"`
}

// UserRef says which CertCentral user is meant, by exactly one of its fields.
//
// +kubebuilder:validation:XValidation:rule="has(self.id) != has(self.username)",message="exactly one of id and username must be set"
type UserRef struct {
	// ID is the CertCentral user ID.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ID *int64 `json:"id,omitempty"`

	// Username is the CertCentral username, matched exactly, looked up once and then held to the user ID that was found. Once the
	// live user has another username, nothing is written.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9@_+.-]+$')",message="must be letters, digits and @ - _ + . only"
	Username *string `json:"username,omitempty"`
}

// Profile declares profile fields; one that is left out is not managed. The limits are those of CertCentral's
// update-user page.
type Profile struct {
	// Username to sign in with: letters, digits and @ - _ + . only. Changing it can break SAML sign-in, which maps on it. Needs
	// userRef.id. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9@_+.-]+$')",message="must be letters, digits and @ - _ + . only"
	Username *string `json:"username,omitempty"`

	// FirstName, 1 to 128 characters. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\x00-\\x1f\\x7f]')",message="must be one line, without control characters"
	FirstName *string `json:"firstName,omitempty"`

	// LastName, 1 to 128 characters. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\x00-\\x1f\\x7f]')",message="must be one line, without control characters"
	LastName *string `json:"lastName,omitempty"`

	// Email is a valid mail address of at most 255 characters. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@\\\\s\\\\pZ\\\\pC<>()\\\\[\\\\],;:\"]+@[^@\\\\s\\\\pZ\\\\pC<>()\\\\[\\\\],;:\"]+$')",message="must be a mail address such as john.smith@example.com"
	Email *string `json:"email,omitempty"`

	// JobTitle, at most 64 characters; "" clears it. CertCentral requires one of EV approvers. Left out, or given without a value:
	// kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\x00-\\x1f\\x7f]')",message="must be one line, without control characters"
	JobTitle *string `json:"jobTitle,omitempty"`

	// Telephone number, at most 64 characters; "" clears it. CertCentral requires one of EV approvers. Left out, or given without a
	// value: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="!self.matches('[\\x00-\\x1f\\x7f]')",message="must be one line, without control characters"
	Telephone *string `json:"telephone,omitempty"`

	// SAMLSSOOnly true lets the user sign in through SAML single sign-on only. Switching it on revokes the person's password and
	// mails a link, switching it off mails set-up instructions; API keys are never revoked by it. It is written only when declared
	// and different. Left out: kept as it is.
	//
	// +optional
	SAMLSSOOnly *bool `json:"samlSSOOnly,omitempty"`
}

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

	// Fields that the write was made for.
	//
	// +optional
	// +listType=atomic
	Fields []string `json:"fields,omitempty"`

	// Profile as it was sent: CertCentral replaces the profile whole, so undeclared fields are sent back as they were read.
	Profile ObservedProfile `json:"profile"`
}

// CertCentralUser declares what the profile of a CertCentral user should be, and shows what it is. Deleting it leaves the
// CertCentral user as it is.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=certcentralusers,shortName=ccu,categories=certcentral
// +kubebuilder:selectablefield:JSONPath=`.spec.accountRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.userRef.id`
// +kubebuilder:selectablefield:JSONPath=`.status.userID`
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.spec.accountRef.name`
// +kubebuilder:printcolumn:name="User",type=integer,JSONPath=`.status.userID`
// +kubebuilder:printcolumn:name="Username",type=string,JSONPath=`.status.profile.username`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="In-Sync",type=string,JSONPath=`.status.conditions[?(@.type=="InSync")].status`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Last login",type=date,JSONPath=`.status.lastLoginTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Role",type=string,priority=1,JSONPath=`.status.roles[0].name`
// +kubebuilder:printcolumn:name="Status",type=string,priority=1,JSONPath=`.status.userStatus`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type CertCentralUser struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// Spec declares the user and its profile.
	Spec CertCentralUserSpec `json:"spec"`

	// Status is what the operator saw and did. It is written by the operator alone.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status CertCentralUserStatus `json:"status,omitzero"`
}

// CertCentralUserList is a list of users.
//
// +kubebuilder:object:root=true
type CertCentralUserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []CertCentralUser `json:"items"`
}
