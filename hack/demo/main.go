// Command demo plays a story with everything real but CertCentral: a Kubernetes control plane, the operator with its shipped
// rights, and a simulated CertCentral, all on this machine. It ends by itself; with --stay it leaves the world running.
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
	"syscall"
	"time"

	"github.com/certcentral-io/user-operator/test/world"
)

// settings are the command line.
type settings struct {
	world world.Options
	stay  bool
	log   string
}

func main() {
	var set settings
	flag.StringVar(&set.world.Assets, "assets", "", "`folder` with etcd, kube-apiserver and kubectl; that of KUBEBUILDER_ASSETS when empty")
	flag.StringVar(&set.world.Config, "config", "config", "`folder` with the CRDs and the operator's permissions")
	flag.StringVar(&set.world.Manager, "manager", "bin/manager", "the operator's `binary`")
	flag.StringVar(&set.world.Simulator, "simulator", "bin/simulator", "the simulator's `binary`")
	flag.StringVar(&set.log, "log", filepath.Join("bin", "demo.log"), "`file` for the operator's log")
	flag.BoolVar(&set.stay, "stay", false, "leave the world running until Ctrl-C, and play no story")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, set)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run builds the world, plays the story or waits, and ends every process that it started.
func run(ctx context.Context, set settings) (err error) {
	began := time.Now()
	log, err := os.Create(set.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	screen := newScreen(os.Stdout)
	screen.say("Starting etcd and kube-apiserver, a simulated CertCentral, and the operator as its own ServiceAccount …")
	w, err := world.Start(ctx, set.world)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	calls := screen.prefixed("CertCentral │ ")
	s, err := w.StartSimulator(ctx, world.SimulatorOptions{Output: calls})
	if err != nil {
		return err
	}
	if _, err := w.StartManager(ctx, world.ManagerOptions{Endpoints: s.URL, Output: log}); err != nil {
		return errors.Join(err, tail(set.log))
	}
	t := &theatre{World: w, certcentral: s, screen: screen, calls: calls}
	if set.stay {
		return t.stay(ctx, set.log)
	}
	if err := t.play(ctx); err != nil {
		return errors.Join(err, tail(set.log))
	}
	screen.say("\nDone in %s. The operator's log is in %s; `make run` leaves such a world running.", time.Since(began).Round(time.Second), set.log)
	return nil
}

// tail is the end of the operator's log as an error, for a story that went wrong.
func tail(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > 4096 {
		_, _ = file.Seek(-4096, io.SeekEnd)
	}
	end, err := io.ReadAll(file)
	return errors.Join(err, fmt.Errorf("the operator's log ends with:\n%s", end))
}
