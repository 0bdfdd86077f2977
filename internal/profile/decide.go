package profile

import (
	"slices"
	"strconv"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// Want is everything on our side that a decision rests on.
type Want struct {
	Declared Declared
	Settled  Declared // declared values that the live profile has been seen to satisfy
	Mode     Mode
	Username string // the username that the resource refers to the user by; "" when it does so by id
	// Trusted is true once it is known that the resource means this user: it was written before, or a person confirmed it.
	Trusted bool
	// Known is true once one of the fields that tell who a person is was settled for this user: Plan.Known, remembered.
	Known bool
	// SendFlag is true where every write carries the SSO flag: as it was read, where it is not to change.
	SendFlag bool
	// ServiceUser is true for a user of CertCentral's api-only list, of which only the email can be changed.
	ServiceUser bool
}

// Verb is what a plan does.
type Verb string

// The verbs.
const (
	Keep   Verb = "Keep"   // the live profile satisfies the declared one: nothing to do
	Update Verb = "Update" // write Plan.Update
	Report Verb = "Report" // differs, and the mode forbids writing
	Refuse Verb = "Refuse" // differs, and writing would be wrong: Plan.Refusal says why
)

// Cause tells why a field differs.
type Cause string

// The causes.
const (
	SpecChange Cause = "SpecChange" // the declared value is new
	Drift      Cause = "Drift"      // the live value satisfied the declared one once, and was changed since by others
)

// Difference is a field whose live value is not the declared one.
type Difference struct {
	Field             Field
	Cause             Cause
	Desired, Observed string
}

// Refusal tells why a difference must not be written.
type Refusal string

// The refusals.
const (
	Renamed     Refusal = "Renamed"     // the live username is no longer the one referred to
	WrongPerson Refusal = "WrongPerson" // no declared name, mail or username is the live one: the id is likely mistyped
	ServiceUser Refusal = "ServiceUser" // more than the email of a service user would be written
	Incomplete  Refusal = "Incomplete"  // a field that every PUT requires is neither declared nor in the live profile
)

// Plan is what to do about a user.
type Plan struct {
	Verb        Verb
	Fields      []Field            // with Update: the fields that it changes; with Refuse: those that the refusal is about
	Update      certcentral.Update // with Update: the body of the PUT
	Refusal     Refusal            // with Refuse
	Strangers   []Field            // with Report: the identity fields that speak for the wrong person, as WrongPerson does before a write
	Differences []Difference       // all that differs, whatever the verb; nil when the user is not the one referred to
	Settled     Declared           // what is settled now that the live profile was seen
	Known       bool               // whether a field that tells who the person is was ever settled for this user
}

// Decide says what to do about a user whose live profile is have. Carried out, a plan leaves nothing to write.
func Decide(want Want, have certcentral.Profile) Plan {
	if want.Username != "" && !SameName(want.Username, have.Username) {
		return Plan{Verb: Refuse, Refusal: Renamed, Fields: []Field{Username}, Settled: want.Settled, Known: known(want, Declared{})}
	}
	plan := compare(want, have)
	plan.Known = known(want, plan.Settled)
	plan.Fields = writable(plan.Differences, want.Mode)
	plan.Update = overlay(want, have, plan.Fields)
	switch refusal, fields := objection(want, have, plan); {
	case len(plan.Differences) == 0:
		plan.Verb = Keep
	case len(plan.Fields) == 0:
		plan.Verb = Report
		if refusal == WrongPerson {
			plan.Strangers = fields
		}
	case refusal != "":
		plan.Verb, plan.Refusal, plan.Fields = Refuse, refusal, fields
	default:
		plan.Verb = Update
	}
	return plan
}

// compare finds the differences, and what is settled. A value stays settled while it differs: that is how drift is told from
// a new declaration.
func compare(want Want, have certcentral.Profile) Plan {
	var plan Plan
	for _, t := range texts {
		desired, settled := *t.declared(&want.Declared), *t.declared(&want.Settled)
		if desired == nil {
			continue
		}
		cause := causeOf(same(desired, settled))
		if observed := *t.live(&have); *desired != observed {
			plan.Differences = append(plan.Differences, Difference{t.field, cause, *desired, observed})
			if cause == SpecChange {
				continue
			}
		}
		*t.declared(&plan.Settled) = desired
	}
	desired := want.Declared.SAMLSSOOnly
	if desired == nil {
		return plan
	}
	cause := causeOf(same(desired, want.Settled.SAMLSSOOnly))
	if *desired != have.SAMLSSOOnly {
		plan.Differences = append(plan.Differences,
			Difference{SAMLSSOOnly, cause, strconv.FormatBool(*desired), strconv.FormatBool(have.SAMLSSOOnly)})
		if cause == SpecChange {
			return plan
		}
	}
	plan.Settled.SAMLSSOOnly = desired
	return plan
}

func causeOf(settled bool) Cause {
	if settled {
		return Drift
	}
	return SpecChange
}

// known tells whether a field that tells who a person is was settled before, or is now. That it differs by now is drift, or a new
// declaration, and no reason to take the user for somebody else.
func known(want Want, settled Declared) bool {
	return want.Known || slices.ContainsFunc(texts, func(t text) bool {
		return t.identity && (*t.declared(&want.Settled) != nil || *t.declared(&settled) != nil)
	})
}

// writable lists the differing fields that the mode allows to write.
func writable(differences []Difference, mode Mode) []Field {
	var fields []Field
	for _, d := range differences {
		if mode.Writes(d.Cause) {
			fields = append(fields, d.Field)
		}
	}
	return fields
}

// overlay is the body of a PUT that changes the given fields: it carries all six texts, since one that is left out may be
// removed from the profile, and the flag only when it changes, since setting it mails the person, or where every write is to carry it.
func overlay(want Want, have certcentral.Profile, fields []Field) certcentral.Update {
	var update certcentral.Update
	if want.SendFlag {
		update.SAMLSSOOnly = &have.SAMLSSOOnly
	}
	for _, t := range texts {
		*t.update(&update) = *t.live(&have)
	}
	for _, field := range fields {
		if field == SAMLSSOOnly {
			update.SAMLSSOOnly = want.Declared.SAMLSSOOnly
			continue
		}
		for _, t := range texts {
			if t.field == field {
				*t.update(&update) = **t.declared(&want.Declared)
			}
		}
	}
	return update
}

// objection returns why the plan must not be carried out, and the fields at fault; "" when there is nothing against it.
func objection(want Want, have certcentral.Profile, plan Plan) (Refusal, []Field) {
	if fields := strangers(want.Declared, have); len(fields) >= 2 && !want.Trusted && !plan.Known {
		return WrongPerson, fields
	}
	if others := without(plan.Fields, Email); want.ServiceUser && len(others) > 0 {
		return ServiceUser, others
	}
	var missing []Field
	for _, t := range texts {
		known := want.ServiceUser && t.field != Email // declaring it would be refused: nothing but the email can be written
		if t.required && !known && *t.update(&plan.Update) == "" {
			missing = append(missing, t.field)
		}
	}
	if len(missing) > 0 {
		return Incomplete, missing
	}
	return "", nil
}

// strangers returns the declared fields that tell who a person is, if not one of them has its declared value.
func strangers(declared Declared, have certcentral.Profile) []Field {
	var fields []Field
	for _, t := range texts {
		desired := *t.declared(&declared)
		if !t.identity || desired == nil {
			continue
		}
		if *desired == *t.live(&have) {
			return nil
		}
		fields = append(fields, t.field)
	}
	return fields
}
