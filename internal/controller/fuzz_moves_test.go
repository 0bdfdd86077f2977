package controller

import (
	"fmt"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// modes and steps of time that moves choose from.
var (
	modes = []v1alpha1.Mode{v1alpha1.ModeEnforce, v1alpha1.ModeReportDrift, v1alpha1.ModeObserve}
	steps = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 11 * time.Minute, 61 * time.Minute}
)

// troubles are what may happen to a call.
var troubles = []simulator.Do{
	{Status: 400},
	{Status: 401},
	{Status: 403},
	{Status: 404},
	{Status: 429, Headers: map[string]string{"Retry-After": "0"}},
	{Status: 429, Headers: map[string]string{"Retry-After": "90"}},
	{Status: 500},
	{Status: 500, Apply: true}, // carried out, and the answer lost in one way
	{Drop: true, Apply: true},  // or the other
	{Drop: true},
	{Stale: true},
	{Malform: simulator.HTML},
	{Malform: simulator.OtherUser},
	{Malform: simulator.Cut},
	{Malform: simulator.Duplicate},
	{Malform: simulator.Trailing},
	{Status: 302, Headers: map[string]string{"Location": "https://evil.example/"}},
	{Status: 403, Body: `<html>Forbidden for ` + firstKey + `</html>`},
	{Status: 400, Body: `{"errors":[{"code":"bad","message":"john pvt: no, ` + firstKey + `"},{"code":"` + firstKey + `"}]}`},
	{Status: 403, Body: `{"errors":[{"code":"access_denied","message":"\u001b[31m` + firstKey[:16] + `\n` + firstKey[16:] + `"}]}`},
}

