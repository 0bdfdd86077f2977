package certcentral

import (
	"encoding/json"
	"strconv"
	"time"
)

const (
	// loginAhead is how far ahead of now a login may lie, since clocks differ.
	loginAhead = 5 * time.Minute
	// firstMilli is the number from which a Unix time must be one of milliseconds: as seconds it would be of the year 5138.
	firstMilli = 1e11
)

// loginLayouts are the documented form, which has no zone and is taken as UTC, the observed one, and their like. Each takes a fraction
// of the second too.
var loginLayouts = []string{
	time.DateTime, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05-0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 UTC",
}

// parseLogin reads when somebody signed in: absent, null and "" are zero, and a Unix time may be a number or a string. It is not
// readable where nobody can tell, or where it has not come yet.
func parseLogin(raw json.RawMessage, now time.Time) (at time.Time, readable bool) {
	if !present(raw) {
		return time.Time{}, true
	}
	spelled := string(raw)
	if raw[0] == '"' && json.Unmarshal(raw, &spelled) != nil {
		return time.Time{}, false
	}
	if spelled == "" {
		return time.Time{}, true
	}
	at, readable = loginTime(spelled)
	if !readable || at.After(now.Add(loginAhead)) {
		return time.Time{}, false
	}
	return at, true
}

func loginTime(spelled string) (time.Time, bool) {
	if unix, err := strconv.ParseInt(spelled, 10, 64); err == nil {
		if unix >= firstMilli {
			return time.UnixMilli(unix).UTC(), true
		}
		return time.Unix(unix, 0).UTC(), unix > 0
	}
	for _, layout := range loginLayouts {
		if at, err := time.Parse(layout, spelled); err == nil && at.UTC().Year() > 0 {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
