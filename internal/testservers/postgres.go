//go:build unix

package testservers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const postgresTimeout = 60 * time.Second // for a start or an end, on a machine that is busy

// A Postgres is a PostgreSQL server of its own, with one user, "postgres", who needs
// no password, and one database of that name.
type Postgres struct {
	bin  string // the folder of its programs
	dir  string // removed at the end
	port int
	as   *syscall.Credential // who runs it; nil for the test's own user

	mu     sync.Mutex // of start, stop, pause and resume
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	log    *postgresLog
}

// StartPostgres starts a server for a test, which ends with it.
func StartPostgres(t testing.TB) *Postgres {
	t.Helper()
	p, err := NewPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// NewPostgres starts a server for the tests of a package. Close ends it.
func NewPostgres() (*Postgres, error) {
	bin, err := postgresFolder()
	if err != nil {
		return nil, err
	}
	p := &Postgres{bin: bin}
	if p.as, err = notRoot(); err != nil {
		return nil, err
	}
	// Not below t.TempDir, which other users may not enter.
	if p.dir, err = os.MkdirTemp("", "kawat-postgres-"); err != nil {
		return nil, err
	}
	if err := p.create(); err != nil {
		p.Close()
		return nil, err
	}
	if err := onFreePort(&p.port, p.Start); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// postgresFolder returns where the server's programs are. Debian has them in a folder
// for each version, which is not in PATH.
func postgresFolder() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("testservers: no PostgreSQL server here: apt-get install postgresql, or make prepare")
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// notRoot returns who runs the server if the test runs as root, whom it refuses.
func notRoot() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("testservers: PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// create makes an empty database.
func (p *Postgres) create() error {
	if p.as != nil {
		if err := os.Chown(p.dir, int(p.as.Uid), int(p.as.Gid)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), postgresTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "initdb"), "-D", p.data(), "-U", "postgres", "-A", "trust", //nolint:gosec // the tests' own
		"-E", "UTF8", "--locale=C", "--no-sync")
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("testservers: initdb: %w\n%s", err, out)
	}
	return nil
}

// Addr returns the server's address. It stays the same when the server is started
// anew.
func (p *Postgres) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// URL returns how a client connects.
func (p *Postgres) URL() string { return p.URLThrough(p.Addr()) }

// URLThrough returns how a client connects through a proxy.
func (p *Postgres) URLThrough(addr string) string {
	return "postgres://postgres@" + addr + "/postgres?sslmode=disable"
}

// Start starts the server after Stop, and waits until it takes connections.
func (p *Postgres) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	// What a test writes need not survive the machine.
	cmd := exec.Command(filepath.Join(p.bin, "postgres"), "-D", p.data(), "-p", strconv.Itoa(p.port), //nolint:gosec,noctx // a server of the tests, which has to outlive this call
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
		"-c", "full_page_writes=off", "-c", "shared_buffers=16MB", "-c", "max_wal_size=256MB", "-c", "lc_messages=C")
	cmd.Dir = p.dir
	cmd.SysProcAttr = serverAttributes(p.as)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	p.cmd, p.log, p.exited = cmd, &postgresLog{ready: make(chan struct{})}, make(chan struct{})
	started := make(chan error, 1)
	go runPostgres(cmd, stderr, p.log, started, p.exited)
	if err := <-started; err != nil {
		return fmt.Errorf("testservers: postgres: %w", err)
	}
	select {
	case <-p.log.ready:
		return nil
	case <-p.exited:
		return fmt.Errorf("testservers: postgres has ended:\n%s", p.log)
	case <-time.After(postgresTimeout):
		p.end(syscall.SIGQUIT)
		return fmt.Errorf("testservers: postgres takes no connections:\n%s", p.log)
	}
}

// runPostgres is the life of a server. It keeps its thread, with which the server
// would end.
func runPostgres(cmd *exec.Cmd, stderr io.Reader, log *postgresLog, started chan<- error, exited chan<- struct{}) {
	runtime.LockOSThread()
	defer close(exited)
	err := cmd.Start()
	started <- err
	if err != nil {
		return
	}
	log.read(stderr)
	_ = cmd.Wait()
}

// Stop ends the server: its clients are cut, its data stays. It is nothing if the
// server does not run.
func (p *Postgres) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(syscall.SIGINT)
}

// Lose ends the server, and lets it begin with an empty database. It does not start it.
func (p *Postgres) Lose() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(syscall.SIGQUIT)
	if err := os.RemoveAll(p.data()); err != nil {
		return err
	}
	return p.create()
}

// Demote has the server, which does not run, start as a standby: it can be read until
// SELECT pg_promote().
func (p *Postgres) Demote() error {
	return os.WriteFile(filepath.Join(p.data(), "standby.signal"), nil, 0o644) //nolint:gosec // the server's user reads it
}

// Log returns the beginning of what the server has said since it was started.
func (p *Postgres) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// end sends a signal and waits. The caller holds p.mu.
func (p *Postgres) end(signal syscall.Signal) {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	p.signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.exited:
	case <-time.After(postgresTimeout):
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
	p.cmd = nil
}

// Pause lets the server hang: it takes connections and says nothing, neither on old
// ones nor on new ones.
func (p *Postgres) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal(syscall.SIGSTOP)
}

// Resume ends Pause.
func (p *Postgres) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal(syscall.SIGCONT)
}

// signal sends a signal to the server, then to each of its processes. The caller
// holds p.mu.
func (p *Postgres) signal(signal syscall.Signal) {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(signal)
	for _, pid := range children(p.cmd.Process.Pid) {
		_ = syscall.Kill(pid, signal)
	}
}

// children returns the processes that a process has started, on Linux.
func children(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path) //nolint:gosec // a path below /proc
		if err != nil {
			continue
		}
		// The name, in parentheses, may have spaces; behind it are the state and the parent.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// Close ends the server and removes its data.
func (p *Postgres) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(syscall.SIGQUIT)
	_ = os.RemoveAll(p.dir)
}

// A postgresLog is what a server says, of which the beginning is kept.
type postgresLog struct {
	ready chan struct{} // closed when the server takes connections

	mu   sync.Mutex
	text strings.Builder
}

func (l *postgresLog) read(r io.Reader) {
	ready := false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if !ready && strings.Contains(lines.Text(), "database system is ready to accept") {
			ready = true
			close(l.ready)
		}
		l.mu.Lock()
		if l.text.Len() < 16<<10 {
			l.text.WriteString(lines.Text() + "\n")
		}
		l.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r)
}

func (l *postgresLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
