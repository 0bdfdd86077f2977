package profile

import (
	"slices"
	"strconv"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// Write is a write as it was sent, with what a later look is compared with.
type Write struct {
	Update certcentral.Update
	Fields []Field // that it was to change
	// SAMLSSOOnly is the flag as it was before: what it must be after a write that leaves it out.
	SAMLSSOOnly bool
	// Late is true for a look that does not come right after the write: others had time to change something.
	Late bool
}

// Origin tells who changed what a write was not to change.
type Origin string

// The origins.
const (
	ByService Origin = "Service" // the write itself did it, for all one can tell
	Unclear   Origin = "Unclear" // perhaps somebody else did it at the same moment
)

// Change is a field that a write was not to change, and that is another one after it.
type Change struct {
	Field            Field
	Origin           Origin
	Omitted          bool // the write left the field out
	Before, Observed string
}

// Unexpected compares the look after a write with what was sent: every text, and the flag with what was sent or, when it was left
// out, with what it was before. What the next plan sets right is not listed: it is a declared value that did not stay. suspects
// are the fields that came back other than sent after the write before, too: once may be a colleague, twice is the service.
func Unexpected(write Write, after certcentral.Profile, next Plan, suspects []Field) []Change {
	var changes []Change
	for _, t := range texts {
		sent, observed := *t.update(&write.Update), *t.live(&after)
		if sent == observed || slices.Contains(write.Fields, t.field) || next.writes(t.field) {
			continue
		}
		changes = append(changes, Change{
			Field: t.field, Before: sent, Observed: observed,
			Origin: originOf(slices.Contains(suspects, t.field) || rewritten(sent, observed) || write.brought(observed)),
		})
	}
	if flag := write.flag(); flag != after.SAMLSSOOnly && !slices.Contains(write.Fields, SAMLSSOOnly) {
		// Setting the flag revokes a password, or mails the person, and resetting it lets passwords in: that is never passed over
		// when it happens in the moment of a write, nor, later, when a protection is lost.
		changes = append(changes, Change{
			Field: SAMLSSOOnly, Before: strconv.FormatBool(flag), Observed: strconv.FormatBool(after.SAMLSSOOnly),
			Omitted: write.Update.SAMLSSOOnly == nil,
			Origin:  originOf(!write.Late || flag || slices.Contains(suspects, SAMLSSOOnly)),
		})
	}
	return changes
}

// brought tells whether the value is one that the write brought to another field, which this one followed.
func (w Write) brought(value string) bool {
	return slices.ContainsFunc(texts, func(t text) bool {
		return slices.Contains(w.Fields, t.field) && *t.update(&w.Update) == value
	})
}

// writes tells whether the plan is to write the field.
func (p Plan) writes(field Field) bool {
	return p.Verb == Update && slices.Contains(p.Fields, field)
}

// flag is what the flag must be after the write.
func (w Write) flag() bool {
	if w.Update.SAMLSSOOnly != nil {
		return *w.Update.SAMLSSOOnly
	}
	return w.SAMLSSOOnly
}

// Arrived tells whether the fields that the write was to change are seen as they were sent: a read that lags behind the write tells
// nothing of the others either.
func (w Write) Arrived(after certcentral.Profile) bool {
	for _, t := range texts {
		if slices.Contains(w.Fields, t.field) && *t.update(&w.Update) != *t.live(&after) {
			return false
		}
	}
	return !slices.Contains(w.Fields, SAMLSSOOnly) || w.flag() == after.SAMLSSOOnly
}

func originOf(service bool) Origin {
	if service {
		return ByService
	}
	return Unclear
}
