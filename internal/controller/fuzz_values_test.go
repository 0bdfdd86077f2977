package controller

import (
	"encoding/json"
	"fmt"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// values are those of a profile, as texts, by the names of the user-info page.
type values map[string]string

const ssoField = "is_saml_sso_only"

var profileFields = []string{"username", "first_name", "last_name", "email", "job_title", "telephone"}

// shownValues reads an answer; nil when it is not that user.
func shownValues(body []byte, id int64) values {
	var user map[string]any
	if json.Unmarshal(body, &user) != nil || user["id"] != float64(id) {
		return nil
	}
	return valuesOf(user)
}

func valuesOf(user map[string]any) values {
	shown := values{ssoField: fmt.Sprint(user[ssoField])}
	for _, f := range profileFields {
		shown[f], _ = user[f].(string)
	}
	return shown
}

// declaredValues has what a spec declares, and nothing else.
func declaredValues(p v1alpha1.Profile) values {
	declared := values{}
	for f, value := range map[string]*string{
		"username": p.Username, "first_name": p.FirstName, "last_name": p.LastName, "email": p.Email,
		"job_title": p.JobTitle, "telephone": p.Telephone,
	} {
		if value != nil {
			declared[f] = *value
		}
	}
	if p.SAMLSSOOnly != nil {
		declared[ssoField] = fmt.Sprint(*p.SAMLSSOOnly)
	}
	return declared
}

// in tells whether a profile has all these values.
func (v values) in(profile values) bool {
	for f, value := range v {
		if shown, ok := profile[f]; !ok || shown != value {
			return false
		}
	}
	return true
}

// valueOf is one of a few values of a field of the who-th person; the 0th is live at first. Number 2 clears what can be cleared.
func valueOf(who int, field string, number byte) any {
	name := []string{"john", "jane", "rob"}[who]
	switch field {
	case "username":
		return fmt.Sprintf("%s.pvt%d@example.com", name, number)
	case "email":
		return fmt.Sprintf("%s.Pvt%d@Example.com", name, number)
	case ssoField:
		return number%2 == 1
	case "job_title", "telephone":
		if number == 2 {
			return ""
		}
	}
	return fmt.Sprintf("%s Pvt %s %d", name, field, number)
}

// declare sets a field of a profile; a nil value takes it out.
func declare(p *v1alpha1.Profile, field string, value any) {
	if field == ssoField {
		p.SAMLSSOOnly = nil
		if on, ok := value.(bool); ok {
			p.SAMLSSOOnly = &on
		}
		return
	}
	var text *string
	if value, ok := value.(string); ok {
		text = &value
	}
	switch field {
	case "username":
		p.Username = text
	case "first_name":
		p.FirstName = text
	case "last_name":
		p.LastName = text
	case "email":
		p.Email = text
	case "job_title":
		p.JobTitle = text
	case "telephone":
		p.Telephone = text
	}
}
