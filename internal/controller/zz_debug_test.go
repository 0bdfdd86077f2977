package controller

import (
	"encoding/json"
	"fmt"

	. "github.com/onsi/ginkgo/v2"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

var _ = It("debug", func(ctx SpecContext) {
	w := openWorld(ctx, ``)
	user := w.newUser(ctx, "john-smith", `profile: {jobTitle: Senior Admin}`)
	w.fault(simulator.Fault{Match: simulator.Match{User: john}, Do: simulator.Do{Status: 404}})
	for range 3 {
		s := w.reconcile(ctx, user)
		b, _ := json.Marshal(user.Status)
		fmt.Println("DEBUG", s.writes, s.events, user.ResourceVersion, string(b))
	}
})
