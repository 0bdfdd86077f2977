package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// person is a user with the memory that stale reads and undone writes need.
type person struct {
	User
	service bool
	before  User // as it was before the last write of anyone, nil when there was none
	undo    User // the profile an identity provider will put back, nil when there is none
	undoIn  int  // reads until it does

	versions []version // of the PUTs that reads may lag behind
	flipped  bool      // the last read showed the state before
}

// get answers GET /user/{id} and GET /user/me.
func (s *Simulator) get(v *visit, k *credential, id string) answer {
	p := s.find(v, k, id)
	if p == nil {
		return notFound()
	}
	p.readByOwner()
	if v.do.Malform == OtherUser {
		return succeed(http.StatusOK, s.other(p, k))
	}
	return succeed(http.StatusOK, s.view(p, v.do.Stale))
}

// put answers PUT /user/{id}: 204 and an empty body, once the profile is replaced.
func (s *Simulator) put(v *visit, k *credential, id string) answer {
	if k.Permissions != Manage {
		return refuse(http.StatusForbidden, apiError{"access_denied|missing_permission", "The key may not manage users."})
	}
	p := s.find(v, k, id)
	if p == nil {
		return notFound()
	}
	var body User
	if json.Unmarshal(v.body, &body) != nil || body == nil {
		return refuse(http.StatusBadRequest, apiError{"bad_request_format", "The body is not a JSON object."})
	}
	after, wrong := s.rules.settle(p.User, p.service, body)
	if len(wrong) == 0 && s.rules.UnchangedRefused && len(changed(p.User, after)) == 0 {
		wrong = []apiError{{"nothing_changed", "The profile already has these values."}}
	}
	if len(wrong) > 0 {
		return refuse(http.StatusBadRequest, wrong...)
	}
	return s.write(v, p, s.rules.partly(p.User, after))
}

// write replaces the profile, as far as its owner lets it.
func (s *Simulator) write(v *visit, p *person, after User) answer {
	owned := s.rules.Owned[p.number("id")]
	done := answer{status: http.StatusNoContent}
	switch owned.Put {
	case Refused:
		return refuse(http.StatusForbidden, apiError{"access_denied", "The identity provider owns this profile."})
	case Ignored:
		done.note = "ignored"
		return done
	case Undone:
		p.undoAfter(max(1, owned.After))
	}
	s.lag(p)
	v.call.Before = p.profile()
	v.call.Changed, v.call.Applied = p.replace(after), true
	v.call.After = p.profile()
	done.note = told(v.call.Changed)
	return done
}

// undoAfter remembers the profile as its owner wants it; further writes before the undoing do not change that.
func (p *person) undoAfter(reads int) {
	if p.undo == nil {
		p.undo = p.User
	}
	p.undoIn = reads
}

// readByOwner counts a read, and on the last of them puts the owner's profile back. What isn't profile stays.
func (p *person) readByOwner() {
	if p.undo == nil {
		return
	}
	if p.undoIn--; p.undoIn > 0 {
		return
	}
	restored := maps.Clone(p.User)
	for _, field := range profileFields {
		restored.set(field.name, p.undo.text(field.name))
	}
	if flag, had := p.undo[ssoField]; had {
		restored[ssoField] = flag
	}
	p.User, p.undo = restored, nil
}

// find returns the user the path names if the key can see it, else nil.
func (s *Simulator) find(v *visit, k *credential, id string) *person {
	n, _ := strconv.ParseInt(id, 10, 64)
	if id == "me" && v.method == http.MethodGet {
		n = k.UserID
		v.call.User = n
	}
	p := s.people[n]
	if p == nil || !k.sees(p) {
		return nil
	}
	return p
}

// view is the user as GET shows it: now, or as it was before the last write.
func (s *Simulator) view(p *person, stale bool) User {
	shown := maps.Clone(s.seen(p, stale))
	for _, name := range []string{"job_title", "telephone", "last_login_date"} {
		if meaning(shown[name]) == nil {
			delete(shown, name)
		}
	}
	if date, err := time.Parse(time.DateTime, shown.text("last_login_date")); err == nil && s.rules.ZonedDates {
		shown.set("last_login_date", date.Format("2006-01-02T15:04:05-07:00"))
	}
	if flag := string(shown[ssoField]); s.rules.SSOServedAsString && (flag == "true" || flag == "false") {
		shown[ssoField] = raw(flag)
	}
	return shown
}

// other is the next user of the account, whole, as a mixed-up cache would serve it; alone there, the same with another id.
func (s *Simulator) other(p *person, k *credential) User {
	id := p.number("id")
	visible := s.visible(k, p.service)
	i := slices.Index(visible, p)
	if next := visible[(i+1)%len(visible)]; next != p {
		return s.view(next, false)
	}
	alone := s.view(p, false)
	alone["id"] = raw(id + 1)
	return alone
}
