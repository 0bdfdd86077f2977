package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/world"
)

// restricted is an operator beside the one of the suite, with rights in some namespaces only, as the component namespace-scoped has it.
type restricted struct {
	*world.Manager
	home string // its namespace, with its ServiceAccount and lease
	log  *gbytes.Buffer
}

// newHome makes a namespace for an operator, with a ServiceAccount and the right to lead.
func newHome(ctx context.Context) string {
	GinkgoHelper()
	home := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "operator-"}}
	Expect(kubernetes.Create(ctx, home)).To(Succeed())
	Expect(kubernetes.Create(ctx, &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: home.Name, Name: "user-operator"},
	})).To(Succeed())
	role := &rbacv1.Role{}
	Expect(kubernetes.Get(ctx, client.ObjectKey{Namespace: world.Namespace, Name: "user-operator-leader-election"}, role)).To(Succeed())
	grant(ctx, home.Name, home.Name, role.Rules)
	return home.Name
}

// grantIn gives an operator the Role that it has in a namespace that it watches.
func grantIn(ctx context.Context, namespace, home string) {
	GinkgoHelper()
	role := &rbacv1.ClusterRole{}
	Expect(kubernetes.Get(ctx, client.ObjectKey{Name: "user-operator"}, role)).To(Succeed())
	grant(ctx, namespace, home, slices.DeleteFunc(role.Rules, func(rule rbacv1.PolicyRule) bool {
		return slices.Contains(rule.Resources, "namespaces")
	}))
}

func grant(ctx context.Context, namespace, home string, rules []rbacv1.PolicyRule) {
	GinkgoHelper()
	object := metav1.ObjectMeta{Namespace: namespace, Name: home}
	Expect(kubernetes.Create(ctx, &rbacv1.Role{ObjectMeta: object, Rules: rules})).To(Succeed())
	Expect(kubernetes.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: object, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: home},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: home, Name: "user-operator"}},
	})).To(Succeed())
}

// launch runs an operator that watches the namespaces, and waits for nothing.
func launch(ctx context.Context, home string, server world.Server, namespaces ...string) *restricted {
	GinkgoHelper()
	kubeconfig, err := earth.ServiceAccountKubeconfig(ctx, home, "user-operator", server)
	Expect(err).NotTo(HaveOccurred())
	r := &restricted{home: home, log: gbytes.NewBuffer()}
	r.Manager, err = earth.LaunchManager(kubeconfig, world.ManagerOptions{
		Endpoints: digicert.URL, Output: io.MultiWriter(r.log, seen(operatorLog)), Args: []string{
			"--leader-election-namespace=" + home, "--metrics-secure=false", "--namespaces=" + strings.Join(namespaces, ","),
		},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { r.Kill() })
	return r
}

// expectCleanEnd sends SIGTERM and expects that it is enough.
func (r *restricted) expectCleanEnd(ctx context.Context) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	Expect(r.Stop(ctx)).To(BeZero(), "exit code after SIGTERM")
}

// readyz is the answer of the readiness probe, 0 for none.
func (r *restricted) readyz(ctx context.Context) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Health+"/readyz", http.NoBody)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// readable has the lines of the metric about namespaces.
func (r *restricted) readable(ctx context.Context) (lines []string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http"+strings.TrimPrefix(r.Metrics, "https")+"/metrics", http.NoBody)
	if err != nil {
		return nil
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "certcentral_namespace_readable") {
			lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line, "certcentral_namespace_readable")))
		}
	}
	return lines
}

// announced are the events about its lease that name a namespace, as "reason namespace".
func (r *restricted) announced(ctx context.Context, namespace string) (lines []string) {
	list := &corev1.EventList{}
	if err := kubernetes.List(ctx, list, client.InNamespace(r.home)); err != nil {
		return nil
	}
	for _, event := range list.Items {
		if event.InvolvedObject.Kind == "Lease" && event.InvolvedObject.UID != "" && strings.Contains(event.Message, namespace) {
			lines = append(lines, event.Type+" "+event.Reason)
		}
	}
	return lines
}

