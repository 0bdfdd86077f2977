package v1alpha1_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

var _ = Describe("The resources", func() {
	It("are found under their names", func() {
		found, err := discovery.NewDiscoveryClientForConfigOrDie(environment.Config).
			ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
		Expect(err).NotTo(HaveOccurred())
		Expect(found.APIResources).To(ConsistOf(
			And(HaveField("Name", "certcentralaccounts"), HaveField("ShortNames", ConsistOf("cca")), HaveField("Categories", ConsistOf("certcentral")),
				HaveField("Kind", "CertCentralAccount"), HaveField("Namespaced", true)),
			And(HaveField("Name", "certcentralusers"), HaveField("ShortNames", ConsistOf("ccu")), HaveField("Categories", ConsistOf("certcentral")),
				HaveField("Kind", "CertCentralUser"), HaveField("Namespaced", true)),
			HaveField("Name", "certcentralaccounts/status"),
			HaveField("Name", "certcentralusers/status"),
		))
	})

	DescribeTable("are accepted by the API server as they are", func(ctx SpecContext, name string) {
		Expect(definition(ctx, name).Status.Conditions).To(And(
			ContainElement(And(HaveField("Type", apiextensionsv1.Established), HaveField("Status", apiextensionsv1.ConditionTrue))),
			ContainElement(And(HaveField("Type", apiextensionsv1.NamesAccepted), HaveField("Status", apiextensionsv1.ConditionTrue))),
			Not(ContainElement(And(HaveField("Type", apiextensionsv1.NonStructuralSchema), HaveField("Status", apiextensionsv1.ConditionTrue)))),
		))
	},
		Entry("accounts", "certcentralaccounts.certcentral.io"),
		Entry("users", "certcentralusers.certcentral.io"),
	)

	DescribeTable("describe every field, for kubectl explain", func(ctx SpecContext, name string) {
		for _, version := range definition(ctx, name).Spec.Versions {
			Expect(undescribed("", *version.Schema.OpenAPIV3Schema)).To(ConsistOf(".metadata"), "the fields of metadata are Kubernetes' own")
		}
	},
		Entry("accounts", "certcentralaccounts.certcentral.io"),
		Entry("users", "certcentralusers.certcentral.io"),
	)
})

func definition(ctx SpecContext, name string) *apiextensionsv1.CustomResourceDefinition {
	GinkgoHelper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	Expect(api.Get(ctx, client.ObjectKey{Name: name}, crd)).To(Succeed())
	return crd
}

// undescribed lists the paths of the fields that have no description.
func undescribed(path string, schema apiextensionsv1.JSONSchemaProps) []string {
	var missing []string
	for name, field := range schema.Properties {
		if field.Description == "" {
			missing = append(missing, path+"."+name)
		}
		missing = append(missing, undescribed(path+"."+name, field)...)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		missing = append(missing, undescribed(path+"[]", *schema.Items.Schema)...)
	}
	return missing
}

var _ = Describe("Users", func() {
	DescribeTable("can be selected by", func(ctx SpecContext, field, value string) {
		namespace := newNamespace(ctx)
		for name, spec := range map[string]v1alpha1.CertCentralUserSpec{
			"john": {AccountRef: v1alpha1.AccountRef{Name: "digicert"}, UserRef: v1alpha1.UserRef{ID: new(int64(125039))}},
			"jane": {AccountRef: v1alpha1.AccountRef{Name: "digicert-eu"}, UserRef: v1alpha1.UserRef{ID: new(int64(208417))}},
		} {
			user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
			Expect(api.Create(ctx, user)).To(Succeed())
			user.Status.UserID = *spec.UserRef.ID
			Expect(api.Status().Update(ctx, user)).To(Succeed())
		}

		users := &v1alpha1.CertCentralUserList{}
		Expect(api.List(ctx, users, client.InNamespace(namespace), client.MatchingFields{field: value})).To(Succeed())
		Expect(users.Items).To(ConsistOf(HaveField("Name", "jane")))
	},
		Entry("the account they refer to", "spec.accountRef.name", "digicert-eu"),
		Entry("the id they refer to", "spec.userRef.id", "208417"),
		Entry("the id that was found", "status.userID", "208417"),
	)
})

