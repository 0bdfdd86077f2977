package faults

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// What resources say of it.
const (
	saysBadResponse = "BadResponse: Ready=Unknown InSync=Unknown Reconciling=True"
	saysUnavailable = "Unavailable: Ready=Unknown InSync=Unknown Reconciling=True"
	saysThrottled   = "Throttled: Ready=Unknown InSync=Unknown Reconciling=True"
	saysForbidden   = "Forbidden: Ready=False InSync=Unknown Stalled=True"
	saysNotFound    = "UserNotFound:" // which is said before it is known to stay so
	saysRejected    = "Rejected: Ready=False InSync=False Stalled=True"
	saysNotAccepted = "NotAccepted: Ready=False InSync=False"
	saysInSync      = "InSync: Ready=True InSync=True"
	saysNotReady    = "AccountNotReady: Ready=False InSync=Unknown"
	saysPending     = "AccountNotReady: Ready=Unknown InSync=Unknown Reconciling=True"
	saysKeyRefused  = "KeyRefused: Ready=False Stalled=True"
)

// keyTriedWithin is when a key that was refused has been tried again, and its users with it: it is tried once a minute.
const keyTriedWithin = 75 * time.Second

// on is a fault of each call of a method about the first person.
func on(method string, do simulator.Do) []simulator.Fault {
	return []simulator.Fault{{Match: simulator.Match{Method: method, User: -1}, Do: do}}
}

// everywhere is a fault of each call.
func everywhere(do simulator.Do) []simulator.Fault { return []simulator.Fault{{Do: do}} }

// proxyPage is what something before CertCentral answers in its place.
const proxyPage = "<html><body><h1>It is not here.</h1></body></html>"

