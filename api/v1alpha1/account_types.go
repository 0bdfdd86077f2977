package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Mode says how far the operator may go.
//
// +kubebuilder:validation:Enum=Enforce;ReportDrift;Observe
type Mode string

// Modes, from the widest to the strictest.
const (
	// applies what is declared, and sets back what others change
	ModeEnforce Mode = "Enforce"
	// applies what is declared, and only reports what others change
	ModeReportDrift Mode = "ReportDrift"
	// never writes
	ModeObserve Mode = "Observe"
)

// FlagWrites says when a write carries the SSO flag.
//
// +kubebuilder:validation:Enum=WhenChanged;Always
type FlagWrites string

// When a write carries the SSO flag.
const (
	// when it is declared and differs
	FlagWhenChanged FlagWrites = "WhenChanged"
	// always, as declared or as it was just read
	FlagAlways FlagWrites = "Always"
)

// NamespacesFrom says which namespaces may refer to an account.
//
// +kubebuilder:validation:Enum=Same;All;Selector
type NamespacesFrom string

// Namespaces that may refer to an account.
const (
	// the account's own namespace
	NamespacesFromSame NamespacesFrom = "Same"
	// every namespace
	NamespacesFromAll NamespacesFrom = "All"
	// the account's own, and those whose labels match the selector
	NamespacesFromSelector NamespacesFrom = "Selector"
)

// CertCentralAccountSpec declares how a CertCentral account is reached, and how far the operator may go in it.
type CertCentralAccountSpec struct {
	// endpoint is the base URL of the CertCentral Services API: https://www.digicert.com/services/v2 for most accounts,
	// https://certcentral.digicert.eu/services/v2 for those hosted in the EU. It must be on the operator's
	// --allowed-endpoints list, since the API key is sent there. Left out: the first of the two.
	//
	// +optional
	// +kubebuilder:default="https://www.digicert.com/services/v2"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''",message="must be an https URL such as https://www.digicert.com/services/v2"
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9:/._~\\\\[\\\\]-]*$')",message="must be a plain base URL: no user, query, fragment, percent escapes or spaces"
	Endpoint string `json:"endpoint,omitempty"`

	// apiKeySecretRef names the Secret, in the namespace of this account, that holds the CertCentral API key. A key with the
	// permission "User Management" can write; "View Only" is enough for mode Observe. A rotated key is in use within a minute.
	//
	// +required
	APIKeySecretRef SecretKeyRef `json:"apiKeySecretRef"`

	// accountID pins the CertCentral account: when the API key belongs to another one, nothing is looked at or written.
	// Left out: the account of the key is taken as it is.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	AccountID *int64 `json:"accountID,omitempty"`

	// mode is a ceiling for all users of this account; the stricter of this and the user's own counts. Enforce applies what is
	// declared and sets back what others change, ReportDrift applies what is declared and reports what others change, Observe
	// never writes: set it to stop all writing at once. Left out: Enforce.
	//
	// +optional
	// +kubebuilder:default=Enforce
	Mode Mode `json:"mode,omitempty"`

	// samlSSOOnlyWrites says when a write carries the SSO flag. WhenChanged: only when it is declared and differs, since setting it
	// revokes a password or mails the person; once such a write is seen to change a flag that it left out, no further one leaves it
	// out. Always: each write carries it, as declared or as it was just read. Left out: WhenChanged.
	//
	// +optional
	// +kubebuilder:default=WhenChanged
	SAMLSSOOnlyWrites FlagWrites `json:"samlSSOOnlyWrites,omitempty"`

	// interval is how often the live state of each user is looked at, between 1m and 24h, spread by 10 %. A change of a
	// resource is acted on at once, whatever the interval. Left out: 10m.
	//
	// +optional
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$')",message="must be a duration such as 90s, 10m or 1h30m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') || duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="must be between 1m and 24h"
	Interval metav1.Duration `json:"interval,omitempty,omitzero"`

	// fullInterval is how often each user is looked at in full where the account is swept: where it has more than a few managed
	// users, it is the list of users that is looked at every interval, and a user alone when the list shows news of it. What the
	// list lacks is found at this interval: the SSO flag mostly, languages and the visible containers. Between 10m and 168h, stretched
	// where it would take more than half of the budget. Left out: 6h.
	//
	// +optional
	// +kubebuilder:default="6h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$')",message="must be a duration such as 90m or 12h"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') || duration(self) >= duration('10m') && duration(self) <= duration('168h')",message="must be between 10m and 168h"
	FullInterval metav1.Duration `json:"fullInterval,omitempty,omitzero"`

	// budget bounds the requests made with this API key. CertCentral allows a key 1000 requests in 3 minutes and 100 in 5
	// seconds, counted over everything that uses it. Left out: 180 a minute in bursts of 40, which leaves room for other tools.
	//
	// +optional
	// +kubebuilder:default={requestsPerMinute: 180, burst: 40}
	Budget Budget `json:"budget,omitempty,omitzero"`

	// allowedNamespaces says from which namespaces users may refer to this account. Left out: only from its own.
	//
	// +optional
	// +kubebuilder:default={from: Same}
	AllowedNamespaces AllowedNamespaces `json:"allowedNamespaces,omitempty,omitzero"`

	// caBundle holds PEM certificates that are trusted in addition to the system's, for a proxy that inspects TLS. It is the
	// base64 of the PEM text, in one line. Left out: only the system's.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=262144
	// +kubebuilder:validation:XValidation:rule="string(self).contains('-----BEGIN CERTIFICATE-----')",message="must be the base64 of PEM certificates (-----BEGIN CERTIFICATE-----)"
	CABundle []byte `json:"caBundle,omitempty"`
}

