package faults

import (
	"bytes"
	"encoding/json"
)

// judgeAudit checks that there is an audit line for each PUT: it goes before, so that a crash leaves none without.
func (r *run) judgeAudit(e evidence) {
	lines := map[int64]int{}
	for _, o := range []*operators{r.operators, r.second} {
		if o == nil {
			continue
		}
		for _, text := range bytes.Split(o.output.bytes(), []byte("\n")) {
			var line struct {
				Audit  string `json:"audit"`
				UserID int64  `json:"userID"`
				Fields string `json:"fields"`
			}
			if json.Unmarshal(text, &line) == nil && line.Audit != "" && line.Fields != "" {
				lines[line.UserID]++
			}
		}
	}
	for _, c := range e.calls {
		if c.Method != "PUT" {
			continue
		}
		if lines[c.User]--; lines[c.User] < 0 {
			r.violate("audit", "%s: no line in the log says that it was about to be made", c)
		}
	}
}
