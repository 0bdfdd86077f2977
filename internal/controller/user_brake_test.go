package controller

import (
	"context"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const (
	bouncingSaid    = "NotAccepted: Ready=False InSync=False Reconciling=True"
	notAcceptedSaid = "NotAccepted: Ready=False InSync=False Stalled=True"
)

// wrote tells whether a step made a PUT.
func (s step) wrote() bool { return slices.Contains(s.requests, putJohn) }

var _ = Describe("The write brake", func() {
	const title = `profile: {jobTitle: Senior Admin}`

	It("lets a fight with another writer go on five times an hour, and calls a person", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		fight := func() step {
			GinkgoHelper()
			Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
			return w.reconcile(ctx, user)
		}
		for range brakeWrites {
			Expect(fight().wrote()).To(BeTrue())
			Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
			w.step(10 * time.Minute)
		}
		s := fight()
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.result.RequeueAfter).To(beIn(10 * time.Minute))
		Expect(saidOf(user)).To(Equal(notAcceptedSaid))
		Expect(message(user)).To(HavePrefix("Written 5 times within an hour, and set back each time: jobTitle."))
		Expect(s.events).To(ConsistOf(HavePrefix("Warning NotAccepted Written 5 times")))
		w.expectQuiet(ctx, user)

		w.step(10*time.Minute - time.Second)
		Expect(fight().wrote()).To(BeFalse(), "just before the hour is over")
		w.step(time.Second)
		Expect(fight().wrote()).To(BeTrue(), "the first of the five is an hour ago")
		Expect(fight().wrote()).To(BeFalse())

		edit(ctx, user, `profile: {telephone: 1-800-555-0199}`)
		Expect(fight().wrote()).To(BeTrue(), "what a person declares anew is not held back")
	})

	It("spaces writes of a value that CertCentral rewrites, and calls a person after three", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, EmailLowered: true})
		user := w.newUser(ctx, "john-smith", `profile: {email: Johnny@Example.com}`)

		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(s.err).NotTo(HaveOccurred())
		Expect(saidOf(user)).To(Equal(bouncingSaid))
		Expect(user.Status.ObservedGeneration).To(Equal(int64(1)))
		Expect(user.Status.Applied.Fields).To(Equal([]string{"email"}))
		Expect(s.result.RequeueAfter).To(Equal(firstLookAgain))

		start := w.clock.Now()
		var writes []time.Duration
		for looks := 0; saidOf(user) == bouncingSaid; looks++ {
			Expect(looks).To(BeNumerically("<", 20), "the looks get rarer")
			w.step(s.result.RequeueAfter)
			s = w.reconcile(ctx, user)
			if s.wrote() {
				writes = append(writes, w.clock.Now().Sub(start))
			}
		}
		Expect(writes).To(Equal([]time.Duration{bouncePause, 3 * bouncePause}), "1 and 2 minutes apart")
		Expect(saidOf(user)).To(Equal(notAcceptedSaid))
		Expect(message(user)).To(And(ContainSubstring("email"), ContainSubstring("does not stay")))
		Expect(s.result.RequeueAfter).To(beIn(10 * time.Minute))

		edit(ctx, user, `profile: {email: johnny@example.com}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}), "as the message asked")
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	})

	DescribeTable("counts writes that go out, whatever becomes of them", func(ctx SpecContext, owned simulator.Owned, most int) {
		w := openWorld(ctx, ``)
		w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, Owned: map[int64]simulator.Owned{john: owned}})
		user := w.newUser(ctx, "john-smith", title)
		Expect(w.countWrites(ctx, user, 2*time.Hour)).To(BeNumerically("<=", most))
		Expect(saidOf(user)).To(Equal(notAcceptedSaid))
	},
		Entry("ignored by the owner of the profile", simulator.Owned{Put: simulator.Ignored}, 2*brakeWrites),
		Entry("taken back by it after one look", simulator.Owned{Put: simulator.Undone, After: 1}, 2*brakeWrites),
		Entry("taken back by it after two looks", simulator.Owned{Put: simulator.Undone, After: 2}, 2*brakeWrites),
	)

	It("takes a read that lags behind the write for what it is", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		lag := simulator.Fault{Match: simulator.Match{Method: "GET", User: john, Nth: 2, Times: 2}, Do: simulator.Do{Stale: true}}
		w.fault(lag)

		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal(bouncingSaid))
		w.step(5 * time.Second)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		w.step(5 * time.Second)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
	})

	It("forgets a lag once the value was seen to have stayed", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		for range bouncesUntilStalled + 1 {
			Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
			w.ClearFaults()
			w.fault(simulator.Fault{Match: simulator.Match{Method: "GET", User: john, Nth: 2, Times: 1}, Do: simulator.Do{Stale: true}})
			Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
			Expect(saidOf(user)).To(Equal(bouncingSaid), "a first write that is not seen at once")
			w.step(5 * time.Second)
			w.reconcile(ctx, user)
			Expect(saidOf(user)).To(Equal("InSync: Ready=True InSync=True"))
			w.step(24 * time.Hour)
		}
	})

	It("does not repeat what CertCentral refused until the spec changes, a person asks, or an hour is over", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: http.MethodPut}, Do: simulator.Do{Status: 400}})
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(saidOf(user)).To(Equal(rejectedSaid))

		w.step(30 * time.Minute)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.result.RequeueAfter).To(beIn(30 * time.Minute))
		Expect(s.events).To(BeEmpty())
		Expect(saidOf(user)).To(Equal(rejectedSaid))
		w.step(30*time.Minute - time.Second)
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())
		w.step(time.Second)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue(), "after an hour")
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())

		annotate(ctx, user, v1alpha1.AnnotationReconcileRequestedAt, "now")
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue(), "a person asks")
		Expect(user.Status.LastHandledReconcileAt).To(Equal("now"))
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse(), "once")

		edit(ctx, user, `profile: {jobTitle: Boss of Admins}`)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue(), "another profile")
	})

	It("does not repeat either what the key may not do", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: http.MethodPut}, Do: simulator.Do{Status: 403}})
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		w.step(time.Minute)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal(forbiddenSaid))
	})

	It("remembers over a restart what CertCentral refused, and in whose words", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: http.MethodPut}, Do: simulator.Do{Status: 400}})
		w.reconcile(ctx, user)
		said := message(user)
		Expect(said).To(ContainSubstring("bad_request_format: The simulator was told to say so."))

		w.restart(ctx)
		s := w.reconcile(ctx, user)
		Expect(s.requests).To(Equal([]string{getJohn}))
		Expect(s.writes).To(BeEmpty())
		Expect(message(user)).To(Equal(said))
		w.step(time.Hour)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})

	It("remembers over a restart the last write, and that it did not stay", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		w.SetRules(simulator.Rules{Limits: []simulator.Limit{}, Owned: map[int64]simulator.Owned{john: {Put: simulator.Ignored}}})
		user := w.newUser(ctx, "john-smith", title)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		w.users.brake = brake{}
		w.step(30 * time.Second)
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())
		w.step(30 * time.Second)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})

	It("does not take its own refusal for one of CertCentral", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(w.Edit(john, map[string]any{"last_name": ""})).To(Succeed())
		user := w.newUser(ctx, "john-smith", title)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal(rejectedSaid))
		Expect(message(user)).To(HavePrefix("CertCentral requires lastName in every write"))

		Expect(w.Edit(john, map[string]any{"last_name": "Smithson"})).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})

	DescribeTable("does not take an outage for somebody who sets values back", func(ctx SpecContext, status int, said string) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT"}, Do: simulator.Do{Status: status, Headers: map[string]string{"Retry-After": "1"}}})
		for range brakeWrites {
			Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
			Expect(saidOf(user)).To(Equal(said))
			w.step(10 * time.Minute) // what may have been made counts, and is tried again later and later
		}
		w.ClearFaults()
		w.step(10 * time.Minute)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	},
		Entry("500", http.StatusInternalServerError, "Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"),
		Entry("503", http.StatusServiceUnavailable, "Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"),
		Entry("429", http.StatusTooManyRequests, "Throttled: Ready=Unknown InSync=Unknown Reconciling=True"),
	)

	It("counts over restarts", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		written := 0
		for range 3 * brakeWrites {
			Expect(w.Edit(john, map[string]any{"job_title": "Sys Admin"})).To(Succeed())
			if w.reconcile(ctx, user).wrote() {
				written++
			}
			w.restart(ctx)
		}
		Expect(written).To(Equal(brakeWrites))
		Expect(saidOf(user)).To(Equal("NotAccepted: Ready=False InSync=False Stalled=True"))
		Expect(user.Status.Applied.Earlier).To(HaveLen(brakeWrites - 1))
	})

	It("tries at once with another key what the first one may not do", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.fault(simulator.Fault{Match: simulator.Match{Method: "PUT"}, Do: simulator.Do{Status: 403}})
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(HavePrefix("Forbidden"))
		w.ClearFaults()
		Expect(w.reconcile(ctx, user).wrote()).To(BeFalse())
		w.opened()

		w.setSecret(ctx, []byte(w.spare))
		w.reconcileAccount(ctx)
		Expect(w.opened()).To(Equal(1), "the users are woken")
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
	})

	It("does not count a write that never left", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.fault(simulator.Fault{Match: simulator.Match{Method: http.MethodPut}, Do: later(429, "1")})
		for range brakeWrites + 1 {
			w.reconcile(ctx, user) // the first is sent, the others are refused by the pause
		}
		w.ClearFaults()
		w.step(time.Minute)
		Expect(w.reconcile(ctx, user).wrote()).To(BeTrue())
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("forgets a resource that is gone", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", title)
		w.reconcile(ctx, user)
		Expect(w.users.brake.memory).To(HaveLen(1))
		Expect(direct.Delete(ctx, user)).To(Succeed())
		Expect(w.reconcile(ctx, user)).To(Equal(step{requests: []string{}}))
		Expect(w.users.brake.memory).To(BeEmpty())
		Expect(w.live("job_title")).To(Equal("Senior Admin"), "the user stays as it is")
	})
})

// countWrites reconciles a user for so long, each time as soon as the last outcome asks for it, and counts the PUTs.
func (w *world) countWrites(ctx context.Context, user *v1alpha1.CertCentralUser, d time.Duration) int {
	GinkgoHelper()
	count := 0
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		s := w.reconcile(ctx, user)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.result.RequeueAfter).To(BeNumerically(">=", time.Second))
		if s.wrote() {
			count++
		}
		w.step(s.result.RequeueAfter)
	}
	return count
}
