package gitops

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

type object = *unstructured.Unstructured

// userSituations are those of a CertCentralUser.
var userSituations = slices.Concat(done, suspensions, waiting, wrong, troubled)

const (
	asIs    = `profile: {jobTitle: Sys Admin}`    // what John is
	another = `profile: {jobTitle: Senior Admin}` // what he is not
)

const (
	inSync = "InSync: The live profile has every declared value."

	nothingDeclared = "InSync: Nothing is declared, and so nothing is managed."
	wroteTitle      = "Updated: Wrote jobTitle (SpecChange)."
	driftReported   = "DriftReported: The live profile differs in jobTitle "
)

// done are situations in which the user is as declared, or observed as asked.
var done = []situation{
	{"is as declared", current(inSync), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, asIs, "True InSync")
	}},
	{"is declared without a profile", current(nothingDeclared), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, ``, "True InSync")
	}},
	{"is found by username", current(nothingDeclared), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `userRef: {username: john.smith@example.com}`, "True InSync")
	}},
	{"was written", current(wroteTitle), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, another, "True Updated")
	}},
	{"was written and looked at again", current(wroteTitle), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.look(ctx, s.declare(ctx, another, "True Updated"))
	}},
	{"was written in mode ReportDrift", current(wroteTitle), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `{mode: ReportDrift, `+another+`}`, "True Updated")
	}},
	{"was set back", current("Updated: Wrote jobTitle (Drift)."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, asIs, "True InSync")
		s.edit("job_title", "Intern")
		return s.look(ctx, user)
	}},
	{"drifted in mode ReportDrift", current(driftReported + "(Drift), which mode ReportDrift only reports."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, `{mode: ReportDrift, `+asIs+`}`, "True InSync")
		s.edit("job_title", "Intern")
		return s.look(ctx, user)
	}},
	{"is as declared in mode Observe", current(inSync), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `{mode: Observe, `+asIs+`}`, "True InSync")
	}},
	{"differs in mode Observe", current(driftReported + "(SpecChange), which mode Observe only reports."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `{mode: Observe, `+another+`}`, "True DriftReported")
	}},
	{"differs, and the account's mode is Observe", current(driftReported), func(ctx context.Context, s *stage) object {
		s.open(ctx, `mode: Observe`)
		return s.declare(ctx, another, "True DriftReported")
	}},
	{"was confirmed to be the person meant", current("Updated: Wrote firstName (SpecChange), lastName (SpecChange)."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, `profile: {firstName: Jane, lastName: Doe}`, "False IdentityMismatch")
		s.annotate(ctx, user, v1alpha1.AnnotationConfirmUser, fmt.Sprint(john))
		return s.await(ctx, user, "True Updated")
	}},
	{"was looked at again after an outage", current(inSync), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.fault(aLook, down)
		user := s.declare(ctx, asIs, "Unknown Unavailable")
		s.ClearFaults()
		return s.await(ctx, user, "True InSync")
	}},
	{"may use its account again", current(wroteTitle), func(ctx context.Context, s *stage) object {
		s.account(ctx, `accountID: 4711`)
		user := s.declare(ctx, another, "False AccountMismatch")
		s.open(ctx, ``)
		return s.await(ctx, user, "True Updated")
	}},
	{"was refused, and is declared otherwise now", current("Updated: Wrote email (SpecChange)."), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.refuseMail()
		s.declare(ctx, badMail, "False Rejected")
		s.ClearFaults()
		return s.declare(ctx, `profile: {email: john@example.com}`, "True Updated")
	}},
	{"is being deleted", terminating(), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.remove(ctx, s.declare(ctx, another, "True Updated"))
	}},
}

const (
	badMail      = `profile: {email: taken@example.com}`
	suspendedIn  = "Suspended: nothing is looked at or written until spec.suspend is false."
	suspendedOut = "Suspended: what is declared is not known to be in place, and not applied until spec.suspend is false."
)

