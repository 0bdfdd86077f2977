package certcentral

import "time"

// rounding is the part of a token that floating point may lose on the way.
const rounding = 1e-6

// bucket counts tokens. Those that are left, held and waited for never exceed the burst together: a token that was granted counts as
// in the bucket until its request leaves.
type bucket struct {
	left    float64 // that nobody took; below 0 as long as somebody waits
	held    int     // granted, and neither spent nor given back
	waiting int     // that somebody waits for
	at      time.Time
}

// drain makes the bucket empty as of a time, which may lie ahead: it fills from then on.
func (k *bucket) drain(at time.Time) { *k = bucket{at: at} }

// advance adds what came until now, and returns what it had no room for.
func (k *bucket) advance(now time.Time, l Limits) (lost float64) {
	if !now.After(k.at) {
		return 0
	}
	came := now.Sub(k.at).Seconds() * l.perSecond()
	k.at = now
	k.left += came
	return min(k.trim(l.Burst), came)
}

// trim takes away what the bucket has no room for, as far as nobody has it, and returns that.
func (k *bucket) trim(burst int) (lost float64) {
	free := k.left + float64(k.waiting)
	lost = max(0, min(free, free+float64(k.held-burst)))
	k.left -= lost
	return lost
}

// full tells whether no more tokens find room.
func (k *bucket) full(burst int) bool {
	return k.left+float64(k.held) >= float64(burst)-rounding && k.waiting == 0
}