// tenant is a namespace, or one to be, with an account of its own key and a user.
type tenant struct {
	namespace string
	user      *v1alpha1.CertCentralUser
}

// newTenant names a namespace that is not there yet.
func newTenant() *tenant { return &tenant{namespace: "tenant-" + strings.ToLower(rand.Text())} }

// fill creates the namespace, with all that is in it.
func (t *tenant) fill(ctx context.Context) {
	GinkgoHelper()
	Expect(kubernetes.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.namespace}})).To(Succeed())
	account, secret := world.NewAccount(digicert, t.namespace, "digicert", newKey(ctx))
	Expect(kubernetes.Create(ctx, secret)).To(Succeed())
	Expect(kubernetes.Create(ctx, account)).To(Succeed())
	id, title := newPerson(ctx, nil), value("Title")
	t.user = &v1alpha1.CertCentralUser{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: "person"},
		Spec: v1alpha1.CertCentralUserSpec{
			AccountRef: v1alpha1.AccountRef{Name: "digicert"}, UserRef: v1alpha1.UserRef{ID: &id}, Profile: v1alpha1.Profile{JobTitle: &title},
		},
	}
	Expect(kubernetes.Create(ctx, t.user)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		for _, kind := range []client.Object{&v1alpha1.CertCentralUser{}, &v1alpha1.CertCentralAccount{}} {
			Expect(kubernetes.DeleteAllOf(ctx, kind, client.InNamespace(t.namespace))).To(Succeed())
		}
	})
}

// served is the condition Ready of the tenant's user, as "True Updated".
func (t *tenant) served(ctx context.Context) string {
	if err := kubernetes.Get(ctx, client.ObjectKeyFromObject(t.user), t.user); err != nil {
		return err.Error()
	}
	return ready(t.user)
}

// valve lets connections to the API server through until it is shut: then they stay open, and nothing passes any more.
type valve struct {
	net.Listener
	shut chan struct{}
	used chan struct{} // closed at the first connection
}

// newValve opens a valve.
func newValve() *valve {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	v := &valve{Listener: listener, shut: make(chan struct{}), used: make(chan struct{})}
	DeferCleanup(listener.Close)
	go v.serve()
	return v
}

func (v *valve) serve() {
	for first := true; ; first = false {
		connection, err := v.Accept()
		if err != nil {
			return
		}
		if first {
			close(v.used)
		}
		if v.isShut() {
			continue // it is kept, and gets no answer
		}
		server, err := net.Dial("tcp", strings.TrimPrefix(earth.REST.Host, "https://"))
		if err != nil {
			_ = connection.Close()
			continue
		}
		go v.pass(server, connection)
		go v.pass(connection, server)
	}
}