// suspensions are situations in which a person wants nobody to look.
var suspensions = []situation{
	{"is suspended as declared", suspended(suspendedIn), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.declare(ctx, asIs, "True InSync")
		return s.declare(ctx, `{suspend: true, `+asIs+`}`, "True Suspended")
	}},
	{"is suspended before anybody looked", held(suspendedOut), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		return s.declare(ctx, `{suspend: true, `+asIs+`}`, "Unknown Suspended")
	}},
	{"is suspended with a change", held(suspendedOut), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.declare(ctx, asIs, "True InSync")
		return s.declare(ctx, `{suspend: true, `+another+`}`, "Unknown Suspended")
	}},
	{"is suspended while refused", held(suspendedOut), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.refuseMail()
		s.declare(ctx, badMail, "False Rejected")
		return s.declare(ctx, `{suspend: true, `+badMail+`}`, "Unknown Suspended")
	}},
	{"is suspended in mode Observe", suspended(suspendedIn), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.declare(ctx, `{mode: Observe, `+asIs+`}`, "True InSync")
		return s.declare(ctx, `{mode: Observe, suspend: true, `+asIs+`}`, "True Suspended")
	}},
	{"is resumed", current(wroteTitle), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		s.declare(ctx, `{suspend: true, `+another+`}`, "Unknown Suspended")
		return s.declare(ctx, `{suspend: false, `+another+`}`, "True Updated")
	}},
}

// waiting are situations in which the user can't use its account: it waits for the account, which says itself what is wrong with
// it, or for a person, where what does not fit is the two of them.
var waiting = []situation{
	{"its account does not exist", inProgress("AccountNotReady: Account "), func(ctx context.Context, s *stage) object {
		return s.declare(ctx, another, "False AccountNotReady")
	}},
	{"its account has no Secret", inProgress("AccountNotReady: Account "), func(ctx context.Context, s *stage) object {
		s.account(ctx, `apiKeySecretRef: {name: nowhere}`)
		return s.declare(ctx, another, "False AccountNotReady")
	}},
	{"its account could not be looked at yet", inProgress("AccountNotReady: Account "), func(ctx context.Context, s *stage) object {
		s.fault(aQuestion, down)
		s.await(ctx, s.account(ctx, ``), "Unknown Unavailable")
		return s.declare(ctx, another, "Unknown AccountNotReady")
	}},
	{"its account's key was revoked", inProgress("AccountNotReady: Account "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.declare(ctx, asIs, "True InSync")
		s.Expect(s.RevokeKey(s.key)).To(Succeed())
		s.annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "1")
		return s.await(ctx, user, "False AccountNotReady")
	}},
	{"its account is being deleted", inProgress("AccountNotReady: Account "), func(ctx context.Context, s *stage) object {
		account := s.open(ctx, ``)
		user := s.declare(ctx, asIs, "True InSync")
		s.remove(ctx, account)
		return s.look(ctx, user)
	}},
	{"its account does not allow the namespace", failed("AccountNotAllowed: Account "), func(ctx context.Context, s *stage) object {
		s.open(ctx, ``)
		user := s.userIn(ctx, s.newNamespace(ctx), "john-smith", fmt.Sprintf(`{accountRef: {name: digicert, namespace: %s}, %s}`, s.namespace, another))
		return s.await(ctx, user, "False AccountNotAllowed")
	}},
	{"its account is pinned to another", failed("AccountMismatch: The API key of account "), func(ctx context.Context, s *stage) object {
		s.account(ctx, `accountID: 4711`)
		return s.declare(ctx, another, "False AccountMismatch")
	}},
	{"is of another account than pinned", failed("AccountMismatch: CertCentral user 125039 belongs to another CertCentral account"), func(ctx context.Context, s *stage) object {
		s.open(ctx, fmt.Sprintf(`accountID: %d`, s.accountID))
		s.fault(aLook, simulator.Do{Status: http.StatusOK, Body: `{"id": 125039, "username": "john.smith@example.com", "account_id": 4711,
			"first_name": "John", "last_name": "Smith", "email": "john.smith@example.com", "status": "active"}`})
		return s.declare(ctx, another, "False AccountMismatch")
	}},
}
