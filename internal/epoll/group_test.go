//go:build linux && !386

package epoll

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

// Events of a connection that is closed are not another's, which has its descriptor.
func TestStaleEvents(t *testing.T) {
	g := New()
	c, _ := pair(t, g)
	r := record(c, 10)
	waitFor(t, "rest", r.rests)
	for _, e := range []syscall.EpollEvent{
		{Events: syscall.EPOLLIN, Fd: c.fd, Pad: int32(c.gen - 1)},
		{Events: syscall.EPOLLIN, Fd: c.fd + 1, Pad: int32(c.gen)},
		{Events: syscall.EPOLLIN, Fd: 1 << 20, Pad: int32(c.gen)},
		{Events: syscall.EPOLLOUT, Fd: c.fd, Pad: int32(c.gen)},
	} {
		g.loop.handOut([]syscall.EpollEvent{e})
		if !r.rests() {
			t.Errorf("%+v has woken it", e)
		}
	}
	g.loop.handOut([]syscall.EpollEvent{{Events: syscall.EPOLLIN, Fd: c.fd, Pad: int32(c.gen)}})
	waitFor(t, "a call", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.calls == 2 })
}

// What epoll does not take leaves nothing behind.
func TestAddFails(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before := descriptors(t)
	g := New()
	if err := g.loop.add(&Conn{loop: &g.loop, fd: int32(f.Fd())}); !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v", err)
	}
	waitFor(t, "no goroutines", func() bool { return goroutines() == 0 })
	waitFor(t, "no descriptors", func() bool { return descriptors(t) == before })
}

// The descriptor of a connection that is being closed may be another's before it
// has been taken out of the loop.
func TestRemoveAfterTheDescriptorWasUsedAgain(t *testing.T) {
	g := New()
	pair(t, g)
	c, _ := pair(t, g)
	old := &Conn{loop: &g.loop, fd: c.fd}
	g.loop.mu.Lock()
	g.loop.count++
	g.loop.mu.Unlock()
	g.loop.remove(old)
	g.loop.mu.Lock()
	defer g.loop.mu.Unlock()
	if g.loop.conns[c.fd] != c || g.loop.count != 2 {
		t.Errorf("%v is there, of %d", g.loop.conns[c.fd], g.loop.count)
	}
}

func TestGroupWithoutConnectionsIsEmpty(t *testing.T) {
	before := descriptors(t)
	g := New()
	for round := range 3 {
		conns := map[*Conn]*net.TCPConn{}
		for i := range 100 {
			c, peer := pair(t, g)
			echo(c)
			conns[c] = peer
			s := fmt.Sprint("hello ", i)
			mustWrite(t, peer, s)
			mustRead(t, peer, s)
		}
		if n := goroutines(); n < 2 || n > maxIdle+1 {
			t.Errorf("%d goroutines for 100 connections", n)
		}
		for c, peer := range conns {
			if round == 0 {
				c.Close()
			}
			peer.Close()
		}
		waitFor(t, "no goroutines", func() bool { return goroutines() == 0 })
		waitFor(t, "no descriptors", func() bool { return descriptors(t) == before })
	}
	g.loop.mu.Lock()
	defer g.loop.mu.Unlock()
	g.loop.crew.mu.Lock()
	defer g.loop.crew.mu.Unlock()
	if g.loop.conns != nil || g.loop.crew.conns != 0 || g.loop.crew.idle != nil {
		t.Errorf("left: %+v", &g.loop)
	}
}

// noHoles opens descriptors until there is none free below the highest, which it
// returns.
func noHoles(t *testing.T) (highest int) {
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if fd := int(f.Fd()); fd == descriptors(t)-2 { // the directory has one, too, and the lowest is 0
			return fd
		}
	}
}

// Take does nothing to a connection that it cannot have.
func TestTakeFails(t *testing.T) {
	served, peer := dialed(t)
	highest := noHoles(t)
	before := descriptors(t)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	g := New()
	for _, free := range []int{0, 1} { // for the duplicate, for the loop
		low := syscall.Rlimit{Cur: uint64(highest + 1 + free), Max: limit.Max}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		_, err := g.Take(served)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Fatalf("with %d free descriptors: %v", free, err)
		}
		if g.loop.count != 0 || g.loop.crew.conns != 0 {
			t.Errorf("with %d free descriptors: counted all the same", free)
		}
	}
	mustWrite(t, served, "hello")
	mustRead(t, peer, "hello")
	c, err := g.Take(served)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := served.Write(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("what was taken is not closed: %v", err)
	}
	if _, err := g.Take(served); !errors.Is(err, net.ErrClosed) {
		t.Errorf("what is closed can be taken: %v", err)
	}
	c.Close()
	waitFor(t, "no goroutines", func() bool { return goroutines() == 0 })
	waitFor(t, "the descriptors of before, but for the two", func() bool { return descriptors(t) == before-1 })
}