// answerPlans have CertCentral, or what is before it, answer what it should not.
func answerPlans() (list []plan) {
	add := func(name string, f fault) {
		list = append(list, plan{group: "answers", name: name, workload: change, fault: f, sample: strings.HasPrefix(name, "429") || f.asked})
	}
	for _, a := range []struct {
		name      string
		do        simulator.Do
		look, put string // what is said when a look, or a write, is answered so
		asked     bool
	}{
		{"400", simulator.Do{Status: 400}, saysBadResponse, saysRejected, true},
		{"403 permission", simulator.Do{Status: 403}, "Forbidden:", saysForbidden, true},
		{"404", simulator.Do{Status: 404}, saysNotFound, saysNotFound, true},
		{"404 of a proxy", simulator.Do{Status: 404, Body: proxyPage}, saysBadResponse, saysBadResponse, false},
		{"403 of a proxy", simulator.Do{Status: 403, Body: proxyPage}, saysBadResponse, saysBadResponse, false},
		{"400 of a proxy", simulator.Do{Status: 400, Body: proxyPage}, saysBadResponse, saysBadResponse, false},
		{"401 of a proxy", simulator.Do{Status: 401, Body: proxyPage}, saysBadResponse, saysBadResponse, false},
		{"405 of a proxy", simulator.Do{Status: 405, Body: proxyPage}, saysBadResponse, saysBadResponse, false},
		{"413 of a proxy", simulator.Do{Status: 413, Body: proxyPage}, saysBadResponse, saysBadResponse, false},
		{"406", simulator.Do{Status: 406}, saysUnavailable, saysUnavailable, false},
		{"500", simulator.Do{Status: 500}, saysUnavailable, saysUnavailable, false},
		{"503", simulator.Do{Status: 503}, saysUnavailable, saysUnavailable, false},
		{"503 of a proxy", simulator.Do{Status: 503, Body: proxyPage}, saysUnavailable, saysUnavailable, false},
		{"200 with an error", simulator.Do{Status: 200, Body: `{"errors":[{"code":"server_error","message":"Sorry."}]}`}, saysBadResponse, "", false},
		{"200 and nothing", simulator.Do{Malform: simulator.Empty}, saysBadResponse, "", false},
		{"200 and a page", simulator.Do{Malform: simulator.HTML}, saysBadResponse, "", false},
		{"another user", simulator.Do{Malform: simulator.OtherUser}, saysBadResponse, "", false},
		{"half", simulator.Do{Malform: simulator.Truncated}, saysBadResponse, "", false},
	} {
		add(a.name+" to a look", fault{certcentral: on("GET", a.do), says: a.look, asked: a.asked})
		if a.put != "" {
			add(a.name+" to a write", fault{certcentral: on("PUT", a.do), says: a.put, asked: a.asked})
		}
	}
	for _, status := range []int{401, 403} {
		refused := simulator.Do{Status: status, Body: `{"errors":[{"code":"access_denied|access_denied_invalid_key","message":"No."}]}`}
		add(fmt.Sprintf("%d to a look, the key is refused", status), fault{certcentral: everywhere(refused), says: saysNotReady, accountSays: saysKeyRefused, within: keyTriedWithin})
		add(fmt.Sprintf("%d to a write, the key is refused", status), fault{
			certcentral: append(on("PUT", refused), simulator.Fault{Match: simulator.Match{Path: "/user/me"}, Do: refused}),
			says:        saysNotReady, accountSays: saysKeyRefused, within: keyTriedWithin,
		})
	}
	for _, after := range []string{"", "2", "0", "-5", "soon", "1.5", time.Now().UTC().Format(http.TimeFormat), "Fri, 31 Dec 1999 23:59:59 GMT"} {
		do := simulator.Do{Status: 429, Headers: map[string]string{"X-From": "CertCentral"}}
		if after != "" {
			do.Headers["Retry-After"] = after
		}
		once := simulator.Match{User: -1, Times: 1}
		name := strings.NewReplacer("/", "-", ",", "", ":", ".").Replace(after)
		if strings.HasSuffix(after, "GMT") && !strings.Contains(after, "1999") {
			name = "the date of now"
		}
		add("429 with Retry-After "+name, fault{certcentral: []simulator.Fault{{Match: once, Do: do}}, says: saysThrottled})
	}
	for _, after := range []string{"86400", "99999999999999999999", "Fri, 31 Dec 2100 23:59:59 GMT"} {
		add("429 with Retry-After "+strings.NewReplacer(",", "", ":", ".").Replace(after), fault{
			certcentral: everywhere(simulator.Do{Status: 429, Headers: map[string]string{"Retry-After": after}}),
			says:        saysThrottled, lasts: 10 * time.Second, ends: saysThrottled, patient: true, heal: silence,
		})
	}
	add("429 of the service's own windows", fault{
		rules: simulator.Rules{RetryAfter: simulator.RetryAfterDate, Limits: []simulator.Limit{{Requests: 1, Per: simulator.Duration(8 * time.Second)}}},
		says:  saysThrottled,
	})
	add("5xx for 30 s", fault{certcentral: everywhere(simulator.Do{Status: 500}), says: saysUnavailable, lasts: 30 * time.Second})
	add("applied, then 500", fault{certcentral: put(simulator.Do{Apply: true, Status: 500})})
	add("applied, then 502 of a proxy", fault{certcentral: put(simulator.Do{Apply: true, Status: 502, Body: proxyPage})})
	add("applied, then 429", fault{certcentral: put(simulator.Do{Apply: true, Status: 429, Headers: map[string]string{"Retry-After": "1"}})})
	add("applied in part", fault{rules: simulator.Rules{PutOnly: []string{"telephone"}}, says: saysNotAccepted})
	add("reads flip", fault{rules: simulator.Rules{Flip: true}, says: saysNotAccepted, fights: true})
	add("reads lag 30 s behind a write", fault{rules: simulator.Rules{Lag: simulator.Duration(30 * time.Second)}, meanwhile: func(ctx context.Context, r *run) {
		r.await(ctx, strikeWithin, "the lag to be told of", func() bool { return r.says(ctx, 0, saysNotAccepted) })
		r.await(ctx, time.Minute, "the lag to be over", func() bool { return r.settled(ctx) })
	}})
	list = append(list, plan{group: "answers", name: "what is declared is cut", workload: long, fault: fault{
		rules: simulator.Rules{CutTo: map[string]int{"job_title": 20}}, keepRules: true, says: saysNotAccepted, ends: saysNotAccepted, fights: true,
	}})
	return list
}

// silence expects that nobody was asked anything after the first 429.
func silence(_ context.Context, r *run) {
	calls := r.certcentral.Calls()
	first := slices.IndexFunc(calls, func(c simulator.Call) bool { return c.Status == http.StatusTooManyRequests })
	if after := calls[first+1:]; len(after) > 0 {
		r.violate("P4", "%s although CertCentral asked to wait", after[0])
	}
}