// SecretKeyRef names a value in a Secret of the same namespace.
type SecretKeyRef struct {
	// name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",message="must be the name of a Secret: lower-case letters, digits, '-' and '.'"
	Name string `json:"name"`

	// key in the Secret's data. Left out: api-key.
	//
	// +optional
	// +kubebuilder:default=api-key
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="must be a key of a Secret: letters, digits, '-', '_' and '.'"
	Key string `json:"key,omitempty"`
}

// Budget is a token bucket of requests.
//
// +kubebuilder:validation:XValidation:rule="self.burst + 3 * self.requestsPerMinute <= 1000",message="burst + 3 * requestsPerMinute must not exceed 1000: CertCentral allows a key 1000 requests in 3 minutes"
// +kubebuilder:validation:XValidation:rule="12 * self.burst + self.requestsPerMinute <= 1200",message="12 * burst + requestsPerMinute must not exceed 1200: CertCentral allows a key 100 requests in 5 seconds"
type Budget struct {
	// requestsPerMinute in the long run, at least 12. Left out: 180.
	//
	// +optional
	// +kubebuilder:default=180
	// +kubebuilder:validation:Minimum=12
	// +kubebuilder:validation:Maximum=332
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`

	// burst is how many requests may go out at once after a quiet time, at least the 3 of a change. Left out: 40.
	//
	// +optional
	// +kubebuilder:default=40
	// +kubebuilder:validation:Minimum=3
	// +kubebuilder:validation:Maximum=99
	Burst int32 `json:"burst,omitempty"`
}

// AllowedNamespaces says from which namespaces users may refer to an account.
//
// +kubebuilder:validation:XValidation:rule="(self.from == 'Selector') == has(self.selector)",message="selector goes with from: Selector, and only with it"
type AllowedNamespaces struct {
	// from is Same (the account's own namespace), All, or Selector (its own and those that match the selector).
	// Left out: Same.
	//
	// +optional
	// +kubebuilder:default=Same
	From NamespacesFrom `json:"from,omitempty"`

	// selector is matched against the labels of a user's namespace; an empty one, {}, matches them all. Set it with
	// from: Selector, and only then.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn', 'Exists', 'DoesNotExist'])",message="operator must be In, NotIn, Exists or DoesNotExist"
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, (e.operator in ['In', 'NotIn']) == (has(e.values) && size(e.values) > 0))",message="values go with the operators In and NotIn, and only with them"
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// CertCentralAccountStatus is what the operator saw of the account.
type CertCentralAccountStatus struct {
	// conditions are Ready, and Reconciling or Stalled while they are True.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// accountID is the CertCentral account that the API key belongs to.
	//
	// +optional
	AccountID int64 `json:"accountID,omitempty"`

	// apiKeyUser is the CertCentral user that owns the API key.
	//
	// +optional
	APIKeyUser *APIKeyUser `json:"apiKeyUser,omitempty"`

	// sweep is what the operator sees of the account's users as a whole.
	//
	// +optional
	Sweep *AccountSweep `json:"sweep,omitempty"`

	// lastHandledReconcileAt is the last value of the annotation certcentral.io/reconcile-requested-at that was acted on.
	//
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// APIKeyUser is the CertCentral user that owns an API key.
type APIKeyUser struct {
	// id of the user.
	//
	// +required
	ID int64 `json:"id"`

	// username of the user.
	//
	// +required
	Username string `json:"username"`

	// roles of the user.
	//
	// +optional
	// +listType=atomic
	Roles []Role `json:"roles,omitempty"`
}

// CertCentralAccount is a DigiCert CertCentral account, reached with one API key, whose users CertCentralUser resources declare.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=certcentralaccounts,shortName=cca,categories=certcentral
// +kubebuilder:printcolumn:name="Account",type=integer,JSONPath=`.status.accountID`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Interval",type=string,JSONPath=`.spec.interval`
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.sweep.managed`
// +kubebuilder:printcolumn:name="In-Sync",type=integer,JSONPath=`.status.sweep.inSync`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Key user",type=string,priority=1,JSONPath=`.status.apiKeyUser.username`
// +kubebuilder:printcolumn:name="Looks",type=string,priority=1,JSONPath=`.status.sweep.state`
// +kubebuilder:printcolumn:name="Endpoint",type=string,priority=1,JSONPath=`.spec.endpoint`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type CertCentralAccount struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is what Kubernetes keeps of every object.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares how the account is reached, and how far the operator may go in it.
	//
	// +required
	Spec CertCentralAccountSpec `json:"spec"`

	// status is what the operator saw. It is written by the operator alone.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status CertCentralAccountStatus `json:"status,omitzero"`
}

// CertCentralAccountList is a list of accounts.
//
// +kubebuilder:object:root=true
type CertCentralAccountList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []CertCentralAccount `json:"items"`
}
