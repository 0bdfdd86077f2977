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
}

// see takes notice of an object.
func (g *generations) see(object client.Object) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name, seen := client.ObjectKeyFromObject(object), stamp{object.GetUID(), object.GetGeneration()}
	if before := g.newest[name]; before.uid == seen.uid && before.number > seen.number {
		return
	}
	if g.newest == nil {
		g.newest = map[types.NamespacedName]stamp{}
	}
	g.newest[name] = seen
}

// behind returns a verdict if the object is older than it was seen before. That a person asked for a look takes it as it is.
func (g *generations) behind(object client.Object, kind string, asked bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	newest := g.newest[client.ObjectKeyFromObject(object)]
	if newest.uid != object.GetUID() || newest.number <= object.GetGeneration() {
		return nil
	}
	if asked {
		delete(g.newest, client.ObjectKeyFromObject(object))
		return nil
	}
	return &verdict{
		reason: v1alpha1.ReasonRolledBack, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse, phase: stalled,
		note: fmt.Sprintf("The %s went back from generation %d to %d, as after the restore of a backup: nothing is written until its spec "+
			"is changed, or its annotation %s set to a new value.",
			kind, newest.number, object.GetGeneration(), v1alpha1.AnnotationReconcileRequestedAt),
		after: slowRecheck,
	}
}

// release forgets an object that is gone.
func (g *generations) release(name types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.newest, name)
}
