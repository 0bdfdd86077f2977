package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// fullLooks remembers when each resource's user was last looked at in full. The status tells it too, but an hour late: it is not
// written only because a look was made.
type fullLooks struct {
	mu    sync.Mutex
	users map[types.NamespacedName]fullLook
}

type fullLook struct {
	uid types.UID
	at  time.Time
}

// made records a look.
func (l *fullLooks) made(user *v1alpha1.CertCentralUser, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users == nil {
		l.users = map[types.NamespacedName]fullLook{}
	}
	l.users[client.ObjectKeyFromObject(user)] = fullLook{uid: user.UID, at: at}
}

// last returns when the latest look was, as far as the status tells where this process made none; the zero time when nobody knows.
func (l *fullLooks) last(user *v1alpha1.CertCentralUser, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if look, made := l.users[client.ObjectKeyFromObject(user)]; made && look.uid == user.UID {
		return look.at
	}
	return notAhead(now, user.Status.LastObservedTime)
}

// release forgets a resource that is gone.
func (l *fullLooks) release(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.users, name)
}
