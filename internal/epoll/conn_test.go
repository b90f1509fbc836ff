//go:build linux && !386

package epoll

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/nettest"
)

func TestConnIsANetConn(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		served, peer := dialed(t)
		g := New()
		c1, err := g.Take(served)
		if err != nil {
			return nil, nil, nil, err
		}
		c2, err := g.Take(peer)
		return c1, c2, func() { c1.Close(); c2.Close() }, err
	})
}

func TestConnIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Conn{}); size > 96 {
		t.Errorf("a Conn has %d bytes", size)
	}
}

// Both ways to read see the same.
func TestRead(t *testing.T) {
	tryUntil := func(c *Conn) func([]byte) (int, error) {
		return func(p []byte) (n int, err error) {
			for {
				if n, err = c.TryRead(p); err != ErrWouldBlock {
					return n, err
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	for _, test := range []struct {
		name string
		do   func(c *Conn, peer *net.TCPConn)
		want string
		err  error
	}{
		{"data and end", func(_ *Conn, peer *net.TCPConn) { mustWrite(t, peer, "hello"); peer.CloseWrite() }, "hello", io.EOF},
		{"end", func(_ *Conn, peer *net.TCPConn) { peer.CloseWrite() }, "", io.EOF},
		{"reset", func(_ *Conn, peer *net.TCPConn) { reset(peer) }, "", syscall.ECONNRESET},
		{"closed", func(c *Conn, _ *net.TCPConn) { c.Close() }, "", net.ErrClosed},
	} {
		for name, way := range map[string]func(c *Conn) func([]byte) (int, error){
			"Read":    func(c *Conn) func([]byte) (int, error) { return c.Read },
			"TryRead": tryUntil,
		} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				c, peer := pair(t, New())
				if n, err := c.TryRead(make([]byte, 9)); n != 0 || err != ErrWouldBlock {
					t.Fatalf("TryRead of nothing: %d, %v", n, err)
				}
				read, done := way(c), make(chan struct{})
				var got bytes.Buffer
				var err error
				go func() {
					defer close(done)
					var n int
					for b := make([]byte, 3); err == nil; got.Write(b[:n]) {
						n, err = read(b)
					}
				}()
				time.Sleep(5 * time.Millisecond) // most likely it waits by then
				test.do(c, peer)
				receiveFrom(t, "the end", done)
				if got.String() != test.want || !errors.Is(err, test.err) {
					t.Errorf("got %q, %v; want %q, %v", got.String(), err, test.want, test.err)
				}
			})
		}
	}
}

// fill writes until the system takes no more.
func fill(t *testing.T, c *Conn) (total int) {
	t.Helper()
	b := bytes.Repeat([]byte("x"), 1<<16)
	for {
		n, err := c.TryWrite(b)
		total += n
		if n == len(b) && err == nil {
			continue
		}
		if err != ErrWouldBlock {
			t.Fatalf("TryWrite: %d, %v", n, err)
		}
		if n == 0 { // what the peer's system has taken since may have made room
			return total
		}
	}
}

func TestTryWriteTakesWhatThereIsRoomFor(t *testing.T) {
	c, peer := pair(t, New())
	if n, err := c.TryWrite(nil); n != 0 || err != nil {
		t.Errorf("TryWrite of nothing: %d, %v", n, err)
	}
	total := fill(t, c)
	go c.CloseWrite()
	if n, err := io.Copy(io.Discard, peer); n != int64(total) || err != nil {
		t.Errorf("the peer has read %d, %v; written were %d", n, err, total)
	}
	c.Close()
	if n, err := c.TryWrite([]byte("x")); n != 0 || err != net.ErrClosed {
		t.Errorf("TryWrite after Close: %d, %v", n, err)
	}
}

func TestWriteToAConnectionThatIsReset(t *testing.T) {
	c, peer := pair(t, New())
	reset(peer)
	waitFor(t, "an error", func() bool {
		_, err := c.TryWrite([]byte("x"))
		return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
	})
}

// A Write that waits goes on when there is room, and nobody's bytes come between its.
func TestWriteWaitsForRoom(t *testing.T) {
	c, peer := pair(t, New())
	before := fill(t, c)
	var writers sync.WaitGroup
	for _, letter := range []string{"a", "b", "c"} {
		writers.Go(func() {
			b := bytes.Repeat([]byte(letter), 8<<20)
			if n, err := c.Write(b); n != len(b) || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
		})
	}
	waitFor(t, "a writer that waits", func() bool { return c.state.Load()&writing != 0 })
	if n, err := c.TryWrite([]byte("x")); n != 0 || err != ErrWouldBlock {
		t.Errorf("TryWrite while Write waits: %d, %v", n, err)
	}
	go func() { writers.Wait(); c.CloseWrite() }()
	all, err := io.ReadAll(peer)
	if err != nil || len(all) != before+3*8<<20 {
		t.Fatalf("the peer has read %d, %v", len(all), err)
	}
	for all = all[before:]; len(all) > 0; all = all[8<<20:] {
		if n := bytes.Count(all[:8<<20], all[:1]); n != 8<<20 {
			t.Fatalf("only %d of %q in a row", n, all[0])
		}
	}
}

func TestCloseWakesWhoWaits(t *testing.T) {
	c, _ := pair(t, New())
	fill(t, c)
	errs := make(chan error)
	for range 2 {
		go func() { _, err := c.Read(make([]byte, 1)); errs <- err }()
		go func() { _, err := c.Write(make([]byte, 1<<20)); errs <- err }()
	}
	waitFor(t, "all waiting", func() bool { s := c.state.Load(); return s&readers != 0 && s&writers != 0 })
	time.Sleep(5 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for range 4 {
		if err := receiveFrom(t, "the end of a wait", errs); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the second Close: %v", err)
	}
	for name, err := range map[string]error{
		"SetDeadline": c.SetDeadline(time.Now()), "CloseWrite": c.CloseWrite(),
		"SetNoDelay": c.SetNoDelay(true), "SetLinger": c.SetLinger(0),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

func TestDeadlines(t *testing.T) {
	c, peer := pair(t, New())
	fill(t, c)
	read := func() error { _, err := c.Read(make([]byte, 1)); return err }
	write := func() error { _, err := c.Write(make([]byte, 1<<20)); return err }
	for _, test := range []struct {
		name string
		op   func() error
		set  func(time.Time) error
		bit  uint32
	}{
		{"Read", read, c.SetReadDeadline, readers},
		{"Write", write, c.SetWriteDeadline, writers},
		{"Read, both", read, c.SetDeadline, readers},
		{"Write, both", write, c.SetDeadline, writers},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, set := range map[string]func(){
				"before": func() { test.set(time.Now().Add(-time.Second)) },
				"soon":   func() { test.set(time.Now().Add(10 * time.Millisecond)) },
				"moved": func() {
					test.set(time.Now().Add(time.Hour))
					go func() {
						waitFor(t, "a wait", func() bool { return c.state.Load()&test.bit != 0 })
						time.Sleep(5 * time.Millisecond)
						test.set(time.Now())
					}()
				},
			} {
				set()
				done := make(chan error, 1)
				go func() { done <- test.op() }()
				err := receiveFrom(t, "the deadline", done)
				timeout, ok := err.(net.Error)
				if !errors.Is(err, os.ErrDeadlineExceeded) || !ok || !timeout.Timeout() {
					t.Errorf("%s: %v", name, err)
				}
				test.set(time.Time{})
			}
		})
	}
	mustWrite(t, peer, "!")
	if err := read(); err != nil {
		t.Errorf("without a deadline: %v", err)
	}
	c.SetReadDeadline(time.Now().Add(-time.Second))
	mustWrite(t, peer, "!")
	waitFor(t, "TryRead, which knows no deadline", func() bool {
		n, err := c.TryRead(make([]byte, 1))
		return n == 1 && err == nil
	})
}

func TestSocketOptions(t *testing.T) {
	served, peer := dialed(t)
	local, remote := served.LocalAddr().String(), served.RemoteAddr().String()
	c, err := New().Take(served)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetNoDelay(false); err != nil {
		t.Error(err)
	}
	if v, err := syscall.GetsockoptInt(int(c.fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY); v != 0 || err != nil {
		t.Errorf("TCP_NODELAY is %d, %v", v, err)
	}
	if err := c.SetNoDelay(true); err != nil {
		t.Error(err)
	}
	if v, err := syscall.GetsockoptInt(int(c.fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY); v == 0 || err != nil {
		t.Errorf("TCP_NODELAY is %d, %v", v, err)
	}
	if err := c.SetLinger(-1); err != nil {
		t.Error(err)
	}
	if err := c.SetLinger(0); err != nil {
		t.Error(err)
	}
	c.Close()
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer reads %v after SetLinger(0) and Close", err)
	}
	if c.LocalAddr().String() != local || c.RemoteAddr().String() != remote {
		t.Errorf("%v -> %v, want %v -> %v", c.LocalAddr(), c.RemoteAddr(), local, remote)
	}
}

// Whoever is inside a system call has the descriptor to himself until he leaves.
func TestCloseWaitsForWhoIsInside(t *testing.T) {
	c, peer := pair(t, New())
	if _, ok := c.enter(0); !ok {
		t.Fatal("closed")
	}
	c.Close()
	if _, err := syscall.GetsockoptInt(int(c.fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY); err != nil {
		t.Errorf("closed too early: %v", err)
	}
	if _, ok := c.enter(0); ok {
		t.Error("somebody has entered after Close")
	}
	c.leave(0)
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("not closed: %v", err)
	}
}
