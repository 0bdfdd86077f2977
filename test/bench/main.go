// Command bench measures the operator at scale: the release binary against a real control plane and a simulated CertCentral,
// swept and user by user. It prints one table, and ends with 1 where a bar was missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/go-logr/logr"

	"github.com/certcentral-io/user-operator/test/world"
)

// settings are the command line.
type settings struct {
	world world.Options
	sizes sizes
	log   string
	share bool
}

func main() {
	set := settings{sizes: sizes{100, 1000, 5000, 10_000}}
	flag.StringVar(&set.world.Assets, "assets", "", "`folder` with etcd and kube-apiserver; that of KUBEBUILDER_ASSETS when empty")
	flag.StringVar(&set.world.Config, "config", "config", "`folder` with the CRDs and the operator's permissions")
	flag.StringVar(&set.world.Manager, "manager", filepath.Join("bin", "manager"), "the operator's `binary`")
	flag.StringVar(&set.log, "log", filepath.Join("bin", "bench.log"), "`file` for the operator's log")
	flag.Var(&set.sizes, "n", "comma-separated `numbers` of resources")
	flag.BoolVar(&set.share, "share", false, "in the end have two managers share the work, rather than one look after many accounts")
	flag.Parse()
	ctrllog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	held, err := run(ctx, set, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || !held {
		os.Exit(1)
	}
}

// run measures, prints the table to out and how it goes to progress, and tells whether every bar was held.
func run(ctx context.Context, set settings, out, progress io.Writer) (held bool, err error) {
	log, err := os.Create(set.log)
	if err != nil {
		return false, err
	}
	defer func() { _ = log.Close() }()
	where := machine(set.world.Manager)
	s, err := newStage(ctx, set.world, log, progress)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	began := time.Now()
	r := &report{}
	if err := s.measure(ctx, set.sizes, r); err != nil {
		return false, fmt.Errorf("%w; the operator's log is in %s", err, set.log)
	}
	last := s.measureAccounts
	if set.share {
		last = s.share
	}
	for _, measure := range []func(context.Context, *report) error{s.measureAdoption, last} {
		if err := measure(ctx, r); err != nil {
			return false, fmt.Errorf("%w; the operator's log is in %s", err, set.log)
		}
	}
	fmt.Fprintf(out, "\n%s\nTook %s.\n\n", where, time.Since(began).Round(time.Second))
	r.print(out)
	return r.held(), nil
}

// sizes is a flag of numbers of resources, which are measured from the smallest to the largest.
type sizes []int

func (s *sizes) String() string {
	var texts []string
	for _, n := range *s {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, ",")
}

// Set replaces the numbers.
func (s *sizes) Set(value string) error {
	*s = nil
	for text := range strings.SplitSeq(value, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 50 || n > 90_000 { // fewer are not swept, and there are no more pages of the list
			return fmt.Errorf("%q is no number from 50 to 90000", text)
		}
		*s = append(*s, n)
	}
	slices.Sort(*s)
	return nil
}
