//go:build failpoints

package controller

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/utils/clock"
)

// Clock is the process's, which is ahead by as much as the environment variable CLOCK_AHEAD says, or behind. Statuses and decisions go
// by it; timers go on as they do.
type Clock struct{ clock.RealClock }

// Now is the time as this process has it.
func (c Clock) Now() time.Time {
	ahead, _ := time.ParseDuration(os.Getenv("CLOCK_AHEAD"))
	return c.RealClock.Now().Add(ahead)
}

// Since is how long ago a time was, by this clock.
func (c Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// failpoint is what the file asks for that the environment variable FAILPOINT names, as in confirmed:kill:2: at the place, the
// second time that it is reached, the process kills itself, panics (panic), or stops itself until somebody lets it go on (stop).
// It fails once: the file is gone then.
var failpoint failpointState

type failpointState struct {
	mu      sync.Mutex
	asked   string
	reached int
}

// reach fails as the failpoint asks for, if this is its place and its time.
func reach(p place) {
	switch failpoint.due(p) {
	case "panic":
		panic(fmt.Sprintf("failpoint %s", p))
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(100 * time.Millisecond) // the signal is on its way to the other threads
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

// due returns what to do at a place, "" for nothing.
func (f *failpointState) due(p place) (action string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked, _ := os.ReadFile(os.Getenv("FAILPOINT"))
	if string(asked) != f.asked {
		f.asked, f.reached = string(asked), 0
	}
	parts := strings.Split(f.asked, ":")
	if len(parts) != 3 || place(parts[0]) != p {
		return ""
	}
	f.reached++
	if strconv.Itoa(f.reached) != parts[2] {
		return ""
	}
	_ = os.Remove(os.Getenv("FAILPOINT"))
	return parts[1]
}
