package profile

import (
	"slices"
	"strings"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// Satisfied tells whether the live profile has every declared value. Nothing declared is satisfied by any.
func Satisfied(declared Declared, live certcentral.Profile) bool {
	for _, t := range texts {
		if want := *t.declared(&declared); want != nil && *want != *t.live(&live) {
			return false
		}
	}
	return declared.SAMLSSOOnly == nil || *declared.SAMLSSOOnly == live.SAMLSSOOnly
}

// Disputed lists the fields that two declarations both manage, with different values.
func Disputed(a, b Declared) []Field {
	var fields []Field
	for _, t := range texts {
		if differ(*t.declared(&a), *t.declared(&b)) {
			fields = append(fields, t.field)
		}
	}
	if differ(a.SAMLSSOOnly, b.SAMLSSOOnly) {
		fields = append(fields, SAMLSSOOnly)
	}
	return fields
}

// InOrder returns each of the fields once, in the order in which a profile has them.
func InOrder(fields []Field) []Field {
	var ordered []Field
	for _, t := range texts {
		if slices.Contains(fields, t.field) {
			ordered = append(ordered, t.field)
		}
	}
	if slices.Contains(fields, SAMLSSOOnly) {
		ordered = append(ordered, SAMLSSOOnly)
	}
	return ordered
}

// SameName tells whether two usernames name the same user: CertCentral may show one in another case than it was given. Only ASCII
// letters have a case here, since a username has no others.
func SameName(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a, b)
}

func differ[T comparable](a, b *T) bool {
	return a != nil && b != nil && *a != *b
}
