//go:build linux && !386

package epoll

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ways are how a server can hold its connections.
func ways() map[string]func(*net.TCPConn) error {
	g := New()
	return map[string]func(*net.TCPConn) error{
		"parked": func(tcp *net.TCPConn) error {
			c, err := g.Take(tcp)
			if err == nil {
				echo(c)
			}
			return err
		},
		"goroutines": func(tcp *net.TCPConn) error {
			go func() {
				defer tcp.Close()
				buf := make([]byte, 4096)
				for {
					n, err := tcp.Read(buf)
					if err != nil {
						return
					}
					if _, err = tcp.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
			return nil
		},
	}
}

var echoBuffers = sync.Pool{New: func() any { return new([4096]byte) }}

// BenchmarkEcho counts the processor time of this process for a message of 64
// bytes there and back, one at a time on each connection. The peers are another
// process, on the last processor. Best pinned to another, and with a number of
// messages: the time is in what is called cpu-ns/op.
//
//	taskset -c 0 go test -run '^$' -bench Echo -cpu 1 -benchtime 100000x ./internal/epoll
func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 20, 200, 2000} {
		for way, serve := range ways() {
			b.Run(fmt.Sprintf("%s/%d", way, conns), func(b *testing.B) {
				p := startPeers(b, conns, b.N, serve)
				before := cpuTime(b)
				b.ResetTimer()
				p.run(b)
				b.StopTimer()
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// BenchmarkIdle tells what a connection costs that has said something once: its
// part of Go's heap and stacks, without what the system has of it. Once will do:
//
//	go test -run '^$' -bench Idle -benchtime 1x ./internal/epoll
func BenchmarkIdle(b *testing.B) {
	const conns = 5000
	for way, serve := range ways() {
		b.Run(way, func(b *testing.B) {
			for range b.N {
				before := inUse()
				p := startPeers(b, conns, conns, serve)
				p.run(b)
				b.ReportMetric(float64(inUse()-before)/conns, "B/conn")
			}
		})
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC() // what pools hold is gone only now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peers is the process at the other ends: the test's program, run again.
type peers struct {
	in  io.WriteCloser
	out io.Reader
}

const peerAddr = "EPOLL_PEER"

// startPeers returns when all connections are there and served.
func startPeers(b *testing.B, conns, messages int, serve func(*net.TCPConn) error) *peers {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	args := []string{os.Args[0]}
	if taskset, err := exec.LookPath("taskset"); err == nil {
		info, _ := os.ReadFile("/proc/cpuinfo")
		last := bytes.Count(info, []byte("processor\t")) - 1
		args = []string{taskset, "-c", strconv.Itoa(max(last, 0)), os.Args[0]}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", peerAddr+"="+l.Addr().String(),
		"EPOLL_CONNS="+strconv.Itoa(conns), "EPOLL_MESSAGES="+strconv.Itoa(messages))
	cmd.Stderr = os.Stderr
	p := new(peers)
	if p.in, err = cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	if p.out, err = cmd.StdoutPipe(); err != nil {
		b.Fatal(err)
	}
	if err = cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.in.Close(); cmd.Wait() })
	for range conns {
		tcp, err := l.Accept()
		if err == nil {
			err = serve(tcp.(*net.TCPConn))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	time.Sleep(50 * time.Millisecond)
	return p
}

// run lets the peers send what they have to.
func (p *peers) run(b *testing.B) {
	p.in.Write([]byte("x"))
	if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil {
		b.Fatal(err)
	}
}

// peerMain is the other process. Its descriptors block, so that it costs less
// than what is measured.
func peerMain(addr string) {
	conns, _ := strconv.Atoi(os.Getenv("EPOLL_CONNS"))
	messages, _ := strconv.Atoi(os.Getenv("EPOLL_MESSAGES"))
	var fds []int
	for range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			panic(err)
		}
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			panic(err)
		}
		c.Close()
		fds = append(fds, int(f.Fd()))
		defer f.Close()
	}
	os.Stdin.Read(make([]byte, 1))
	var b [64]byte
	for messages > 0 {
		some := fds[:min(messages, len(fds))]
		messages -= len(some)
		for _, fd := range some {
			syscall.Write(fd, b[:])
		}
		for _, fd := range some {
			if n, err := syscall.Read(fd, b[:]); n != len(b) {
				panic(fmt.Sprint("read ", n, err))
			}
		}
	}
	os.Stdout.Write([]byte("x"))
	os.Stdin.Read(make([]byte, 1))
}
