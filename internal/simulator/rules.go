package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/mail"
	"regexp"
	"unicode/utf8"
)

// Rules settle what the documentation leaves open. The zero value is the documentation read literally.
type Rules struct {
	// Limits are the windows of each key: nil is DocumentedLimits, an empty list is none.
	Limits []Limit `json:"limits,omitzero"`
	// RefusedCount lets calls that got a 429 count in the windows too.
	RefusedCount bool `json:"refused_count,omitempty"`
	// RetryAfter is the header of a 429.
	RetryAfter RetryAfter `json:"retry_after,omitempty"`
	// Latency is how long each answer takes; 0.8 to 1.0 s is what the service was seen to need.
	Latency Duration `json:"latency,omitzero"`
	// BadKeyStatus answers a missing, unknown or revoked key: 403 where 0.
	BadKeyStatus int `json:"bad_key_status,omitempty"`

	// OmittedKept keeps a job_title or telephone that a PUT leaves out; else it is removed, as newer pages say.
	OmittedKept bool `json:"omitted_kept,omitempty"`
	// OmittedSSOCleared sets is_saml_sso_only to false when a PUT leaves it out; else it stays.
	OmittedSSOCleared bool `json:"omitted_sso_cleared,omitempty"`
	// UnchangedRefused answers a PUT that changes nothing with 400.
	UnchangedRefused bool `json:"unchanged_refused,omitempty"`
	// Trimmed takes blanks off both ends of written values.
	Trimmed bool `json:"trimmed,omitempty"`
	// EmailLowered stores written addresses in lower case.
	EmailLowered bool `json:"email_lowered,omitempty"`
	// CutTo stores at most so many characters of what is written into a field, by its API name.
	CutTo map[string]int `json:"cut_to,omitempty"`
	// Charset is what becomes of the characters of written values on their way into storage; Unicode where "".
	Charset Charset `json:"charset,omitempty"`
	// Follows are fields that take over what a PUT changes another one to: the follower by the one followed, as in
	// {"email": "username"}.
	Follows map[string]string `json:"follows,omitempty"`
	// SSOAccepted is the JSON type of is_saml_sso_only in a PUT: SSOString where "".
	SSOAccepted SSOForm `json:"sso_accepted,omitempty"`

	// PutOnly are the only fields of a PUT that take effect, by their API names; it answers 204 all the same. Without any
	// all do.
	PutOnly []string `json:"put_only,omitempty"`

	// Lag is how long after a PUT reads, lists too, still show the user as they were before it. Users are found by what is
	// stored.
	Lag Duration `json:"lag,omitzero"`
	// Flip lets reads of a user alternate between the states before and after the last write, of whomever: the first read
	// after it shows the one before. With Lag it begins when that is over.
	Flip bool `json:"flip,omitempty"`
	// SSOServedAsString serves is_saml_sso_only as "true" or "false" rather than as a flag.
	SSOServedAsString bool `json:"sso_served_as_string,omitempty"`
	// ZonedDates serves last_login_date like 2023-10-13T15:15:13+00:00 rather than 2023-10-13 15:15:13.
	ZonedDates bool `json:"zoned_dates,omitempty"`

	// Owned are the users whose profile belongs to an identity provider, by id.
	Owned map[int64]Owned `json:"owned,omitempty"`
}

// SSOForm is how is_saml_sso_only may be written.
type SSOForm string

// The forms of is_saml_sso_only.
const (
	SSOString SSOForm = "string" // "true", as the update-user page types it
	SSOBool   SSOForm = "bool"   // true, as the user-info page does
	SSOBoth   SSOForm = "both"
)

// UnmarshalText refuses any other word.
func (f *SSOForm) UnmarshalText(b []byte) error { return oneOf(f, b, SSOString, SSOBool, SSOBoth) }

// Owned says what becomes of a PUT to a profile that an identity provider owns (SCIM, a DigiCert account).
type Owned struct {
	Put Fate `json:"put"`
	// After is the read that shows an undone write gone, counted from 1; 0 is 1. Only GET /user/{id} counts.
	After int `json:"after,omitempty"`
}

// Fate is the end of such a PUT.
type Fate string

// The fates of a PUT.
const (
	Refused Fate = "refused" // 403
	Ignored Fate = "ignored" // 204 without effect
	Undone  Fate = "undone"  // 204, and taken back on a later read
)

