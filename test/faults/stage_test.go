package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/test/world"
)

// stage is a control plane with a gate before it, on which one plan after another is played.
type stage struct {
	*world.World
	gate  *gate
	audit *audit
}

// newStage starts one.
func newStage(ctx context.Context) (*stage, error) {
	s := &stage{audit: &audit{}}
	var err error
	if s.World, err = world.Start(ctx, world.Options{
		Config: filepath.Join("..", "..", "config"), Audit: s.audit,
	}); err != nil {
		return nil, err
	}
	s.gate, err = newGate(s.REST)
	return s, err
}

func (s *stage) close() error {
	s.gate.close()
	return s.World.Close()
}

// stages lends stages to plans, as many as there may be at a time. A crowd is work for the machine: it takes the places of several.
type stages struct {
	free   chan *stage // nil stands for one that is not started yet
	places *semaphore.Weighted
}

func newStages(count int) *stages {
	s := &stages{free: make(chan *stage, count), places: semaphore.NewWeighted(int64(count))}
	for range count {
		s.free <- nil
	}
	return s
}

// placesOf is how many places a workload takes.
func (s *stages) placesOf(w workload) int64 { return int64(min(1+w.people/60, cap(s.free))) }

func (s *stages) take(ctx context.Context, w workload) (*stage, error) {
	if err := s.places.Acquire(ctx, s.placesOf(w)); err != nil {
		return nil, err
	}
	if free := <-s.free; free != nil {
		return free, nil
	}
	started, err := newStage(ctx)
	if err != nil {
		s.free <- nil
		s.places.Release(s.placesOf(w))
	}
	return started, err
}

// giveBack takes a stage back; one that a plan has ruined is replaced.
func (s *stages) giveBack(used *stage, w workload, ruined bool) error {
	defer s.places.Release(s.placesOf(w))
	if ruined {
		s.free <- nil
		return used.close()
	}
	s.free <- used
	return nil
}

func (s *stages) close() (err error) {
	for range cap(s.free) {
		if free := <-s.free; free != nil {
			err = errors.Join(err, free.close())
		}
	}
	return err
}

// leaseName is that of the leader's lease.
const leaseName = "user-operator.certcentral.io"

// operators is the manager of a run, and its successors: what ends is started again, as a cluster would.
type operators struct {
	stage      *stage
	binary     string
	endpoints  string
	kubeconfig string
	failpoint  string // path of a file
	output     *output
	args       []string
	clock      time.Duration // how far ahead

	mu      sync.Mutex
	current *world.Manager
	ended   bool
	starts  []time.Time
	done    chan struct{}
}

// another returns operators beside these, with more flags.
func (o *operators) another(args ...string) *operators {
	return &operators{
		stage: o.stage, binary: o.binary, endpoints: o.endpoints, kubeconfig: o.kubeconfig, failpoint: o.failpoint, output: o.output, args: args,
	}
}

// start launches the first manager and returns once it is ready.
func (o *operators) start(ctx context.Context) (err error) {
	if o.kubeconfig == "" {
		if o.kubeconfig, err = o.stage.ManagerKubeconfig(ctx, o.stage.gate.Server); err != nil {
			return err
		}
	}
	o.ended, o.done = false, make(chan struct{})
	if err := o.launch(); err != nil {
		return err
	}
	go o.supervise()
	return o.manager().AwaitReady(ctx)
}

func (o *operators) launch() error {
	m, err := o.stage.LaunchManager(o.kubeconfig, world.ManagerOptions{
		Endpoints: o.endpoints, Output: o.output, Binary: o.binary, Environment: []string{"FAILPOINT=" + o.failpoint, "CLOCK_AHEAD=" + o.clock.String()},
		Args: o.args,
	})
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.current, o.starts = m, append(o.starts, time.Now())
	return nil
}

func (o *operators) manager() *world.Manager {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.current
}

// succeeded tells whether the first manager has a successor.
func (o *operators) succeeded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.starts) > 1
}

// launches are when managers were started.
func (o *operators) launches() []time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.starts)
}

// supervise starts a manager for each that ends. What a killed one left of its lease is taken away, so that its successor acts at
// once: that is when the two are closest.
func (o *operators) supervise() {
	defer close(o.done)
	for {
		m := o.manager()
		<-m.Done()
		o.mu.Lock()
		ended := o.ended
		o.mu.Unlock()
		if ended {
			return
		}
		if m.ExitCode() == -1 {
			_ = o.freeLease(context.Background())
		}
		if o.launch() != nil {
			return
		}
	}
}

func (o *operators) freeLease(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: world.Namespace, Name: leaseName}}
	return client.IgnoreNotFound(o.stage.Client.Delete(ctx, lease))
}

// stop ends the manager for good, and returns its exit code and how long that took.
func (o *operators) stop(ctx context.Context) (exitCode int, took time.Duration, err error) {
	o.mu.Lock()
	o.ended = true
	m := o.current
	o.mu.Unlock()
	began := time.Now()
	exitCode, err = m.Stop(ctx)
	took = time.Since(began)
	<-o.done
	return exitCode, took, err
}

// output keeps what a manager says.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	return len(b), nil
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]byte(nil), o.text...)
}

// newKey returns an API key that is found nowhere else.
func newKey() string { return "key-" + rand.Text() }
