package controller

import (
	"encoding/json"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/internal/profile"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// line reads a log line.
func line(text string) map[string]any {
	GinkgoHelper()
	var fields map[string]any
	Expect(json.Unmarshal([]byte(text), &fields)).To(Succeed())
	return fields
}

var _ = Describe("The log", func() {
	It("has an audit line before a write and one line of the decision, and nothing of a quiet look", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin, telephone: 1-555-555-5556, lastName: Smithson}`)
		s := w.reconcile(ctx, user)
		Expect(s.log).To(HaveLen(2))
		Expect(line(s.log[0])).To(And(
			HaveKeyWithValue("audit", "PUT /user/{id}"), HaveKeyWithValue("userID", 125039.), HaveKeyWithValue("keyUserID", 7.),
			HaveKeyWithValue("account", w.namespace+"/digicert"), HaveKeyWithValue("accountID", float64(w.accountID)),
			HaveKeyWithValue("uid", string(user.UID)), HaveKeyWithValue("generation", 1.), HaveKeyWithValue("mode", "Enforce"),
			HaveKeyWithValue("fields", "jobTitle,telephone"), HaveKeyWithValue("cause", "SpecChange"),
			HaveKeyWithValue("declaredBy", user.ManagedFields[0].Manager),
		))
		Expect(line(s.log[1])).To(And(
			HaveKeyWithValue("msg", "Wrote jobTitle (SpecChange), telephone (SpecChange)."), HaveKeyWithValue("verb", "Update"),
			HaveKeyWithValue("reason", "Updated"), HaveKeyWithValue("ready", "True"), HaveKeyWithValue("generation", 1.),
			HaveKeyWithValue("fields", "jobTitle,telephone"), HaveKeyWithValue("cause", "SpecChange"),
			HaveKeyWithValue("calls", 3.), HaveKey("seconds"), Not(HaveKey("audit")),
		))
		w.step(10 * time.Minute)
		Expect(w.reconcile(ctx, user).log).To(BeEmpty())
	})

	It("tells a drift that is only reported, and by how many calls it was found", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `{mode: Observe, profile: {jobTitle: Senior Admin}}`)
		s := w.reconcile(ctx, user)
		Expect(s.log).To(HaveLen(1))
		Expect(line(s.log[0])).To(And(HaveKeyWithValue("verb", "Report"), HaveKeyWithValue("reason", "DriftReported"),
			HaveKeyWithValue("fields", "jobTitle"), HaveKeyWithValue("cause", "SpecChange"), HaveKeyWithValue("calls", 1.)))
	})

	It("has both lines of a write that failed, each time that it is tried", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		Expect(w.Inject(simulator.Fault{Match: simulator.Match{Method: http.MethodPut}, Do: simulator.Do{Status: http.StatusServiceUnavailable}})).To(Succeed())
		for range 2 {
			s := w.reconcile(ctx, user)
			Expect(s.log).To(HaveLen(2))
			Expect(line(s.log[0])).To(HaveKey("audit"))
			Expect(line(s.log[1])).To(And(HaveKeyWithValue("verb", "Update"), HaveKeyWithValue("reason", "Unavailable"),
				HaveKeyWithValue("fields", "jobTitle"), HaveKeyWithValue("calls", 2.)))
		}
	})

	It("has no audit line where nothing is about to be written", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
		w.cached(user)
		edit(ctx, user, `profile: {jobTitle: Boss}`)
		s := w.reconcile(ctx, user)
		Expect(w.puts()).To(BeEmpty())
		Expect(s.log).To(BeEmpty())
	})
})

var _ = DescribeTable("Who declares the fields that are written", func(owned, manager, subresource, want string) {
	entry := metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(owned)}
	managers := declaredBy([]metav1.ManagedFieldsEntry{entry, entry, {Manager: "none"}}, []profile.Field{profile.JobTitle})
	if want == "" {
		Expect(managers).To(BeEmpty())
	} else {
		Expect(managers).To(Equal([]string{want}))
	}
},
	Entry("is the manager that owns one of them", `{"f:spec":{"f:profile":{"f:jobTitle":{}}}}`, "argocd-controller", "", "argocd-controller"),
	Entry("is not one that owns another field", `{"f:spec":{"f:profile":{"f:email":{}}}}`, "kubectl", "", ""),
	Entry("is not one of the status", `{"f:spec":{"f:profile":{"f:jobTitle":{}}}}`, "manager", "status", ""),
	Entry("is nobody where it can't be read", `{"f:spec":[]}`, "kubectl", "", ""),
)
