package profile

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

func TestUnexpected(t *testing.T) {
	title := Write{Update: with(func(u *certcentral.Update) { u.JobTitle = "Boss" }), Fields: []Field{JobTitle}}
	boss := but(john, func(p *certcentral.Profile) { p.JobTitle = "Boss" })
	protected := but(boss, func(p *certcentral.Profile) { p.SAMLSSOOnly = true })
	late := func(w Write) Write { w.Late = true; return w }
	of := func(w Write, flag bool) Write { w.SAMLSSOOnly = flag; return w }
	sending := func(w Write, flag bool) Write { w.Update.SAMLSSOOnly = &flag; return w }
	phone := func(value string) certcentral.Profile {
		return but(boss, func(p *certcentral.Profile) { p.Telephone = value })
	}
	lost := Change{Field: SAMLSSOOnly, Origin: ByService, Omitted: true, Before: "true", Observed: "false"}
	gained := Change{Field: SAMLSSOOnly, Origin: ByService, Omitted: true, Before: "false", Observed: "true"}
	unclear := func(c Change) Change { c.Origin = Unclear; return c }
	for _, c := range []struct {
		reason   string
		write    Write
		after    certcentral.Profile
		next     Plan
		suspects []Field
		expect   []Change
	}{
		{reason: "what came back as sent is nothing", write: title, after: boss},
		{reason: "a declared value that did not stay is not its matter", write: title, after: john, next: Plan{Verb: Update, Fields: []Field{JobTitle}}},
		{reason: "nor one that others took away, and that is only reported", write: title, after: john},
		{
			reason: "an undeclared field that is emptied is the service's", write: title, after: phone(""),
			expect: []Change{{Field: Telephone, Origin: ByService, Before: "555", Observed: ""}},
		},
		{
			reason: "another value may be a colleague's", write: title, after: phone("777"),
			expect: []Change{{Field: Telephone, Origin: Unclear, Before: "555", Observed: "777"}},
		},
		{
			reason: "but not after two writes in a row", write: title, after: phone("777"), suspects: []Field{Telephone},
			expect: []Change{{Field: Telephone, Origin: ByService, Before: "555", Observed: "777"}},
		},
		{
			reason: "a field that took over what another one was changed to is the service's", write: title, after: phone("Boss"),
			expect: []Change{{Field: Telephone, Origin: ByService, Before: "555", Observed: "Boss"}},
		},
		{
			reason: "of another field a suspicion says nothing", write: title, after: phone("777"), suspects: []Field{Email},
			expect: []Change{{Field: Telephone, Origin: Unclear, Before: "555", Observed: "777"}},
		},
		{reason: "what the next plan sets right is a declared value", write: title, after: phone(""), next: Plan{Verb: Update, Fields: []Field{Telephone}}},
		{reason: "a flag that was left out and is reset", write: of(title, true), after: boss, expect: []Change{lost}},
		{reason: "a flag that was left out and is set", write: title, after: protected, expect: []Change{gained}},
		{
			reason: "also when it is declared, and the next plan would set it", write: of(title, true), after: boss,
			next: Plan{Verb: Update, Fields: []Field{SAMLSSOOnly}}, expect: []Change{lost},
		},
		{reason: "a reset flag is not passed over later either", write: late(of(title, true)), after: boss, expect: []Change{lost}},
		{reason: "a flag that was set later may be a colleague's", write: late(title), after: protected, expect: []Change{unclear(gained)}},
		{
			reason: "but not after two writes", write: late(title), after: protected, suspects: []Field{SAMLSSOOnly},
			expect: []Change{gained},
		},
		{reason: "a flag that was sent as it is, and stays", write: sending(of(title, true), true), after: protected},
		{
			reason: "a flag that was sent as it is, and does not stay", write: sending(of(title, true), true), after: boss,
			expect: []Change{{Field: SAMLSSOOnly, Origin: ByService, Before: "true", Observed: "false"}},
		},
		{
			reason: "a flag that was to change and did not is a declared value", after: boss,
			write: sending(Write{Update: title.Update, Fields: []Field{JobTitle, SAMLSSOOnly}}, true),
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			NewWithT(t).Expect(Unexpected(c.write, c.after, c.next, c.suspects)).To(Equal(c.expect))
		})
	}
}

func TestArrived(t *testing.T) {
	g := NewWithT(t)
	title := Write{Update: with(func(u *certcentral.Update) { u.JobTitle = "Boss" }), Fields: []Field{JobTitle}}
	g.Expect(title.Arrived(john)).To(BeFalse())
	g.Expect(title.Arrived(but(john, func(p *certcentral.Profile) { p.JobTitle, p.Telephone = "Boss", "" }))).To(BeTrue())
	flag := Write{Update: with(func(u *certcentral.Update) { u.SAMLSSOOnly = new(true) }), Fields: []Field{SAMLSSOOnly}}
	g.Expect(flag.Arrived(john)).To(BeFalse())
	g.Expect(flag.Arrived(but(john, func(p *certcentral.Profile) { p.SAMLSSOOnly = true }))).To(BeTrue())
}

func TestRewritten(t *testing.T) {
	for _, c := range []struct {
		reason, sent, observed string
		rewritten              bool
	}{
		{"emptied", "Sys Admin", "", true},
		{"cut", "Senior Administrator", "Senior Admin", true},
		{"cut within a character", "Müller", "M\ufffd", true},
		{"trimmed", " 555 ", "555", true},
		{"blanks made one", "Sys  Admin", "Sys Admin", true},
		{"another case", "John.Smith@example.com", "john.smith@example.com", true},
		{"composed", "Mu\u0308ller", "M\u00fcller", true},
		{"decomposed", "M\u00fcller", "Mu\u0308ller", true},
		{"without accents", "Zoë Ångström", "Zoe Angstrom", true},
		{"a number in another form", "+1 (555) 555-5555", "15555555555", true},
		{"typographic quotes made plain", "O’Brien", "O'Brien", true},
		{"question marks", "Müller–Lüdenscheidt", "M?ller?L?denscheidt", true},
		{"a question mark for each byte", "Müller", "M??ller", true},
		{"replacement characters", "Müller", "M\ufffdller", true},
		{"dropped", "Müller", "Mller", true},
		{"read as Latin-1", "Müller", "MÃ¼ller", true},
		{"read as Windows-1252", "Müller–Lüdenscheidt", "MÃ¼llerâ€\u201cLÃ¼denscheidt", true},
		{"escaped for HTML", "R&D", "R&amp;D", true},
		{"unescaped", "R&amp;D", "R&D", true},
		{"escaped by numbers", "O'Brien", "O&#39;Brien", true},
		{"escaped by backslashes", "O'Brien", `O\'Brien`, true},
		{"a script lost whole", "Иван", "????", true},
		{"another value", "Sys Admin", "Boss", false},
		{"another number", "555", "777", false},
		{"another accent", "Müller", "Möller", false},
		{"more than there was", "Admin", "Admin of Admins", false},
		{"from nothing", "", "555", false},
		{"another script", "Иван", "Анна", false},
	} {
		t.Run(c.reason, func(t *testing.T) { NewWithT(t).Expect(rewritten(c.sent, c.observed)).To(Equal(c.rewritten)) })
	}
}
