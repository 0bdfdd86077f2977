package profile

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestStricter(t *testing.T) {
	g := NewWithT(t)
	order := []Mode{Enforce, ReportDrift, Observe}
	for i, a := range order {
		for j, b := range order {
			g.Expect(Stricter(a, b)).To(Equal(order[max(i, j)]), "of %s and %s", a, b)
		}
	}
}

func TestPending(t *testing.T) {
	all := Declared{
		Username: new("u"), FirstName: new("f"), LastName: new("l"), Email: new("e"), JobTitle: new("j"), Telephone: new("t"),
		SAMLSSOOnly: new(true),
	}
	for _, c := range []struct {
		reason            string
		declared, settled Declared
		pending           []Field
	}{
		{"nothing declared leaves nothing open", Declared{}, all, nil},
		{"everything declared and seen leaves nothing open", all, all, nil},
		{
			"everything declared and nothing seen is all open, in the order of the fields", all,
			Declared{},
			[]Field{Username, FirstName, LastName, Email, JobTitle, Telephone, SAMLSSOOnly},
		},
		{"another value than the one seen is open", Declared{JobTitle: new("new")}, all, []Field{JobTitle}},
		{"a job title to clear is open until it was seen cleared", Declared{JobTitle: new("")}, Declared{}, []Field{JobTitle}},
		{"a job title seen cleared is not open", Declared{JobTitle: new("")}, Declared{JobTitle: new("")}, nil},
		{"a flag to switch off is open until it was seen off", Declared{SAMLSSOOnly: new(false)}, Declared{}, []Field{SAMLSSOOnly}},
		{"a flag declared otherwise is open", Declared{SAMLSSOOnly: new(false)}, all, []Field{SAMLSSOOnly}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			NewWithT(t).Expect(Pending(c.declared, c.settled)).To(Equal(c.pending))
		})
	}
}

func TestNames(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Names([]Field{JobTitle, SAMLSSOOnly})).To(Equal([]string{"jobTitle", "samlSSOOnly"}))
	g.Expect(Names(nil)).To(BeEmpty())
}