var _ = Describe("kubectl get", func() {
	var namespace string

	BeforeEach(func(ctx SpecContext) {
		namespace = newNamespace(ctx)
		account := &v1alpha1.CertCentralAccount{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "digicert"},
			Spec:       v1alpha1.CertCentralAccountSpec{APIKeySecretRef: v1alpha1.SecretKeyRef{Name: "certcentral-api-key"}},
		}
		Expect(api.Create(ctx, account)).To(Succeed())
		account.Status = fullAccountStatus()
		Expect(api.Status().Update(ctx, account)).To(Succeed())

		user := &v1alpha1.CertCentralUser{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "john-smith"},
			Spec: v1alpha1.CertCentralUserSpec{
				AccountRef: v1alpha1.AccountRef{Name: "digicert"},
				UserRef:    v1alpha1.UserRef{ID: new(int64(125039))},
				Mode:       v1alpha1.ModeReportDrift,
			},
		}
		Expect(api.Create(ctx, user)).To(Succeed())
		user.Status = fullUserStatus()
		apimeta.SetStatusCondition(&user.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionInSync, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonDriftReported, LastTransitionTime: lastYear,
		})
		Expect(api.Status().Update(ctx, user)).To(Succeed())
	})

	DescribeTable("has the columns", func(ctx SpecContext, resource string, wide bool, want []string) {
		Expect(table(ctx, namespace, resource, wide)).To(Equal(want))
	},
		Entry("of an account", "certcentralaccounts", false, []string{
			"Name=digicert", "Account=123654", "Ready=True", "Reason=Available", "Mode=Enforce", "Interval=10m", "Users=5000", "In-Sync=4990", "Age=<age>",
		}),
		Entry("of an account, wide", "certcentralaccounts", true, []string{
			"Name=digicert", "Account=123654", "Ready=True", "Reason=Available", "Mode=Enforce", "Interval=10m", "Users=5000", "In-Sync=4990", "Age=<age>",
			"Key user=api", "Looks=Swept", "Endpoint=https://www.digicert.com/services/v2", "Message=the profile is as declared",
		}),
		Entry("of a user", "certcentralusers", false, []string{
			"Name=john-smith", "Account=digicert", "User=125039", "Username=john.smith@example.com", "Ready=True", "In-Sync=False",
			"Mode=Observe", "Last login=2025-06-21", "Age=<age>",
		}),
		Entry("of a user, wide, with the first role, since a column can't show more", "certcentralusers", true, []string{
			"Name=john-smith", "Account=digicert", "User=125039", "Username=john.smith@example.com", "Ready=True", "In-Sync=False",
			"Mode=Observe", "Last login=2025-06-21", "Age=<age>",
			"Role=Administrator", "Status=active", "Message=the profile is as declared",
		}),
	)

	DescribeTable("fits on a screen of 120 columns", func(resource string) {
		admin, err := environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
		Expect(err).NotTo(HaveOccurred())
		kubectl, err := admin.Kubectl()
		Expect(err).NotTo(HaveOccurred())

		out, complaint, err := kubectl.Run("get", resource, "--namespace", namespace)
		Expect(err).NotTo(HaveOccurred(), "%s", complaint)
		printed, err := io.ReadAll(out)
		Expect(err).NotTo(HaveOccurred())
		lines := strings.Split(strings.TrimSpace(string(printed)), "\n")
		Expect(lines).To(HaveLen(2), "a header and a row")
		Expect(lines).To(HaveEach(Satisfy(func(line string) bool { return len(strings.TrimSpace(line)) <= 120 })))
	},
		Entry("for accounts", "cca"),
		Entry("for users", "ccu"),
	)
})

// table is the one row that the API server prints, as column=cell, with the columns of wide output or without. Ages depend
// on the clock, and read as <age>.
func table(ctx SpecContext, namespace, resource string, wide bool) []string {
	GinkgoHelper()
	answer, err := discovery.NewDiscoveryClientForConfigOrDie(environment.Config).RESTClient().Get().
		AbsPath("apis", v1alpha1.GroupVersion.String(), "namespaces", namespace, resource).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").
		DoRaw(ctx)
	Expect(err).NotTo(HaveOccurred())
	printed := metav1.Table{}
	Expect(json.Unmarshal(answer, &printed)).To(Succeed())
	Expect(printed.Rows).To(HaveLen(1))
	var cells []string
	for i, column := range printed.ColumnDefinitions {
		if column.Priority > 0 && !wide {
			continue
		}
		cell := printed.Rows[0].Cells[i]
		if column.Name == "Age" {
			Expect(cell).To(MatchRegexp(`^\d+[smhdy]`))
			cell = "<age>"
		}
		cells = append(cells, fmt.Sprintf("%s=%v", column.Name, cell))
	}
	return cells
}
