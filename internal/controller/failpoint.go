//go:build !failpoints

package controller

import "k8s.io/utils/clock"

// Clock is the process's.
type Clock = clock.RealClock

// reach marks a place between two steps of a reconcile. It does nothing here: see failpoint_on.go.
func reach(place) {}
