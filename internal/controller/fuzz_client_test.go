package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// client is what the operator has: reads from the cache, and writes of statuses.
func (c *cluster) client() client.Client {
	return interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.read(c.users.cached(), c.accounts.cached(), key.Name, into)
		},
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.list(list.(*v1alpha1.CertCentralUserList), (&client.ListOptions{}).ApplyOptions(opts))
		},
		SubResourcePatch: func(
			_ context.Context, _ client.Client, _ string, o client.Object, p client.Patch, _ ...client.SubResourcePatchOption,
		) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.written++
			return c.patchStatus(o, p)
		},
	})
}

// live reads from the API server itself.
func (c *cluster) live() client.Reader {
	return interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.read(c.users.newest(), c.accounts.newest(), key.Name, into)
		},
	})
}

func (c *cluster) read(
	users map[string]*v1alpha1.CertCentralUser, accounts map[string]*v1alpha1.CertCentralAccount, name string, into client.Object,
) error {
	switch into := into.(type) {
	case *v1alpha1.CertCentralUser:
		if user := users[name]; user != nil {
			user.DeepCopyInto(into)
			return nil
		}
	case *v1alpha1.CertCentralAccount:
		if account := accounts[name]; account != nil {
			account.DeepCopyInto(into)
			return nil
		}
	case *corev1.Secret:
		if c.secret != nil {
			into.Data = map[string][]byte{"api-key": c.secret}
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, name)
}

func (c *cluster) list(into *v1alpha1.CertCentralUserList, options *client.ListOptions) error {
	users := c.users.cached()
	for _, name := range slices.Sorted(maps.Keys(users)) {
		wanted := true
		if options.FieldSelector != nil {
			for _, r := range options.FieldSelector.Requirements() {
				wanted = wanted && slices.Contains(indexes[r.Field](users[name]), r.Value)
			}
		}
		if wanted {
			into.Items = append(into.Items, *users[name].DeepCopy())
		}
	}
	if options.FieldSelector != nil && options.FieldSelector.Requirements()[0].Field == fieldAccount {
		into.Items = append(into.Items, bystanders...)
	}
	return nil
}

// bystanders make the account one that is walked through. Nobody looks at them.
var bystanders = func() []v1alpha1.CertCentralUser {
	users := make([]v1alpha1.CertCentralUser, few)
	for i := range users {
		users[i].Namespace, users[i].Name = "pki", fmt.Sprintf("bystander-%d", i)
		users[i].Spec = v1alpha1.CertCentralUserSpec{AccountRef: v1alpha1.AccountRef{Name: "digicert"}, Suspend: true}
	}
	return users
}()

// patchStatus merges a patch into the status that there is, unless it was made for another version.
func (c *cluster) patchStatus(object client.Object, patch client.Patch) error {
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	if c.refused > 0 {
		c.refused--
		return apierrors.NewInternalError(errors.New("no room left"))
	}
	lost := c.lost > 0
	if lost {
		c.lost--
	}
	name := object.GetName()
	switch object := object.(type) {
	case *v1alpha1.CertCentralUser:
		err = patchIn(c, &c.users, name, data, object, lost)
	case *v1alpha1.CertCentralAccount:
		err = patchIn(c, &c.accounts, name, data, object, lost)
	}
	if err == nil && lost {
		return apierrors.NewTimeoutError("nobody knows", 1)
	}
	return err
}

// patchIn puts what the patch makes of an object into the history and into. What is lost, the operator's cache does not wait for.
func patchIn[T client.Object](c *cluster, h *history[T], name string, data []byte, into T, lost bool) error {
	before, found := h.newest()[name]
	if !found {
		return apierrors.NewNotFound(schema.GroupResource{}, name)
	}
	var change struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Status map[string]any `json:"status"`
	}
	if err := json.Unmarshal(data, &change); err != nil {
		return err
	}
	if made := change.Metadata.ResourceVersion; made != "" && made != before.GetResourceVersion() {
		return apierrors.NewConflict(schema.GroupResource{}, name, errors.New("it was changed"))
	}
	whole := map[string]any{}
	if err := convert(before, &whole); err != nil {
		return err
	}
	whole["status"] = merged(whole["status"], change.Status)
	after := reflect.New(reflect.TypeOf(into).Elem()).Interface().(T)
	if err := convert(whole, after); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(before, after) {
		c.stamp(after, false)
		h.put(name, after)
	}
	if !lost {
		h.own = len(h.states) - 1
	}
	return convert(after, into)
}

func convert(from, to any) error {
	encoded, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, to)
}

// merged is a JSON merge patch (RFC 7386) of objects.
func merged(before any, patch map[string]any) map[string]any {
	after, ok := before.(map[string]any)
	if !ok {
		after = map[string]any{}
	}
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(after, key)
		case map[string]any:
			after[key] = merged(after[key], value)
		default:
			after[key] = value
		}
	}
	return after
}
