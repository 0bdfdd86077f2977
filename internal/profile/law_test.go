package profile

import (
	"maps"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// server carries a PUT out. The documentation leaves open what becomes of a job title or telephone that is left out.
type server struct {
	reason      string
	omittedKept bool
}

var servers = []server{{"removes what is left out", false}, {"keeps what is left out", true}}

// wire is the body of a PUT by the names of the update-user page; what is not in it was left out.
func wire(u certcentral.Update) map[string]string {
	body := map[string]string{
		"username": u.Username, "first_name": u.FirstName, "last_name": u.LastName, "email": u.Email,
		"job_title": u.JobTitle, "telephone": u.Telephone,
	}
	if u.SAMLSSOOnly != nil {
		body["is_saml_sso_only"] = map[bool]string{true: "true", false: "false"}[*u.SAMLSSOOnly]
	}
	return body
}

func (s server) put(have certcentral.Profile, body map[string]string) certcentral.Profile {
	have.Username, have.FirstName, have.LastName, have.Email = body["username"], body["first_name"], body["last_name"], body["email"]
	for name, field := range map[string]*string{"job_title": &have.JobTitle, "telephone": &have.Telephone} {
		if value, sent := body[name]; sent || !s.omittedKept {
			*field = value
		}
	}
	if flag, sent := body["is_saml_sso_only"]; sent {
		have.SAMLSSOOnly = flag == "true"
	}
	return have
}

// values of the fuzzed declarations, bit by bit: which fields are declared, and which of them are settled.
const (
	declaresUsername = 1 << iota
	declaresFirstName
	declaresLastName
	declaresEmail
	declaresJobTitle
	declaresTelephone
	declaresSSO
)

// FuzzLaw looks for a plan that leaves something to write once it is carried out, or that writes what it must not.
func FuzzLaw(f *testing.F) {
	all := uint8(declaresUsername | declaresFirstName | declaresLastName | declaresEmail | declaresJobTitle | declaresTelephone | declaresSSO)
	f.Add("jack", "Boss", "john", "Sys Admin", all, uint8(0), uint8(0), true, false, true)
	f.Add("jack", "", "john", "Sys Admin", uint8(declaresJobTitle), uint8(0), uint8(0), false, true, false)
	f.Add("jack", "Boss", "john", "", uint8(declaresJobTitle|declaresTelephone), uint8(declaresTelephone), uint8(1), false, true, false)
	f.Add("jack", "Boss", "john", "", all, all, uint8(2), true, true, false)
	f.Add("", "", "", "", uint8(declaresEmail), uint8(0), uint8(4), false, false, false)
	f.Fuzz(func(t *testing.T, desiredName, desiredTitle, liveName, liveTitle string, declared, settled, choice uint8, desiredSSO, liveSSO, trusted bool) {
		have := certcentral.Profile{
			Username: liveName, FirstName: liveName, LastName: liveName, Email: liveName,
			JobTitle: liveTitle, Telephone: liveTitle, SAMLSSOOnly: liveSSO,
		}
		everything := Declared{
			Username: &desiredName, FirstName: &desiredName, LastName: &desiredName, Email: &desiredName,
			JobTitle: &desiredTitle, Telephone: &desiredTitle, SAMLSSOOnly: &desiredSSO,
		}
		want := Want{
			Declared: pick(everything, declared), Settled: pick(everything, settled), Trusted: trusted,
			Mode: []Mode{Enforce, ReportDrift, Observe}[choice%3], ServiceUser: choice&4 != 0,
		}
		if choice&8 != 0 {
			want.Username = liveName
		}
		for _, s := range servers {
			t.Run(s.reason, func(t *testing.T) { obeysTheLaw(t, want, have, s) })
		}
	})
}

// pick keeps the fields whose bits are set.
func pick(all Declared, bits uint8) Declared {
	var some Declared
	for i, t := range texts {
		if bits&(1<<i) != 0 {
			*t.declared(&some) = *t.declared(&all)
		}
	}
	if bits&declaresSSO != 0 {
		some.SAMLSSOOnly = all.SAMLSSOOnly
	}
	return some
}

func obeysTheLaw(t *testing.T, want Want, have certcentral.Profile, s server) {
	g := NewWithT(t)
	plan := Decide(want, have)
	switch {
	case plan.Verb == Update && want.Mode == Observe:
		t.Fatal("Observe writes")
	case plan.Verb == Keep:
		g.Expect(plan.Differences).To(BeEmpty())
		g.Expect(Pending(want.Declared, plan.Settled)).To(BeEmpty(), "what is kept was seen")
	case plan.Verb == Refuse:
		g.Expect(plan.Refusal).NotTo(BeEmpty())
		g.Expect(plan.Fields).NotTo(BeEmpty())
	}
	if plan.Verb != Update {
		return
	}
	body := wire(plan.Update)
	g.Expect(slices.Collect(maps.Keys(body))).To(ContainElements("username", "first_name", "last_name", "email", "job_title", "telephone"))
	after := s.put(have, body)
	expectOnly(g, plan.Fields, want.Declared, have, after)
	if want.ServiceUser {
		g.Expect(plan.Fields).To(Equal([]Field{Email}))
	}

	want.Settled, want.Trusted = plan.Settled, true // as it is after a write
	again := Decide(want, after)
	g.Expect(again.Verb).NotTo(Equal(Update), "something is left to write: %v", again.Differences)
	for _, d := range again.Differences {
		g.Expect(want.Mode).To(Equal(ReportDrift))
		g.Expect(d.Cause).To(Equal(Drift), "what is left is drift that may not be written")
	}
	if again.Refusal == "" {
		g.Expect(Pending(want.Declared, again.Settled)).To(BeEmpty(), "what was written and seen is settled")
	}
}

// expectOnly compares each field with what it must be after a write for these fields: as declared, or as it was before.
func expectOnly(g Gomega, fields []Field, declared Declared, before, after certcentral.Profile) {
	for _, t := range texts {
		expected := *t.live(&before)
		if slices.Contains(fields, t.field) {
			expected = **t.declared(&declared)
		}
		g.Expect(*t.live(&after)).To(Equal(expected), "%s", t.field)
	}
	flag := before.SAMLSSOOnly
	if slices.Contains(fields, SAMLSSOOnly) {
		flag = *declared.SAMLSSOOnly
	}
	g.Expect(after.SAMLSSOOnly).To(Equal(flag), "samlSSOOnly")
}

func BenchmarkDecide(b *testing.B) {
	for name, title := range map[string]string{"Keep": "Sys Admin", "Update": "Boss"} {
		want := Want{Mode: Enforce, Declared: Declared{FirstName: new("John"), Email: new("john@example.com"), JobTitle: &title}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if string(Decide(want, john).Verb) != name {
					b.Fatal("decided otherwise")
				}
			}
		})
	}
}