// moves are all that can happen. New ones go to the end: a script that is kept stands for the moves it was made with.
var moves = []move{
	{'r', "reconcile", func(p *play, who int, _ byte) string {
		p.reconcile(names[who])
		return ""
	}},
	{'a', "reconcile the account,", func(p *play, _ int, _ byte) string {
		p.reconcileAccount()
		return ""
	}},
	{'d', "declare in", func(p *play, who int, how byte) string {
		field, number := fieldOf(how), numberOf(how)
		value := valueOf(p.personOf(who), field, number)
		p.edit(who, func(spec *v1alpha1.CertCentralUserSpec) {
			if field != "username" || spec.UserRef.ID != nil {
				declare(&spec.Profile, field, value)
			}
		})
		return fmt.Sprintf("%s %d", field, number)
	}},
	{'u', "undeclare in", func(p *play, who int, how byte) string {
		p.edit(who, func(spec *v1alpha1.CertCentralUserSpec) { declare(&spec.Profile, fieldOf(how), nil) })
		return fieldOf(how)
	}},
	{'m', "set the mode of", func(p *play, who int, how byte) string {
		p.edit(who, func(spec *v1alpha1.CertCentralUserSpec) { spec.Mode = pick(modes, how) })
		return string(pick(modes, how))
	}},
	{'s', "suspend", func(p *play, who int, how byte) string {
		p.edit(who, func(spec *v1alpha1.CertCentralUserSpec) { spec.Suspend = how%2 == 0 })
		return fmt.Sprint(how%2 == 0)
	}},
	{'x', "delete", func(p *play, who int, _ byte) string {
		p.delete(names[who])
		return ""
	}},
	{'n', "create anew", func(p *play, who int, how byte) string {
		person, byUsername, titled := pick([]int{who, 0, 1, 2}, how), how/4%2 == 1, how/8%2 == 1
		p.create(who, person, byUsername, titled)
		return fmt.Sprintf("for user %d, by username: %t, with a title: %t", people[person], byUsername, titled)
	}},
	{'c', "a colleague edits the person of", func(p *play, who int, how byte) string {
		field, person, number := fieldOf(how), p.personOf(who), numberOf(how)
		value := valueOf(person, field, number)
		if number == 3 && (field == "first_name" || field == "last_name") {
			value = ""
		}
		p.must(p.Edit(people[person], map[string]any{field: value}))
		return fmt.Sprintf("%s %d", field, number)
	}},
	{'M', "set the account's mode,", func(p *play, _ int, how byte) string {
		p.applyAccount(func(spec *v1alpha1.CertCentralAccountSpec) { spec.Mode = pick(modes, how) })
		return string(pick(modes, how))
	}},
	{'P', "pin the account,", func(p *play, _ int, how byte) string {
		pin := pick([]*int64{nil, new(simulator.Account), new(int64(99))}, how)
		p.applyAccount(func(spec *v1alpha1.CertCentralAccountSpec) { spec.AccountID = pin })
		return pick([]string{"not", "rightly", "wrongly"}, how)
	}},
	{'K', "the key,", func(p *play, _ int, how byte) string {
		switch how % 6 {
		case 0:
			p.must(p.RevokeKey(firstKey))
		case 1:
			p.must(p.RestoreKey(firstKey))
		case 2:
			p.secret = []byte(otherKey)
		case 3:
			p.secret = []byte(firstKey + "\r\n")
		case 4:
			p.secret = nil
		case 5:
			p.secret = []byte(firstKey + "\nX-Evil: 1")
		}
		return pick([]string{"revoked", "restored", "rotated", "rotated back", "gone", "spoiled"}, how)
	}},
	{'f', "trouble with", func(p *play, who int, how byte) string {
		method, do := pick([]string{"", "GET", "PUT"}, byte(who)), pick(troubles, how)
		times, nth := 1+int(how)/len(troubles)%3, 1+int(how)/len(troubles)/3%2
		p.must(p.Inject(simulator.Fault{Match: simulator.Match{Method: method, Nth: nth, Times: times}, Do: do}))
		return fmt.Sprintf("%s, %d times from number %d on: %s", method, times, nth, do)
	}},
	{'t', "time passes,", func(p *play, _ int, how byte) string {
		p.wait(pick(steps, how))
		return pick(steps, how).String()
	}},
	{'R', "restart,", func(p *play, _ int, how byte) string {
		p.start()
		if how%2 == 0 {
			p.reconcileAccount()
		}
		return fmt.Sprintf("the account is reconciled: %t", how%2 == 0)
	}},
	{'w', "status writes,", func(p *play, _ int, how byte) string {
		p.refused, p.lost = int(how%3), int(how/3%3)
		return fmt.Sprintf("%d refused, then %d without an answer", p.refused, p.lost)
	}},
	{'l', "the cache lags,", func(p *play, _ int, how byte) string {
		p.cluster.users.lag, p.cluster.accounts.lag = int(how%4), int(how/4%3)
		return fmt.Sprintf("%d and %d changes", how%4, how/4%3)
	}},
	{'i', "before the next look is answered,", func(p *play, who int, how byte) string {
		p.midway = func() { pick(surprises, how).do(p, who, how/byte(len(surprises))) }
		return pick(surprises, how).name
	}},
	{'y', "writes to John are", func(p *play, _ int, how byte) string { return p.setOwner(how) }},
	{'C', "confirm the person of", func(p *play, who int, _ byte) string {
		p.annotate(who, v1alpha1.AnnotationConfirmUser, fmt.Sprint(people[p.personOf(who)]))
		return ""
	}},
	{'q', "ask for a look at", func(p *play, who int, how byte) string {
		p.annotate(who, v1alpha1.AnnotationReconcileRequestedAt, fmt.Sprint(how))
		return ""
	}},
	{'W', "walk through the account,", func(p *play, _ int, how byte) string {
		p.wait(pick([]time.Duration{11 * time.Minute, 0, time.Hour}, how))
		p.walk()
		return pick([]string{"when it is due", "now", "an hour later"}, how)
	}},
	{'B', "restore from a backup", func(p *play, who int, how byte) string {
		ago, withStatus := int(how/2)%16, how%2 == 1
		p.restore(names[who], ago, withStatus)
		return fmt.Sprintf("of %d changes ago, with its status: %t", ago, withStatus)
	}},
}

// surprises are the moves that may come in the middle of a reconcile.
var surprises []move

func init() {
	for _, m := range moves {
		switch m.letter {
		case 'd', 'u', 'm', 's', 'x', 'n', 'M', 'P':
			surprises = append(surprises, m)
		}
	}
}

// annotate sets an annotation of a resource that is there.
func (p *play) annotate(who int, name, value string) {
	if p.user(names[who]) == nil {
		return
	}
	p.apply(names[who], func(user *v1alpha1.CertCentralUser) {
		annotations := map[string]string{name: value}
		for other, kept := range user.Annotations {
			if other != name {
				annotations[other] = kept
			}
		}
		user.Annotations = annotations
	})
}
