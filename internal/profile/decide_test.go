package profile

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// john is the live profile of the tests.
var john = certcentral.Profile{
	Username: "john", FirstName: "John", LastName: "Smith", Email: "john@example.com",
	JobTitle: "Sys Admin", Telephone: "555", SAMLSSOOnly: false,
}

// but is a live profile that someone changed.
func but(p certcentral.Profile, change func(*certcentral.Profile)) certcentral.Profile {
	change(&p)
	return p
}

// unchanged is the body of a PUT that changes nothing of a live profile.
func unchanged(p certcentral.Profile) certcentral.Update {
	return certcentral.Update{
		Username: p.Username, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email,
		JobTitle: p.JobTitle, Telephone: p.Telephone,
	}
}

// with is a body that differs from the one that changes nothing.
func with(change func(*certcentral.Update)) certcentral.Update {
	update := unchanged(john)
	change(&update)
	return update
}

// judgement is what a case expects of a plan. The body counts in an Update only.
type judgement struct {
	verb        Verb
	refusal     Refusal
	fields      []Field
	differences []string
	body        certcentral.Update
	settled     Declared
	strangers   []Field
}

func judge(plan Plan) judgement {
	j := judgement{verb: plan.Verb, refusal: plan.Refusal, fields: plan.Fields, settled: plan.Settled, strangers: plan.Strangers}
	for _, d := range plan.Differences {
		j.differences = append(j.differences, fmt.Sprintf("%s (%s): want %q, have %q", d.Field, d.Cause, d.Desired, d.Observed))
	}
	if plan.Verb == Update {
		j.body = plan.Update
	}
	return j
}

// situation is a case: a sentence, the two sides, and the judgement.
type situation struct {
	reason string
	want   Want
	have   certcentral.Profile
	expect judgement
}

func check(t *testing.T, situations []situation) {
	t.Helper()
	for _, s := range situations {
		t.Run(s.reason, func(t *testing.T) {
			g := NewWithT(t)
			if s.want.Mode == "" {
				s.want.Mode = Enforce
			}
			g.Expect(judge(Decide(s.want, s.have))).To(Equal(s.expect))
		})
	}
}

