package faults

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// ssoFlag is the API's name of the seventh field.
const ssoFlag = "is_saml_sso_only"

// saysUnexpected is what a resource says of a field that changed with a PUT and was not to.
const saysUnexpected = "UnexpectedChange"

// raceWithin is how long after the answer to a look a PUT arrives that overwrites what a colleague did in between: nobody can
// prevent that, but it may not take longer.
const raceWithin = time.Second

// meant is the CertCentral user that a resource is for, 0 when nobody knows.
func (r *run) meant(user v1alpha1.CertCentralUser) int64 {
	if user.Spec.UserRef.ID != nil {
		return *user.Spec.UserRef.ID
	}
	return cmp.Or(user.Status.UserID, r.named[*cmp.Or(user.Spec.UserRef.Username, new(string))])
}

// means tells whether a resource is for a CertCentral user, also before its status has the id of one who was made anew.
func (r *run) means(user v1alpha1.CertCentralUser, id int64) bool {
	meant := r.meant(user)
	return meant == id || meant != 0 && r.anew[meant] == id
}

// judgeStored checks P1 where it counts: in what CertCentral has stored before and after each PUT, of all seven fields. What changed
// without being declared is the operator's doing, if it sent something else than was there; or that of CertCentral, which does
// more than it was asked to. That can't be known before the first time; then it must be said, and not happen again.
func (r *run) judgeStored(e evidence) {
	damaged, generation := map[int64]simulator.Call{}, map[int64]int64{}
	reset := simulator.Call{}
	for _, put := range e.calls {
		if put.Method != "PUT" {
			continue
		}
		declared := r.declared(e, put)
		if before, done := damaged[put.User]; done && generation[put.User] == declared.Generation && !r.accepted[put.User].After(before.Time) {
			r.violate("P1", "%s: %s changed what it was not to, and no person did anything about that", put, before)
		}
		_, carried := put.Sent()[ssoFlag]
		if put.Before[ssoFlag] == "true" && !carried && reset.Seq != 0 && put.Time.Sub(reset.Ended) > slack {
			r.violate("P1", "%s: it does to %s what %s did", put, ssoFlag, reset)
		}
		for _, name := range undeclaredChanges(declared.Spec.Profile, put) {
			if sent, had := put.Sent()[name].(string); had && sent != put.Before[name] {
				r.judgeRace(e, put, name)
				continue
			}
			damaged[put.User], generation[put.User] = put, declared.Generation
			if name == ssoFlag {
				reset = put
			}
		}
	}
	for id, put := range damaged {
		if !r.said(e, id, put.Time, saysUnexpected) {
			r.violate("P1", "%s: it changed %v, and no resource says %s", put, put.Changed, saysUnexpected)
		}
	}
}

// declared is the resource that the operator read right before a PUT.
func (r *run) declared(e evidence, put simulator.Call) v1alpha1.CertCentralUser {
	read, _ := e.lastRead(put.Time, "certcentralusers", func(c audited) bool { return r.means(c.user(), put.User) })
	return read.user()
}

// undeclaredChanges are the fields that a PUT changed and was not to.
func undeclaredChanges(declared v1alpha1.Profile, put simulator.Call) (names []string) {
	for name := range put.Before {
		_, sent := put.Sent()[name]
		wanted := name == ssoFlag && declared.SAMLSSOOnly != nil && sent || name != ssoFlag && fields[name](declared) != nil
		if !wanted && put.Before[name] != put.After[name] {
			names = append(names, name)
		}
	}
	return names
}

// judgeRace expects of a PUT that takes back what a colleague did that it was on its way by then.
func (r *run) judgeRace(e evidence, put simulator.Call, name string) {
	look, seen := e.lookBefore(put)
	allowed := max(2*time.Duration(r.plan.fault.rules.Latency), raceWithin)
	if took := put.Time.Sub(look.Ended); !seen || shownIn(look, name) != put.Sent()[name] || took > allowed {
		r.violate("P1", "%s: it changes %s, which is not declared, %s after the look", put, name, took)
		return
	}
	r.lost++
}

