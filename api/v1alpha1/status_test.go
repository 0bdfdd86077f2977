package v1alpha1_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

type maker func(SpecContext, string) *unstructured.Unstructured

var (
	anAccount maker = func(ctx SpecContext, spec string) *unstructured.Unstructured { return newAccount(ctx, spec) }
	aUser     maker = func(ctx SpecContext, spec string) *unstructured.Unstructured { return newUser(ctx, spec) }
)

var _ = Describe("The status", func() {
	waiting := fields(`conditions: [{type: Ready, status: Unknown, reason: Waiting, lastTransitionTime: "1970-01-01T00:00:00Z",
		message: "Waits for its first look, which comes as soon as the budget of its account allows."}]`)["conditions"]

	DescribeTable("of a new object", func(ctx SpecContext, object maker, given map[string]any) {
		created := object(ctx, ``)
		untouched := map[string]any{"observedGeneration": int64(-1)}
		if created.GetKind() == "CertCentralUser" {
			untouched["conditions"] = waiting
		}
		if given != nil {
			created.Object["status"] = given
		}
		Expect(api.Create(ctx, created)).To(Succeed())
		Expect(created.Object["status"]).To(Equal(untouched), "what the creator sees")
		Expect(api.Get(ctx, client.ObjectKeyFromObject(created), created)).To(Succeed())
		Expect(created.Object["status"]).To(Equal(untouched), "what is read later")
	},
		Entry("says that nobody has looked at the account yet", anAccount, nil),
		Entry("says that nobody has looked at the user yet", aUser, nil),
		Entry("is not what the creator of the account says", anAccount, map[string]any{"observedGeneration": int64(1), "accountID": int64(123654)}),
		Entry("is not what the creator of the user says", aUser, map[string]any{"observedGeneration": int64(1), "userID": int64(125039)}),
	)

	DescribeTable("and the spec are written apart", func(ctx SpecContext, object maker) {
		created := object(ctx, ``)
		Expect(api.Create(ctx, created)).To(Succeed())
		before := created.DeepCopy()
		after := map[string]any{"observedGeneration": int64(1), "accountID": int64(123654)}
		if waiting, waits := created.Object["status"].(map[string]any)["conditions"]; waits {
			after["conditions"] = waiting
		}

		status := []byte(`{"spec": {"mode": "Observe"}, "status": {"observedGeneration": 1, "accountID": 123654}}`)
		Expect(api.Status().Patch(ctx, created, client.RawPatch(types.MergePatchType, status))).To(Succeed())
		Expect(created.Object["spec"]).To(Equal(before.Object["spec"]))
		Expect(created.GetGeneration()).To(Equal(int64(1)), "a status is nothing to act on")
		Expect(created.Object["status"]).To(Equal(after))

		spec := []byte(`{"spec": {"mode": "Observe"}, "status": {"observedGeneration": 2, "accountID": 1}}`)
		Expect(api.Patch(ctx, created, client.RawPatch(types.MergePatchType, spec))).To(Succeed())
		Expect(created.Object["status"]).To(Equal(after))
		Expect(created.GetGeneration()).To(Equal(int64(2)))
	},
		Entry("of an account", anAccount),
		Entry("of a user", aUser),
	)

	It("of a user keeps every field", func(ctx SpecContext) {
		user := &v1alpha1.CertCentralUser{}
		created := newUser(ctx, ``)
		Expect(api.Create(ctx, created)).To(Succeed())
		Expect(api.Get(ctx, client.ObjectKeyFromObject(created), user)).To(Succeed())
		user.Status = fullUserStatus()
		Expect(api.Status().Update(ctx, user)).To(Succeed())
		Expect(expectDecodes(ctx, created)).To(HaveField("Status", BeComparableTo(fullUserStatus())))
	})

	It("of an account keeps every field", func(ctx SpecContext) {
		account := &v1alpha1.CertCentralAccount{}
		created := newAccount(ctx, ``)
		Expect(api.Create(ctx, created)).To(Succeed())
		Expect(api.Get(ctx, client.ObjectKeyFromObject(created), account)).To(Succeed())
		account.Status = fullAccountStatus()
		Expect(api.Status().Update(ctx, account)).To(Succeed())
		Expect(expectDecodes(ctx, created)).To(HaveField("Status", BeComparableTo(fullAccountStatus())))
	})

	DescribeTable("of a user refuses", func(ctx SpecContext, status, field, message string) {
		user := newUser(ctx, ``)
		Expect(api.Create(ctx, user)).To(Succeed())
		user.Object["status"] = fields(status)
		refused(field, message).expect(ctx, user, api.Status().Update(ctx, user))
	},
		Entry("two conditions of a type", `conditions: [
			{type: Ready, status: "True", reason: InSync, message: "", lastTransitionTime: "2025-06-21T13:37:00Z"},
			{type: Ready, status: "False", reason: InSync, message: "", lastTransitionTime: "2025-06-21T13:37:00Z"}]`,
			"status.conditions[1]", "Duplicate value"),
		Entry("two differences of a field", `differences: [
			{field: jobTitle, cause: Drift, desired: a, observed: b},
			{field: jobTitle, cause: Drift, desired: a, observed: c}]`, "status.differences[1]", "Duplicate value"),
		Entry("an unknown cause", `differences: [{field: jobTitle, cause: drift, desired: a, observed: b}]`,
			"status.differences[0].cause", `supported values: "SpecChange", "Drift"`),
		Entry("a time in no known form", `lastLoginTime: "2019-06-21 13:37:00"`, "status.lastLoginTime", "must be of type date-time"),
		Entry("an id that Go can't hold", `userID: 9223372036854775808`, "status.userID", "must be of type int"),
	)

	It("has no field that a stranger can fill", func(ctx SpecContext) {
		user := newUser(ctx, ``)
		Expect(api.Create(ctx, user)).To(Succeed())
		user.Object["status"] = map[string]any{"ekey": "secret"}
		err := api.Status().Update(ctx, user)
		Expect(err).To(MatchError(ContainSubstring(`unknown field "status.ekey"`)))
		Expect(apierrors.IsBadRequest(err)).To(BeTrue())
	})
})

