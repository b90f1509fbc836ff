// Package process starts the servers under test, keeps them on their cores, and
// reads what they cost. It measures on Linux only.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
)

// ErrUnsupported is what all that needs Linux says elsewhere.
var ErrUnsupported = errors.New("process: this can be measured on Linux only")

// A Spec says what to start.
type Spec struct {
	// Name is for messages.
	Name string
	// Path is the program, Args what follows it.
	Path string
	Args []string
	// Env is added to this process's environment.
	Env []string
	// Cores are those that it may use, from its first instruction on. Default: those
	// that this process could use when it was started.
	Cores []int
}

// A Process is a server that runs, or has ended.
type Process struct {
	name   string
	pid    int
	cmd    *exec.Cmd
	addr   string
	stderr tail
	grace  time.Duration // between SIGTERM and SIGKILL
	exited chan struct{}
	err    error // how it ended; set when exited is closed
}

// Start starts a server and waits until it has said where it listens, 30 s at most.
// When ctx ends, the server is killed.
func Start(ctx context.Context, s Spec) (*Process, error) {
	p := &Process{name: s.Name, grace: stopTimeout, exited: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, s.Path, s.Args...)
	p.cmd.Env = append(os.Environ(), s.Env...)
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = childAttributes()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("process: %s: %w", s.Name, err)
	}
	started, addr := make(chan error, 1), make(chan string, 1)
	go p.run(s.Cores, stdout, started, addr)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("process: %s: %w", s.Name, err)
	}
	select {
	case p.addr = <-addr:
		return p, nil
	case <-p.exited:
		if ctx.Err() != nil {
			return nil, fmt.Errorf("process: %s: %w", s.Name, ctx.Err())
		}
		return nil, p.ended("has ended before it listened")
	case <-time.After(startTimeout):
		_ = p.cmd.Process.Kill()
		<-p.exited
		return nil, p.ended("has not said where it listens")
	}
}

// Attach returns a process that somebody else has started, to be measured: it cannot
// be stopped, and its address and its end are not known here.
func Attach(pid int) (*Process, error) {
	p := &Process{name: fmt.Sprintf("process %d", pid), pid: pid, exited: make(chan struct{})}
	if _, err := p.CPU(); err != nil {
		return nil, err
	}
	return p, nil
}

// run is the life of a server, in one goroutine on a thread of its own: a child has
// the cores of the thread that starts it, and is killed when that thread ends. So
// the thread ends with the goroutine, after the child.
func (p *Process) run(cores []int, stdout io.Reader, started chan<- error, addr chan<- string) {
	runtime.LockOSThread()
	defer close(p.exited)
	err := pinThread(cores)
	if err == nil {
		err = p.cmd.Start()
	}
	if err == nil {
		p.pid = p.cmd.Process.Pid
	}
	started <- err
	if err != nil {
		return
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			select {
			case addr <- at:
			default: // it has said so before
			}
		}
	}
	_, _ = io.Copy(io.Discard, stdout) // what is no line: the server must not wait for a reader
	p.err = p.cmd.Wait()
}

// Addr returns the address that the server listens on.
func (p *Process) Addr() string { return p.addr }

// PID returns the process's number.
func (p *Process) PID() int { return p.pid }

// Exited returns a channel that is closed when the server has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stderr returns the end of what the server wrote to its standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// Stop ends the server and waits for that: by SIGTERM, and after 20 s by SIGKILL. It
// is an error if the server needed that, if it failed, or if it had ended before; and
// of a process that was attached to.
func (p *Process) Stop() error {
	if p.cmd == nil {
		return fmt.Errorf("process: %s is not ours to stop", p.name)
	}
	select {
	case <-p.exited:
		return p.ended("has ended before it was told to")
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may end at this very moment
	select {
	case <-p.exited:
		if p.err != nil {
			return p.ended("has failed")
		}
		return nil
	case <-time.After(p.grace):
		_ = p.cmd.Process.Kill()
		<-p.exited
		return p.ended("has not ended when told to")
	}
}

// ended describes the end of a server, with its last words.
func (p *Process) ended(how string) error {
	err := fmt.Errorf("process: %s %s", p.name, how)
	if p.err != nil {
		err = fmt.Errorf("%w: %w", err, p.err)
	}
	if words := strings.TrimSpace(p.Stderr()); words != "" {
		err = fmt.Errorf("%w: %s", err, words)
	}
	return err
}

// A CPU is the time that all threads of a process have spent on a processor. The
// sum is exact; the system divides it by looking at the clock's ticks, so that of
// less than a second only the sum means something.
type CPU struct{ User, Sys time.Duration }

// Total returns the sum.
func (c CPU) Total() time.Duration { return c.User + c.Sys }

// Sub returns what was spent since before.
func (c CPU) Sub(before CPU) CPU {
	d := CPU{c.User - before.User, c.Sys - before.Sys}
	if d.Sys < 0 { // a tick was counted on one side of a reading, and the time on the other
		return CPU{User: d.Total()}
	}
	if d.User < 0 {
		return CPU{Sys: d.Total()}
	}
	return d
}

// A Memory is what a process occupies, in bytes.
type Memory struct {
	// RSS is all that is resident.
	RSS int64
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - tailSize; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
