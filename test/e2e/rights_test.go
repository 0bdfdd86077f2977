package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/world"
)

// unused are rights that are granted, and that no story can be relied on to use.
var unused = map[right]string{
	{verb: "list", resource: "certcentralaccounts.certcentral.io"}: streams,
	{verb: "list", resource: "certcentralusers.certcentral.io"}:    streams,
	{verb: "patch", resource: "events.events.k8s.io"}:              "it counts a repeated event up, but only one about the very same version of an object",
}

const streams = "this API server streams what there is to a watch; one that can't is asked for a list first"

var _ = Describe("The operator's rights", func() {
	It("are all used", func(ctx SpecContext) {
		s := newStory(ctx)
		team := s.allowAnother(ctx)
		title := value("Title")
		user := s.declare(ctx, newPerson(ctx, nil), v1alpha1.Profile{JobTitle: &title}, "True Updated", func(user *v1alpha1.CertCentralUser) {
			user.Namespace, user.Spec.AccountRef.Namespace = team, s.namespace
		})
		Eventually(ctx, eventsOf).WithArguments(user).Should(ContainElement("Updated"))
		scrape(ctx)
		stopOperator(ctx) // a watch is in the audit log once it has ended
		startOperator(ctx)

		rights := granted(ctx)
		for r, reason := range unused {
			Expect(rights).To(ContainElement(r), "it is not granted, so there is nothing to excuse: %s", reason)
		}
		Eventually(ctx, neverUsed).WithArguments(rights).Should(BeEmpty())
	})
})

// Whatever the specs were and in whatever order they ran, and with the operator's shutdown.
var _ = ReportAfterSuite("The operator was refused nothing", func(Report) {
	for _, call := range audited() {
		Expect(call.Annotations).NotTo(HaveKeyWithValue("authorization.k8s.io/decision", "forbid"), "%+v", call)
	}
})

var _ = Describe("The metrics", func() {
	It("are told to nobody over plain http, even with the right token", func(ctx SpecContext) {
		token, err := earth.Token(ctx, world.Namespace, scraper)
		Expect(err).NotTo(HaveOccurred())
		status, _ := getMetrics(ctx, token)
		Expect(status).To(Equal(http.StatusOK))

		connection, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(operator.Metrics, "https://"))
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = connection.Close() }()
		_, err = io.WriteString(connection, "GET /metrics HTTP/1.1\r\nHost: operator\r\nAuthorization: Bearer "+token+"\r\n\r\n")
		Expect(err).NotTo(HaveOccurred())
		answer, _ := io.ReadAll(connection) // the refusal may get lost, since the operator hangs up on a request that it did not read
		Expect(string(answer)).To(Or(BeEmpty(), HavePrefix("HTTP/1.0 400 ")))
	})
})

// allowAnother makes the account allow a new namespace, by its labels.
func (s *story) allowAnother(ctx context.Context) (namespace string) {
	GinkgoHelper()
	team := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "team-", Labels: map[string]string{"story": s.namespace}}}
	Expect(kubernetes.Create(ctx, team)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) error {
		return kubernetes.DeleteAllOf(ctx, &v1alpha1.CertCentralUser{}, client.InNamespace(team.Name))
	})
	before := s.account.DeepCopy()
	s.account.Spec.AllowedNamespaces = v1alpha1.AllowedNamespaces{
		From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{MatchLabels: team.Labels},
	}
	Expect(kubernetes.Patch(ctx, s.account, client.MergeFrom(before))).To(Succeed())
	awaitReady(ctx, s.account, "True Available")
	return team.Name
}

// right is one verb on one resource, as in "patch certcentralusers.certcentral.io/status".
type right struct {
	verb, resource  string
	namespace, name string // "" for all
}

// granted returns what the bindings to the operator's ServiceAccount grant.
func granted(ctx context.Context) (rights []right) {
	GinkgoHelper()
	subject := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: world.Namespace, Name: "user-operator"}
	everywhere, here := &rbacv1.ClusterRoleBindingList{}, &rbacv1.RoleBindingList{}
	Expect(kubernetes.List(ctx, everywhere)).To(Succeed())
	Expect(kubernetes.List(ctx, here)).To(Succeed())
	for _, binding := range everywhere.Items {
		if slices.Contains(binding.Subjects, subject) {
			rights = append(rights, rightsOf(ctx, binding.RoleRef, "")...)
		}
	}
	for _, binding := range here.Items {
		if slices.Contains(binding.Subjects, subject) {
			rights = append(rights, rightsOf(ctx, binding.RoleRef, binding.Namespace)...)
		}
	}
	Expect(rights).To(ContainElements(
		right{verb: "get", resource: "secrets"},
	), "what both kinds of bindings grant is found")
	return rights
}

// rightsOf returns what a role grants in a namespace, "" for all.
func rightsOf(ctx context.Context, ref rbacv1.RoleRef, namespace string) (rights []right) {
	GinkgoHelper()
	role, cluster := &rbacv1.Role{}, &rbacv1.ClusterRole{}
	if ref.Kind == "ClusterRole" {
		Expect(kubernetes.Get(ctx, client.ObjectKey{Name: ref.Name}, cluster)).To(Succeed())
	} else {
		Expect(kubernetes.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, role)).To(Succeed())
	}
	for _, rule := range slices.Concat(role.Rules, cluster.Rules) {
		Expect(rule.NonResourceURLs).To(BeEmpty(), "of a role of the operator")
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						rights = append(rights, right{verb: verb, resource: qualified(resource, group), namespace: namespace, name: name})
					}
				}
			}
		}
	}
	return rights
}

// neverUsed returns those of the rights that were not used yet and have no excuse.
func neverUsed(rights []right) []right {
	GinkgoHelper()
	calls := audited()
	return slices.DeleteFunc(slices.Clone(rights), func(r right) bool {
		_, excused := unused[r]
		return excused || slices.ContainsFunc(calls, r.allows)
	})
}

// qualified puts the group between a resource and its subresource.
func qualified(resource, group string) string {
	resource, subresource, found := strings.Cut(resource, "/")
	if group != "" {
		resource += "." + group
	}
	if found {
		resource += "/" + subresource
	}
	return resource
}

// auditedCall is a call of the operator to the API server, with what decides whether it may be made.
type auditedCall struct {
	Verb        string
	User        struct{ Username string }
	ObjectRef   struct{ APIGroup, Resource, Subresource, Namespace, Name string }
	Annotations map[string]string

	ResponseStatus struct{ Code int }
}

// allows tells whether the call was an allowed use of the right.
func (r right) allows(call auditedCall) bool {
	object := call.ObjectRef
	resource := object.Resource
	if object.Subresource != "" {
		resource += "/" + object.Subresource
	}
	return call.Annotations["authorization.k8s.io/decision"] == "allow" &&
		r.verb == call.Verb && r.resource == qualified(resource, object.APIGroup) &&
		(r.namespace == "" || r.namespace == object.Namespace) && (r.name == "" || r.name == object.Name)
}

// audited returns all calls of the operator to the API server that were answered.
func audited() (calls []auditedCall) {
	GinkgoHelper()
	for line := range strings.Lines(string(auditLog.Contents())) {
		if !strings.HasSuffix(line, "}\n") {
			continue // still on its way
		}
		var call auditedCall
		Expect(json.Unmarshal([]byte(line), &call)).To(Succeed(), line)
		if call.User.Username == "system:serviceaccount:"+world.Namespace+":user-operator" {
			calls = append(calls, call)
		}
	}
	return calls
}
