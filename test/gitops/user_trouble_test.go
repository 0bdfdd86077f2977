package gitops

import (
	"context"
	"net/http"

	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// What faults strike, and with what.
var (
	aLook     = simulator.Match{Method: http.MethodGet, User: john}
	aWrite    = simulator.Match{Method: http.MethodPut, User: john}
	aQuestion = simulator.Match{Path: "/user/me"} // whose the key is

	down      = simulator.Do{Status: http.StatusServiceUnavailable}
	cut       = simulator.Do{Drop: true}
	page      = simulator.Do{Malform: simulator.HTML}
	forbidden = simulator.Do{Status: http.StatusForbidden}
	throttled = simulator.Do{Status: http.StatusTooManyRequests}
)

// wrong are situations that only a person can mend.
var wrong = []situation{
	{"another resource owns the CertCentral user", failed("Conflict: CertCentral user 125039 is owned by "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.await(ctx, s.userIn(ctx, s.namespace, "a-owner", asIs), "True InSync")
		return s.await(ctx, s.userIn(ctx, s.namespace, "b-rival", another), "False Conflict")
	}},
	{"every declared name is another's", failed("IdentityMismatch: CertCentral user 125039 has none of the declared values of firstName, lastName"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `profile: {firstName: Jane, lastName: Doe}`, "False IdentityMismatch")
	}},
	{"the username referred to was changed", failed("IdentityMismatch: CertCentral user 125039 no longer has the username"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, `{userRef: {username: john.smith@example.com}, `+asIs+`}`, "True InSync")
		s.edit("username", "john.doe@example.com")
		return s.look(ctx, user)
	}},
	{"there is no user with the id", failed("UserNotFound: CertCentral has no such user"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `{userRef: {id: 999999}, `+another+`}`, "False UserNotFound")
	}},
	{"there is no user with the username", failed("UserNotFound: CertCentral has no such user"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `userRef: {username: nobody@example.com}`, "False UserNotFound")
	}},
	{"the user was removed", failed("UserNotFound: CertCentral has no such user"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, asIs, "True InSync")
		s.Expect(s.RemoveUser(john)).To(BeTrue())
		return s.look(ctx, user)
	}},
	{"CertCentral refuses the profile", failed("Rejected: CertCentral refuses this profile: change what is declared. CertCentral says: invalid_email"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.refuseMail()
		return s.declare(ctx, badMail, "False Rejected")
	}},
	{"a service user has more than its mail managed", failed("Rejected: CertCentral user 90 is a service user, of which only the email can be managed"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `{userRef: {id: 90}, `+another+`}`, "False Rejected")
	}},
	{"the live profile lacks what each write needs", failed("Rejected: CertCentral requires lastName in every write"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.edit("last_name", "")
		return s.declare(ctx, another, "False Rejected")
	}},
	{"the key may not write", failed("Forbidden: The API key may not do this"), func(ctx context.Context, s *stage) object {
		s.fault(aWrite, forbidden)
		s.open(ctx, ``)
		return s.declare(ctx, another, "False Forbidden")
	}},
	{"the key may not look", failed("Forbidden: The API key may not do this"), func(ctx context.Context, s *stage) object {
		s.fault(aLook, forbidden)
		s.open(ctx, ``)
		return s.declare(ctx, another, "False Forbidden")
	}},
	{"somebody else keeps writing", failed("NotAccepted: Written 5 times within an hour, and set back each time: jobTitle."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, another, "True Updated")
		for range 5 {
			s.edit("job_title", "Intern")
			user = s.look(ctx, user)
		}
		return user
	}},
	{"a write changes what it is not to change", failed("UnexpectedChange: A write changed at CertCentral what it was not to change: telephone."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.edit("telephone", " 555 ")
		s.SetRules(simulator.Rules{Trimmed: true})
		return s.declare(ctx, another, "False UnexpectedChange")
	}},
	{"a backup was restored", failed("RolledBack: john-smith went back from generation 2 to 1"), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, asIs, "True InSync")
		declared, backup := s.git["CertCentralUser/john-smith"], s.backUp(ctx, user)
		s.declare(ctx, another, "True Updated")
		s.putBack(ctx, user, backup)
		s.git["CertCentralUser/john-smith"] = declared // restored likewise
		return s.await(ctx, user, "False RolledBack")
	}},
}

// troubled are situations in which the operator tries again by itself.
var troubled = []situation{
	{"the request limit is reached", inProgress("Throttled: CertCentral's request limit for this API key is reached."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(aLook, throttled)
		return s.declare(ctx, another, "Unknown Throttled")
	}},
	{"CertCentral fails", inProgress("Unavailable: CertCentral can't be reached, or fails: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(aLook, down)
		return s.declare(ctx, another, "Unknown Unavailable")
	}},
	{"CertCentral fails later", inProgress("Unavailable: CertCentral can't be reached, or fails: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, asIs, "True InSync")
		s.fault(aLook, down)
		s.annotate(ctx, user, "certcentral.io/reconcile-requested-at", "1")
		return s.await(ctx, user, "Unknown Unavailable")
	}},
	{"CertCentral fails at a change", inProgress("Unavailable: CertCentral can't be reached, or fails: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.declare(ctx, asIs, "True InSync")
		s.fault(aWrite, down)
		return s.declare(ctx, another, "Unknown Unavailable")
	}},
	{"there is no answer", inProgress("Unavailable: CertCentral can't be reached, or fails: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(aLook, cut)
		return s.declare(ctx, another, "Unknown Unavailable")
	}},
	{"the answer to the write is lost, and so is CertCentral", inProgress("Unavailable: CertCentral can't be reached, or fails: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(aWrite, simulator.Do{Apply: true, Drop: true})
		s.fault(simulator.Match{Method: http.MethodGet, User: john, Nth: 2}, down)
		return s.declare(ctx, another, "Unknown Unavailable")
	}},
	{"it was written, and can't be looked at", inProgress("Unavailable: CertCentral can't be reached, or fails: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(simulator.Match{Method: http.MethodGet, User: john, Nth: 2}, down)
		return s.declare(ctx, another, "Unknown Unavailable")
	}},
	{"a proxy answers", inProgress("BadResponse: CertCentral, or something before it, answered what makes no sense: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(aLook, page)
		return s.declare(ctx, another, "Unknown BadResponse")
	}},
	{"somebody else is shown", inProgress("BadResponse: CertCentral, or something before it, answered what makes no sense: "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(aLook, simulator.Do{Malform: simulator.OtherUser})
		return s.declare(ctx, another, "Unknown BadResponse")
	}},
	{"a write does not show yet", inProgress("NotAccepted: CertCentral acknowledged the write of jobTitle, but does not show the value yet."), func(ctx context.Context, s *stage) object {
		s.SetRules(simulator.Rules{Owned: map[int64]simulator.Owned{john: {Put: simulator.Ignored}}})
		s.open(ctx, ``)
		return s.declare(ctx, another, "False NotAccepted")
	}},
}
