package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

const (
	firstPage  = "GET /user?limit=500&offset=0"
	secondPage = "GET /user?limit=500&offset=500"
	crowdSize  = few + 2 // just more than are looked at alone
)

// crowded is a world whose account is swept: each of its users has a resource that declares the job title it has.
type crowded struct {
	*world
	people []*v1alpha1.CertCentralUser
}

// idOf is the CertCentral user of a resource.
func idOf(user *v1alpha1.CertCentralUser) int64 { return *user.Spec.UserRef.ID }

// lookAt is the request for a look at a user.
func lookAt(user *v1alpha1.CertCentralUser) string { return fmt.Sprintf("GET /user/%d", idOf(user)) }

// openCrowded makes one, in which everybody was looked at and a walk was made.
func openCrowded(ctx context.Context, spec string) *crowded {
	GinkgoHelper()
	c := &crowded{world: newWorld(ctx, spec)}
	c.swept = true
	for i := range crowdSize {
		id := int64(1000 + i)
		Expect(c.AddUser(id, map[string]any{
			"account_id": c.accountID, "job_title": "Clerk", "last_name": fmt.Sprintf("Crowd-%d", id), "last_login_date": "2026-02-01 10:00:00",
		})).To(Succeed())
		c.people = append(c.people, c.newUser(ctx, fmt.Sprintf("person-%d", id), fmt.Sprintf(`{userRef: {id: %d}, profile: {jobTitle: Clerk}}`, id)))
	}
	c.restart(ctx)
	for _, user := range c.people {
		Expect(c.reconcile(ctx, user).requests).To(Equal([]string{lookAt(user)}), "what is new is looked at before anybody walks")
	}
	s := c.sweep(ctx)
	Expect(s.err).NotTo(HaveOccurred())
	Expect(s.requests).To(Equal([]string{firstPage}))
	Expect(c.tipped()).To(BeEmpty())
	c.step(10 * time.Minute)
	return c
}

// sweep calls the sweep reconciler once.
func (c *crowded) sweep(ctx context.Context) step {
	GinkgoHelper()
	s := c.observe(ctx, func(ctx context.Context) (ctrl.Result, error) {
		return c.sweeper.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(c.account)})
	})
	reread(c.account)
	return s
}

// tipped returns the names of those whom the walks had looked at, and whom nobody has reconciled since this was last asked.
func (c *crowded) tipped() []string {
	var names []string
	for {
		select {
		case e := <-c.users.Sweeps.tipped:
			names = append(names, e.Object.GetName())
		default:
			return names
		}
	}
}

// expectCalm expects that a walk finds no news, and that nobody looks or writes.
func (c *crowded) expectCalm(ctx context.Context) {
	GinkgoHelper()
	s := c.sweep(ctx)
	Expect(s.err).NotTo(HaveOccurred())
	Expect(s.requests).To(Equal([]string{firstPage}))
	Expect(s.writes).To(BeEmpty())
	Expect(c.tipped()).To(BeEmpty())
	for _, user := range c.people {
		s := c.reconcile(ctx, user)
		Expect(s.err).NotTo(HaveOccurred())
		Expect(s.requests).To(BeEmpty())
		Expect(s.writes).To(BeEmpty())
	}
}

// lie has the list show users with the changes, by id, until it is told the truth again.
func (c *crowded) lie(changes map[int64]map[string]any) {
	GinkgoHelper()
	var rows []map[string]any
	ids := []int64{keyUser, john, jane}
	for _, person := range c.people {
		ids = append(ids, idOf(person))
	}
	for _, id := range ids {
		row := c.User(id)
		change, lies := changes[id]
		if lies && change == nil {
			continue // not listed
		}
		for name, value := range change {
			row[name] = value
			if value == nil {
				delete(row, name)
			}
		}
		rows = append(rows, row)
	}
	body, err := json.Marshal(map[string]any{"users": rows, "page": map[string]int{"total": len(rows), "limit": 500}})
	Expect(err).NotTo(HaveOccurred())
	c.ClearFaults()
	Expect(c.Inject(simulator.Fault{
		Match: simulator.Match{Method: http.MethodGet, Path: "/user"}, Do: simulator.Do{Status: http.StatusOK, Body: string(body)},
	})).To(Succeed())
}

// failList has each request for the list answered with a status.
func (c *crowded) failList(status int) {
	GinkgoHelper()
	c.ClearFaults()
	Expect(c.Inject(simulator.Fault{Match: simulator.Match{Method: http.MethodGet, Path: "/user"}, Do: simulator.Do{Status: status}})).To(Succeed())
}
