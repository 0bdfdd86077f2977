package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ChangeOrigin tells who changed a field that a write was not to change.
//
// +kubebuilder:validation:Enum=Service;Unclear
type ChangeOrigin string

// Origins of an unexpected change.
const (
	// the write itself, for all one can tell: CertCentral stored something else than it was sent, or reset what was left out
	OriginService ChangeOrigin = "Service"
	// perhaps somebody else at the same moment; the same once more is the service's
	OriginUnclear ChangeOrigin = "Unclear"
)

// UnexpectedChange is a field that a write was not to change, and that was another one after it.
type UnexpectedChange struct {
	// field of the profile, as spec.profile spells it.
	//
	// +required
	// +kubebuilder:validation:MaxLength=16
	Field string `json:"field"`

	// origin is Service when the write itself did it, for all one can tell: nothing more is written for this user then. It is
	// Unclear when somebody else may have changed the field at the same moment, and nothing is held back.
	//
	// +required
	Origin ChangeOrigin `json:"origin"`

	// generation of the spec that was written.
	//
	// +required
	Generation int64 `json:"generation"`

	// omitted is true when the write left the field out: samlSSOOnly, which is sent only where it changes.
	//
	// +optional
	Omitted bool `json:"omitted,omitempty"`

	// before is the value before the write; it was also what was sent, unless the field was left out. It may be shortened.
	//
	// +required
	// +kubebuilder:validation:MaxLength=512
	Before string `json:"before"`

	// observed is the value after the write; "" when unset. It may be shortened.
	//
	// +required
	// +kubebuilder:validation:MaxLength=512
	Observed string `json:"observed"`
}

// Attempt is a write that may have been made, and whose outcome was not seen yet.
type Attempt struct {
	// generation of the spec that was to be written.
	//
	// +required
	Generation int64 `json:"generation"`

	// time when it was sent.
	//
	// +required
	Time metav1.Time `json:"time"`

	// earlier are the times of the writes before this one, as in applied.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4
	Earlier []metav1.Time `json:"earlier,omitempty"`

	// fields that it was to change.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=7
	// +kubebuilder:validation:items:MaxLength=16
	Fields []string `json:"fields,omitempty"`

	// profile as it was sent.
	//
	// +required
	Profile ObservedProfile `json:"profile"`

	// samlSSOOnlyBefore is the flag before the write, which keeps it where it is left out.
	//
	// +optional
	SAMLSSOOnlyBefore bool `json:"samlSSOOnlyBefore,omitempty"`

	// compared is true once the live profile was compared with what was sent.
	//
	// +optional
	Compared bool `json:"compared,omitempty"`
}

// Rollback tells of a resource that went back to an older generation, as after the restore of a backup.
type Rollback struct {
	// from is the newest generation that was seen.
	//
	// +required
	From int64 `json:"from"`

	// to is the generation that it went back to.
	//
	// +required
	To int64 `json:"to"`

	// accepted is the value that the annotation certcentral.io/accept-rollback had already when this was found. It accepts nothing.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Accepted string `json:"accepted,omitempty"`
}