// lookBefore is the last answered look at a user before a PUT.
func (e evidence) lookBefore(put simulator.Call) (simulator.Call, bool) {
	for _, c := range slices.Backward(e.calls) {
		if c.Method == "GET" && c.User == put.User && c.Seq < put.Seq && c.Status == 200 {
			return c, true
		}
	}
	return simulator.Call{}, false
}

// said tells whether the status of a resource for a user came to say something after a time.
func (r *run) said(e evidence, id int64, since time.Time, what string) bool {
	return slices.ContainsFunc(e.kube, func(c audited) bool {
		return c.is("patch", "certcentralusers/status") && c.ok() && c.Answered.After(since) && r.meant(c.user()) == id &&
			bytes.Contains(c.ResponseObject, []byte(what))
	})
}

// judgeOwner checks that who owns a user goes on to: the others never write, and where the plan says so the owner is never told to
// give way.
func (r *run) judgeOwner(e evidence) {
	for _, put := range e.calls.Where(func(c simulator.Call) bool { return c.Method == "PUT" }) {
		for _, value := range r.foreign {
			if strings.Contains(put.Body, value) {
				r.violate("owner", "%s: it has what is declared by one who does not own the user", put)
			}
		}
		if !r.frozen.IsZero() && put.Time.After(r.frozen) && (r.healed.IsZero() || put.Time.Before(r.healed)) {
			r.violate("owner", "%s although nobody can know who owns the user", put)
		}
	}
	if !r.plan.fault.keeps {
		return
	}
	for _, c := range e.kube {
		if user := c.user(); c.is("patch", "certcentralusers/status") && strings.HasPrefix(user.Name, "person-") &&
			strings.HasPrefix(conditionsOf(user.Status.Conditions), "Conflict") {
			r.violate("owner", "%s says %s", user.Name, conditionsOf(user.Status.Conditions))
			return
		}
	}
}

// A user who goes on failing is called after 1 s, 2 s, 4 s and so on, and once a minute in the end; a tenth less, as it is spread, and
// a little less, as calls take time.
const (
	firstRetry = 850 * time.Millisecond
	lastRetry  = 53 * time.Second
)

// judgeCurve checks that users who fail are left alone more and more, and that writes whose outcome nobody knows count. A restart
// forgets how often looks failed, and so does a success.
func (r *run) judgeCurve(e evidence) {
	if !r.plan.fault.curve {
		return
	}
	type change struct {
		user  int64
		title any
	}
	tries := map[change]int{}
	for _, c := range e.calls {
		if of := (change{c.User, c.Sent()["job_title"]}); c.Method == "PUT" && (c.Status == 0 || c.Status >= 500) {
			if tries[of]++; tries[of] == 6 {
				r.violate("brake", "%s: nobody knows whether the five before it were made, of one declaration", c)
			}
		}
	}
	failures, last, restarts := map[int64]int{}, map[int64]simulator.Call{}, r.operators.launches()
	for _, c := range e.calls {
		if c.User == 0 || c.User == keyOwner {
			continue
		}
		before, seen := last[c.User]
		last[c.User] = c
		if seen && slices.ContainsFunc(restarts, func(t time.Time) bool { return t.After(before.Time) && t.Before(c.Time) }) {
			failures[c.User] = 0
		}
		if n := failures[c.User]; n > 0 {
			if wait, least := c.Time.Sub(before.Time), min(firstRetry<<min(n-1, 8), lastRetry); wait < least {
				r.violate("curve", "%s %s after failure %d in a row, it is to be %s", c, wait.Round(time.Millisecond), n, least)
			}
		}
		if failures[c.User]++; c.Status < 500 {
			failures[c.User] = 0
		}
	}
}