func TestKeepAndUpdate(t *testing.T) {
	everything := Declared{
		Username: new("jack"), FirstName: new("Jack"), LastName: new("Jones"), Email: new("jack@example.com"),
		JobTitle: new("Boss"), Telephone: new("777"), SAMLSSOOnly: new(true),
	}
	check(t, []situation{
		{"nothing declared is nothing to do", Want{}, john, judgement{verb: Keep}},
		{
			"a declared value that is live is nothing to do, and is settled",
			Want{Declared: Declared{JobTitle: new("Sys Admin")}},
			john,
			judgement{verb: Keep, settled: Declared{JobTitle: new("Sys Admin")}},
		},
		{
			"undeclared fields survive, job title and telephone above all",
			Want{Declared: Declared{FirstName: new("Jon")}},
			john,
			judgement{
				verb: Update, fields: []Field{FirstName}, differences: []string{`firstName (SpecChange): want "Jon", have "John"`},
				body: with(func(u *certcentral.Update) { u.FirstName = "Jon" }),
			},
		},
		{
			"all six texts and the flag can be declared",
			Want{Declared: everything, Trusted: true},
			john,
			judgement{
				verb: Update, fields: []Field{Username, FirstName, LastName, Email, JobTitle, Telephone, SAMLSSOOnly},
				differences: []string{
					`username (SpecChange): want "jack", have "john"`, `firstName (SpecChange): want "Jack", have "John"`,
					`lastName (SpecChange): want "Jones", have "Smith"`, `email (SpecChange): want "jack@example.com", have "john@example.com"`,
					`jobTitle (SpecChange): want "Boss", have "Sys Admin"`, `telephone (SpecChange): want "777", have "555"`,
					`samlSSOOnly (SpecChange): want "true", have "false"`,
				},
				body: certcentral.Update{
					Username: "jack", FirstName: "Jack", LastName: "Jones", Email: "jack@example.com", JobTitle: "Boss", Telephone: "777",
					SAMLSSOOnly: new(true),
				},
			},
		},
		{
			"an empty declaration clears the job title, and only that",
			Want{Declared: Declared{JobTitle: new("")}},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle}, differences: []string{`jobTitle (SpecChange): want "", have "Sys Admin"`},
				body: with(func(u *certcentral.Update) { u.JobTitle = "" }),
			},
		},
		{
			"an empty declaration of what is unset is nothing to do",
			Want{Declared: Declared{Telephone: new("")}},
			but(john, func(p *certcentral.Profile) { p.Telephone = "" }),
			judgement{verb: Keep, settled: Declared{Telephone: new("")}},
		},
		{
			"a value in another case is another value",
			Want{Declared: Declared{Email: new("John@example.com")}},
			john,
			judgement{
				verb: Update, fields: []Field{Email}, differences: []string{`email (SpecChange): want "John@example.com", have "john@example.com"`},
				body: with(func(u *certcentral.Update) { u.Email = "John@example.com" }),
			},
		},
		{
			"the flag is left out of a write for something else, though declared",
			Want{Declared: Declared{JobTitle: new("Boss"), SAMLSSOOnly: new(false)}},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle}, differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`},
				body: with(func(u *certcentral.Update) { u.JobTitle = "Boss" }), settled: Declared{SAMLSSOOnly: new(false)},
			},
		},
		{
			"the flag is written when declared and different",
			Want{Declared: Declared{SAMLSSOOnly: new(true)}},
			john,
			judgement{
				verb: Update, fields: []Field{SAMLSSOOnly}, differences: []string{`samlSSOOnly (SpecChange): want "true", have "false"`},
				body: with(func(u *certcentral.Update) { u.SAMLSSOOnly = new(true) }),
			},
		},
		{
			"where every write carries the flag, it is sent as it was read",
			Want{Declared: Declared{JobTitle: new("Boss")}, SendFlag: true},
			but(john, func(p *certcentral.Profile) { p.SAMLSSOOnly = true }),
			judgement{
				verb: Update, fields: []Field{JobTitle}, differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`},
				body: with(func(u *certcentral.Update) { u.JobTitle, u.SAMLSSOOnly = "Boss", new(true) }),
			},
		},
		{
			"and as declared where that is another one",
			Want{Declared: Declared{SAMLSSOOnly: new(true)}, SendFlag: true},
			john,
			judgement{
				verb: Update, fields: []Field{SAMLSSOOnly}, differences: []string{`samlSSOOnly (SpecChange): want "true", have "false"`},
				body: with(func(u *certcentral.Update) { u.SAMLSSOOnly = new(true) }),
			},
		},
		{
			"an undeclared flag stays on and is not sent",
			Want{Declared: Declared{JobTitle: new("Boss")}},
			but(john, func(p *certcentral.Profile) { p.SAMLSSOOnly = true }),
			judgement{
				verb: Update, fields: []Field{JobTitle}, differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`},
				body: with(func(u *certcentral.Update) { u.JobTitle = "Boss" }),
			},
		},
	})
}

func TestCauseAndMode(t *testing.T) {
	boss := Declared{JobTitle: new("Boss")}
	bossAndPhone := Declared{JobTitle: new("Boss"), Telephone: new("777")}
	check(t, []situation{
		{
			"a settled value that differs is drift, and set back",
			Want{Declared: boss, Settled: boss},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle}, differences: []string{`jobTitle (Drift): want "Boss", have "Sys Admin"`},
				body: with(func(u *certcentral.Update) { u.JobTitle = "Boss" }), settled: boss,
			},
		},
		{
			"a new value is a change of the spec, and the old one no longer settled",
			Want{Declared: boss, Settled: Declared{JobTitle: new("Sys Admin")}},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle}, differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`},
				body: with(func(u *certcentral.Update) { u.JobTitle = "Boss" }),
			},
		},
		{
			"what is no longer declared is no longer settled",
			Want{Declared: Declared{}, Settled: bossAndPhone},
			john,
			judgement{verb: Keep},
		},
		{
			"ReportDrift writes a change of the spec",
			Want{Declared: boss, Mode: ReportDrift},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle}, differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`},
				body: with(func(u *certcentral.Update) { u.JobTitle = "Boss" }),
			},
		},
		{
			"ReportDrift reports drift, which stays drift",
			Want{Declared: boss, Settled: boss, Mode: ReportDrift},
			john,
			judgement{verb: Report, differences: []string{`jobTitle (Drift): want "Boss", have "Sys Admin"`}, settled: boss},
		},
		{
			"ReportDrift sends drifted fields back as they are when it writes a change of the spec",
			Want{Declared: bossAndPhone, Settled: Declared{Telephone: new("777")}, Mode: ReportDrift},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle},
				differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`, `telephone (Drift): want "777", have "555"`},
				body:        with(func(u *certcentral.Update) { u.JobTitle = "Boss" }), settled: Declared{Telephone: new("777")},
			},
		},
		{
			"ReportDrift leaves a drifted flag out of the write",
			Want{
				Declared: Declared{JobTitle: new("Boss"), SAMLSSOOnly: new(true)}, Settled: Declared{SAMLSSOOnly: new(true)}, Mode: ReportDrift,
			},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle},
				differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`, `samlSSOOnly (Drift): want "true", have "false"`},
				body:        with(func(u *certcentral.Update) { u.JobTitle = "Boss" }), settled: Declared{SAMLSSOOnly: new(true)},
			},
		},
		{
			"Observe reports a change of the spec, which is not settled by that",
			Want{Declared: boss, Mode: Observe},
			john,
			judgement{verb: Report, differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`}},
		},
		{
			"Observe reports drift",
			Want{Declared: boss, Settled: boss, Mode: Observe},
			john,
			judgement{verb: Report, differences: []string{`jobTitle (Drift): want "Boss", have "Sys Admin"`}, settled: boss},
		},
		{
			"a mode that nobody knows writes nothing",
			Want{Declared: boss, Mode: "Typo"},
			john,
			judgement{verb: Report, differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`}},
		},
	})
}
