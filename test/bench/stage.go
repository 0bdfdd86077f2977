package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/test/world"
)

const (
	namespace   = "bench"
	latency     = 100 * time.Millisecond // of each answer of CertCentral
	concurrency = 32                     // background looks that one account has under way at a time at most
	pageRows    = 500                    // of a list of users
	keyOwner    = 1                      // CertCentral's id of the user whose key it is
	firstID     = 1000                   // of the users that resources declare
)

// The budgets of the account.
var (
	outOfTheWay = v1alpha1.Budget{RequestsPerMinute: 600_000, Burst: 10_000}
	short       = v1alpha1.Budget{RequestsPerMinute: 4000, Burst: 10} // short for what is measured, but not as long to wait for
	largest     = v1alpha1.Budget{RequestsPerMinute: 330, Burst: 10}  // about the largest that the shipped CRD allows
)

// way is how the operator looks at users, with the flags that make it do so.
type way struct {
	name string
	args []string
}

var (
	swept  = way{name: "swept"}
	singly = way{name: "per user", args: []string{"--look-singly"}}
)

// stage is a world with users who are divided among services, a resource for each of them, and one manager at a time.
type stage struct {
	*world.World
	services []*service // one but for the last measurement
	manager  *world.Manager
	way      way
	n        int // users, and resources for them
	asked    int // requests to look now
	titles   int // job titles that were declared
	next     int // user to drift
	log      io.Writer
	progress io.Writer
	began    time.Time
}

// newStage starts a world with a service that has no users, and no manager.
func newStage(ctx context.Context, o world.Options, log, progress io.Writer) (*stage, error) {
	s := &stage{log: log, progress: progress, began: time.Now()}
	s.say("starting a control plane")
	var err error
	if s.World, err = world.Start(ctx, o); err != nil {
		return nil, err
	}
	err = errors.Join(s.liftBudget(ctx), s.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	if err == nil {
		err = s.open(ctx, "bench")
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) close() error {
	err := s.World.Close()
	for _, v := range s.services {
		err = errors.Join(err, v.server.Close())
	}
	return err
}

// say tells how it goes.
func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(s.progress, "%4.0f s  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// liftBudget lets an account have any budget, in this control plane: what doesn't depend on the budget is measured without it.
func (s *stage) liftBudget(ctx context.Context) error {
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	crd.SetName("certcentralaccounts.certcentral.io")
	const budget = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/budget"
	return s.Client.Patch(ctx, crd, client.RawPatch(types.JSONPatchType, []byte(`[
		{"op": "remove", "path": "`+budget+`/x-kubernetes-validations"},
		{"op": "remove", "path": "`+budget+`/properties/requestsPerMinute/maximum"},
		{"op": "remove", "path": "`+budget+`/properties/burst/maximum"}]`)))
}

// configure gives the accounts another budget and interval.
func (s *stage) configure(ctx context.Context, budget v1alpha1.Budget, interval time.Duration) error {
	return s.patchAccounts(ctx, map[string]any{"spec": map[string]any{"budget": budget, "interval": interval.String()}})
}

// patchAccounts merges fields into those that are well.
func (s *stage) patchAccounts(ctx context.Context, fields map[string]any) (err error) {
	for _, v := range s.services {
		if !v.ill {
			err = errors.Join(err, s.patch(ctx, v.account, fields))
		}
	}
	return err
}

// patch merges fields into an object.
func (s *stage) patch(ctx context.Context, object client.Object, fields map[string]any) error {
	encoded, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return s.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, encoded))
}

// start runs a manager that looks in this way, and returns once it is ready.
func (s *stage) start(ctx context.Context, how way) error {
	s.way = how
	var err error
	s.manager, err = s.StartManager(ctx, world.ManagerOptions{Endpoints: s.endpoints(), Output: s.log, Args: how.args})
	return err
}

// stop ends the manager.
func (s *stage) stop(ctx context.Context) error {
	_, err := s.manager.Stop(ctx)
	return err
}

// grow adds users, and resources that declare them as they are, until there are n.
func (s *stage) grow(ctx context.Context, n int) error {
	for i := s.n; i < n; i++ {
		if err := s.of(i).AddUser(id(i), person(i)); err != nil {
			return err
		}
	}
	first := s.n
	s.n = n
	return s.each(first, func(i int) error { return s.Client.Create(ctx, resource(i)) })
}

// each does something for all users from the first one on, for many at a time.
func (s *stage) each(first int, do func(i int) error) error {
	numbers := make(chan int)
	errs := make([]error, 16)
	var workers sync.WaitGroup
	for w := range errs {
		workers.Go(func() {
			for i := range numbers {
				errs[w] = errors.Join(errs[w], do(i))
			}
		})
	}
	for i := first; i < s.n; i++ {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	return errors.Join(errs...)
}
