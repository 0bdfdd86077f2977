package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CertCentralUserSpec declares what the CertCentral profile of a person should be.
//
// +kubebuilder:validation:XValidation:rule="!has(self.profile) || self.profile == null || !has(self.profile.username) || has(self.userRef.id)",message="profile.username needs userRef.id: a user that is referred to by username can't be renamed"
type CertCentralUserSpec struct {
	// accountRef names the CertCentralAccount that the user belongs to.
	//
	// +required
	AccountRef AccountRef `json:"accountRef"`

	// userRef says which CertCentral user is meant, by exactly one of id and username. It can't be changed: for another user,
	// create another resource.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="userRef can't be changed: create another resource for another user"
	UserRef UserRef `json:"userRef"`

	// mode says how far the operator may go with this user; the stricter of this and the account's counts. Enforce applies what
	// is declared and sets back what others change, ReportDrift applies what is declared and reports what others change, Observe
	// never writes. Left out: Enforce.
	//
	// +optional
	// +kubebuilder:default=Enforce
	Mode Mode `json:"mode,omitempty"`

	// suspend stops all looking and writing for this user while it is true. Left out: false.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// profile holds the declared values. A field that is left out is not managed: it keeps the value it has. Without a value it
	// declares nothing: server-side apply leaves it so once its last field is taken back.
	//
	// +optional
	// +nullable
	Profile Profile `json:"profile,omitempty,omitzero"`
}

// AccountRef names a CertCentralAccount.
type AccountRef struct {
	// name of the CertCentralAccount.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",message="must be the name of a CertCentralAccount: lower-case letters, digits, '-' and '.'"
	Name string `json:"name"`

	// namespace of the CertCentralAccount, which must allow it (spec.allowedNamespaces). Left out: the namespace of this resource.
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
	// id is the CertCentral user ID.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ID *int64 `json:"id,omitempty"`

	// username is the CertCentral username, matched exactly, looked up once and then held to the user ID that was found. Once the
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
	// username to sign in with: letters, digits and @ - _ + . only. Changing it can break SAML sign-in, which maps on it. Needs
	// userRef.id. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9@_+.-]+$')",message="must be letters, digits and @ - _ + . only"
	Username *string `json:"username,omitempty"`

	// firstName of the person, 1 to 128 characters. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	FirstName *Line `json:"firstName,omitempty"`

	// lastName of the person, 1 to 128 characters. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	LastName *Line `json:"lastName,omitempty"`

	// email is a valid mail address of at most 255 characters. Left out: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^@\s\pZ\pC<>()\[\],;:"\\.]+(?:\.[^@\s\pZ\pC<>()\[\],;:"\\.]+)*@(?:[\pL\pN](?:[\pL\pM\pN-]{0,61}[\pL\pM\pN])?\.)+\pL[\pL\pM\pN-]{0,61}[\pL\pM\pN]$')`,messageExpression=`'must be a mail address such as john.smith@example.com: %s'.format([self.matches(r'^[^@]+$|^$') ? 'there is no @' : self.matches(r'@.*@') ? 'there is more than one @' : self.matches(r'[\s\pZ\pC]') ? 'character %d is a blank or invisible'.format([self.indexOf(self.find(r'[\s\pZ\pC]')) + 1]) : self.matches(r'[<>()\[\],;:"\\]') ? 'character %d is not allowed'.format([self.indexOf(self.find(r'[<>()\[\],;:"\\]')) + 1]) : self.matches(r'^@') ? 'there is nothing before the @' : self.matches(r'^[.]|[.]@|[.][.].*@') ? 'before the @, a dot must stand between two other characters' : !self.matches(r'@.*[.]') ? 'after the @ must come a host with a dot, as in example.com' : !self.matches(r'@(?:[\pL\pN](?:[\pL\pM\pN-]{0,61}[\pL\pM\pN])?[.])+[^.]+$') ? 'each part of the host must begin and end with a letter or a digit, and have only these and hyphens, at most 63' : 'the host must end with a domain such as com or org'])`,message="must be a mail address such as john.smith@example.com"
	Email *string `json:"email,omitempty"`

	// jobTitle of the person, at most 64 characters; "" clears it. CertCentral requires one of EV approvers. Left out, or given
	// without a value: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	JobTitle *Line `json:"jobTitle,omitempty"`

	// telephone number, at most 64 characters; "" clears it. CertCentral requires one of EV approvers. Left out, or given without a
	// value: kept as it is.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Telephone *Line `json:"telephone,omitempty"`

	// samlSSOOnly true lets the user sign in through SAML single sign-on only. Switching it on revokes the person's password and
	// mails a link, switching it off mails set-up instructions; API keys are never revoked by it. It is written only when declared
	// and different. Left out: kept as it is.
	//
	// +optional
	SAMLSSOOnly *bool `json:"samlSSOOnly,omitempty"`
}

