package profile

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

func TestRenamed(t *testing.T) {
	boss := Declared{JobTitle: new("Boss")}
	check(t, []situation{
		{
			"a live username that is no longer the one referred to stops all judging",
			Want{Declared: boss, Settled: boss, Username: "jack"},
			john,
			judgement{verb: Refuse, refusal: Renamed, fields: []Field{Username}, settled: boss},
		},
		{
			"also in Observe, and for a person confirmed",
			Want{Declared: boss, Username: "jack", Mode: Observe, Trusted: true},
			john,
			judgement{verb: Refuse, refusal: Renamed, fields: []Field{Username}},
		},
		{
			"the username referred to is the same in another case",
			Want{Username: "John"},
			john,
			judgement{verb: Keep},
		},
		{"the username referred to is fine", Want{Username: "john"}, john, judgement{verb: Keep}},
	})
}

func TestWrongPerson(t *testing.T) {
	jack := Declared{FirstName: new("Jack"), Email: new("jack@example.com"), JobTitle: new("Sys Admin")}
	differences := []string{
		`firstName (SpecChange): want "Jack", have "John"`, `email (SpecChange): want "jack@example.com", have "john@example.com"`,
	}
	written := func(u *certcentral.Update) { u.FirstName, u.Email = "Jack", "jack@example.com" }
	taken := Declared{LastName: new("Jones"), Email: new("jack@example.com")}
	married := Declared{Username: new("john.jones"), LastName: new("Jones"), Email: new("john.jones@example.com")}
	marriage := []string{
		`username (SpecChange): want "john.jones", have "john"`, `lastName (SpecChange): want "Jones", have "Smith"`,
		`email (SpecChange): want "john.jones@example.com", have "john@example.com"`,
	}
	renamed := func(u *certcentral.Update) {
		u.Username, u.LastName, u.Email = "john.jones", "Jones", "john.jones@example.com"
	}
	check(t, []situation{
		{
			"two declared names of somebody else are the wrong person, whatever else fits",
			Want{Declared: jack},
			john,
			judgement{
				verb: Refuse, refusal: WrongPerson, fields: []Field{FirstName, Email}, differences: differences,
				settled: Declared{JobTitle: new("Sys Admin")},
			},
		},
		{
			"a person confirmed, or written before, can be renamed whole",
			Want{Declared: jack, Trusted: true},
			john,
			judgement{
				verb: Update, fields: []Field{FirstName, Email}, differences: differences, body: with(written),
				settled: Declared{JobTitle: new("Sys Admin")},
			},
		},
		{
			"one declared name that fits is enough to know the person",
			Want{Declared: Declared{FirstName: new("Jack"), Email: new("jack@example.com"), LastName: new("Smith")}},
			john,
			judgement{
				verb: Update, fields: []Field{FirstName, Email}, differences: differences, body: with(written),
				settled: Declared{LastName: new("Smith")},
			},
		},
		{
			"a single declared name tells nothing",
			Want{Declared: Declared{FirstName: new("Jack")}},
			john,
			judgement{
				verb: Update, fields: []Field{FirstName}, differences: differences[:1],
				body: with(func(u *certcentral.Update) { u.FirstName = "Jack" }),
			},
		},
		{
			"job title and telephone tell nothing",
			Want{Declared: Declared{JobTitle: new("Boss"), Telephone: new("777")}},
			john,
			judgement{
				verb: Update, fields: []Field{JobTitle, Telephone},
				differences: []string{`jobTitle (SpecChange): want "Boss", have "Sys Admin"`, `telephone (SpecChange): want "777", have "555"`},
				body:        with(func(u *certcentral.Update) { u.JobTitle, u.Telephone = "Boss", "777" }),
			},
		},
		{
			"where the mode forbids to write there is nothing to refuse, but a doubt to report",
			Want{Declared: jack, Mode: Observe},
			john,
			judgement{
				verb: Report, differences: differences, settled: Declared{JobTitle: new("Sys Admin")}, strangers: []Field{FirstName, Email},
			},
		},
		{
			"of a person confirmed, or written before, there is no doubt to report",
			Want{Declared: jack, Mode: Observe, Trusted: true},
			john,
			judgement{verb: Report, differences: differences, settled: Declared{JobTitle: new("Sys Admin")}},
		},
		{
			"a user who was known by one of the names is no stranger when all of them drift, as when an account is taken over",
			Want{Declared: taken, Settled: taken},
			john,
			judgement{
				verb: Update, fields: []Field{LastName, Email}, settled: taken,
				differences: []string{
					`lastName (Drift): want "Jones", have "Smith"`, `email (Drift): want "jack@example.com", have "john@example.com"`,
				},
				body: with(func(u *certcentral.Update) { u.LastName, u.Email = "Jones", "jack@example.com" }),
			},
		},
		{
			"nor when all of them are declared anew at once, as at a marriage",
			Want{Declared: married, Settled: Declared{Username: new("john"), LastName: new("Smith"), Email: new("john@example.com")}},
			john,
			judgement{verb: Update, fields: []Field{Username, LastName, Email}, differences: marriage, body: with(renamed)},
		},
		{
			"nor once it is remembered that the user was known, whatever is settled by now",
			Want{Declared: married, Known: true},
			john,
			judgement{verb: Update, fields: []Field{Username, LastName, Email}, differences: marriage, body: with(renamed)},
		},
		{
			"a settled job title tells nothing of who it is",
			Want{Declared: jack, Settled: Declared{JobTitle: new("Sys Admin")}},
			john,
			judgement{
				verb: Refuse, refusal: WrongPerson, fields: []Field{FirstName, Email}, differences: differences,
				settled: Declared{JobTitle: new("Sys Admin")},
			},
		},
		{
			"the wrong person comes before all else there is to refuse",
			Want{Declared: jack, ServiceUser: true},
			but(john, func(p *certcentral.Profile) { p.LastName = "" }),
			judgement{
				verb: Refuse, refusal: WrongPerson, fields: []Field{FirstName, Email}, differences: differences,
				settled: Declared{JobTitle: new("Sys Admin")},
			},
		},
	})
}

