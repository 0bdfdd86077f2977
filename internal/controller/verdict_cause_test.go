package controller

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("Why CertCentral can't be asked or understood", func() {
	const nonsense = "CertCentral, or something before it, answered what makes no sense: "
	const fails = "CertCentral can't be reached, or fails: "

	DescribeTable("is said in the status, and nowhere else", func(ctx SpecContext, do simulator.Do, text string) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		w.fault(simulator.Fault{Match: simulator.Match{User: john}, Do: do})
		s := w.reconcile(ctx, user)
		Expect(message(user)).To(Equal(text))
		_, cause, _ := strings.Cut(text, ": ")
		Expect(s.events).To(ConsistOf(Not(ContainSubstring(cause))))
		Expect(s.log).To(ConsistOf(Not(ContainSubstring(cause))))
	},
		Entry("a page", simulator.Do{Malform: simulator.HTML}, nonsense+"not the JSON expected."),
		Entry("somebody else", simulator.Do{Malform: simulator.OtherUser}, nonsense+"the answer is about another user."),
		Entry("a proxy's 403", page(403), nonsense+"status 403, not from CertCentral."),
		Entry("a proxy's 405", page(405), nonsense+"status 405, not from CertCentral: something in between lets no GET through."),
		Entry("407", page(407), nonsense+"status 407, from a proxy that wants to know who asks."),
		Entry("a gateway's 502", page(502), fails+"status 502, not from CertCentral."),
		Entry("its own 500", simulator.Do{Status: 500}, fails+"status 500 server_error."),
		Entry("no answer", simulator.Do{Drop: true}, fails+"connection closed."),
	)

	It("is no news as long as the outage is the same, whatever each request meets", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ``)
		for i, do := range []simulator.Do{{Drop: true}, {Status: 503}, page(502), {Drop: true}} {
			w.ClearFaults()
			w.fault(simulator.Fault{Match: simulator.Match{User: john}, Do: do})
			s := w.reconcile(ctx, user)
			Expect(s.writes).To(HaveLen(map[bool]int{true: 1}[i == 0]))
		}
		Expect(message(user)).To(Equal(fails + "connection closed."))
		w.ClearFaults()
		w.fault(simulator.Fault{Match: simulator.Match{User: john}, Do: simulator.Do{Status: 406}})
		w.reconcile(ctx, user)
		Expect(message(user)).To(Equal(fails+"status 406 server_error."), "another trouble is")
	})

	DescribeTable("is a page in place of the answer to a write: nobody refused the profile", func(ctx SpecContext, status int) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: http.MethodPut, Times: 1}, Do: page(status)})
		s := w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal(badResponseSaid))
		Expect(message(user)).To(ContainSubstring("not from CertCentral"))
		Expect(s.err).To(HaveOccurred(), "the queue backs off")
		Expect(w.reconcile(ctx, user).requests[0]).To(Equal(getJohn), "nobody knows what became of it")
		w.step(15 * time.Minute)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(HaveSuffix("Ready=True InSync=True"))
	},
		Entry(nil, 400), Entry(nil, 403), Entry(nil, 404), Entry(nil, 405), Entry(nil, 413), Entry(nil, 422),
	)

	It("is that two users have the name", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(jane, map[string]any{"username": "john.smith@example.com", "status": "inactive"})).To(Succeed())
		user := w.newUser(ctx, "john-smith", `{userRef: {username: john.smith@example.com}, profile: {jobTitle: Senior Admin}}`)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{searchJohn}))
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.result.RequeueAfter).To(anHour)
		Expect(saidOf(user)).To(Equal("IdentityMismatch: Ready=False InSync=Unknown Stalled=True"))
		Expect(message(user)).To(ContainSubstring("refers to the right one by id"))
	})

	It("is that the name differs in case only, and the status has the right one", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `userRef: {username: John.Smith@example.com}`)
		w.fault(simulator.Fault{Match: simulator.Match{Path: "/user"}, Do: simulator.Do{
			Status: 200, Body: `{"users": [{"id": 125039, "username": "john.smith@example.com"}]}`,
		}})
		w.reconcile(ctx, user)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal(notFoundSaid))
		Expect(message(user)).To(And(ContainSubstring("differs in case only"), HaveSuffix("it is john.smith@example.com.")))
	})

	It("is a value that nobody declared, and is cured where it is", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		long := strings.Repeat("Sys Admin ", 7)
		Expect(w.Edit(john, map[string]any{"job_title": long})).To(Succeed())
		user := w.newUser(ctx, "john-smith", `profile: {telephone: 1-777}`)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn}))
		Expect(saidOf(user)).To(Equal(rejectedSaid))
		Expect(message(user)).To(ContainSubstring("declare jobTitle, or correct it in CertCentral"))
		Expect(message(user)).NotTo(ContainSubstring("change what is declared"))
		said := message(user)

		w.restart(ctx)
		w.reconcile(ctx, user)
		Expect(message(user)).To(Equal(said))
		Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue(), "corrected there")
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})
})
