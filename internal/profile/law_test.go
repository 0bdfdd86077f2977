package profile

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// server carries a PUT out. The documentation leaves open what becomes of a job title or telephone that is left out.
type server struct {
	reason      string
	omittedKept bool
	flagReset   bool                // a flag that is left out
	stored      func(string) string // what becomes of a text; nil: nothing
}

var servers = []server{
	{reason: "removes what is left out"},
	{reason: "keeps what is left out", omittedKept: true},
	{reason: "resets a flag that is left out", flagReset: true},
	{reason: "cuts what it stores", stored: func(s string) string { return s[:len(s)/2] }},
	{reason: "stores something else", stored: func(s string) string { return "#" + s }},
}

// faithful tells whether the server does what it is told, and nothing else.
func (s server) faithful() bool { return !s.flagReset && s.stored == nil }

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
	if flag, sent := body["is_saml_sso_only"]; sent || s.flagReset {
		have.SAMLSSOOnly = flag == "true"
	}
	for _, t := range texts {
		if s.stored != nil {
			*t.live(&have) = s.stored(*t.live(&have))
		}
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

// sides is a fuzzed situation: values for both sides, and bits that say, field by field, how they relate.
type sides struct {
	desired, live   string // what the values of either side begin with; "" makes them all empty
	declared        uint8  // fields that are declared,
	alike           uint8  // whose declared value is the live one,
	settled         uint8  // that are settled,
	outdated        uint8  // and that were, with another value
	desiredSSO, sso bool
}

// want and have spell the situation out. Each field has values of its own, so that one in the place of another shows.
func (s sides) want() Declared {
	declared := s.values()
	for i, t := range texts {
		if s.declared&(1<<i) == 0 {
			*t.declared(&declared) = nil
		}
	}
	if s.declared&declaresSSO == 0 {
		declared.SAMLSSOOnly = nil
	}
	return declared
}

func (s sides) values() Declared {
	have := s.have()
	all := Declared{SAMLSSOOnly: &s.desiredSSO}
	for i, t := range texts {
		value := valued(s.desired, t.field)
		if s.alike&(1<<i) != 0 {
			value = *t.live(&have)
		}
		*t.declared(&all) = &value
	}
	if s.alike&declaresSSO != 0 {
		all.SAMLSSOOnly = &s.sso
	}
	return all
}

func (s sides) have() certcentral.Profile {
	have := certcentral.Profile{SAMLSSOOnly: s.sso}
	for _, t := range texts {
		*t.live(&have) = valued(s.live, t.field)
	}
	return have
}

func (s sides) before() Declared {
	settled := s.values()
	for i, t := range texts {
		switch {
		case s.settled&(1<<i) == 0:
			*t.declared(&settled) = nil
		case s.outdated&(1<<i) != 0:
			*t.declared(&settled) = new(**t.declared(&settled) + " once")
		}
	}
	switch {
	case s.settled&declaresSSO == 0:
		settled.SAMLSSOOnly = nil
	case s.outdated&declaresSSO != 0:
		settled.SAMLSSOOnly = new(!*settled.SAMLSSOOnly)
	}
	return settled
}

func valued(value string, field Field) string {
	if value == "" {
		return ""
	}
	return value + " " + string(field)
}

// Bits of the choice that is fuzzed with the sides; the lowest two are the mode.
const (
	isServiceUser = 4 << iota
	refersByUsername
	refersToAnother
	isTrusted
	isKnown
	sendsFlag
)

// FuzzLaw looks for a plan that leaves something to write once it is carried out, or that writes what it must not.
func FuzzLaw(f *testing.F) {
	const (
		all     = uint8(declaresUsername | declaresFirstName | declaresLastName | declaresEmail | declaresJobTitle | declaresTelephone | declaresSSO)
		names   = uint8(declaresUsername | declaresFirstName | declaresLastName | declaresEmail)
		details = uint8(declaresJobTitle | declaresTelephone)
	)
	for _, seed := range []struct {
		sides
		choice uint8
	}{
		{sides{desired: "jack", live: "john", declared: all, desiredSSO: true}, isTrusted},                    // all of a person
		{sides{desired: "jack", live: "john", declared: all}, 0},                                              // the wrong person
		{sides{desired: "jack", live: "john", declared: names, alike: declaresEmail}, 0},                      // known by one name
		{sides{desired: "jack", live: "john", declared: declaresFirstName | declaresJobTitle}, 0},             // one name tells nothing
		{sides{desired: "", live: "john", declared: details}, 0},                                              // cleared
		{sides{desired: "jack", live: "", declared: details}, 0},                                              // incomplete
		{sides{desired: "jack", live: "", declared: all}, isTrusted},                                          // completed
		{sides{desired: "jack", live: "john", declared: details, settled: details}, 1},                        // drift, reported
		{sides{desired: "jack", live: "john", declared: details, settled: details, outdated: details}, 1},     // declared anew
		{sides{desired: "jack", live: "john", declared: details, settled: declaresTelephone}, 1},              // some of both
		{sides{desired: "jack", live: "john", declared: declaresSSO, settled: declaresSSO, sso: true}, 1},     // the flag drifted
		{sides{desired: "jack", live: "john", declared: all, alike: all &^ declaresSSO, desiredSSO: true}, 0}, // only the flag
		{sides{desired: "jack", live: "john", declared: all}, 2 | isTrusted},                                  // Observe
		{sides{desired: "jack", live: "john", declared: declaresEmail | declaresSSO}, isServiceUser},          // more than an email
		{sides{desired: "jack", live: "john", declared: declaresEmail}, isServiceUser},                        // an email
		{sides{desired: "jack", live: "john", declared: details}, refersByUsername},                           // referred to by name
		{sides{desired: "jack", live: "john", declared: details}, refersByUsername | refersToAnother},         // renamed since
	} {
		f.Add(seed.desired, seed.live, seed.declared, seed.alike, seed.settled, seed.outdated, seed.choice, seed.desiredSSO, seed.sso)
	}
	f.Fuzz(func(t *testing.T, desired, live string, declared, alike, settled, outdated, choice uint8, desiredSSO, sso bool) {
		s := sides{desired, live, declared, alike, settled, outdated, desiredSSO, sso}
		have := s.have()
		want := Want{
			Declared: s.want(), Settled: s.before(), Trusted: choice&isTrusted != 0, Known: choice&isKnown != 0, SendFlag: choice&sendsFlag != 0,
			Mode: []Mode{Enforce, ReportDrift, Observe, Enforce}[choice%4], ServiceUser: choice&isServiceUser != 0,
		}
		if choice&refersByUsername != 0 {
			want.Username = have.Username
		}
		if choice&refersToAnother != 0 {
			want.Username = have.Username + "x"
		}
		for _, server := range servers {
			t.Run(server.reason, func(t *testing.T) { obeysTheLaw(t, want, have, server) })
		}
	})
}

func obeysTheLaw(t *testing.T, want Want, have certcentral.Profile, s server) {
	g := NewWithT(t)
	plan := Decide(want, have)
	g.Expect(Decide(want, have)).To(Equal(plan), "the same facts give the same plan")
	if want.Username != "" && !strings.EqualFold(want.Username, have.Username) {
		g.Expect(plan).To(Equal(Plan{Verb: Refuse, Refusal: Renamed, Fields: []Field{Username}, Settled: want.Settled, Known: plan.Known}))
		return
	}
	g.Expect(plan.Known || !want.Known).To(BeTrue(), "who was known stays so")
	g.Expect(plan.Known && plan.Refusal == WrongPerson).To(BeFalse(), "who is known never trips the fuse")
	open, drifted := differing(want, have)
	if plan.Refusal == WrongPerson {
		g.Expect(without(drifted, JobTitle, Telephone, SAMLSSOOnly)).To(BeEmpty(), "drift never trips the fuse")
	}
	for _, d := range plan.Differences {
		g.Expect(d.Cause).To(Equal(causeOf(slices.Contains(drifted, d.Field))), "%s", d.Field)
		g.Expect(d.Desired).NotTo(Equal(d.Observed))
	}
	g.Expect(fieldsOf(plan.Differences)).To(Equal(open), "all that differs, and nothing else")
	g.Expect(Pending(plan.Settled, want.Declared)).To(BeEmpty(), "only what is declared is settled")
	allowed := map[Mode][]Field{Enforce: open, ReportDrift: without(open, drifted...)}[want.Mode]
	switch plan.Verb {
	case Keep:
		g.Expect(open).To(BeEmpty())
		g.Expect(Pending(want.Declared, plan.Settled)).To(BeEmpty(), "what is kept was seen")
	case Report:
		g.Expect(open).NotTo(BeEmpty())
		g.Expect(allowed).To(BeEmpty(), "what may be written is not only reported")
	case Refuse:
		g.Expect(plan.Refusal).NotTo(BeEmpty())
		g.Expect(plan.Fields).NotTo(BeEmpty())
		g.Expect(allowed).NotTo(BeEmpty(), "where nothing would be written there is nothing to refuse")
	case Update:
		g.Expect(plan.Fields).To(Equal(allowed))
		expectHarmless(g, want, plan)
		expectDone(g, want, have, plan, s)
	default:
		t.Fatalf("the verb is %q", plan.Verb)
	}
}

// differing lists the declared fields that are not live, and those among them that were seen in place once.
func differing(want Want, have certcentral.Profile) (open, drifted []Field) {
	note := func(field Field, differs, settled bool) {
		if differs {
			open = append(open, field)
		}
		if differs && settled {
			drifted = append(drifted, field)
		}
	}
	d, s := want.Declared, want.Settled
	for _, f := range []struct {
		field            Field
		desired, settled *string
		live             string
	}{
		{Username, d.Username, s.Username, have.Username},
		{FirstName, d.FirstName, s.FirstName, have.FirstName},
		{LastName, d.LastName, s.LastName, have.LastName},
		{Email, d.Email, s.Email, have.Email},
		{JobTitle, d.JobTitle, s.JobTitle, have.JobTitle},
		{Telephone, d.Telephone, s.Telephone, have.Telephone},
	} {
		note(f.field, f.desired != nil && *f.desired != f.live, f.desired != nil && f.settled != nil && *f.settled == *f.desired)
	}
	note(SAMLSSOOnly, d.SAMLSSOOnly != nil && *d.SAMLSSOOnly != have.SAMLSSOOnly,
		d.SAMLSSOOnly != nil && s.SAMLSSOOnly != nil && *s.SAMLSSOOnly == *d.SAMLSSOOnly)
	return open, drifted
}

func fieldsOf(differences []Difference) []Field {
	var fields []Field
	for _, d := range differences {
		fields = append(fields, d.Field)
	}
	return fields
}

// expectHarmless expects that a plan to write is none of those that are refused.
func expectHarmless(g Gomega, want Want, plan Plan) {
	if want.ServiceUser {
		g.Expect(plan.Fields).To(Equal([]Field{Email}))
	} else {
		u := plan.Update
		g.Expect([]string{u.Username, u.FirstName, u.LastName, u.Email}).NotTo(ContainElement(""), "every PUT requires these")
	}
	known := map[Field]bool{}
	for field, value := range map[Field]*string{
		Username: want.Declared.Username, FirstName: want.Declared.FirstName, LastName: want.Declared.LastName, Email: want.Declared.Email,
	} {
		if value != nil {
			known[field] = !slices.Contains(fieldsOf(plan.Differences), field)
		}
	}
	if len(known) >= 2 && !want.Trusted && !plan.Known {
		g.Expect(slices.Collect(maps.Values(known))).To(ContainElement(true), "nobody says that it is this person")
	}
}

// expectDone carries a plan out, and expects that nothing else changes and nothing is left to write.
func expectDone(g Gomega, want Want, have certcentral.Profile, plan Plan, s server) {
	body := wire(plan.Update)
	g.Expect(slices.Collect(maps.Keys(body))).To(ContainElements("username", "first_name", "last_name", "email", "job_title", "telephone"))
	flag, sent := body["is_saml_sso_only"]
	g.Expect(sent).To(Equal(want.SendFlag || slices.Contains(plan.Fields, SAMLSSOOnly)), "the flag is sent where it changes, or always")
	if sent && !slices.Contains(plan.Fields, SAMLSSOOnly) {
		g.Expect(flag).To(Equal(strconv.FormatBool(have.SAMLSSOOnly)), "as it was read")
	}
	after := s.put(have, body)
	expectSaid(g, want, have, plan, after)
	if !s.faithful() {
		return
	}
	expectOnly(g, plan.Fields, want.Declared, have, after)

	want.Settled, want.Trusted = plan.Settled, true // as it is after a write
	if want.Username != "" {
		want.Username = after.Username
	}
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

// expectSaid expects that whatever a write changed beside what it was to change is said: as unexpected, or as what the next plan
// sets right. What came back as it was sent is neither, and twice in a row it is the service.
func expectSaid(g Gomega, want Want, before certcentral.Profile, plan Plan, after certcentral.Profile) {
	want.Settled, want.Known, want.Trusted = plan.Settled, plan.Known, true
	next := Decide(want, after)
	write := Write{Update: plan.Update, Fields: plan.Fields, SAMLSSOOnly: before.SAMLSSOOnly}
	changes := Unexpected(write, after, next, nil)
	var said, suspects []Field
	for _, c := range changes {
		g.Expect(c.Before).NotTo(Equal(c.Observed))
		g.Expect(plan.Fields).NotTo(ContainElement(c.Field), "that was to change")
		said, suspects = append(said, c.Field), append(suspects, c.Field)
	}
	for _, c := range Unexpected(write, after, next, suspects) {
		g.Expect(c.Origin).To(Equal(ByService))
	}
	for _, t := range texts {
		kept := *t.live(&before) == *t.live(&after)
		switch written := slices.Contains(plan.Fields, t.field); {
		case kept && !written:
			g.Expect(said).NotTo(ContainElement(t.field), "what stayed is nothing to speak of")
		case !kept && !written:
			g.Expect(next.writes(t.field) || slices.Contains(said, t.field)).To(BeTrue(), "it changed without a word")
			declared := *t.declared(&want.Declared) != nil
			g.Expect(declared || slices.Contains(said, t.field)).To(BeTrue(), "an undeclared field that the service changed")
		}
	}
	if !slices.Contains(plan.Fields, SAMLSSOOnly) && before.SAMLSSOOnly != after.SAMLSSOOnly {
		g.Expect(changes).To(ContainElement(HaveField("Origin", ByService)), "the flag changed without a word")
		g.Expect(said).To(ContainElement(SAMLSSOOnly))
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