// Line is a text of which everything can be seen. Refused is what cannot: line breaks and other control characters, marks that turn
// the direction of writing, invisible characters, and blanks at either end. What scripts and emoji are spelled with may stand inside:
// joiners (U+200C, U+200D), variation selectors, and the tags of flags. A joiner may end a text after a virama.
//
// +kubebuilder:validation:XValidation:rule=`!self.matches(r'[\n\v\f\r\x{85}\x{2028}\x{2029}]')`,messageExpression=`'must be one line of visible text: character %d is a line break'.format([self.indexOf(self.find(r'[\n\v\f\r\x{85}\x{2028}\x{2029}]')) + size(self.find(r'[\n\v\f\r\x{85}\x{2028}\x{2029}]'))])`,message="must be without line breaks"
// +kubebuilder:validation:XValidation:rule=`!self.matches(r'[\x{0}-\x{9}\x{E}-\x{1F}\x{7F}-\x{84}\x{86}-\x{9F}]')`,messageExpression=`'must be one line of visible text: character %d is a control character'.format([self.indexOf(self.find(r'[\x{0}-\x{9}\x{E}-\x{1F}\x{7F}-\x{84}\x{86}-\x{9F}]')) + size(self.find(r'[\x{0}-\x{9}\x{E}-\x{1F}\x{7F}-\x{84}\x{86}-\x{9F}]'))])`,message="must be without control characters"
// +kubebuilder:validation:XValidation:rule=`!self.matches(r'[\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]')`,messageExpression=`'must be one line of visible text: character %d is a mark that turns the direction of writing'.format([self.indexOf(self.find(r'[\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]')) + size(self.find(r'[\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]'))])`,message="must be without marks that turn the direction of writing"
// +kubebuilder:validation:XValidation:rule=`!self.matches(r'[\x{AD}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{200B}\x{2060}-\x{2065}\x{206A}-\x{206F}\x{2800}\x{3164}\x{FEFF}\x{FFA0}\x{FFF0}-\x{FFFC}\x{1BCA0}-\x{1BCA3}\x{1D173}-\x{1D17A}\x{E0000}-\x{E001F}\x{E0080}-\x{E00FF}\x{E01F0}-\x{E0FFF}]|(?:^|[\p{Z}\x{200C}\x{200D}])(?:[\x{200C}\x{200D}]|[\x{34F}\x{180B}-\x{180F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}])|[\x{34F}\x{180B}-\x{180F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]{3}|(?:^|[^\x{1F3F4}\x{E0020}-\x{E007F}])[\x{E0020}-\x{E007F}]')`,messageExpression=`'must be one line of visible text: character %d is an invisible character'.format([self.indexOf(self.find(r'[\x{AD}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{200B}\x{2060}-\x{2065}\x{206A}-\x{206F}\x{2800}\x{3164}\x{FEFF}\x{FFA0}\x{FFF0}-\x{FFFC}\x{1BCA0}-\x{1BCA3}\x{1D173}-\x{1D17A}\x{E0000}-\x{E001F}\x{E0080}-\x{E00FF}\x{E01F0}-\x{E0FFF}]|(?:^|[\p{Z}\x{200C}\x{200D}])(?:[\x{200C}\x{200D}]|[\x{34F}\x{180B}-\x{180F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}])|[\x{34F}\x{180B}-\x{180F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]{3}|(?:^|[^\x{1F3F4}\x{E0020}-\x{E007F}])[\x{E0020}-\x{E007F}]')) + size(self.find(r'[\x{AD}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{200B}\x{2060}-\x{2065}\x{206A}-\x{206F}\x{2800}\x{3164}\x{FEFF}\x{FFA0}\x{FFF0}-\x{FFFC}\x{1BCA0}-\x{1BCA3}\x{1D173}-\x{1D17A}\x{E0000}-\x{E001F}\x{E0080}-\x{E00FF}\x{E01F0}-\x{E0FFF}]|(?:^|[\p{Z}\x{200C}\x{200D}])(?:[\x{200C}\x{200D}]|[\x{34F}\x{180B}-\x{180F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}])|[\x{34F}\x{180B}-\x{180F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]{3}|(?:^|[^\x{1F3F4}\x{E0020}-\x{E007F}])[\x{E0020}-\x{E007F}]'))])`,message="must be without invisible characters"
// +kubebuilder:validation:XValidation:rule=`!self.matches(r'[^\x{94D}\x{9CD}\x{A4D}\x{ACD}\x{B4D}\x{BCD}\x{C4D}\x{CCD}\x{D4D}\x{DCA}][\x{200C}\x{200D}]$')`,messageExpression=`'must be one line of visible text: character %d is an invisible character'.format([size(self)])`,message="must be without a joiner at the end"
// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^\p{Z}|\p{Z}$')`,messageExpression=`self.matches(r'^\p{Z}+$') ? 'must not be blank' : self.matches(r'^\p{Z}') ? 'must not begin with a blank: character 1 is one' : 'must not end with a blank: character %d is one'.format([size(self.find(r'(?s)^.*[^\p{Z}]')) + 1])`,message="must be without blanks at its ends"
type Line = string

// CertCentralUser declares what the profile of a CertCentral user should be, and shows what it is. Deleting it leaves the
// CertCentral user as it is.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=certcentralusers,shortName=ccu,categories=certcentral
// +kubebuilder:selectablefield:JSONPath=`.spec.accountRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.userRef.id`
// +kubebuilder:selectablefield:JSONPath=`.spec.userRef.username`
// +kubebuilder:selectablefield:JSONPath=`.status.userID`
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.spec.accountRef.name`
// +kubebuilder:printcolumn:name="User",type=integer,JSONPath=`.status.userID`
// +kubebuilder:printcolumn:name="Username",type=string,JSONPath=`.status.profile.username`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="In-Sync",type=string,JSONPath=`.status.conditions[?(@.type=="InSync")].status`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.status.mode`
// +kubebuilder:printcolumn:name="Last login",type=string,JSONPath=`.status.lastLoginDate`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Role",type=string,priority=1,JSONPath=`.status.roles[0].name`
// +kubebuilder:printcolumn:name="Status",type=string,priority=1,JSONPath=`.status.userStatus`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type CertCentralUser struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is what Kubernetes keeps of every object.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares the user and its profile.
	//
	// +required
	Spec CertCentralUserSpec `json:"spec"`

	// status is what the operator saw and did. It is written by the operator alone.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"conditions":{{"type":"Ready","status":"Unknown","reason":"Waiting","message":"Waits for its first look, which comes as soon as the budget of its account allows.","lastTransitionTime":"1970-01-01T00:00:00Z"}}}
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
