package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Process is a running binary, or one that ran.
type Process struct {
	name string
	cmd  *exec.Cmd
	tail *tail
	done chan struct{}
}

// command is a binary to run.
type command struct {
	path        string
	args        []string
	environment []string // in addition to that of this process, as NAME=value
	// output gets standard output, and standard error unless errors does; nil drops them.
	output, errors io.Writer
}

// launch starts a binary.
func (w *World) launch(c command) (*Process, error) {
	p := &Process{name: filepath.Base(c.path), cmd: exec.Command(c.path, c.args...), tail: &tail{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), c.environment...)
	p.cmd.Stdout = p.tail
	if c.output != nil {
		p.cmd.Stdout = io.MultiWriter(p.tail, c.output)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if c.errors != nil {
		p.cmd.Stderr = io.MultiWriter(p.tail, c.errors)
	}
	p.cmd.WaitDelay = time.Second
	// Ctrl-C on a terminal is for whoever made the world, who then ends the process in due order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is in ProcessState
		close(p.done)
	}()
	w.processes = append(w.processes, p)
	return p, nil
}

// Done is closed when the process has ended and its output is complete.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the process to end; the code is -1 after a signal that it did not handle.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Stop sends SIGTERM and returns the exit code. A process that is not gone when the context ends is killed, which is an error.
// To stop one that is gone is none.
func (p *Process) Stop(ctx context.Context) (exitCode int, err error) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it is gone
	select {
	case <-p.done:
		return p.ExitCode(), nil
	case <-ctx.Done():
		return p.Kill(), fmt.Errorf("%s did not end after SIGTERM: %w", p.name, context.Cause(ctx))
	}
}

// Kill ends the process at once, without a chance to clean up.
func (p *Process) Kill() (exitCode int) {
	_ = p.cmd.Process.Kill() // an error means that it is gone
	return p.ExitCode()
}

// Pause stops the process without its knowing, until Resume.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// PID is that of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// await polls until ready returns true. It gives up when the process or the context has ended, or after startTimeout; the
// process is then gone.
func (p *Process) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended with exit code %d before it was ready: %s", p.name, p.ExitCode(), p.tail)
		case <-ctx.Done():
			p.Kill()
			return fmt.Errorf("%s did not become ready: %w: %s", p.name, ctx.Err(), p.tail)
		case <-tick.C:
		}
	}
	return nil
}

// answers tells whether a GET of the URL, with the bearer token if there is one, answers 200.
func answers(c *http.Client, url, token string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return false
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := c.Do(request)
		if err != nil {
			return false
		}
		return errors.Join(err, response.Body.Close()) == nil && response.StatusCode == http.StatusOK
	}
}

// tail keeps the last output of a process, for errors.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 2048

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
