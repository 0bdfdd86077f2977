package profile

import (
	"strings"
	"unicode/utf8"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// Undeclared returns the fields whose value in the body of a PUT breaks a rule of CertCentral, and is not what is declared: one that
// was only read and is sent back. They are no reason not to try, since CertCentral may have changed its rules.
func Undeclared(declared Declared, sent certcentral.Update) []Field {
	var fields []Field
	for _, t := range texts {
		value, desired := *t.update(&sent), *t.declared(&declared)
		if !acceptable(t.field, value) && (desired == nil || *desired != value) {
			fields = append(fields, t.field)
		}
	}
	return fields
}

// acceptable tells whether a value is within the rules of the update-user page.
func acceptable(field Field, value string) bool {
	size := utf8.RuneCountInString(value)
	switch field {
	case Username:
		return value != "" && !strings.ContainsFunc(value, notInUsername)
	case FirstName, LastName:
		return 0 < size && size <= 128
	case Email:
		return size <= 255 && isAddress(value)
	case JobTitle, Telephone:
		return size <= 64
	case SAMLSSOOnly:
	}
	return true
}

// notInUsername keeps to the characters that the update-user page lists, and the dot of its own example.
func notInUsername(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("@-_+.", r)
}

// isAddress wants two parts without blanks around one @: finer rules than that are not documented.
func isAddress(value string) bool {
	local, domain, found := strings.Cut(value, "@")
	return found && local != "" && domain != "" && !strings.ContainsAny(value, " \t\r\n,;<>") && !strings.Contains(domain, "@")
}
