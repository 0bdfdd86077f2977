package certcentral

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Profile is what can be written of a user: the fields of the update-user page. An optional field that is absent, null
// or "" on the wire is "" here.
type Profile struct {
	Username    string
	FirstName   string
	LastName    string
	Email       string
	JobTitle    string
	Telephone   string
	SAMLSSOOnly bool
}

// User is a user as the user-info page describes it, without the containers' ekey, which is never read.
type User struct {
	ID        int64
	AccountID int64
	Profile   Profile
	// Status is open: "active" is seen, the documentation does not list the values.
	Status string
	Type   string
	// LastLogin is in UTC; zero when the user never signed in, or nobody can read when.
	LastLogin            time.Time
	Roles                []Role
	Container            *Container
	ContainerAssignments []Assignment
	// ContainerVisibility can be very large for an administrator.
	ContainerVisibility []VisibleContainer
	LanguageID          int64
	AccountLanguageID   int64
	CertCentral         bool
	Enterprise          bool
	// Unreadable lists the parts that the answer has in a shape nobody can read. They are left out, as if they were not there.
	Unreadable []Part
}

// Part is a part of a user that is only shown, as the user-info page spells it.
type Part string

// The parts that are left out where they can't be read. All others must be readable, or there is no user.
const (
	PartStatus               Part = "status"
	PartType                 Part = "type"
	PartLastLogin            Part = "last_login_date"
	PartRoles                Part = "access_roles"
	PartContainer            Part = "container"
	PartContainerAssignments Part = "container_assignments"
	PartContainerVisibility  Part = "container_visibility"
	PartLanguageID           Part = "language_id"
	PartAccountLanguageID    Part = "account_language_id"
	PartCertCentral          Part = "is_cert_central"
	PartEnterprise           Part = "is_enterprise"
)

// Role is an access role; compare IDs, the casing of names differs between pages.
type Role struct {
	ID   int64
	Name string
}

// Container is the container a user belongs to.
type Container struct {
	ID         int64
	PublicID   string
	Name       string
	ParentID   int64
	TemplateID int64
	HasLogo    bool
	Active     bool
}

// Assignment is a container a user is restricted to.
type Assignment struct {
	ID       int64
	ParentID int64
	Name     string
	Active   bool
}

// VisibleContainer is a container a user sees, with what can be used in it.
type VisibleContainer struct {
	Container
	AllowedDomainNames []string
	Organizations      []Organization
}

// Organization is an organization that can be used with a container.
type Organization struct {
	ID   int64
	Name string
}

// Update is the body of a write. All six fields are always sent, also empty ones: the service removes job title and
// telephone when they are left out.
type Update struct {
	Username  string
	FirstName string
	LastName  string
	Email     string
	JobTitle  string
	Telephone string
	// SAMLSSOOnly is left out of the body when nil. Switching it on revokes the person's password.
	SAMLSSOOnly *bool
}

// body is the JSON of the update-user page, which types the flag as a string.
func (u Update) body() ([]byte, error) {
	wire := struct {
		Username    string  `json:"username"`
		FirstName   string  `json:"first_name"`
		LastName    string  `json:"last_name"`
		Email       string  `json:"email"`
		JobTitle    string  `json:"job_title"`
		Telephone   string  `json:"telephone"`
		SAMLSSOOnly *string `json:"is_saml_sso_only,omitempty"`
	}{u.Username, u.FirstName, u.LastName, u.Email, u.JobTitle, u.Telephone, nil}
	if u.SAMLSSOOnly != nil {
		wire.SAMLSSOOnly = new(strconv.FormatBool(*u.SAMLSSOOnly))
	}
	return json.Marshal(wire)
}

// GetUser looks at a user. An answer about another user is a BadResponse.
func (c *Client) GetUser(ctx context.Context, lane Lane, id int64) (*User, error) {
	req := request{method: http.MethodGet, route: "/user/{id}", path: "/user/" + strconv.FormatInt(id, 10), user: id}
	if id <= 0 {
		return nil, req.refuse("the id must be positive")
	}
	return c.getUser(ctx, lane, req, id)
}

// GetMe looks at the user who owns the API key (user-info page: "me" in place of the id).
func (c *Client) GetMe(ctx context.Context, lane Lane) (*User, error) {
	return c.getUser(ctx, lane, request{method: http.MethodGet, route: "/user/me", path: "/user/me"}, 0)
}

// getUser takes whatever id comes back when id is 0.
func (c *Client) getUser(ctx context.Context, lane Lane, req request, id int64) (*User, error) {
	var user *User
	err := c.call(ctx, lane, req, func(body []byte) (err error) {
		user, err = decodeUser(body, c.cfg.Budget.now())
		if err == nil && id != 0 && user.ID != id {
			err = reason("the answer is about another user")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// UpdateUser replaces a user's profile, in the Change lane. Any 2xx is success, its body is ignored (update-user page:
// empty; observed traffic: 204). The service keeps no versions: the last writer wins. After an error with
// Sent the next call for this user must look.
//
// sure, if not nil, is asked once there is a connection and nothing else stands between the caller and the request. Its error comes
// back as it is, and nothing is sent. Nor is anything sent when, at the moment that the first byte would leave, the confirmation or the
// visit's look at the user is too old, whatever took the time: Canceled, or Unavailable when the service itself took it.
func (c *Client) UpdateUser(ctx context.Context, id int64, u Update, sure func() error) error {
	req := request{method: http.MethodPut, route: "/user/{id}", path: "/user/" + strconv.FormatInt(id, 10), user: id}
	if id <= 0 {
		return req.refuse("the id must be positive")
	}
	body, err := u.body()
	if err != nil {
		return req.refuse("the update is no JSON")
	}
	req.body, req.sure = body, sure
	return c.call(ctx, Change, req, nil)
}
