//go:build linux && !386

package epoll

import (
	"bytes"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(peerAddr); addr != "" {
		peerMain(addr)
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a busy machine may take for what must come.
const patience = time.Minute

// dialed returns the two ends of a connection.
func dialed(t testing.TB) (served, peer *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	served, peer = accepted.(*net.TCPConn), dialed.(*net.TCPConn)
	t.Cleanup(func() { served.Close(); peer.Close() })
	return served, peer
}

// pair returns a connection of the group and its other end.
func pair(t testing.TB, g *Group) (*Conn, *net.TCPConn) {
	t.Helper()
	served, peer := dialed(t)
	c, err := g.Take(served)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	peer.SetDeadline(time.Now().Add(patience)) // so that a test that fails ends
	return c, peer
}

// reset ends a connection with RST.
func reset(peer *net.TCPConn) {
	peer.SetLinger(0)
	peer.Close()
}

// corked does something without sending until it is done.
func corked(t *testing.T, peer *net.TCPConn, do func()) {
	t.Helper()
	raw, err := peer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, 1)
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	do()
}

// waitFor waits until a condition holds.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func receiveFrom[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
	}
	return v
}

func mustRead(t testing.TB, from io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(from, b); string(b) != want {
		t.Fatalf("read %q, %v; want %q", b[:n], err, want)
	}
}

func mustWrite(t testing.TB, to io.Writer, what string) {
	t.Helper()
	if _, err := io.WriteString(to, what); err != nil {
		t.Fatal(err)
	}
}

// echo parks c with a function that sends back what it gets, and closes at the end.
func echo(c *Conn) {
	c.Park(func() {
		buf := echoBuffers.Get().(*[4096]byte)
		defer echoBuffers.Put(buf)
		for {
			n, err := c.TryRead(buf[:])
			if err != nil && err != ErrWouldBlock {
				c.Close()
				return
			}
			if _, err := c.Write(buf[:n]); err != nil {
				c.Close()
				return
			}
			if n < len(buf) && c.Rest() {
				return
			}
		}
	})
}

// goroutines is the number of those that this package has started.
func goroutines() int {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	const by = "created by github.com/kawat-go/kawat/internal/epoll."
	return bytes.Count(b, []byte(by+"(*crew)")) + bytes.Count(b, []byte(by+"(*loop)"))
}

// descriptors is the number of those that are open.
func descriptors(t testing.TB) int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}
