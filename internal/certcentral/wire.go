package certcentral

import "encoding/json"

// wireUser is the answer of the user-info page. Keys that are not here are not read, the secret ekey above all.
type wireUser struct {
	ID                   id              `json:"id"`
	AccountID            id              `json:"account_id"`
	Username             string          `json:"username"`
	FirstName            string          `json:"first_name"`
	LastName             string          `json:"last_name"`
	Email                *string         `json:"email"`
	JobTitle             string          `json:"job_title"`
	Telephone            string          `json:"telephone"`
	SAMLSSOOnly          flag            `json:"is_saml_sso_only"`
	Status               string          `json:"status"`
	Type                 string          `json:"type"`
	LastLogin            json.RawMessage `json:"last_login_date"`
	Roles                []wireNamed     `json:"access_roles"`
	Container            *wireContainer  `json:"container"`
	ContainerAssignments []wireContainer `json:"container_assignments"`
	ContainerVisibility  []wireContainer `json:"container_visibility"`
	LanguageID           id              `json:"language_id"`
	AccountLanguageID    id              `json:"account_language_id"`
	CertCentral          flag            `json:"is_cert_central"`
	Enterprise           flag            `json:"is_enterprise"`
	Errors               json.RawMessage `json:"errors"` // in place of a user
}

// wireContainer is a container as the user-info page has it in three places, each with some of the fields.
type wireContainer struct {
	ID                 id          `json:"id"`
	PublicID           string      `json:"public_id"`
	Name               string      `json:"name"`
	ParentID           id          `json:"parent_id"`
	TemplateID         id          `json:"template_id"`
	HasLogo            flag        `json:"has_logo"`
	Active             flag        `json:"is_active"`
	AllowedDomainNames []string    `json:"allowed_domain_names"`
	Organizations      []wireNamed `json:"organization_assignments"`
}

// wireNamed is a role or an organization.
type wireNamed struct {
	ID   id     `json:"id"`
	Name string `json:"name"`
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

// wireRow is a user in a list: observed traffic has every profile field, status, last login, roles and container, and no more.
type wireRow struct {
	ID        id              `json:"id"`
	Username  string          `json:"username"`
	FirstName *string         `json:"first_name"`
	LastName  *string         `json:"last_name"`
	Email     *string         `json:"email"`
	JobTitle  string          `json:"job_title"`
	Telephone string          `json:"telephone"`
	Status    string          `json:"status"`
	LastLogin json.RawMessage `json:"last_login_date"`
	Roles     []wireNamed     `json:"access_roles"`
	Container *wireContainer  `json:"container"`
}

func (w *wireUser) user() *User {
	u := &User{
		ID: int64(w.ID), AccountID: int64(w.AccountID),
		Profile: Profile{
			Username: w.Username, FirstName: w.FirstName, LastName: w.LastName, Email: *w.Email,
			JobTitle: w.JobTitle, Telephone: w.Telephone, SAMLSSOOnly: bool(w.SAMLSSOOnly),
		},
		Status: w.Status, Type: w.Type,
		LanguageID: int64(w.LanguageID), AccountLanguageID: int64(w.AccountLanguageID),
		CertCentral: bool(w.CertCentral), Enterprise: bool(w.Enterprise),
	}
	u.LastLogin, u.LastLoginRaw = parseLogin(w.LastLogin)
	if w.Container != nil {
		u.Container = new(w.Container.container())
	}
	u.Roles = each(w.Roles, func(r wireNamed) Role { return Role{ID: int64(r.ID), Name: r.Name} })
	u.ContainerAssignments = each(w.ContainerAssignments, func(c wireContainer) Assignment {
		return Assignment{ID: int64(c.ID), ParentID: int64(c.ParentID), Name: c.Name, Active: bool(c.Active)}
	})
	u.ContainerVisibility = each(w.ContainerVisibility, wireContainer.visible)
	return u
}

func (w wireContainer) container() Container {
	return Container{
		ID: int64(w.ID), PublicID: w.PublicID, Name: w.Name, ParentID: int64(w.ParentID),
		TemplateID: int64(w.TemplateID), HasLogo: bool(w.HasLogo), Active: bool(w.Active),
	}
}

func (w wireContainer) visible() VisibleContainer {
	return VisibleContainer{
		Container: w.container(), AllowedDomainNames: w.AllowedDomainNames,
		Organizations: each(w.Organizations, func(o wireNamed) Organization {
			return Organization{ID: int64(o.ID), Name: o.Name}
		}),
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
