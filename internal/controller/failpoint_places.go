package controller

// place is a place between two steps of a reconcile, where a test may have the process fail. That PUT is sent and applied is seen
// at the other end.
type place string

const (
	looked    place = "looked"    // the live user is known, nothing was decided
	confirmed place = "confirmed" // the write is still wanted, and not sent
	written   place = "written"   // the write was acknowledged
	verified  place = "verified"  // what stayed of the write is known
	reporting place = "reporting" // the status is about to be written
	reported  place = "reported"  // the status is written
)
