package controller

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

var _ = Describe("A user who was known by a name", func() {
	const adopted = `profile: {lastName: Smithson, email: john.smith@example.com}`
	takenOver := map[string]any{"last_name": "Mallory", "email": "mallory@evil.example"}

	It("is set back when the account is taken over", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", adopted)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(user.Status.IdentityKnown).To(BeTrue())
		Expect(user.Status.Applied).To(BeNil(), "adopted, and never written")

		Expect(w.Edit(john, takenOver)).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
		Expect(w.live("email")).To(Equal("john.smith@example.com"))
	})

	It("can marry in one commit", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", adopted)
		w.reconcile(ctx, user)
		edit(ctx, user, `profile: {lastName: Smith-Jones, email: jones@example.com, username: jones@example.com}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
		Expect(saidOf(user)).To(Equal("Updated: Ready=True InSync=True"))
	})

	It("stays known over what nothing could be written for, a restart, and the restore of a status", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", adopted)
		w.reconcile(ctx, user)
		Expect(w.Edit(john, map[string]any{"first_name": ""})).To(Succeed())
		edit(ctx, user, `profile: {lastName: Smith-Jones, email: jones@example.com}`)
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(message(user)).To(HavePrefix("CertCentral requires firstName in every write"))
		Expect(user.Status.Settled).To(BeNil())

		w.restart(ctx)
		status := user.Status
		Expect(direct.Delete(ctx, user)).To(Succeed())
		user = w.newUser(ctx, "john-smith", `profile: {lastName: Smith-Jones, email: jones@example.com}`)
		user.Status = status
		Expect(direct.Status().Update(ctx, user)).To(Succeed())
		Expect(w.Edit(john, map[string]any{"first_name": "Jonathan"})).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn, putJohn, getJohn}))
	})

	It("is not known to a resource that comes to mean somebody else", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", adopted)
		w.reconcile(ctx, user)
		user.Status.UserID = jane
		Expect(direct.Status().Update(ctx, user)).To(Succeed())
		Expect(w.Edit(john, takenOver)).To(Succeed())
		Expect(w.reconcile(ctx, user).requests).To(Equal([]string{getJohn}))
		Expect(saidOf(user)).To(Equal("IdentityMismatch: Ready=False InSync=False Stalled=True"))
		Expect(user.Status.IdentityKnown).To(BeFalse())
	})
})

var _ = DescribeTable("A user whom nobody knows, and all of whose declared names differ, is refused in words that fit the reference",
	func(ctx SpecContext, ref, doubt string) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", ref+`, profile: {lastName: Mallory, email: mallory@example.com}}`)
		w.reconcile(ctx, user)
		Expect(saidOf(user)).To(Equal("IdentityMismatch: Ready=False InSync=False Stalled=True"))
		Expect(message(user)).To(And(ContainSubstring(doubt), ContainSubstring(v1alpha1.AnnotationConfirmUser)))
	},
	Entry("by id", `{userRef: {id: 125039}`, "is spec.userRef.id mistyped?"),
	Entry("by username", `{userRef: {username: john.smith@example.com}`, "is it another person's username that spec.userRef names?"),
)
