package controller

import (
	"errors"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/profile"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// trouble is a fault and what is said of it.
type trouble struct {
	do       simulator.Do
	said     string
	observed int64                     // status.observedGeneration after it
	after    gomegatypes.GomegaMatcher // when to look again; nil: by the queue's backoff
}

const (
	throttledSaid   = "Throttled: Ready=Unknown InSync=Unknown Reconciling=True"
	unavailableSaid = "Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"
	badResponseSaid = "BadResponse: Ready=Unknown InSync=Unknown Reconciling=True"
	forbiddenSaid   = "Forbidden: Ready=False InSync=Unknown Stalled=True"
	notFoundSaid    = "UserNotFound: Ready=False InSync=Unknown Stalled=True"
	rejectedSaid    = "Rejected: Ready=False InSync=False Stalled=True"
)

// page is what a proxy answers in the service's place.
func page(status int) simulator.Do {
	return simulator.Do{Status: status, Body: "<html>proxy</html>", Headers: map[string]string{"Content-Type": "text/html"}}
}

func later(status int, retryAfter string) simulator.Do {
	return simulator.Do{Status: status, Headers: map[string]string{"Retry-After": retryAfter}}
}

// anHour is when something is looked at again that only a person can mend.
var anHour = beIn(time.Hour)

var _ = Describe("What CertCentral answers", func() {
	check := func(s step, t trouble) {
		GinkgoHelper()
		if t.after == nil {
			Expect(s.err).To(HaveOccurred(), "the queue backs off")
			Expect(s.result.RequeueAfter).To(BeZero())
			return
		}
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.result.RequeueAfter).To(t.after)
	}

	DescribeTable("to a look", func(ctx SpecContext, t trouble) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{User: john}, Do: t.do})

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.writes).To(Equal(patchedJohn))
		Expect(s.events).To(HaveLen(1))
		Expect(saidOf(user)).To(Equal(t.said))
		Expect(user.Status.ObservedGeneration).To(Equal(t.observed))
		check(s, t)

		w.step(15 * time.Minute)
		s = w.reconcile(ctx, user)
		Expect(s.writes).To(BeEmpty(), "the same again is no news")
		Expect(s.events).To(BeEmpty())

		w.ClearFaults()
		w.step(15 * time.Minute)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(user.Status.ObservedGeneration).To(Equal(int64(1)))
	},
		Entry("404 of a proxy says nothing about the user", trouble{page(404), badResponseSaid, -1, nil}),
		Entry("403 of a proxy says nothing about the key", trouble{page(403), badResponseSaid, -1, nil}),
		Entry("400: no profile was refused, nor seen", trouble{simulator.Do{Status: 400}, badResponseSaid, -1, nil}),
		Entry("405: nor here", trouble{simulator.Do{Status: 405}, badResponseSaid, -1, nil}),
		Entry("429 with Retry-After", trouble{later(429, "20"), throttledSaid, -1, Equal(20 * time.Second)}),
		Entry("429 without", trouble{simulator.Do{Status: 429}, throttledSaid, -1, And(BeNumerically(">=", 5*time.Second), BeNumerically("<=", 10*time.Second))}),
		Entry("500", trouble{simulator.Do{Status: 500}, unavailableSaid, -1, nil}),
		Entry("503 with Retry-After", trouble{later(503, "30"), unavailableSaid, -1, Equal(30 * time.Second)}),
		Entry("406", trouble{simulator.Do{Status: 406}, unavailableSaid, -1, nil}),
		Entry("nothing: the connection ends", trouble{simulator.Do{Drop: true}, unavailableSaid, -1, nil}),
		Entry("half of a user, then the connection ends", trouble{simulator.Do{Malform: simulator.Cut}, unavailableSaid, -1, nil}),
		Entry("200 with a proxy's page", trouble{simulator.Do{Malform: simulator.HTML}, badResponseSaid, -1, nil}),
		Entry("200 with half of the JSON", trouble{simulator.Do{Malform: simulator.Truncated}, badResponseSaid, -1, nil}),
		Entry("200 with nothing", trouble{simulator.Do{Malform: simulator.Empty}, badResponseSaid, -1, nil}),
		Entry("200 with a field twice", trouble{simulator.Do{Malform: simulator.Duplicate}, badResponseSaid, -1, nil}),
		Entry("200 with another user", trouble{simulator.Do{Malform: simulator.OtherUser}, badResponseSaid, -1, nil}),
		Entry("a redirect", trouble{simulator.Do{Status: 302, Headers: map[string]string{"Location": "/"}}, badResponseSaid, -1, nil}),
	)

	DescribeTable("to a write", func(ctx SpecContext, t trouble) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: http.MethodPut, Times: 1}, Do: t.do})

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn}))
		Expect(s.writes).To(Equal(patchedJohn))
		Expect(saidOf(user)).To(Equal(t.said))
		Expect(user.Status.ObservedGeneration).To(Equal(t.observed))
		Expect(user.Status.Applied).To(BeNil(), "nothing was acknowledged")
		check(s, t)
	},
		Entry("400: the profile is refused", trouble{simulator.Do{Status: 400}, rejectedSaid, 1, anHour}),
		Entry("400 of a proxy: nobody refused the profile", trouble{page(400), badResponseSaid, -1, nil}),
		Entry("422: the same", trouble{simulator.Do{Status: 422}, rejectedSaid, 1, anHour}),
		Entry("403: the key may not write", trouble{simulator.Do{Status: 403}, forbiddenSaid, 1, anHour}),
		Entry("404: gone since the look", trouble{simulator.Do{Status: 404}, notFoundSaid, 1, anHour}),
		Entry("404 of a proxy", trouble{page(404), badResponseSaid, -1, nil}),
		Entry("429", trouble{later(429, "20"), throttledSaid, -1, Equal(20 * time.Second)}),
		Entry("500", trouble{simulator.Do{Status: 500}, unavailableSaid, -1, nil}),
		Entry("nothing", trouble{simulator.Do{Drop: true}, unavailableSaid, -1, nil}),
		Entry("a redirect", trouble{simulator.Do{Status: 302, Headers: map[string]string{"Location": "/"}}, badResponseSaid, -1, nil}),
	)

	It("about what is wrong goes into the status, and nowhere else", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {email: jonathan@example.com}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: http.MethodPut}, Do: simulator.Do{
			Status: 400, Body: `{"errors":[{"code":"invalid_email","message":"jonathan@example.com is taken, says ` + w.key + `"}]}`,
		}})
		s := w.reconcile(ctx, user)
		Expect(message(user)).To(Equal("CertCentral refuses this profile: change what is declared. " +
			"CertCentral says: invalid_email: jonathan@example.com is taken, says [redacted]"))
		Expect(s.events).To(Equal([]string{"Warning Rejected CertCentral refuses this profile: change what is declared."}))
	})

	It("to a poll while others' 429 still counts is no news", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`)
		other := w.newUser(ctx, "jane-doe", `userRef: {id: 125040}`)
		w.reconcile(ctx, user)
		w.fault(simulator.Fault{Match: simulator.Match{User: jane}, Do: later(429, "60")})
		w.reconcile(ctx, other)
		Expect(saidOf(other)).To(Equal(throttledSaid))

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(BeNumerically(">=", time.Minute))
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))

		edit(ctx, user, `profile: {jobTitle: Senior Admin}`)
		s = w.reconcile(ctx, user)
		Expect(s.requests).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(throttledSaid), "a person waits for it, and is told")
		Expect(s.result.RequeueAfter).To(Equal(time.Minute))
	})

	It("to a look that the budget has no room for is not asked, and is no news", func(ctx SpecContext) {
		w := openWorld(ctx, `budget: {requestsPerMinute: 12, burst: 4}`)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`)
		w.reconcile(ctx, user)
		s := w.reconcile(ctx, user)
		for len(s.requests) > 0 {
			s = w.reconcile(ctx, user)
		}
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.writes).To(BeEmpty())
		Expect(s.result.RequeueAfter).To(BeNumerically(">", time.Second))
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	})

	It("that would be a write's, but the budget has no room for it, makes a person wait, and is told", func() {
		account := &v1alpha1.CertCentralAccount{Spec: v1alpha1.CertCentralAccountSpec{Budget: v1alpha1.Budget{RequestsPerMinute: 12}}}
		found := findings{access: &access{account: account}, plan: profile.Plan{Verb: profile.Update}}
		v := callFailed(&v1alpha1.CertCentralUser{}, found, time.Time{}, &certcentral.Error{Kind: certcentral.Deferred, RetryAfter: time.Second})
		Expect(v.reason).To(Equal("Throttled"))
		Expect(v.silent).To(BeFalse())
		Expect(v.after).To(Equal(11*time.Second), "till there is room for the look before the write, and for the one after it")
	})

	It("to a poll that comes hours late is news", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user, other := w.newUser(ctx, "john-smith", `profile: {jobTitle: Sys Admin}`), w.newUser(ctx, "jane-doe", `userRef: {id: 125040}`)
		w.reconcile(ctx, user)
		w.fault(simulator.Fault{Do: simulator.Do{Status: 429, Headers: map[string]string{"Retry-After": "60"}}})
		for range 100 {
			w.step(time.Minute)
			w.reconcile(ctx, other)
			w.reconcile(ctx, user)
		}
		Expect(saidOf(user)).To(Equal(throttledSaid))
	})

	It("may be an error that nobody knows: look again, don't write", func() {
		Expect(failed(&certcentral.Error{Kind: "Strange"}).reason).To(Equal("Unavailable"))
		Expect(failed(errors.New("strange")).reason).To(Equal("Unavailable"))
		Expect(failed(&certcentral.Error{Kind: certcentral.Canceled}).silent).To(BeTrue())
	})
})
