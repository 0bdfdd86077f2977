package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
)

// firstRelook is how soon a look that was refused is made again; it doubles up to slowRecheck.
const firstRelook = time.Minute

// missed counts, for each resource, the looks in a row that CertCentral refused in the same way: one such answer may be a slip.
type missed struct {
	mu    sync.Mutex
	users map[types.NamespacedName]misses
}

type misses struct {
	uid   types.UID
	kind  certcentral.Kind
	times int
}

// count takes notice of how a look ended, and returns how many in a row were refused like it; 0 for one that was not refused. Where
// this process has seen none, the status tells whether an earlier one was sure already.
func (m *missed) count(user *v1alpha1.CertCentralUser, looked bool, kind certcentral.Kind) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := client.ObjectKeyFromObject(user)
	if looked {
		delete(m.users, name)
		return 0
	}
	if kind != certcentral.NotFound && kind != certcentral.Forbidden {
		return 0
	}
	last := m.users[name]
	if last.uid != user.UID || last.kind != kind {
		last = misses{uid: user.UID, kind: kind, times: toldMisses(user, kind)}
	}
	last.times++
	if m.users == nil {
		m.users = map[types.NamespacedName]misses{}
	}
	m.users[name] = last
	return last.times
}

// toldMisses is how many refused looks a status speaks of: enough for the slow re-check once it says Stalled.
func toldMisses(user *v1alpha1.CertCentralUser, kind certcentral.Kind) int {
	ready := meta.FindStatusCondition(user.Status.Conditions, v1alpha1.ConditionReady)
	reason := map[certcentral.Kind]string{certcentral.NotFound: v1alpha1.ReasonUserNotFound, certcentral.Forbidden: v1alpha1.ReasonForbidden}[kind]
	switch {
	case ready == nil || ready.Reason != reason || ready.ObservedGeneration != user.Generation:
		return 0
	case meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionStalled):
		return 6
	}
	return 1
}

// release forgets a resource that is gone.
func (m *missed) release(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.users, name)
}

// again makes of the verdict on a refused look one that waits longer each time, and calls a person from the second time on.
func (v *verdict) again(times int) *verdict {
	v.after = min(firstRelook<<min(times-1, 6), slowRecheck)
	if times == 1 {
		v.phase, v.ready = retrying, metav1.ConditionUnknown
		v.note += " It is looked at once more before that is taken for true."
	}
	return v
}
