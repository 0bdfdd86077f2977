package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

func forbidden() error {
	return apierrors.NewForbidden(schema.GroupResource{Group: "certcentral.io", Resource: "certcentralusers"}, "", errors.New("no Role"))
}

// answering is a client whose lists of users in a namespace fail with what the function returns.
func answering(answer func(namespace string) error) client.Client {
	return interceptor.NewClient(direct, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			options := (&client.ListOptions{}).ApplyOptions(opts)
			if _, users := list.(*v1alpha1.CertCentralUserList); users {
				if err := answer(options.Namespace); err != nil {
					return err
				}
			}
			return c.List(ctx, list, opts...)
		},
	})
}

// refusing is a client that may not list what is in the namespaces.
func (w *world) refusing(namespaces ...string) client.Client {
	return answering(func(namespace string) error {
		if slices.Contains(namespaces, namespace) {
			return forbidden()
		}
		return nil
	})
}

func (w *world) watching(live client.Client, names ...string) *Namespaces {
	return &Namespaces{Live: live, Metrics: w.users.Metrics, Clock: w.clock, Names: names}
}

// announced are the events of the world's namespace about a lease, as "type reason: message".
func (w *world) announced(ctx context.Context) (lines []string) {
	GinkgoHelper()
	list := &corev1.EventList{}
	Expect(direct.List(ctx, list, client.InNamespace(w.namespace))).To(Succeed())
	for _, event := range list.Items {
		Expect(event.InvolvedObject).To(And(HaveField("Kind", "Lease"), HaveField("Name", "lease"), HaveField("UID", Not(BeEmpty()))))
		lines = append(lines, fmt.Sprintf("%s %s: %s", event.Type, event.Reason, event.Message))
	}
	return lines
}

var _ = Describe("Watched namespaces", func() {
	const (
		unreadable = "Warning NamespaceUnreadable: Namespace gone is to be watched and can't be read: it does not exist, or the operator has no " +
			"Role in it. Nothing is done there; it is served as soon as it can be read."
		readable = "Normal NamespaceReadable: Namespace gone can be read now, and is served."
	)
	gauge := func(name string, value int) string {
		return fmt.Sprintf("certcentral_namespace_readable{namespace=%q} %d\n", name, value)
	}

	It("that can't be read are named once in metric and event, and again when they can", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		Expect(direct.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "lease"}})).To(Succeed())
		n := w.watching(w.refusing("gone"), w.namespace, "gone")
		n.Lease = client.ObjectKey{Namespace: w.namespace, Name: "lease"}
		Expect(n.Check(nil)).To(MatchError("the watched namespaces were not probed yet"))
		for range 3 {
			n.Probe(ctx)
			n.Announce(ctx)
		}
		Expect(n.Check(nil)).To(Succeed(), "others can be read")
		Expect(w.metrics()).To(And(ContainSubstring(gauge(w.namespace, 1)), ContainSubstring(gauge("gone", 0))))
		Expect(w.announced(ctx)).To(Equal([]string{unreadable}))

		n.Live = answering(func(string) error { return errors.New("the API server does not answer") })
		n.Probe(ctx)
		n.Announce(ctx)
		Expect(w.metrics()).To(And(ContainSubstring(gauge(w.namespace, 1)), ContainSubstring(gauge("gone", 0))), "nobody knows better")

		n.Live = direct
		n.Probe(ctx)
		n.Announce(ctx)
		Expect(w.metrics()).To(ContainSubstring(gauge("gone", 1)))
		Expect(w.announced(ctx)).To(ConsistOf(unreadable, readable))
	})

	It("are no reason to be ready when none can be read", func(ctx SpecContext) {
		w := openWorld(ctx, ``)
		n := w.watching(w.refusing(w.namespace, "gone"), w.namespace, "gone")
		n.Probe(ctx)
		Expect(n.Check(nil)).To(MatchError("none of the watched namespaces can be read"))
		Expect(w.watching(w.refusing()).Check(nil)).To(Succeed(), "to watch all is another matter")
	})

	It("keep nobody waiting once they were refused for a while", func(ctx SpecContext) {
		i := NewNamespaceInformer(&cache.ListWatch{}, &v1alpha1.CertCentralUser{}, 0, cache.Indexers{}).(*namespaceInformer)
		registration, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{})
		Expect(err).NotTo(HaveOccurred())
		synced := func() []bool { return []bool{i.HasSynced(), registration.HasSynced()} }
		for range maxRefusals - 1 {
			i.failed(ctx, nil, fmt.Errorf("failed to list: %w", forbidden()))
		}
		Expect(synced()).To(HaveEach(BeFalse()))
		i.failed(ctx, nil, fmt.Errorf("failed to list: %w", forbidden()))
		Expect(synced()).To(HaveEach(BeTrue()))
		Expect(i.RemoveEventHandler(registration)).To(Succeed())
	})
})
