package controller

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const (
	// hearsayAfter is how soon a user is looked at whose status somebody else wrote, once for all that comes until then.
	hearsayAfter = 5 * time.Second
	// maxExpected is how many own writes of one status may be on their way back at a time.
	maxExpected = 8
)

// statuses tells the statuses that this process wrote from those that somebody else did: a person, the restore of a backup, another
// operator. What such a status says is hearsay until the user was looked at.
type statuses struct {
	mu       sync.Mutex
	expected map[types.NamespacedName][]uint64 // own writes that did not come back as events yet, the oldest first
	others   map[types.NamespacedName]struct{} // resources whose status somebody else wrote
}

// expect records that a status is about to be written.
func (s *statuses) expect(name types.NamespacedName, status *v1alpha1.CertCentralUserStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expected == nil {
		s.expected = map[types.NamespacedName][]uint64{}
	}
	writes := slices.Concat(s.expected[name], []uint64{sumOf(status)})
	s.expected[name] = writes[max(0, len(writes)-maxExpected):]
}

// came takes notice of a status that is new, and tells whether somebody else wrote it.
func (s *statuses) came(name types.NamespacedName, status *v1alpha1.CertCentralUserStatus) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	writes := s.expected[name]
	if at := slices.Index(writes, sumOf(status)); at >= 0 {
		if s.expected[name] = slices.Clone(writes[at+1:]); at+1 == len(writes) { // those before it were replaced before anybody saw them
			delete(s.expected, name)
		}
		return false
	}
	if s.others == nil {
		s.others = map[types.NamespacedName]struct{}{}
	}
	s.others[name] = struct{}{}
	return true
}

// hearsay tells whether somebody else wrote the status since the user was last looked at.
func (s *statuses) hearsay(name types.NamespacedName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, is := s.others[name]
	return is
}

// confirm records that the user was looked at.
func (s *statuses) confirm(name types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.others, name)
}

// release forgets a resource that is gone.
func (s *statuses) release(name types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.others, name)
	delete(s.expected, name)
}

// watch returns a handler that queues users whose status somebody else wrote.
func (s *statuses) watch() handler.EventHandler {
	return handler.Funcs{UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
		before, after := e.ObjectOld.(*v1alpha1.CertCentralUser), e.ObjectNew.(*v1alpha1.CertCentralUser)
		name := client.ObjectKeyFromObject(after)
		if equality.Semantic.DeepEqual(&before.Status, &after.Status) || !s.came(name, &after.Status) {
			return
		}
		opts := priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority), After: hearsayAfter}
		q.(priorityqueue.PriorityQueue[reconcile.Request]).AddWithOpts(opts, reconcile.Request{NamespacedName: name})
	}}
}

// sumOf is a checksum of a status as the API server stores it.
func sumOf(status *v1alpha1.CertCentralUserStatus) uint64 {
	stored, _ := json.Marshal(status)
	return maphash.Bytes(seed, stored)
}
