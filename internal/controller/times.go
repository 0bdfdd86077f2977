package controller

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// notAhead returns the time that an object tells; the zero time when it tells none, or one that lies ahead of now. Such a time was
// written by a clock that was wrong, or by a person, and what rests on it would rest until then.
func notAhead(now time.Time, told *metav1.Time) time.Time {
	if told == nil || told.After(now) {
		return time.Time{}
	}
	return told.Time
}

// atMost returns the earlier one of a time that an object tells and now: something did happen, and not later than now.
func atMost(now, told time.Time) time.Time {
	if told.After(now) {
		return now
	}
	return told
}
