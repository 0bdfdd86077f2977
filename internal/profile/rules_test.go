package profile

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

func TestWhatIsAtFaultThoughNobodyDeclaredIt(t *testing.T) {
	long := strings.Repeat("ä", 65)
	for name, tc := range map[string]struct {
		declared Declared
		change   func(*certcentral.Update)
		want     []Field
	}{
		"nothing":                              {Declared{}, func(*certcentral.Update) {}, nil},
		"an empty job title is none":           {Declared{}, func(u *certcentral.Update) { u.JobTitle = "" }, nil},
		"64 characters fit, whatever bytes":    {Declared{}, func(u *certcentral.Update) { u.JobTitle = long[:128] }, nil},
		"a job title that is too long":         {Declared{}, func(u *certcentral.Update) { u.JobTitle = long }, []Field{JobTitle}},
		"a telephone number that is":           {Declared{Email: new("a@example.com")}, func(u *certcentral.Update) { u.Telephone = long }, []Field{Telephone}},
		"what is declared is the declarer's":   {Declared{JobTitle: &long}, func(u *certcentral.Update) { u.JobTitle = long }, nil},
		"what is only reported is the other's": {Declared{JobTitle: new("Boss")}, func(u *certcentral.Update) { u.JobTitle = long }, []Field{JobTitle}},
		"a username with a blank":              {Declared{}, func(u *certcentral.Update) { u.Username = "john smith" }, []Field{Username}},
		"a username with an umlaut":            {Declared{}, func(u *certcentral.Update) { u.Username = "jürgen" }, []Field{Username}},
		"a username of all that is allowed":    {Declared{}, func(u *certcentral.Update) { u.Username = "aZ0@-_+." }, nil},
		"no first name":                        {Declared{}, func(u *certcentral.Update) { u.FirstName = "" }, []Field{FirstName}},
		"a last name that is too long":         {Declared{}, func(u *certcentral.Update) { u.LastName = strings.Repeat("x", 129) }, []Field{LastName}},
		"no address":                           {Declared{}, func(u *certcentral.Update) { u.Email = "john" }, []Field{Email}},
		"two addresses":                        {Declared{}, func(u *certcentral.Update) { u.Email = "a@x.org, b@x.org" }, []Field{Email}},
		"an address that is too long":          {Declared{}, func(u *certcentral.Update) { u.Email = strings.Repeat("x", 250) + "@x.org" }, []Field{Email}},
		"several":                              {Declared{}, func(u *certcentral.Update) { u.Username, u.Telephone = "", long }, []Field{Username, Telephone}},
	} {
		t.Run(name, func(t *testing.T) {
			sent := certcentral.Update{
				Username: "john.smith@example.com", FirstName: "John", LastName: "Smith", Email: "john.smith@example.com",
				JobTitle: "Sys Admin", Telephone: "1-555-555-5555",
			}
			tc.change(&sent)
			NewWithT(t).Expect(Undeclared(tc.declared, sent)).To(Equal(tc.want))
		})
	}
}
