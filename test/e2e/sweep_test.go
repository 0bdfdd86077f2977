package e2e

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
	"github.com/certcentral-io/user-operator/test/world"
)

var _ = Describe("An account with many users", func() {
	It("has a drift found by the list of users and set back, and looks at nobody else, also after a restart", func(ctx SpecContext) {
		const crowd = 25
		s := newStory(ctx)
		title := value("Title")
		var ids []int64
		var users []*v1alpha1.CertCentralUser
		for range crowd {
			ids = append(ids, newPerson(ctx, nil))
			users = append(users, s.create(ctx, ids[len(ids)-1], v1alpha1.Profile{JobTitle: &title}))
		}
		for i, user := range users {
			awaitReady(ctx, user, "True Updated")
			Expect(s.calls(ctx, ids[i])).To(Equal(wrote))
		}
		s.sweep(ctx)
		Eventually(ctx, func(g Gomega) { // counts are written every few seconds while they move
			g.Expect(kubernetes.Get(ctx, client.ObjectKeyFromObject(s.account), s.account)).To(Succeed())
			g.Expect(*s.account.Status.Sweep).To(And(HaveField("Managed", BeEquivalentTo(crowd)), HaveField("InSync", BeEquivalentTo(crowd))))
		}).WithTimeout(time.Minute).Should(Succeed())

		edit(ctx, ids[7], "job_title", value("Title"))
		s.sweep(ctx)
		Eventually(ctx, func() any { return live(ctx, ids[7], "job_title") }).Should(Equal(title))
		look := fmt.Sprintf("GET /user/%d ", ids[7])
		Eventually(ctx, s.count).WithArguments(look).Should(Equal(4), "two for the declaration, two for the drift")
		Expect(s.calls(ctx, ids[7])).To(Equal(wrote))

		stopOperator(ctx)
		startOperator(ctx)
		s.sweep(ctx)
		for _, id := range ids {
			Expect(s.calls(ctx, id)).To(BeEmpty(), "user %d", id)
		}
	})
})

// sweep asks for a walk through the account's list of users and waits until one more was made.
func (s *story) sweep(ctx context.Context) {
	GinkgoHelper()
	const list = "GET /user?"
	before := s.count(ctx, list)
	request(ctx, s.account)
	Eventually(ctx, s.count).WithArguments(list).Should(BeNumerically(">", before))
	Eventually(ctx, func(g Gomega) {
		g.Expect(kubernetes.Get(ctx, client.ObjectKeyFromObject(s.account), s.account)).To(Succeed())
		g.Expect(s.account.Status.Sweep).To(HaveValue(HaveField("State", v1alpha1.SweepSwept)))
	}).Should(Succeed())
}

// count is the number of calls with the story's key that begin so.
func (s *story) count(ctx context.Context, call string) (count int) {
	GinkgoHelper()
	for _, made := range callsWith(ctx, s.key) {
		if strings.HasPrefix(made, call) {
			count++
		}
	}
	return count
}

var _ = Describe("An account of which no call comes back", func() {
	It("leaves room for the others, though it has more users than there are workers", func(ctx SpecContext) {
		const hanging = 60
		dead, alive := newStory(ctx), newStory(ctx)
		id := newPerson(ctx, nil)
		user := alive.declare(ctx, id, v1alpha1.Profile{}, "True InSync")
		for range hanging {
			person := newPerson(ctx, nil)
			Expect(digicert.Inject(ctx, simulator.Fault{Match: simulator.Match{User: person}, Do: simulator.Do{Hang: true}})).To(Succeed())
			dead.create(ctx, person, v1alpha1.Profile{})
		}
		Eventually(ctx, dead.count).WithArguments("GET /user/2").Should(BeNumerically(">=", 4), "as many as there are tokens for, with those of a write")

		title := value("Title")
		before := user.DeepCopy()
		user.Spec.Profile.JobTitle = &title
		Expect(kubernetes.Patch(ctx, user, client.MergeFrom(before))).To(Succeed())
		Eventually(ctx, func() any { return live(ctx, id, "job_title") }).WithTimeout(20*time.Second).
			Should(Equal(title), "before the first of the calls that hang is given up")
		Expect(digicert.ClearFaults(ctx)).To(Succeed())
	})
})

var _ = Describe("Two managers with different selectors", func() {
	It("share the work by account, and leave each other's alone", func(ctx SpecContext) {
		ours, theirs := newStory(ctx), newStory(ctx)
		stopOperator(ctx)
		shard := func(name string) *world.Manager {
			GinkgoHelper()
			manager, err := earth.StartManager(ctx, world.ManagerOptions{
				Endpoints: digicert.URL, Output: seen(operatorLog), Args: []string{"--leader-elect=false", "--watch-label-selector", "shard=" + name},
			})
			Expect(err).NotTo(HaveOccurred())
			return manager
		}
		a := shard("a")
		labelled := func(object client.Object, name string) {
			GinkgoHelper()
			before := object.DeepCopyObject().(client.Object)
			object.SetLabels(map[string]string{"shard": name})
			Expect(kubernetes.Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
		}
		in := func(name string) func(*v1alpha1.CertCentralUser) {
			return func(user *v1alpha1.CertCentralUser) { user.Labels = map[string]string{"shard": name} }
		}
		title := value("Title")
		labelled(ours.account, "a")
		labelled(theirs.account, "b")
		ours.declare(ctx, newPerson(ctx, nil), v1alpha1.Profile{JobTitle: &title}, "True Updated", in("a"))
		id := newPerson(ctx, nil)
		user := theirs.create(ctx, id, v1alpha1.Profile{JobTitle: &title}, in("b"))
		stray := ours.create(ctx, newPerson(ctx, nil), v1alpha1.Profile{}, in("b"))

		b := shard("b")
		awaitReady(ctx, user, "True Updated")
		Expect(theirs.calls(ctx, id)).To(Equal(wrote), "by one of the two")
		awaitReady(ctx, stray, "False AccountNotReady")
		for _, manager := range []*world.Manager{a, b} {
			Expect(manager.Stop(ctx)).To(BeZero())
		}
		startOperator(ctx)
	})
})