func TestKnown(t *testing.T) {
	email := Declared{Email: new("john@example.com")}
	for _, c := range []struct {
		reason string
		want   Want
		known  bool
	}{
		{"a declared name that is live makes the user known", Want{Declared: email}, true},
		{"a declared name that is not live does not", Want{Declared: Declared{Email: new("jack@example.com")}}, false},
		{"a job title does not", Want{Declared: Declared{JobTitle: new("Sys Admin")}}, false},
		{"who was known stays so", Want{Declared: Declared{Email: new("jack@example.com")}, Known: true}, true},
		{"who had a name settled is known, though it is declared no longer", Want{Settled: email}, true},
		{"a rename is no reason to forget it", Want{Declared: email, Username: "jack", Known: true}, true},
		{"and what a refused look would have settled is not known", Want{Declared: email, Username: "jack"}, false},
	} {
		t.Run(c.reason, func(t *testing.T) { NewWithT(t).Expect(Decide(c.want, john).Known).To(Equal(c.known)) })
	}
}

func TestServiceUser(t *testing.T) {
	const (
		newEmail = `email (SpecChange): want "robot@example.com", have "john@example.com"`
		newTitle = `jobTitle (SpecChange): want "Robot", have "Sys Admin"`
	)
	toRobot := with(func(u *certcentral.Update) { u.Email = "robot@example.com" })
	check(t, []situation{
		{
			"the email of a service user can be written",
			Want{Declared: Declared{Email: new("robot@example.com")}, ServiceUser: true},
			john,
			judgement{verb: Update, fields: []Field{Email}, differences: []string{newEmail}, body: toRobot},
		},
		{
			"nothing else of it can, so that all is refused and the others named",
			Want{Declared: Declared{Email: new("robot@example.com"), JobTitle: new("Robot")}, ServiceUser: true},
			john,
			judgement{verb: Refuse, refusal: ServiceUser, fields: []Field{JobTitle}, differences: []string{newEmail, newTitle}},
		},
		{
			"declaring what a service user already has does no harm",
			Want{Declared: Declared{Email: new("robot@example.com"), LastName: new("Smith")}, ServiceUser: true},
			john,
			judgement{
				verb: Update, fields: []Field{Email}, differences: []string{newEmail}, body: toRobot,
				settled: Declared{LastName: new("Smith")},
			},
		},
		{
			"a service user without names still has an email to write",
			Want{Declared: Declared{Email: new("robot@example.com")}, ServiceUser: true},
			but(john, func(p *certcentral.Profile) { p.FirstName, p.LastName = "", "" }),
			judgement{
				verb: Update, fields: []Field{Email}, differences: []string{newEmail},
				body: with(func(u *certcentral.Update) { u.FirstName, u.LastName, u.Email = "", "", "robot@example.com" }),
			},
		},
		{
			"drift of a service user that may not be written is only reported",
			Want{Declared: Declared{JobTitle: new("Robot")}, Settled: Declared{JobTitle: new("Robot")}, ServiceUser: true, Mode: ReportDrift},
			john,
			judgement{
				verb: Report, differences: []string{`jobTitle (Drift): want "Robot", have "Sys Admin"`},
				settled: Declared{JobTitle: new("Robot")},
			},
		},
	})
}

func TestIncomplete(t *testing.T) {
	nameless := but(john, func(p *certcentral.Profile) { p.FirstName, p.LastName = "", "" })
	const newTitle = `jobTitle (SpecChange): want "Boss", have "Sys Admin"`
	check(t, []situation{
		{
			"what every PUT requires must be live or declared",
			Want{Declared: Declared{JobTitle: new("Boss")}},
			nameless,
			judgement{verb: Refuse, refusal: Incomplete, fields: []Field{FirstName, LastName}, differences: []string{newTitle}},
		},
		{
			"declared it is complete",
			Want{Declared: Declared{JobTitle: new("Boss"), FirstName: new("John"), LastName: new("Smith")}, Trusted: true},
			nameless,
			judgement{
				verb: Update, fields: []Field{FirstName, LastName, JobTitle},
				differences: []string{`firstName (SpecChange): want "John", have ""`, `lastName (SpecChange): want "Smith", have ""`, newTitle},
				body:        with(func(u *certcentral.Update) { u.JobTitle = "Boss" }),
			},
		},
		{
			"an incomplete profile with nothing to write is fine",
			Want{Declared: Declared{JobTitle: new("Sys Admin")}},
			nameless,
			judgement{verb: Keep, settled: Declared{JobTitle: new("Sys Admin")}},
		},
		{
			"job title and telephone are never required",
			Want{Declared: Declared{FirstName: new("Jon")}},
			but(john, func(p *certcentral.Profile) { p.JobTitle, p.Telephone = "", "" }),
			judgement{
				verb: Update, fields: []Field{FirstName}, differences: []string{`firstName (SpecChange): want "Jon", have "John"`},
				body: with(func(u *certcentral.Update) { u.FirstName, u.JobTitle, u.Telephone = "Jon", "", "" }),
			},
		},
	})
}