// pass hands on what comes, until it is at its end or the valve is shut.
func (v *valve) pass(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if v.isShut() {
			return
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

func (v *valve) isShut() bool {
	select {
	case <-v.shut:
		return true
	default:
		return false
	}
}

// server is the API server behind the valve.
func (v *valve) server() world.Server {
	return world.Server{URL: "https://" + v.Addr().String(), CA: earth.REST.CAData}
}

const (
	unreadable = "Warning NamespaceUnreadable"
	readable   = "Normal NamespaceReadable"
	// noticed is longer than a change of what can be read goes unnoticed.
	noticed = 90 * time.Second
)

var _ = Describe("An operator that is kept to namespaces", func() {
	BeforeEach(func(ctx SpecContext) {
		stopOperator(ctx) // it works everywhere
	})
	JustAfterEach(func(ctx SpecContext) { startOperator(ctx) })

	It("serves those that are there, names the one that is not, and takes it up when it appears", func(ctx SpecContext) {
		here, gone, home := newTenant(), newTenant(), newHome(ctx)
		here.fill(ctx)
		grantIn(ctx, here.namespace, home)
		r := launch(ctx, home, world.Server{}, here.namespace, gone.namespace)

		Eventually(ctx, here.served).Should(Equal("True Updated"))
		Eventually(ctx, r.readyz).Should(Equal(http.StatusOK))
		Eventually(ctx, r.readable).Should(ConsistOf(
			fmt.Sprintf(`{namespace=%q} 1`, here.namespace), fmt.Sprintf(`{namespace=%q} 0`, gone.namespace)))
		Eventually(ctx, r.announced).WithArguments(gone.namespace).Should(Equal([]string{unreadable}))

		gone.fill(ctx)
		grantIn(ctx, gone.namespace, home)
		Eventually(ctx, gone.served).WithTimeout(noticed).Should(Equal("True Updated"))
		Eventually(ctx, r.readable).WithTimeout(noticed).Should(HaveEach(HaveSuffix(" 1")))
		Eventually(ctx, r.announced).WithArguments(gone.namespace).Should(ConsistOf(unreadable, readable))

		Expect(kubernetes.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: gone.namespace, Name: home}})).To(Succeed())
		Eventually(ctx, r.readable).WithTimeout(noticed).Should(ContainElement(fmt.Sprintf(`{namespace=%q} 0`, gone.namespace)))
		other := value("Title")
		edit(ctx, *gone.user.Spec.UserRef.ID, "job_title", other)
		request(ctx, gone.user) // which the watch that is open still tells
		Eventually(r.log).WithContext(ctx).Should(gbytes.Say(`\\"person\\" is forbidden`))
		Expect(live(ctx, *gone.user.Spec.UserRef.ID, "job_title")).To(Equal(other), "nothing is written where nothing can be read")
		change(ctx, here.user, "True Updated", func(user *v1alpha1.CertCentralUser) { user.Spec.Profile.JobTitle = new(value("Title")) })
		Expect(r.announced(ctx, here.namespace)).To(BeEmpty(), "of those that are served nothing is said")
		Expect(bytes.Count(r.log.Contents(), []byte("Namespace "+gone.namespace))).To(Equal(3), "once for each change")

		r.expectCleanEnd(ctx)
	})

	DescribeTable("ends at one SIGTERM", func(ctx SpecContext, state func(SpecContext, string) *restricted) {
		state(ctx, newHome(ctx)).expectCleanEnd(ctx)
	},
		Entry("when none of its namespaces can be read", func(ctx SpecContext, home string) *restricted {
			gone := newTenant()
			r := launch(ctx, home, world.Server{}, gone.namespace)
			Eventually(ctx, r.announced).WithArguments(gone.namespace).Should(Equal([]string{unreadable}))
			Expect(r.readyz(ctx)).To(Equal(http.StatusInternalServerError))
			return r
		}),
		Entry("when it is to watch all and may watch none", func(ctx SpecContext, home string) *restricted {
			r := launch(ctx, home, world.Server{})
			Eventually(r.log).WithContext(ctx).Should(gbytes.Say("is forbidden"))
			Expect(r.readyz(ctx)).To(Equal(http.StatusInternalServerError))
			return r
		}),
		Entry("when the API server has not answered yet", func(ctx SpecContext, home string) *restricted {
			v := newValve()
			close(v.shut)
			r := launch(ctx, home, v.server(), newTenant().namespace)
			Eventually(ctx, v.used).Should(BeClosed())
			return r
		}),
		Entry("when the API server does not answer any more", func(ctx SpecContext, home string) *restricted {
			here, v := newTenant(), newValve()
			here.fill(ctx)
			grantIn(ctx, here.namespace, home)
			r := launch(ctx, home, v.server(), here.namespace)
			Eventually(ctx, here.served).Should(Equal("True Updated"))
			Eventually(ctx, r.readyz).Should(Equal(http.StatusOK))
			close(v.shut)
			return r
		}),
	)
})
