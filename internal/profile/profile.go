// Package profile is the judgement: from the profile that is wanted and the one that is there it says what to do. It knows
// every rule of writing, and it neither asks, writes, waits nor remembers anything itself.
package profile

import (
	"slices"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// Field names a profile field as the resource spells it.
type Field string

// The profile fields.
const (
	Username    Field = "username"
	FirstName   Field = "firstName"
	LastName    Field = "lastName"
	Email       Field = "email"
	JobTitle    Field = "jobTitle"
	Telephone   Field = "telephone"
	SAMLSSOOnly Field = "samlSSOOnly"
)

// Declared holds profile values; nil means that the field is not managed.
type Declared struct {
	Username, FirstName, LastName, Email, JobTitle, Telephone *string
	SAMLSSOOnly                                               *bool
}

// Mode says how far a plan may go.
type Mode string

// Modes, from the widest to the strictest.
const (
	Enforce     Mode = "Enforce"     // write what is declared, and set back what others changed
	ReportDrift Mode = "ReportDrift" // write what is declared, report what others changed
	Observe     Mode = "Observe"     // never write
)

// Stricter returns the one of two modes that allows less.
func Stricter(a, b Mode) Mode {
	if a == Enforce || b == Observe {
		return b
	}
	if b == Enforce || a == Observe {
		return a
	}
	return ReportDrift
}

// Writes tells whether the mode writes what differs for this cause.
func (m Mode) Writes(cause Cause) bool {
	return m == Enforce || m == ReportDrift && cause == SpecChange
}

// text gives access to one of the fields that are strings, on every side where it occurs.
type text struct {
	field    Field
	declared func(*Declared) **string
	live     func(*certcentral.Profile) *string
	update   func(*certcentral.Update) *string
	required bool // the update-user page requires it in every PUT
	identity bool // tells who the person is
}

var texts = []text{
	{
		Username, func(d *Declared) **string { return &d.Username },
		func(p *certcentral.Profile) *string { return &p.Username },
		func(u *certcentral.Update) *string { return &u.Username }, true, true,
	},
	{
		FirstName, func(d *Declared) **string { return &d.FirstName },
		func(p *certcentral.Profile) *string { return &p.FirstName },
		func(u *certcentral.Update) *string { return &u.FirstName }, true, true,
	},
	{
		LastName, func(d *Declared) **string { return &d.LastName },
		func(p *certcentral.Profile) *string { return &p.LastName },
		func(u *certcentral.Update) *string { return &u.LastName }, true, true,
	},
	{
		Email, func(d *Declared) **string { return &d.Email },
		func(p *certcentral.Profile) *string { return &p.Email },
		func(u *certcentral.Update) *string { return &u.Email }, true, true,
	},
	{
		JobTitle, func(d *Declared) **string { return &d.JobTitle },
		func(p *certcentral.Profile) *string { return &p.JobTitle },
		func(u *certcentral.Update) *string { return &u.JobTitle }, false, false,
	},
	{
		Telephone, func(d *Declared) **string { return &d.Telephone },
		func(p *certcentral.Profile) *string { return &p.Telephone },
		func(u *certcentral.Update) *string { return &u.Telephone }, false, false,
	},
}

// Pending lists the declared fields whose value is not among the settled ones: what a person declared and nobody has seen
// in the live profile yet.
func Pending(declared, settled Declared) []Field {
	var pending []Field
	for _, t := range texts {
		if want := *t.declared(&declared); want != nil && !same(want, *t.declared(&settled)) {
			pending = append(pending, t.field)
		}
	}
	if declared.SAMLSSOOnly != nil && !same(declared.SAMLSSOOnly, settled.SAMLSSOOnly) {
		pending = append(pending, SAMLSSOOnly)
	}
	return pending
}

// Names returns the fields as strings, in their order.
func Names(fields []Field) []string {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, string(f))
	}
	return names
}

// without returns fields less those given.
func without(fields []Field, less ...Field) []Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f Field) bool { return slices.Contains(less, f) })
}

func same[T comparable](a, b *T) bool {
	return a != nil && b != nil && *a == *b
}
