//go:build linux && !386

package epoll

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkEcho counts the processor time of this process for a message of 64
// bytes there and back, with the connections of a group and with a goroutine for
// each. The peers are another process. Best pinned to a core:
//
//	taskset -c 0 go test -run '^$' -bench Echo -cpu 1 ./internal/epoll
func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 20, 200, 2000} {
		b.Run(fmt.Sprintf("parked/%d", conns), func(b *testing.B) {
			g := New()
			benchmarkEcho(b, conns, func(tcp *net.TCPConn) {
				c, err := g.Take(tcp)
				if err != nil {
					b.Error(err)
					return
				}
				echo(c)
			})
		})
		b.Run(fmt.Sprintf("goroutines/%d", conns), func(b *testing.B) {
			benchmarkEcho(b, conns, func(tcp *net.TCPConn) {
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
			})
		})
	}
}

var echoBuffers = sync.Pool{New: func() any { return new([4096]byte) }}

func benchmarkEcho(b *testing.B, conns int, serve func(*net.TCPConn)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	args := []string{os.Args[0]}
	if path, err := exec.LookPath("taskset"); err == nil {
		args = append([]string{path, "-c", strconv.Itoa(cpus() - 1)}, args...)
	}
	peer := exec.Command(args[0], args[1:]...)
	peer.Env = append(os.Environ(), peerAddr+"="+l.Addr().String(), "EPOLL_CONNS="+strconv.Itoa(conns), "EPOLL_N="+strconv.Itoa(b.N), "GOMAXPROCS=1")
	peer.Stderr = os.Stderr
	in, _ := peer.StdinPipe()
	out, _ := peer.StdoutPipe()
	if err := peer.Start(); err != nil {
		b.Fatal(err)
	}
	for range conns {
		tcp, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		serve(tcp.(*net.TCPConn))
	}
	time.Sleep(50 * time.Millisecond)
	before := cpuTime()
	b.ResetTimer()
	in.Write([]byte("x"))
	io.ReadFull(out, make([]byte, 1))
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
	in.Close()
	peer.Wait()
}

const peerAddr = "EPOLL_PEER"

func cpus() int {
	b, _ := os.ReadFile("/proc/cpuinfo")
	n := 0
	for i := 0; i+11 < len(b); i++ {
		if string(b[i:i+10]) == "processor\t" {
			n++
		}
	}
	return n
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peerMain is the other process.
func peerMain(addr string) {
	conns, _ := strconv.Atoi(os.Getenv("EPOLL_CONNS"))
	n, _ := strconv.Atoi(os.Getenv("EPOLL_N"))
	var all []net.Conn
	for range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			panic(err)
		}
		all = append(all, c)
	}
	os.Stdin.Read(make([]byte, 1))
	// Blocking descriptors, so that the peers cost less than what is measured.
	var fds []int
	for _, c := range all {
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			panic(err)
		}
		fds = append(fds, int(f.Fd()))
	}
	var b [64]byte
	for n > 0 {
		some := fds[:min(n, len(fds))]
		n -= len(some)
		for _, fd := range some {
			syscall.Write(fd, b[:])
		}
		for _, fd := range some {
			if got, err := syscall.Read(fd, b[:]); got != len(b) {
				panic(err)
			}
		}
	}
	os.Stdout.Write([]byte("x"))
	os.Stdin.Read(make([]byte, 1))
}