var lastYear = metav1.NewTime(time.Date(2025, 6, 21, 13, 37, 0, 0, time.UTC)).Rfc3339Copy()

func readyAs(reason string) []metav1.Condition {
	return []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: 3,
		Reason: reason, Message: "the profile is as declared", LastTransitionTime: lastYear,
	}}
}

func fullAccountStatus() v1alpha1.CertCentralAccountStatus {
	return v1alpha1.CertCentralAccountStatus{
		ObservedGeneration:     3,
		Conditions:             readyAs(v1alpha1.ReasonAvailable),
		AccountID:              123654,
		APIKeyUser:             &v1alpha1.APIKeyUser{ID: 1, Username: "api", Roles: []v1alpha1.Role{{ID: 1, Name: "Administrator"}}},
		LastHandledReconcileAt: "now",
		Sweep: &v1alpha1.AccountSweep{
			State: v1alpha1.SweepSwept, Message: "m", LastTime: &lastYear, Users: new(int64(5001)), Unmanaged: new(int64(1)),
			Managed: 5000, InSync: 4990, OutOfSync: 7, Requests: 11, RequestsAllowed: 540, SafeInterval: &metav1.Duration{Duration: time.Minute},
		},
	}
}

func fullUserStatus() v1alpha1.CertCentralUserStatus {
	container := v1alpha1.Container{ID: 5, PublicID: "p", Name: "Root", ParentID: 4, TemplateID: 3, HasLogo: true, Active: true}
	profile := v1alpha1.ObservedProfile{
		Username: "john.smith@example.com", FirstName: "John", LastName: "Smith", Email: "john.smith@example.com",
		JobTitle: "Admin", Telephone: "1-555-555-5555", SAMLSSOOnly: new(false),
	}
	return v1alpha1.CertCentralUserStatus{
		ObservedGeneration:       3,
		Conditions:               readyAs(v1alpha1.ReasonInSync),
		Mode:                     v1alpha1.EffectiveModeObserve,
		UserID:                   125039,
		AccountID:                123654,
		Profile:                  &profile,
		UserStatus:               "active",
		Type:                     "standard",
		LastLoginTime:            &lastYear,
		LastLoginDate:            "2025-06-21",
		Roles:                    []v1alpha1.Role{{ID: 1, Name: "Administrator"}, {ID: 5, Name: "Standard User"}},
		Container:                &container,
		ContainerAssignments:     []v1alpha1.ContainerAssignment{{ID: 5, Name: "Root", ParentID: 4, Active: true}},
		ContainerVisibilityCount: 1,
		ContainerVisibility: []v1alpha1.VisibleContainer{{
			Container: container, AllowedDomainNames: []string{"example.com"}, Organizations: []v1alpha1.Organization{{ID: 6, Name: "Example"}},
		}},
		LanguageID:        1,
		AccountLanguageID: 1,
		CertCentral:       true,
		Enterprise:        true,
		Differences:       []v1alpha1.Difference{{Field: "jobTitle", Cause: v1alpha1.CauseDrift, Desired: "Senior Admin", Observed: "", Hint: "h"}},
		Settled: &v1alpha1.SettledProfile{
			Username: new("john.smith@example.com"), FirstName: new("John"), LastName: new("Smith"), Email: new("john.smith@example.com"),
			JobTitle: new(""), Telephone: new(""), SAMLSSOOnly: new(false),
		},
		Applied:                &v1alpha1.Applied{Generation: 3, Time: lastYear, Fields: []string{"jobTitle"}, Profile: profile},
		LastHandledReconcileAt: "now",
		LastObservedTime:       &lastYear,
	}
}
