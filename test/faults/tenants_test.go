package faults

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// tenantPlans have somebody in a namespace that the account does not allow declare the same person, earlier. Whatever they do, the owner
// never gives way, drift is set back, and nobody asks CertCentral for the tenant.
func tenantPlans() (list []plan) {
	add := func(name string, sample bool, more v1alpha1.CertCentralUserSpec, later func(context.Context, *run, *v1alpha1.CertCentralUser)) {
		var tenant *v1alpha1.CertCentralUser
		list = append(list, plan{group: "tenants", name: name, workload: drift, sample: sample, fault: fault{
			keeps: true,
			early: func(ctx context.Context, r *run) {
				tenant = r.tenantDeclares(ctx, more)
				r.pass(ctx, 1100*time.Millisecond) // ages are told in seconds
			},
			strike: func(ctx context.Context, r *run) {
				if later != nil {
					later(ctx, r, tenant)
				}
			},
			heal: func(ctx context.Context, r *run) {
				if more.AccountRef.Namespace == "" && later == nil { // once more, with another look after it
					r.edit(0, map[string]any{"job_title": r.text("title", 0, "drifted")})
				}
				r.request(ctx, 0)
				r.await(ctx, strikeWithin, "drift to be set back", func() bool { return r.settled(ctx) })
				tenant.Finalizers = nil
				r.patch(ctx, tenant, map[string]any{"metadata": map[string]any{"finalizers": nil}})
			},
		}})
	}
	add("older", true, v1alpha1.CertCentralUserSpec{}, nil)
	add("older and suspended", true, v1alpha1.CertCentralUserSpec{Suspend: true}, nil)
	add("older, and suspended once it was refused", false, v1alpha1.CertCentralUserSpec{}, func(ctx context.Context, r *run, tenant *v1alpha1.CertCentralUser) {
		r.patch(ctx, tenant, map[string]any{"spec": map[string]any{"suspend": true}})
		r.pass(ctx, time.Second)
		r.request(ctx, 0)
	})
	add("older, with a status by hand", true, v1alpha1.CertCentralUserSpec{}, func(ctx context.Context, r *run, tenant *v1alpha1.CertCentralUser) {
		r.takeStatusOf(ctx, 0, tenant)
		r.request(ctx, 0)
	})
	add("older and suspended, with a status by hand", false, v1alpha1.CertCentralUserSpec{Suspend: true}, func(ctx context.Context, r *run, tenant *v1alpha1.CertCentralUser) {
		r.takeStatusOf(ctx, 0, tenant)
		r.request(ctx, 0)
	})
	add("older, and going for ever", false, v1alpha1.CertCentralUserSpec{Suspend: true}, func(ctx context.Context, r *run, tenant *v1alpha1.CertCentralUser) {
		r.patch(ctx, tenant, map[string]any{"metadata": map[string]any{"finalizers": []string{"example.com/stays"}}})
		r.must(r.Client.Delete(ctx, tenant))
		r.pass(ctx, time.Second)
		r.request(ctx, 0)
	})
	add("older, with an account of its own that can't be used", false, v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "own"},
	}, nil)
	return list
}

// tenantDeclares declares the first person in a namespace that is not allowed.
func (r *run) tenantDeclares(ctx context.Context, spec v1alpha1.CertCentralUserSpec) *v1alpha1.CertCentralUser {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "tenant-" + strings.ToLower(rand.Text()[:8])}}
	r.must(r.Client.Create(ctx, namespace))
	r.tenants = append(r.tenants, namespace.Name)
	if spec.AccountRef.Name == "" {
		spec.AccountRef = v1alpha1.AccountRef{Name: "account", Namespace: r.namespace}
	} else {
		own := &v1alpha1.CertCentralAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: spec.AccountRef.Name}}
		own.Spec.Endpoint, own.Spec.CABundle, own.Spec.AccountID = r.endpoint(), r.server.CAPEM(), new(int64(123654))
		own.Spec.APIKeySecretRef.Name = "missing"
		r.must(r.Client.Create(ctx, own))
	}
	title := r.text("title", 0, "tenant")
	r.foreign = append(r.foreign, title)
	spec.UserRef, spec.Profile = v1alpha1.UserRef{ID: &r.people[0].id}, v1alpha1.Profile{JobTitle: &title}
	user := &v1alpha1.CertCentralUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "a-tenant"}, Spec: spec}
	r.must(r.Client.Create(ctx, user))
	return user
}

// takeStatusOf gives a resource the status of a person's, by hand.
func (r *run) takeStatusOf(ctx context.Context, i int, user *v1alpha1.CertCentralUser) {
	encoded, err := json.Marshal(map[string]any{"status": r.user(ctx, i).Status})
	r.must(err)
	r.patchStatus(ctx, user, encoded)
	r.pass(ctx, time.Second)
}
