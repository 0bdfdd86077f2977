package profile

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

func TestDisputed(t *testing.T) {
	for reason, test := range map[string]struct {
		a, b Declared
		want []Field
	}{
		"nothing, where one declares nothing":      {a: Declared{JobTitle: new("Boss"), SAMLSSOOnly: new(true)}},
		"nothing, where they declare other fields": {a: Declared{JobTitle: new("Boss")}, b: Declared{Telephone: new("1")}},
		"nothing, where they declare the same":     {a: Declared{JobTitle: new("Boss")}, b: Declared{JobTitle: new("Boss"), Telephone: new("1")}},
		"an empty value and another one":           {a: Declared{JobTitle: new("")}, b: Declared{JobTitle: new("Boss")}, want: []Field{JobTitle}},
		"what differs, and no more": {
			a:    Declared{Email: new("a@b.example"), JobTitle: new("Boss"), SAMLSSOOnly: new(true)},
			b:    Declared{Email: new("A@b.example"), JobTitle: new("Boss"), SAMLSSOOnly: new(false)},
			want: []Field{Email, SAMLSSOOnly},
		},
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(Disputed(test.a, test.b)).To(Equal(test.want))
			g.Expect(Disputed(test.b, test.a)).To(Equal(test.want))
		})
	}
}

func TestSatisfied(t *testing.T) {
	live := certcentral.Profile{JobTitle: "Boss", SAMLSSOOnly: true}
	for reason, test := range map[string]struct {
		declared Declared
		want     bool
	}{
		"nothing declared":       {want: true},
		"each value":             {declared: Declared{JobTitle: new("Boss"), Telephone: new(""), SAMLSSOOnly: new(true)}, want: true},
		"another text":           {declared: Declared{JobTitle: new("boss")}},
		"one of two":             {declared: Declared{JobTitle: new("Boss"), Telephone: new("1")}},
		"the flag the other way": {declared: Declared{JobTitle: new("Boss"), SAMLSSOOnly: new(false)}},
	} {
		t.Run(reason, func(t *testing.T) {
			NewWithT(t).Expect(Satisfied(test.declared, live)).To(Equal(test.want))
		})
	}
}

func TestSameName(t *testing.T) {
	for name, want := range map[string]bool{
		"john.smith@example.com": true, "John.Smith@Example.COM": true, "john.smith@example.co": false, "jane.smith@example.com": false,
		"john.\u017fmith@example.com": false, // a long s, which folds to s
		"":                            false,
	} {
		NewWithT(t).Expect(SameName("john.smith@example.com", name)).To(Equal(want), name)
	}
}

func TestInOrder(t *testing.T) {
	NewWithT(t).Expect(InOrder([]Field{SAMLSSOOnly, Email, Username, Email})).To(Equal([]Field{Username, Email, SAMLSSOOnly}))
}
