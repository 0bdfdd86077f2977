package e2e

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/world"
)

var _ = Describe("The operator's rights", func() {
	It("suffice for all it does", func(ctx SpecContext) {
		s := newStory(ctx)
		title := value("Title")
		user := s.declare(ctx, newPerson(ctx, nil), v1alpha1.Profile{JobTitle: &title}, "True Updated")
		Eventually(ctx, eventsOf).WithArguments(user).Should(ContainElement("Updated"), "it may write events")
		Eventually(ctx, audited).Should(ContainElement(And(HaveField("Verb", "patch"), HaveField("ObjectRef.Namespace", s.namespace))))

		Expect(audited()).NotTo(ContainElement(HaveField("ResponseStatus.Code", http.StatusForbidden)))
		// The log has what operators with fewer rights say, too, and each refusal names whom it is about.
		Expect(string(operatorLog.Contents())).NotTo(MatchRegexp(`(?i)forbidden: user [\\"]*system:serviceaccount:` + world.Namespace + `:`))
	})

	DescribeTable("end where they must",
		func(ctx SpecContext, verb, resource string, allowed bool) {
			resource, subresource, _ := strings.Cut(resource, "/")
			group := v1alpha1.GroupVersion.Group
			if !strings.HasPrefix(resource, "certcentral") {
				group = ""
			}
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:   "system:serviceaccount:" + world.Namespace + ":user-operator",
				Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + world.Namespace, "system:authenticated"},
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: "default", Verb: verb, Group: group, Resource: resource, Subresource: subresource,
				},
			}}
			Expect(kubernetes.Create(ctx, review)).To(Succeed())
			Expect(review.Status.Allowed).To(Equal(allowed))
		},
		func(verb, resource string, allowed bool) string {
			return map[bool]string{true: "may ", false: "may not "}[allowed] + verb + " " + resource
		},
		Entry(nil, "get", "secrets", true),
		Entry(nil, "list", "secrets", false),
		Entry(nil, "watch", "secrets", false),
		Entry(nil, "update", "secrets", false),
		Entry(nil, "patch", "certcentralusers/status", true),
		Entry(nil, "patch", "certcentralusers", false),
		Entry(nil, "update", "certcentralusers", false),
		Entry(nil, "create", "certcentralusers", false),
		Entry(nil, "delete", "certcentralusers", false),
		Entry(nil, "patch", "certcentralaccounts", false),
		Entry(nil, "list", "namespaces", false),
		Entry(nil, "create", "pods", false),
	)
})

var _ = Describe("The endpoints", func() {
	It("show metrics to those who may see them", func(ctx SpecContext) {
		s := newStory(ctx)
		title := value("Title")
		s.declare(ctx, newPerson(ctx, nil), v1alpha1.Profile{JobTitle: &title}, "True Updated")
		stranger := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "stranger"}}
		Expect(kubernetes.Create(ctx, stranger)).To(Succeed())
		token, err := earth.Token(ctx, stranger.Namespace, stranger.Name)
		Expect(err).NotTo(HaveOccurred())

		for token, expected := range map[string]int{"": http.StatusUnauthorized, token: http.StatusForbidden} {
			status, page := getMetrics(ctx, token)
			Expect(status).To(Equal(expected))
			Expect(string(page)).NotTo(ContainSubstring("certcentral_"))
		}
		account := `account="` + s.namespace + `/digicert"`
		Eventually(ctx, scrape).Should(And(
			ContainSubstring(`certcentral_users{`+account+`,condition="Ready",status="True"} 1`),
			ContainSubstring(`certcentral_users{`+account+`,condition="InSync",status="True"} 1`),
			ContainSubstring(`certcentral_user_updates_total{`+account+`,cause="SpecChange"} 1`),
			ContainSubstring(`certcentral_last_look_timestamp_seconds{`+account+`}`),
			MatchRegexp(`certcentral_api_request_duration_seconds_count{`+account+`,method="PUT",outcome="[^"]+"} 1`),
			ContainSubstring(`certcentral_budget_wait_seconds_count{`+account+`}`),
			ContainSubstring(`controller_runtime_reconcile_total{controller="certcentraluser",result="success"}`),
			ContainSubstring(`leader_election_master_status{name="user-operator.certcentral.io"} 1`),
		))
	})

	It("tell that it lives and is ready", func(ctx SpecContext) {
		for _, path := range []string{"/healthz", "/readyz"} {
			status, body := get(ctx, operator.Health+path, "")
			Expect(status).To(Equal(http.StatusOK), path)
			Expect(string(body)).To(Equal("ok"), path)
		}
	})
})

