package controller

import (
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// generations remembers the newest generation that was seen of each object of one kind. An object that is older than that comes
// out of a backup: writing for it could undo what was declared later, or what a later mode forbade.
type generations struct {
	mu     sync.Mutex
	newest map[types.NamespacedName]stamp
}

// stamp is one generation of one object.
type stamp struct {
	uid    types.UID
	number int64
	back   int64 // the older one that it was seen to go back to; 0 when it was not
}

// see takes notice of an object.
func (g *generations) see(object client.Object) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name, seen := client.ObjectKeyFromObject(object), stamp{uid: object.GetUID(), number: object.GetGeneration()}
	if before := g.newest[name]; before.uid == seen.uid && before.number > seen.number {
		return
	}
	if g.newest == nil {
		g.newest = map[types.NamespacedName]stamp{}
	}
	g.newest[name] = seen
}

// behind returns a verdict if the object is older than it was seen before, and was not changed since. A person may take it as it is.
func (g *generations) behind(object client.Object, taken bool, remedy string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	name, now := client.ObjectKeyFromObject(object), object.GetGeneration()
	newest := g.newest[name]
	if newest.uid != object.GetUID() || newest.number <= now {
		return nil
	}
	if taken || newest.back != 0 && now > newest.back {
		g.newest[name] = stamp{uid: newest.uid, number: now}
		return nil
	}
	newest.back = now
	g.newest[name] = newest
	return &verdict{
		reason: v1alpha1.ReasonRolledBack, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse, phase: stalled,
		note: fmt.Sprintf("%s went back from generation %d to %d, as after the restore of a backup: nothing is written until %s.",
			object.GetName(), newest.number, now, remedy),
		after: slowRecheck,
	}
}

// release forgets an object that is gone.
func (g *generations) release(name types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.newest, name)
}
