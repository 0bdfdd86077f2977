package controller

import (
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// cluster is an API server in memory with one namespace, as far as the reconcilers use one: generations, resource versions, a
// status that is patched apart, and a cache that may lag. A real one takes seconds where a script may take milliseconds.
type cluster struct {
	now func() time.Time

	mu       sync.Mutex
	users    history[*v1alpha1.CertCentralUser]
	accounts history[*v1alpha1.CertCentralAccount]
	secret   []byte // the API key; nil when there is no Secret
	version  int    // of what was written last
	written  int    // statuses that the operator wrote, or tried to
	refused  int    // statuses to come that are not written,
	lost     int    // and that are, but nobody is told
}

// history is what the objects of a kind were after each change, by name. No object in it is ever changed.
type history[T client.Object] struct {
	states []map[string]T
	lag    int // changes by others that the cache has not seen yet
	own    int // the state that the operator wrote last: its cache waits for that one
}

func (h *history[T]) newest() map[string]T {
	if len(h.states) == 0 {
		return nil
	}
	return h.states[len(h.states)-1]
}

func (h *history[T]) cached() map[string]T {
	if len(h.states) == 0 {
		return nil
	}
	return h.states[max(len(h.states)-1-h.lag, h.own, 0)]
}

// put adds a state in which the name has the object.
func (h *history[T]) put(name string, object T) {
	next := maps.Clone(h.newest())
	if next == nil {
		next = map[string]T{}
	}
	next[name] = object
	h.states = append(h.states, next)
}

// remove adds a state without the name.
func (h *history[T]) remove(name string) {
	next := maps.Clone(h.newest())
	delete(next, name)
	h.states = append(h.states, next)
}

// stamp gives an object the next resource version, the next generation if its spec is another one, and a new one its identity.
func (c *cluster) stamp(object client.Object, respecified bool) {
	c.version++
	if respecified {
		object.SetGeneration(object.GetGeneration() + 1)
	}
	object.SetResourceVersion(strconv.Itoa(c.version))
	if object.GetUID() == "" {
		object.SetNamespace("pki")
		object.SetUID(types.UID(fmt.Sprintf("uid-%d", c.version)))
		object.SetGeneration(1)
		object.SetCreationTimestamp(metav1.NewTime(c.now().Truncate(time.Second)))
	}
}

// user returns a resource as it is now; nil when there is none.
func (c *cluster) user(name string) *v1alpha1.CertCentralUser {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.users.newest()[name]
}

// account returns the account as it is now.
func (c *cluster) account() *v1alpha1.CertCentralAccount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accounts.newest()["digicert"]
}

// spec returns what a generation of a resource declared.
func (c *cluster) spec(uid types.UID, generation int64) (spec v1alpha1.CertCentralUserSpec, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.users.states {
		for _, user := range state {
			if user.UID == uid && user.Generation == generation {
				return user.Spec, true
			}
		}
	}
	return spec, false
}

// apply changes a resource as a person would, creating it if it isn't there.
func (c *cluster) apply(name string, change func(*v1alpha1.CertCentralUser)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, found := c.users.newest()[name]
	after := &v1alpha1.CertCentralUser{Status: v1alpha1.CertCentralUserStatus{ObservedGeneration: -1}}
	if found {
		after = before.DeepCopy()
	}
	after.Name = name
	change(after)
	if !found || !equality.Semantic.DeepEqual(before, after) {
		c.stamp(after, found && !equality.Semantic.DeepEqual(before.Spec, after.Spec))
		c.users.put(name, after)
	}
}

// applyAccount is apply for the account.
func (c *cluster) applyAccount(change func(*v1alpha1.CertCentralAccountSpec)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, found := c.accounts.newest()["digicert"]
	after := &v1alpha1.CertCentralAccount{Status: v1alpha1.CertCentralAccountStatus{ObservedGeneration: -1}}
	if found {
		after = before.DeepCopy()
	}
	after.Name = "digicert"
	change(&after.Spec)
	if !found || !equality.Semantic.DeepEqual(before, after) {
		c.stamp(after, found && !equality.Semantic.DeepEqual(before.Spec, after.Spec))
		c.accounts.put("digicert", after)
	}
}

// delete takes a resource out.
func (c *cluster) delete(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users.newest()[name] != nil {
		c.users.remove(name)
	}
}

// restore replaces a resource by what it was some changes ago, as a backup does: another object of the same name, which is younger than
// the one that was saved. It does nothing if there was none.
func (c *cluster) restore(name string, ago int, withStatus bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	saved := c.users.states[max(0, len(c.users.states)-1-ago)][name]
	if saved == nil {
		return
	}
	restored := &v1alpha1.CertCentralUser{Spec: *saved.Spec.DeepCopy(), Status: v1alpha1.CertCentralUserStatus{ObservedGeneration: -1}}
	restored.Name, restored.Annotations = name, maps.Clone(saved.Annotations)
	if withStatus {
		restored.Status = *saved.Status.DeepCopy()
	}
	if c.users.newest()[name] != nil {
		c.users.remove(name)
	}
	c.stamp(restored, false)
	c.users.put(name, restored)
}

// restarted is what a new process knows: all that there is.
func (c *cluster) restarted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users.own, c.accounts.own = len(c.users.states)-1, len(c.accounts.states)-1
}