var _ = Describe("kubectl", func() {
	It("shows a user on one line", func(ctx SpecContext) {
		if earth.Kubectl == "" {
			Fail("there is no kubectl in KUBEBUILDER_ASSETS: run `make test`, which builds it")
		}
		s := newStory(ctx)
		id := newPerson(ctx, map[string]any{"last_login_date": "2019-06-21 13:37:00"})
		s.declare(ctx, id, v1alpha1.Profile{}, "True InSync", func(user *v1alpha1.CertCentralUser) { user.Name = "john-smith" })

		lines := strings.Split(strings.TrimSpace(kubectl(ctx, "get", "ccu", "--namespace", s.namespace)), "\n")
		Expect(lines).To(HaveLen(2))
		Expect(lines).To(HaveEach(WithTransform(func(line string) int { return len(line) }, BeNumerically("<=", 120))), "columns")
		Expect(strings.Join(strings.Fields(lines[0]), " ")).To(Equal("NAME ACCOUNT USER USERNAME READY IN-SYNC MODE LAST LOGIN AGE"))
		Expect(strings.Fields(lines[1])).To(HaveExactElements(
			"john-smith", "digicert", strconv.FormatInt(id, 10), live(ctx, id, "username"), "True", "True", "Enforce",
			"2019-06-21", MatchRegexp(`^\d+s$`),
		))
		Expect(kubectl(ctx, "get", "certcentral", "--namespace", s.namespace)).To(And(
			ContainSubstring("certcentralaccount.certcentral.io/digicert"), ContainSubstring("certcentraluser.certcentral.io/john-smith"),
		), "both kinds, by their category")
		Expect(kubectl(ctx, "get", "ccu", "-o", "wide", "--namespace", s.namespace)).To(ContainSubstring("Nothing is declared"))
		kubectl(ctx, "wait", "ccu/john-smith", "--for=condition=Ready", "--timeout=5s", "--namespace", s.namespace)
	})
})

// kubectl runs it as an administrator and returns what it prints.
func kubectl(ctx context.Context, args ...string) string {
	GinkgoHelper()
	output, err := exec.CommandContext(ctx, earth.Kubectl, append(args, "--kubeconfig", earth.Kubeconfig)...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "kubectl %s: %s", strings.Join(args, " "), output)
	return string(output)
}

// scraper is a ServiceAccount that may read the metrics.
const scraper = "scraper"

// scrape returns the metrics, as they are told to one who may see them.
func scrape(ctx context.Context) []byte {
	GinkgoHelper()
	token, err := earth.Token(ctx, world.Namespace, scraper)
	Expect(err).NotTo(HaveOccurred())
	status, page := getMetrics(ctx, token)
	Expect(status).To(Equal(http.StatusOK))
	return page
}

// allowScraping creates the scraper with the role that is shipped for it.
func allowScraping(ctx context.Context) {
	GinkgoHelper()
	meta := metav1.ObjectMeta{Namespace: world.Namespace, Name: scraper}
	Expect(kubernetes.Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta})).To(Succeed())
	Expect(kubernetes.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: scraper},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "user-operator-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: meta.Namespace, Name: meta.Name}},
	})).To(Succeed())
}

func getMetrics(ctx context.Context, token string) (status int, page []byte) {
	GinkgoHelper()
	return get(ctx, operator.Metrics+"/metrics", token)
}

// get asks an endpoint of the operator, whose certificate is its own.
func get(ctx context.Context, url, token string) (status int, body []byte) {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, body
}

// statusWrites counts the operator's writes to users in a namespace.
func statusWrites(namespace string) (count int) {
	for _, call := range audited() {
		if call.ObjectRef.Namespace == namespace && call.ObjectRef.Resource == "certcentralusers" && call.Verb == "patch" {
			count++
		}
	}
	return count
}
