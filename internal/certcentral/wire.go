package certcentral

import (
	"encoding/json"
	"time"
)

// wireUser is the answer of the user-info page. Keys that are not here are not read, the secret ekey above all.
type wireUser struct {
	ID                id                       `json:"id"`
	AccountID         id                       `json:"account_id"`
	Username          text                     `json:"username"`
	FirstName         text                     `json:"first_name"`
	LastName          text                     `json:"last_name"`
	Email             *text                    `json:"email"`
	JobTitle          text                     `json:"job_title"`
	Telephone         text                     `json:"telephone"`
	SAMLSSOOnly       flag                     `json:"is_saml_sso_only"`
	Errors            json.RawMessage          `json:"errors"` // in place of a user
	LastLogin         lenient[json.RawMessage] `json:"last_login_date"`
	Status            lenient[text]            `json:"status"`
	Type              lenient[text]            `json:"type"`
	LanguageID        lenient[id]              `json:"language_id"`
	AccountLanguageID lenient[id]              `json:"account_language_id"`
	CertCentral       lenient[flag]            `json:"is_cert_central"`
	Enterprise        lenient[flag]            `json:"is_enterprise"`

	Roles                lenient[several[wireNamed]]     `json:"access_roles"`
	Container            lenient[wireContainer]          `json:"container"`
	ContainerAssignments lenient[several[wireContainer]] `json:"container_assignments"`
	ContainerVisibility  lenient[several[wireContainer]] `json:"container_visibility"`
}

// wireContainer is a container as the user-info page has it in three places, each with some of the fields.
type wireContainer struct {
	ID                 id                 `json:"id"`
	PublicID           text               `json:"public_id"`
	Name               text               `json:"name"`
	ParentID           id                 `json:"parent_id"`
	TemplateID         id                 `json:"template_id"`
	HasLogo            flag               `json:"has_logo"`
	Active             flag               `json:"is_active"`
	AllowedDomainNames several[text]      `json:"allowed_domain_names"`
	Organizations      several[wireNamed] `json:"organization_assignments"`
}

// wireNamed is a role or an organization.
type wireNamed struct {
	ID   id   `json:"id"`
	Name text `json:"name"`
}

// wireList is a list of users; only GET /user tells the page.
type wireList struct {
	Users []wireRow `json:"users"`
	Page  struct {
		Total id `json:"total"`
		Limit id `json:"limit"`
	} `json:"page"`
	Errors json.RawMessage `json:"errors"`
}

// wireRow is a user in a list: observed traffic has every profile field, status, last login, roles and container, and no more; the
// SSO flag is taken where it is there. No write rests on a row, and one odd row must not hide the others: all of it is lenient.
type wireRow struct {
	ID          lenient[id]                 `json:"id"`
	Username    lenient[text]               `json:"username"`
	FirstName   lenient[text]               `json:"first_name"`
	LastName    lenient[text]               `json:"last_name"`
	Email       lenient[text]               `json:"email"`
	JobTitle    lenient[text]               `json:"job_title"`
	Telephone   lenient[text]               `json:"telephone"`
	SAMLSSOOnly lenient[flag]               `json:"is_saml_sso_only"`
	Status      lenient[text]               `json:"status"`
	LastLogin   lenient[json.RawMessage]    `json:"last_login_date"`
	Roles       lenient[several[wireNamed]] `json:"access_roles"`
	Container   lenient[struct {
		ID id `json:"id"`
	}] `json:"container"`
}

// id is the user's; 0 where there is none.
func (w *wireRow) id() id { return w.ID.value }

// user is the user that the answer is about. Times that lie ahead of now were never a sign-in.
func (w *wireUser) user(now time.Time) *User {
	u := &User{
		ID: int64(w.ID), AccountID: int64(w.AccountID),
		Profile: Profile{
			Username: string(w.Username), FirstName: string(w.FirstName), LastName: string(w.LastName), Email: string(*w.Email),
			JobTitle: string(w.JobTitle), Telephone: string(w.Telephone), SAMLSSOOnly: bool(w.SAMLSSOOnly),
		},
		Status: string(w.Status.value), Type: string(w.Type.value),
		LanguageID: int64(w.LanguageID.value), AccountLanguageID: int64(w.AccountLanguageID.value),
		CertCentral: bool(w.CertCentral.value), Enterprise: bool(w.Enterprise.value),
		Roles:                each(w.Roles.value, wireNamed.role),
		ContainerAssignments: each(w.ContainerAssignments.value, wireContainer.assignment),
		ContainerVisibility:  each(w.ContainerVisibility.value, wireContainer.visible),
	}
	if w.Container.given {
		u.Container = new(w.Container.value.container())
	}
	login, readable := parseLogin(w.LastLogin.value, now)
	u.LastLogin, u.Unreadable = login, w.unreadable(readable)
	return u
}

// unreadable lists the parts that are left out of a user because they can't be read.
func (w *wireUser) unreadable(login bool) []Part {
	var parts []Part
	for _, p := range []struct {
		part Part
		odd  bool
	}{
		{PartStatus, w.Status.odd},
		{PartType, w.Type.odd},
		{PartLastLogin, !login},
		{PartRoles, w.Roles.odd},
		{PartContainer, w.Container.odd},
		{PartContainerAssignments, w.ContainerAssignments.odd},
		{PartContainerVisibility, w.ContainerVisibility.odd},
		{PartLanguageID, w.LanguageID.odd},
		{PartAccountLanguageID, w.AccountLanguageID.odd},
		{PartCertCentral, w.CertCentral.odd},
		{PartEnterprise, w.Enterprise.odd},
	} {
		if p.odd {
			parts = append(parts, p.part)
		}
	}
	return parts
}

func (w wireNamed) role() Role { return Role{ID: int64(w.ID), Name: string(w.Name)} }

func (w wireNamed) organization() Organization {
	return Organization{ID: int64(w.ID), Name: string(w.Name)}
}

func (w wireContainer) assignment() Assignment {
	return Assignment{ID: int64(w.ID), ParentID: int64(w.ParentID), Name: string(w.Name), Active: bool(w.Active)}
}

func (w wireContainer) container() Container {
	return Container{
		ID: int64(w.ID), PublicID: string(w.PublicID), Name: string(w.Name), ParentID: int64(w.ParentID),
		TemplateID: int64(w.TemplateID), HasLogo: bool(w.HasLogo), Active: bool(w.Active),
	}
}

func (w wireContainer) visible() VisibleContainer {
	return VisibleContainer{
		Container:          w.container(),
		AllowedDomainNames: each(w.AllowedDomainNames, func(t text) string { return string(t) }),
		Organizations:      each(w.Organizations, wireNamed.organization),
	}
}

// each converts a list; nil and empty are both nil.
func each[A, B any](from []A, convert func(A) B) []B {
	var to []B
	for _, a := range from {
		to = append(to, convert(a))
	}
	return to
}
