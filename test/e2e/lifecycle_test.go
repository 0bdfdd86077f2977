package e2e

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = Describe("The operator", func() {
	It("ends on SIGTERM, and begins again where it was", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		title := value("Title")
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "True Updated")
		Expect(s.calls(ctx, id)).To(Equal(wrote))
		writes := statusWrites(s.namespace)

		stopOperator(ctx)
		startOperator(ctx)

		Eventually(ctx, record).WithArguments(id).Should(
			Satisfy(func(calls simulator.Calls) bool { return len(calls) > len(wrote) }), "it looks when it begins")
		look(ctx, user)
		Expect(s.calls(ctx, id)).To(HaveEach("GET 200"))
		Expect(ready(user)).To(Equal("True Updated"))
		Eventually(ctx, statusWrites).WithArguments(s.namespace).Should(Equal(writes+1), "the acknowledgement is the only write")
	})

	It("finishes a write under way when it gets SIGTERM, and tells its outcome", func(ctx SpecContext) {
		s := newStory(ctx)
		id := newPerson(ctx, nil)
		title := value("Title")
		slow := simulator.Fault{
			Match: simulator.Match{Method: "PUT", User: id},
			Do:    simulator.Do{Delay: simulator.Duration(3 * time.Second)},
		}
		Expect(digicert.Inject(ctx, slow)).To(Succeed())
		user := s.create(ctx, id, v1alpha1.Profile{JobTitle: &title})
		Eventually(ctx, record).WithArguments(id).Should(ContainElement(And(HaveField("Method", "PUT"), HaveField("Status", 0))),
			"the write is under way")

		stopOperator(ctx)

		Expect(s.calls(ctx, id)).To(Equal(wrote))
		Expect(live(ctx, id, "job_title")).To(Equal(title))
		Expect(kubernetes.Get(ctx, client.ObjectKeyFromObject(user), user)).To(Succeed())
		Expect(ready(user)).To(Equal("True Updated"))
		Expect(user.Status.Applied.Generation).To(Equal(user.Generation))

		startOperator(ctx)
		look(ctx, user)
		Expect(s.calls(ctx, id)).To(HaveEach("GET 200"))
	})

	It("does nothing at CertCentral when a resource is deleted", func(ctx SpecContext) {
		s := newStory(ctx)
		id, other := newPerson(ctx, nil), newPerson(ctx, nil)
		title := value("Title")
		user := s.declare(ctx, id, v1alpha1.Profile{JobTitle: &title}, "True Updated")
		witness := s.declare(ctx, other, v1alpha1.Profile{}, "True InSync")
		Expect(s.calls(ctx, id)).To(Equal(wrote))
		after := profileOf(ctx, id)

		Expect(kubernetes.Delete(ctx, user)).To(Succeed())
		Expect(kubernetes.Get(ctx, client.ObjectKeyFromObject(user), user)).To(Satisfy(apierrors.IsNotFound), "there is no finalizer")
		look(ctx, witness)

		Expect(s.calls(ctx, id)).To(BeEmpty())
		Expect(profileOf(ctx, id)).To(Equal(after))
	})
})
