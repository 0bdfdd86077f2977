package simulator

import (
	"slices"
	"time"
)

// version is a user as they were before a PUT at this time.
type version struct {
	time   time.Time
	before User
}

// lag keeps a person's state before a PUT that is about to be made, for as long as reads may show it.
func (s *Simulator) lag(p *person) {
	if s.rules.Lag > 0 {
		p.versions = append(s.lagging(p), version{s.now(), p.User})
	}
}

// lagging are the versions that reads still show, the oldest first.
func (s *Simulator) lagging(p *person) []version {
	i := slices.IndexFunc(p.versions, func(v version) bool { return s.now().Sub(v.time) < time.Duration(s.rules.Lag) })
	if i < 0 {
		return nil
	}
	return p.versions[i:]
}

// seen is the person as this read shows them. A stale read and one that lags show an earlier state; the others may
// alternate, beginning with the one before the last write.
func (s *Simulator) seen(p *person, stale bool) User {
	if stale && p.before != nil {
		return p.before
	}
	if late := s.lagging(p); len(late) > 0 {
		return late[0].before
	}
	if p.flipped = s.rules.Flip && p.before != nil && !p.flipped; p.flipped {
		return p.before
	}
	return p.User
}
