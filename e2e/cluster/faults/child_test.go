//go:build linux

package faults

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// A child is a process of this very program in a role.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	exited chan struct{}
}

// startChild starts one, and returns when it has said that it is ready. It ends with
// the test, and with its process.
func startChild(role string, args any) (*child, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), roleKey+"="+role, argsKey+"="+string(text))
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, theirs, err := os.Pipe() // which Wait does not close
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout = theirs
	c.out = bufio.NewReaderSize(out, 1<<20)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // with which the process would end
		defer close(c.exited)
		defer out.Close()
		err := c.cmd.Start()
		_ = theirs.Close()
		started <- err
		if err == nil {
			_ = c.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	if _, err := c.out.ReadString('\n'); err != nil {
		c.kill()
		return nil, fmt.Errorf("the %s did not start: %w", role, err)
	}
	return c, nil
}

func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }

// kill ends the process as kill -9 does, and waits until it is gone.
func (c *child) kill() {
	c.signal(syscall.SIGKILL)
	<-c.exited
}

// call sends a line, and reads the one that answers it.
func (c *child) call(question string, answer any) error {
	if _, err := io.WriteString(c.in, question+"\n"); err != nil {
		return err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, answer)
}

// freeAddr returns an address on this machine on which nobody listens. Its port is not
// one of those that the system gives to connections, so it stays free.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprint("127.0.0.1:", 20000+rand.IntN(12000))
		if _, taken := addresses.LoadOrStore(addr, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

var addresses sync.Map // that freeAddr has returned
