//go:build unix

package testservers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const redisTimeout = 30 * time.Second // for a start or an end, on a machine that is busy

// A Redis is a Redis server of its own, which needs no password. What it holds
// survives Stop.
type Redis struct {
	dir  string // removed at the end
	port int
	args []string

	mu     sync.Mutex // of start, stop, pause and resume
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	log    bytes.Buffer  // to be read once it has ended
}

// StartRedis starts a server for a test, which ends with it. It takes options of
// redis-server.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r, err := NewRedis(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// NewRedis starts a server for the tests of a package. Close ends it.
func NewRedis(args ...string) (*Redis, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errors.New("testservers: there is no redis-server: apt-get install redis-server, or make prepare")
	}
	dir, err := os.MkdirTemp("", "kawat-redis-")
	if err != nil {
		return nil, err
	}
	r := &Redis{dir: dir, args: args}
	if err := onFreePort(&r.port, r.Start); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Addr returns the server's address. It stays the same when the server is started
// anew.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// Start starts the server after Stop or Lose, and waits until it takes commands.
func (r *Redis) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	data := filepath.Join(r.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	// Each write goes to the file at once, but need not survive the machine. Options
	// behind these replace them.
	args := append([]string{"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", data, "--save", "",
		"--appendonly", "yes", "--appendfsync", "no", "--loglevel", "warning"}, r.args...)
	if len(r.args) > 0 && strings.HasSuffix(r.args[0], ".conf") { // the file comes first
		args = append([]string{r.args[0], "--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", data}, r.args[1:]...)
	}
	r.log.Reset()
	cmd := exec.Command("redis-server", args...) //nolint:gosec,noctx // a server of the tests, which has to outlive this call
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &r.log, &r.log
	cmd.SysProcAttr = serverAttributes(nil)
	r.cmd, r.exited = cmd, make(chan struct{})
	started := make(chan error, 1)
	go runRedis(cmd, started, r.exited)
	if err := <-started; err != nil {
		return fmt.Errorf("testservers: redis-server: %w", err)
	}
	for deadline := time.Now().Add(redisTimeout); ; time.Sleep(2 * time.Millisecond) {
		if answer, err := r.Do("PING"); err == nil && answer == "PONG" {
			return nil
		}
		select {
		case <-r.exited:
			return fmt.Errorf("testservers: redis-server has ended:\n%s", r.log.String())
		default:
		}
		if time.Now().After(deadline) {
			r.end(syscall.SIGKILL)
			return fmt.Errorf("testservers: redis-server takes no commands:\n%s", r.log.String())
		}
	}
}

// runRedis is the life of a server. It keeps its thread, with which the server would
// end.
func runRedis(cmd *exec.Cmd, started chan<- error, exited chan<- struct{}) {
	runtime.LockOSThread()
	defer close(exited)
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait()
	}
}

// Stop ends the server: its clients are cut, its data stays. It is nothing if the
// server does not run.
func (r *Redis) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(syscall.SIGKILL) // it would wait for replicas that are away
}

// Lose ends the server and removes its data. It does not start it.
func (r *Redis) Lose() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(syscall.SIGKILL)
	return os.RemoveAll(filepath.Join(r.dir, "data"))
}

// end sends a signal and waits. The caller holds r.mu.
func (r *Redis) end(signal syscall.Signal) {
	if r.cmd == nil || r.cmd.Process == nil {
		return
	}
	_ = r.cmd.Process.Signal(signal)
	<-r.exited
	r.cmd = nil
}

// Pause lets the server hang: it takes connections and says nothing, neither on old
// ones nor on new ones.
func (r *Redis) Pause() { r.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (r *Redis) Resume() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(signal syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil && r.cmd.Process != nil {
		_ = r.cmd.Process.Signal(signal)
	}
}

// Close ends the server and removes its data.
func (r *Redis) Close() {
	r.Stop()
	_ = os.RemoveAll(r.dir)
}

// Do sends a command, whose words have no spaces, and returns the answer as text: of
// an array its elements, each in a line. An error that the server answers with is one.
func (r *Redis) Do(words ...string) (string, error) {
	c, err := net.DialTimeout("tcp", r.Addr(), redisTimeout) //nolint:noctx // it has a timeout
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(redisTimeout))
	if _, err := io.WriteString(c, strings.Join(words, " ")+"\r\n"); err != nil {
		return "", err
	}
	return redisAnswer(bufio.NewReader(c))
}

func redisAnswer(from *bufio.Reader) (string, error) {
	line, err := from.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, text := line[0], strings.TrimSpace(line[1:])
	if kind == '-' {
		return "", fmt.Errorf("testservers: redis-server says: %s", text)
	}
	if kind != '$' && kind != '*' {
		return text, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return "", err
	}
	if kind == '$' {
		bulk := make([]byte, n+2)
		_, err := io.ReadFull(from, bulk)
		return string(bulk[:n]), err
	}
	var elements []string
	for range n {
		element, err := redisAnswer(from)
		if err != nil {
			return "", err
		}
		elements = append(elements, element)
	}
	return strings.Join(elements, "\n"), nil
}

// until waits until something is so.
func until(what string, so func() bool) error {
	for deadline := time.Now().Add(redisTimeout); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("testservers: waited %v until %s", redisTimeout, what)
		}
	}
	return nil
}
