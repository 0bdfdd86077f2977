package controller

import (
	"fmt"
	"strconv"
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
	back   int64  // the older one that it was seen to go back to; 0 when it was not
	given  string // the annotation that accepts a rollback, as it was before anybody can have been told of this one
}

// see takes notice of an object. What an earlier process knew of a user is read from the status, if it is this very resource's.
func (g *generations) see(object client.Object) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name, seen := client.ObjectKeyFromObject(object), stamp{uid: object.GetUID(), number: object.GetGeneration()}
	before := g.newest[name]
	if user, isUser := object.(*v1alpha1.CertCentralUser); isUser && before.uid != seen.uid && user.Status.ResourceUID == string(seen.uid) {
		before = recallStamp(user)
	}
	if before.uid != seen.uid || before.number <= seen.number {
		before = seen
	}
	if g.newest == nil {
		g.newest = map[types.NamespacedName]stamp{}
	}
	g.newest[name] = before
}

func recallStamp(user *v1alpha1.CertCentralUser) stamp {
	recalled := stamp{uid: user.UID, number: user.Status.ObservedGeneration}
	if back := user.Status.RolledBack; back != nil {
		recalled.number, recalled.back, recalled.given = back.From, back.To, back.Accepted
	}
	return recalled
}

// behind tells of an object that is older than it was seen before, and was neither changed nor accepted since; nil of any other. What
// accepts it is a value that the annotation did not have when this was found: one of the backup, say.
func (g *generations) behind(object client.Object) *v1alpha1.Rollback {
	g.mu.Lock()
	defer g.mu.Unlock()
	name, now := client.ObjectKeyFromObject(object), object.GetGeneration()
	newest := g.newest[name]
	if newest.uid != object.GetUID() || newest.number <= now {
		return nil
	}
	value := object.GetAnnotations()[v1alpha1.AnnotationAcceptRollback]
	found := newest.back == 0 || now < newest.back
	accepted := !found && value != newest.given && value == strconv.FormatInt(now, 10)
	if accepted || !found && now > newest.back {
		g.newest[name] = stamp{uid: newest.uid, number: now}
		return nil
	}
	newest.back, newest.given = now, clip(value)
	g.newest[name] = newest
	return &v1alpha1.Rollback{From: newest.number, To: now, Accepted: newest.given}
}

// release forgets an object that is gone.
func (g *generations) release(name types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.newest, name)
}

// acceptsRollback tells whether a person newly takes the resource as it went back.
func acceptsRollback(user *v1alpha1.CertCentralUser) bool {
	back, value := user.Status.RolledBack, user.Annotations[v1alpha1.AnnotationAcceptRollback]
	return back != nil && value != back.Accepted && value == strconv.FormatInt(back.To, 10)
}

// rolledBack returns a verdict if the user or its account is older than it was seen before.
func (r *UserReconciler) rolledBack(user *v1alpha1.CertCentralUser, found *findings) error {
	account := found.access.account
	if back := r.seenAccounts.behind(account); back != nil {
		return wentBack(account, back)
	}
	if found.rolledBack != nil {
		return wentBack(user, found.rolledBack)
	}
	return nil
}

func wentBack(object client.Object, back *v1alpha1.Rollback) *verdict {
	value := strconv.FormatInt(back.To, 10)
	how := "set"
	if back.Accepted == value {
		how = "taken away and set"
	}
	return &verdict{
		reason: v1alpha1.ReasonRolledBack, ready: metav1.ConditionFalse, inSync: metav1.ConditionFalse, phase: stalled,
		note: fmt.Sprintf("%s went back from generation %d to %d, as after the restore of a backup: nothing is written until "+
			"its spec is changed, or its annotation %s %s to %q.",
			object.GetName(), back.From, back.To, v1alpha1.AnnotationAcceptRollback, how, value),
		after: slowRecheck,
	}
}