// UnmarshalText refuses any other word.
func (f *Fate) UnmarshalText(b []byte) error { return oneOf(f, b, Refused, Ignored, Undone) }

// ssoField is the flag beside the six profile fields.
const ssoField = "is_saml_sso_only"

// profileField is a field that a PUT can set.
type profileField struct {
	name     string
	required bool
	most     int               // characters; 0 is no limit
	valid    func(string) bool // nil: any characters
}

// profileFields are the update-user page's six. Its list of a username's characters omits the dot, which its own
// example has.
var profileFields = []profileField{
	{name: "username", required: true, valid: regexp.MustCompile(`^[a-zA-Z0-9@_+.-]+$`).MatchString},
	{name: "first_name", required: true, most: 128},
	{name: "last_name", required: true, most: 128},
	{name: "email", required: true, most: 255, valid: isAddress},
	{name: "job_title", most: 64},
	{name: "telephone", most: 64},
}

// check says what is wrong with a value that was sent.
func (f profileField) check(value string) *apiError {
	if f.most > 0 && utf8.RuneCountInString(value) > f.most {
		return invalid(f.name, fmt.Sprintf("is longer than %d characters", f.most))
	}
	if f.valid != nil && !f.valid(value) {
		return invalid(f.name, "has characters or a form that is not allowed")
	}
	return nil
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

// settle returns what a PUT of body makes of a user, or all that is wrong with it. Whatever is no profile field stays
// as it is: role, status, container and language have endpoints of their own.
func (r Rules) settle(have User, service bool, body User) (User, []apiError) {
	after := maps.Clone(have)
	var wrong []apiError
	for _, field := range profileFields {
		if err := r.settleField(field, after, service, body); err != nil {
			wrong = append(wrong, *err)
		}
	}
	if err := r.settleSSO(after, body); err != nil {
		wrong = append(wrong, *err)
	}
	r.follow(have, after)
	if service {
		wrong = append(wrong, onlyEmail(have, after)...)
	}
	return after, wrong
}

// settleField sets one field, or removes it where the rules say so.
func (r Rules) settleField(field profileField, after User, service bool, body User) *apiError {
	sent := body[field.name]
	value, isText := text(sent)
	switch value = r.normalised(field.name, value); {
	case !isText && !isNull(sent):
		return invalid(field.name, "is not a string")
	case value != "":
		after.set(field.name, r.Charset.stored(value))
		return field.check(value)
	case field.required && !service:
		return &apiError{"missing_" + field.name, field.name + " is required"}
	case isNull(sent) && (service || r.OmittedKept):
		return nil
	}
	after.set(field.name, "")
	return nil
}

// partly takes back what PutOnly does not let take effect.
func (r Rules) partly(have, after User) User {
	if len(r.PutOnly) == 0 {
		return after
	}
	part := maps.Clone(have)
	for _, name := range r.PutOnly {
		delete(part, name)
		if value, set := after[name]; set {
			part[name] = value
		}
	}
	return part
}

// settleSSO reads the flag in the form asked for. Left out it stays, unless the rules clear it.
func (r Rules) settleSSO(after, body User) *apiError {
	sent := body[ssoField]
	if isNull(sent) {
		if r.OmittedSSOCleared {
			after[ssoField] = raw(false)
		}
		return nil
	}
	word, isText := text(sent)
	if !isText {
		word = string(sent)
	}
	accepted := r.SSOAccepted == SSOBoth || (r.SSOAccepted == SSOBool) != isText
	if !accepted || (word != "true" && word != "false") {
		return invalid(ssoField, "has the wrong type or value")
	}
	after[ssoField] = json.RawMessage(word)
	return nil
}

// onlyEmail names what a PUT would change of a service user beside the one field that may.
func onlyEmail(have, after User) (wrong []apiError) {
	for _, name := range changed(have, after) {
		if name != "email" {
			wrong = append(wrong, *invalid(name, "can't be changed: of a service user only the email can"))
		}
	}
	return wrong
}

func invalid(field, what string) *apiError {
	return &apiError{"invalid_" + field, field + " " + what}
}

// ReadRules reads Rules from JSON, strictly.
func ReadRules(r io.Reader) (Rules, error) {
	var rules Rules
	err := decode(r, &rules)
	return rules, err
}
