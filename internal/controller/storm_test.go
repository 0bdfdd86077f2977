package controller

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// due is a reconcile at its time; dues are ordered by it.
type due struct {
	at      time.Time
	request reconcile.Request
}
type dues []due

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)        { *d = append(*d, x.(due)) }
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// crowd is many users in memory, with a queue that reconciles each when its last outcome asks for it, in the world's time.
type crowd struct {
	w      *world
	users  map[types.NamespacedName]*v1alpha1.CertCentralUser
	queue  dues
	writes int
}

// newCrowd makes users who were looked at before, so that all the calls are polls, and who are due at once.
func (w *world) newCrowd(size int) *crowd {
	GinkgoHelper()
	c := &crowd{w: w, users: map[types.NamespacedName]*v1alpha1.CertCentralUser{}}
	for i := range size {
		id := int64(1000 + i)
		Expect(w.AddUser(id, map[string]any{"account_id": w.accountID})).To(Succeed())
		name := c.name(id)
		c.users[name] = &v1alpha1.CertCentralUser{
			ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, UID: types.UID(name.Name), Generation: 1},
			Spec: v1alpha1.CertCentralUserSpec{
				AccountRef: v1alpha1.AccountRef{Name: "digicert"}, UserRef: v1alpha1.UserRef{ID: &id}, Mode: v1alpha1.ModeEnforce,
			},
			Status: v1alpha1.CertCentralUserStatus{ObservedGeneration: 1},
		}
		heap.Push(&c.queue, due{w.clock.Now(), reconcile.Request{NamespacedName: name}})
	}
	w.users.Client = c.client()
	return c
}

// name is that of the resource for a CertCentral user.
func (c *crowd) name(id int64) types.NamespacedName {
	return types.NamespacedName{Namespace: c.w.namespace, Name: fmt.Sprintf("user-%d", id)}
}

// client reads and writes the crowd in memory.
func (c *crowd) client() client.Client {
	return interceptor.NewClient(direct, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
			switch into := into.(type) {
			case *v1alpha1.CertCentralUser:
				c.users[key].DeepCopyInto(into)
			case *v1alpha1.CertCentralAccount:
				c.w.account.DeepCopyInto(into)
			}
			return nil
		},
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return nil },
		SubResourcePatch: func(
			_ context.Context, _ client.Client, _ string, o client.Object, _ client.Patch, _ ...client.SubResourcePatchOption,
		) error {
			c.writes++
			c.users[nameOf(o)] = o.DeepCopyObject().(*v1alpha1.CertCentralUser)
			return nil
		},
	})
}

// run lets time pass from one reconcile that is due to the next.
func (c *crowd) run(ctx context.Context, d time.Duration) {
	GinkgoHelper()
	end := c.w.clock.Now().Add(d)
	for len(c.queue) > 0 && c.queue[0].at.Before(end) {
		next := heap.Pop(&c.queue).(due)
		if next.at.After(c.w.clock.Now()) {
			c.w.clock.SetTime(next.at)
		}
		after := c.reconcile(ctx, next.request)
		Expect(after).To(BeNumerically(">", 0), "somebody has to look again")
		heap.Push(&c.queue, due{c.w.clock.Now().Add(after), next.request})
	}
	c.w.clock.SetTime(end)
}

// reconcile returns when the controller would reconcile the user again.
func (c *crowd) reconcile(ctx context.Context, req reconcile.Request) time.Duration {
	result, err := c.w.users.Reconcile(ctrl.LoggerInto(ctx, GinkgoLogr.V(1)), req)
	queue := limiter{&c.w.users.retries, c.w.clock}
	if err != nil {
		return queue.When(req)
	}
	queue.Forget(req)
	return result.RequeueAfter
}

// said counts what is said of the users.
func (c *crowd) said() map[string]int {
	counts := map[string]int{}
	for _, user := range c.users {
		counts[saidOf(user)]++
	}
	return counts
}

var _ = Describe("A crowd of 300", func() {
	const size, perMinute, burst = 300, 180, 40

	DescribeTable("stays inside the budget of its key, and gets well", func(ctx SpecContext, do simulator.Do, said string) {
		w := openWorld(ctx, fmt.Sprintf(`budget: {requestsPerMinute: %d, burst: %d}`, perMinute, burst))
		w.SetRules(simulator.Rules{})
		w.step(time.Minute)
		w.Reset()
		c := w.newCrowd(size)
		expectInside := func() {
			GinkgoHelper()
			for _, window := range []time.Duration{time.Second, 5 * time.Second, time.Minute, 3 * time.Minute} {
				Expect(w.Calls().Peak(window)).To(BeNumerically("<=", burst+int(perMinute*window.Minutes())+1), "in %s", window)
			}
		}

		w.fault(simulator.Fault{Do: do})
		c.run(ctx, 6*time.Minute)
		expectInside()
		Expect(c.said()).To(HaveKeyWithValue(said, BeNumerically(">", 0)))
		Expect(c.writes).To(BeNumerically("<=", 2*size), "once for the trouble, and it is no news after")

		w.ClearFaults()
		c.run(ctx, 6*time.Minute)
		expectInside()
		Expect(c.said()).To(Equal(map[string]int{"InSync: Ready=True InSync=True": size}), "everybody was looked at")
	},
		Entry("while every answer is 500", simulator.Do{Status: 500}, unavailableSaid),
		Entry("while every answer is 429", simulator.Do{Status: 429}, throttledSaid),
		Entry("while nothing answers", simulator.Do{Drop: true}, unavailableSaid),
	)

	It("is looked at again within a minute after a maintenance of 2 hours", func(ctx SpecContext) {
		w := openWorld(ctx, fmt.Sprintf(`{interval: 10m, budget: {requestsPerMinute: %d, burst: %d}}`, perMinute, burst))
		w.step(time.Minute)
		c := w.newCrowd(burst / 2)
		w.fault(simulator.Fault{Do: simulator.Do{Status: 503}})
		c.run(ctx, 2*time.Hour)
		Expect(c.said()).To(Equal(map[string]int{unavailableSaid: burst / 2}))
		Expect(c.writes).To(Equal(burst/2), "two hours of trouble are told once")

		w.ClearFaults()
		c.run(ctx, time.Minute)
		Expect(c.said()).To(Equal(map[string]int{"InSync: Ready=True InSync=True": burst / 2}))
	})

	It("uses what there is of the budget when all is well", func(ctx SpecContext) {
		w := openWorld(ctx, fmt.Sprintf(`{interval: 1m, budget: {requestsPerMinute: %d, burst: %d}}`, perMinute, burst))
		w.SetRules(simulator.Rules{})
		c := w.newCrowd(size)
		c.run(ctx, 2*time.Minute)
		w.Reset()
		c.run(ctx, 8*time.Minute)
		Expect(len(w.Calls())).To(BeNumerically("~", 8*perMinute, 2*burst), "more than the budget is asked for, and all of it is used")
		looked := map[int64]bool{}
		for _, call := range w.Calls() {
			looked[call.User] = true
		}
		Expect(looked).To(HaveLen(size), "nobody is forgotten")
	})
})
