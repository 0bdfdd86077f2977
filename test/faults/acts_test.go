package faults

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// declareAccount creates the account and its Secret, and the namespace if there is none.
func (r *run) declareAccount(ctx context.Context) {
	if r.namespace == "" {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "plan-"}}
		r.must(r.Client.Create(ctx, namespace))
		r.namespace = namespace.Name
	} else {
		r.must(client.IgnoreAlreadyExists(r.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.namespace}})))
	}
	r.must(r.Client.Create(ctx, &corev1.Secret{ObjectMeta: r.meta("key"), StringData: map[string]string{"api-key": r.key}}))
	r.must(r.Client.Create(ctx, &v1alpha1.CertCentralAccount{ObjectMeta: r.meta("account"), Spec: v1alpha1.CertCentralAccountSpec{
		Endpoint: r.endpoint(), CABundle: r.server.CAPEM(), APIKeySecretRef: v1alpha1.SecretKeyRef{Name: "key"}, Budget: r.budget(),
		Interval: metav1.Duration{Duration: cmp.Or(r.plan.fault.interval, time.Minute)},
	}}))
}

// requestAccount asks for a look at the account.
func (r *run) requestAccount(ctx context.Context) {
	annotations := map[string]string{v1alpha1.AnnotationReconcileRequestedAt: rand.Text()}
	r.patch(ctx, r.account(), map[string]any{"metadata": map[string]any{"annotations": annotations}})
}

// declare creates the resource of a person, with a job title of a variant.
func (r *run) declare(ctx context.Context, i int, variant string) {
	p := r.people[i]
	p.title = r.text("title", i, variant)
	r.must(r.Client.Create(ctx, &v1alpha1.CertCentralUser{ObjectMeta: r.meta(userName(i)), Spec: v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "account"}, UserRef: v1alpha1.UserRef{ID: &p.id}, Mode: r.plan.workload.mode,
		Profile: v1alpha1.Profile{JobTitle: &p.title},
	}}))
}

// visitor is a resource of somebody whom CertCentral does not know.
func (r *run) visitor(i int) *v1alpha1.CertCentralUser {
	return &v1alpha1.CertCentralUser{ObjectMeta: r.meta(fmt.Sprintf("visitor-%d", i)), Spec: v1alpha1.CertCentralUserSpec{
		AccountRef: v1alpha1.AccountRef{Name: "account"}, UserRef: v1alpha1.UserRef{ID: new(int64(2_000_000_000 + i))},
	}}
}

// retitle declares another job title, with more at its end.
func (r *run) retitle(ctx context.Context, i int, variant string, more ...string) {
	r.people[i].title = r.text("title", i, variant) + strings.Join(more, "")
	r.patch(ctx, r.resource(i), map[string]any{"spec": map[string]any{"profile": map[string]any{"jobTitle": r.people[i].title}}})
}

// request asks for a look.
func (r *run) request(ctx context.Context, i int) {
	if r.people[i].title == "" {
		return
	}
	annotations := map[string]string{v1alpha1.AnnotationReconcileRequestedAt: rand.Text()}
	r.patch(ctx, r.resource(i), map[string]any{"metadata": map[string]any{"annotations": annotations}})
}

// delete deletes a resource, and forgets that it was declared.
func (r *run) delete(ctx context.Context, i int) {
	r.must(r.Client.Delete(ctx, r.resource(i)))
	r.people[i].title = ""
}

// edit changes a person as a colleague would, in CertCentral.
func (r *run) edit(i int, fields map[string]any) { r.must(r.certcentral.Edit(r.people[i].id, fields)) }

// rotateKey puts another key into the Secret. The one before is revoked.
func (r *run) rotateKey(ctx context.Context) {
	before := r.key
	r.key = newKey()
	r.keys = append(r.keys, r.key)
	r.must(r.certcentral.AddKey(simulator.Key{Key: r.key, UserID: keyOwner}))
	r.setSecret(ctx, map[string]string{"api-key": r.key})
	r.must(r.certcentral.RevokeKey(before))
}

// setSecret replaces the data of the account's Secret.
func (r *run) setSecret(ctx context.Context, data map[string]string) {
	secret := &corev1.Secret{ObjectMeta: r.meta("key"), StringData: data}
	r.must(r.Client.Update(ctx, secret))
}

// account is the run's, to be patched or deleted.
func (r *run) account() *v1alpha1.CertCentralAccount {
	return &v1alpha1.CertCentralAccount{ObjectMeta: r.meta("account")}
}

func (r *run) resource(i int) *v1alpha1.CertCentralUser {
	return &v1alpha1.CertCentralUser{ObjectMeta: r.meta(userName(i))}
}

// patch merges into an object.
func (r *run) patch(ctx context.Context, object client.Object, merge map[string]any) {
	encoded, err := json.Marshal(merge)
	r.must(err)
	r.must(r.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, encoded)))
}

// scrape returns the metrics. Who may do everything may see them.
func (r *run) scrape(ctx context.Context) (metrics []byte) {
	r.await(ctx, strikeWithin, "metrics", func() (ok bool) {
		metrics, ok = r.tryScrape(ctx)
		return ok
	})
	return metrics
}

func (r *run) tryScrape(ctx context.Context) (metrics []byte, ok bool) {
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.operators.manager().Metrics+"/metrics", http.NoBody)
	r.must(err)
	request.Header.Set("Authorization", "Bearer "+r.REST.BearerToken)
	answer, err := insecure.Do(request)
	if err != nil {
		return nil, false
	}
	defer func() { _ = answer.Body.Close() }()
	metrics, err = io.ReadAll(answer.Body)
	return metrics, err == nil && answer.StatusCode == http.StatusOK
}