// payloadPlans have CertCentral answer a look with a body that is odd, and either means the user or does not.
func payloadPlans() (list []plan) {
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	for _, p := range []struct {
		name, body string
		says       string // "" where the body means the user
	}{
		{"unknown fields", `{"shoe_size": 43, "nested": {"a": [1, {}]}, {{fields}}}`, ""},
		{"white space", "\n\t { \r\n {{fields}} \n } \n", ""},
		{"the id as a string", `{{{others}}, "id": "{{id}}"}`, ""},
		{"the id as a fraction", `{{{others}}, "id": {{id}}.5}`, saysBadResponse},
		{"the id as an exponent", `{{{others}}, "id": 1e3}`, saysBadResponse},
		{"the id beyond 2^53", `{{{others}}, "id": 9007199254740993}`, saysBadResponse},
		{"the id beyond 2^63", `{{{others}}, "id": 92233720368547758080}`, saysBadResponse},
		{"the id as null", `{{{others}}, "id": null}`, saysBadResponse},
		{"no id", `{{{others}}}`, saysBadResponse},
		{"a key twice", `{{{fields}}, "job_title": "x"}`, saysBadResponse},
		{"a key in another case", `{{{fields}}, "Job_Title": "x"}`, saysBadResponse},
		{"bad UTF-8", "{{{fields}}, \"note\": \"\xff\"}", saysBadResponse},
		{"half a surrogate", `{{{bare}}, "telephone": "\ud800"}`, saysBadResponse},
		{"no errors", `{{{fields}}, "errors": []}`, ""},
		{"data after the user", `{{{fields}}}{}`, saysBadResponse},
		{"a list", `[{{{fields}}}]`, saysBadResponse},
		{"null", `null`, saysBadResponse},
		{"10 000 levels", `{"deep": ` + deep + `, {{fields}}}`, saysBadResponse},
	} {
		times := 0
		if p.says == "" {
			times = 1
		}
		list = append(list, plan{group: "payload", name: p.name, workload: change, fault: fault{
			certcentral: []simulator.Fault{{Match: simulator.Match{Method: "GET", User: -1, Times: times}, Do: simulator.Do{Status: 200, Body: p.body}}},
			says:        p.says,
		}})
	}
	for name, p := range map[string]struct {
		telephone any // as it is stored, and not declared
		body      string
	}{
		"a telephone that is absent": {nil, `{{{bare}}}`},
		"a telephone of null":        {nil, `{{{bare}}, "telephone": null}`},
		"an empty telephone":         {nil, `{{{bare}}, "telephone": ""}`},
		"a telephone of blanks":      {"  ", `{{{bare}}, "telephone": "  "}`},
	} {
		list = append(list, plan{group: "payload", name: name, workload: change, fault: fault{
			strike: func(_ context.Context, r *run) { r.edit(0, map[string]any{"telephone": p.telephone}) }, differs: true,
			certcentral: []simulator.Fault{{Match: simulator.Match{Method: "GET", User: -1, Times: 1}, Do: simulator.Do{Status: 200, Body: p.body}}},
		}})
	}
	for _, m := range []simulator.Malform{simulator.Huge, simulator.GzipBomb} {
		list = append(list, plan{group: "payload", name: string(m), workload: change, fault: fault{
			certcentral: on("GET", simulator.Do{Malform: m}), says: saysBadResponse, lasts: 20 * time.Second, meanwhile: memoryStays,
		}})
	}
	for name, body := range map[string]string{
		"an error message with escapes":     `{"errors":[{"code":"x\u001b[31m","message":"red \u001b[31m\r\nSet-Cookie: a\u0000b {{key}} ` + strings.Repeat("long ", 2000) + `"}]}`,
		"an error message that has the key": `{"errors":[{"code":"{{key}}","message":"the key {{key}} is fine"}]}`,
		"errors as an object":               `{"errors":{"code":"bad_request_format","message":"no list"}}`,
		"an error that is no JSON":          "\x1b[31m{{key}}\r\n",
	} {
		says := saysRejected
		if name == "an error that is no JSON" {
			says = saysBadResponse
		}
		list = append(list, plan{group: "payload", name: name, workload: change, fault: fault{
			certcentral: on("PUT", simulator.Do{Status: 400, Body: body}), says: says, asked: says == saysRejected,
		}, sample: strings.Contains(name, "key")})
	}
	return list
}
