package controller

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unreachable are the causes that take turns in one outage, beside each status from 500.
var unreachable = []string{
	"timeout", "connection refused", "connection reset", "connection closed", "connection failed", "no route to host",
}

// keepCause keeps the cause that a condition names already, where this one is of the same outage: a service that is down answers one
// request with a 503, the next with a reset and the third not at all, and none of that is news.
func (v *verdict) keepCause(before *metav1.Condition) {
	if v.cause == "" || before == nil || before.Reason != v.reason {
		return
	}
	said, sameNote := strings.CutPrefix(before.Message, v.beforeCause())
	said = strings.TrimSuffix(said, ".")
	if sameNote && ofOutage(said) && ofOutage(v.cause) {
		v.cause = said
	}
}

func ofOutage(cause string) bool {
	return strings.HasPrefix(cause, "status 5") || slices.Contains(unreachable, cause)
}
