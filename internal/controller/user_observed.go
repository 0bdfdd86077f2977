package controller

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// What a status may hold of what CertCentral answers, so that it stays far below what etcd stores, whatever that is.
const (
	maxText       = 512      // bytes of one text
	maxEntries    = 64       // entries of a short list
	maxVisibility = 64 << 10 // bytes of containerVisibility, as JSON
)

// observe writes a look into a status. Lists are ordered by id, so that an answer in another order is no news.
func observe(status *v1alpha1.CertCentralUserStatus, have *certcentral.User) {
	live := have.Profile
	status.Profile = &v1alpha1.ObservedProfile{
		Username: clip(live.Username), FirstName: clip(live.FirstName), LastName: clip(live.LastName), Email: clip(live.Email),
		JobTitle: clip(live.JobTitle), Telephone: clip(live.Telephone), SAMLSSOOnly: &live.SAMLSSOOnly,
	}
	status.UserStatus, status.Type = clip(have.Status), clip(have.Type)
	status.LastLoginTime = nil
	if !have.LastLogin.IsZero() {
		status.LastLoginTime = &metav1.Time{Time: have.LastLogin.Truncate(time.Second)}
	}
	status.Roles = roles(have.Roles)
	status.Container = nil
	if have.Container != nil {
		status.Container = new(container(*have.Container))
	}
	status.ContainerAssignments = assignments(have.ContainerAssignments)
	status.ContainerVisibility = visibility(have.ContainerVisibility)
	status.ContainerVisibilityCount = int64(len(have.ContainerVisibility))
	status.LanguageID, status.AccountLanguageID = have.LanguageID, have.AccountLanguageID
	status.CertCentral, status.Enterprise = have.CertCentral, have.Enterprise
	status.Unreadable = nil
	for _, part := range have.Unreadable {
		status.Unreadable = append(status.Unreadable, shownAs[part])
	}
	slices.Sort(status.Unreadable)
}

// The names of what a status leaves out because it can't be read, where that matters here.
const (
	lastLoginTime = "lastLoginTime"
	userStatus    = "userStatus"
	userRoles     = "roles"
	userContainer = "container"
)

// shownAs is the field of a status that has a part of a user.
var shownAs = map[certcentral.Part]string{
	certcentral.PartStatus: userStatus, certcentral.PartType: "type", certcentral.PartLastLogin: lastLoginTime,
	certcentral.PartRoles: userRoles, certcentral.PartContainer: userContainer,
	certcentral.PartContainerAssignments: "containerAssignments", certcentral.PartContainerVisibility: "containerVisibility",
	certcentral.PartLanguageID: "languageID", certcentral.PartAccountLanguageID: "accountLanguageID",
	certcentral.PartCertCentral: "certCentral", certcentral.PartEnterprise: "enterprise",
}

// couldRead tells whether the last look could read a part, or found none.
func couldRead(status *v1alpha1.CertCentralUserStatus, part string) bool {
	return !slices.Contains(status.Unreadable, part)
}

// showLogin keeps the day of the last sign-in along with its time.
func showLogin(status *v1alpha1.CertCentralUserStatus) {
	status.LastLoginDate = ""
	if status.LastLoginTime != nil {
		status.LastLoginDate = status.LastLoginTime.UTC().Format(time.DateOnly)
	}
}

// compareWith writes a judgement into a status.
func compareWith(status *v1alpha1.CertCentralUserStatus, plan profile.Plan) {
	if plan.Verb == "" {
		return
	}
	status.Differences = nil
	for _, d := range plan.Differences {
		status.Differences = append(status.Differences, v1alpha1.Difference{
			Field: string(d.Field), Cause: v1alpha1.Cause(d.Cause), Desired: d.Desired, Observed: clip(d.Observed),
			Hint: profile.Hint(d.Desired, d.Observed),
		})
	}
	status.IdentityKnown = plan.Known
	status.Settled = nil
	if plan.Settled != (profile.Declared{}) {
		status.Settled = new(v1alpha1.SettledProfile(plan.Settled))
	}
}

// declared returns the profile of a spec as the judgement takes it.
func declared(p v1alpha1.Profile) profile.Declared { return profile.Declared(p) }

// settledOf returns what a status says is settled.
func settledOf(p *v1alpha1.SettledProfile) profile.Declared {
	if p == nil {
		return profile.Declared{}
	}
	return profile.Declared(*p)
}

func roles(have []certcentral.Role) []v1alpha1.Role {
	return ordered(have, func(r certcentral.Role) v1alpha1.Role {
		return v1alpha1.Role{ID: r.ID, Name: clip(r.Name)}
	}, func(r v1alpha1.Role) int64 { return r.ID })
}

func assignments(have []certcentral.Assignment) []v1alpha1.ContainerAssignment {
	return ordered(have, func(a certcentral.Assignment) v1alpha1.ContainerAssignment {
		return v1alpha1.ContainerAssignment{ID: a.ID, Name: clip(a.Name), ParentID: a.ParentID, Active: a.Active}
	}, func(a v1alpha1.ContainerAssignment) int64 { return a.ID })
}

func container(c certcentral.Container) v1alpha1.Container {
	return v1alpha1.Container{
		ID: c.ID, PublicID: clip(c.PublicID), Name: clip(c.Name), ParentID: c.ParentID,
		TemplateID: c.TemplateID, HasLogo: c.HasLogo, Active: c.Active,
	}
}

// visibility keeps the visible containers with the lowest ids, as many as fit.
func visibility(have []certcentral.VisibleContainer) []v1alpha1.VisibleContainer {
	have = slices.Clone(have)
	slices.SortStableFunc(have, func(a, b certcentral.VisibleContainer) int { return cmp.Compare(a.ID, b.ID) })
	var visible []v1alpha1.VisibleContainer
	for size := 0; len(visible) < len(have); {
		v := visibleContainer(have[len(visible)])
		encoded, err := json.Marshal(v)
		if size += len(encoded); err != nil || size > maxVisibility {
			break
		}
		visible = append(visible, v)
	}
	return visible
}

func visibleContainer(c certcentral.VisibleContainer) v1alpha1.VisibleContainer {
	v := v1alpha1.VisibleContainer{Container: container(c.Container)}
	domains := slices.Sorted(slices.Values(c.AllowedDomainNames))
	for _, domain := range domains[:min(maxEntries, len(domains))] {
		v.AllowedDomainNames = append(v.AllowedDomainNames, clip(domain))
	}
	v.Organizations = ordered(c.Organizations, func(o certcentral.Organization) v1alpha1.Organization {
		return v1alpha1.Organization{ID: o.ID, Name: clip(o.Name)}
	}, func(o v1alpha1.Organization) int64 { return o.ID })
	return v
}

// ordered converts a list, orders it by id, and keeps at most maxEntries; nil for none.
func ordered[A, B any](have []A, convert func(A) B, id func(B) int64) []B {
	var list []B
	for _, a := range have {
		list = append(list, convert(a))
	}
	slices.SortStableFunc(list, func(a, b B) int { return cmp.Compare(id(a), id(b)) })
	return list[:min(maxEntries, len(list))]
}

// clip bounds a text to maxText bytes, on a character's boundary.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
