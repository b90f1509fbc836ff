//go:build linux && !386

package epoll

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// recorder reads what a parked connection gets.
type recorder struct {
	c     *Conn
	size  int // of the buffer
	mu    sync.Mutex
	got   []byte
	err   error
	calls int
	runs  atomic.Int32 // calls at this moment
	ended chan struct{}
}

func record(c *Conn, size int) *recorder {
	r := &recorder{c: c, size: size, ended: make(chan struct{})}
	c.Park(r.awake)
	return r
}

func (r *recorder) awake() {
	if r.runs.Add(1) > 1 {
		panic("two calls at once")
	}
	r.mu.Lock()
	r.calls++
	r.mu.Unlock()
	b := make([]byte, r.size)
	for {
		n, err := r.c.TryRead(b)
		r.mu.Lock()
		r.got = append(r.got, b[:n]...)
		if err != nil && err != ErrWouldBlock {
			r.err = err
		}
		r.mu.Unlock()
		if err != nil && err != ErrWouldBlock {
			close(r.ended)
			return
		}
		if n == len(b) {
			continue
		}
		r.runs.Add(-1)
		if r.c.Rest() {
			return
		}
		r.runs.Add(1)
	}
}

func (r *recorder) has() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.got)
}

func (r *recorder) rests() bool { return r.c.state.Load()&running == 0 }

func (r *recorder) mustEnd(t *testing.T, got string, err error) {
	t.Helper()
	receiveFrom(t, "the end", r.ended)
	if r.has() != got || !errors.Is(r.err, err) {
		t.Errorf("got %q, %v; want %q, %v", r.has(), r.err, got, err)
	}
}

func TestParkCallsOnceAtTheStart(t *testing.T) {
	c, _ := pair(t, New())
	r := record(c, 10)
	waitFor(t, "rest", r.rests)
	if r.calls != 1 {
		t.Errorf("%d calls", r.calls)
	}
}

func TestParkReadsWhatCameBefore(t *testing.T) {
	c, peer := pair(t, New())
	mustWrite(t, peer, "early")
	peer.CloseWrite()
	record(c, 3).mustEnd(t, "early", io.EOF)
}

func TestByteByByte(t *testing.T) {
	c, peer := pair(t, New())
	r := record(c, 10)
	for i := range 100 {
		mustWrite(t, peer, "x")
		waitFor(t, "the byte", func() bool { return len(r.has()) > i && r.rests() })
	}
	if r.calls > 201 { // one in between may have been called for a byte that it had read already
		t.Errorf("%d calls for 100 bytes", r.calls)
	}
}

// A buffer that is exactly full is no short read.
func TestReadsThatFit(t *testing.T) {
	c, peer := pair(t, New())
	r := record(c, 5)
	waitFor(t, "rest", r.rests)
	mustWrite(t, peer, "1234512345")
	waitFor(t, "both", func() bool { return r.has() == "1234512345" && r.rests() })
}

// No edge follows the one that told of both data and end.
func TestDataAndEndInOnePacket(t *testing.T) {
	for i := range 50 {
		c, peer := pair(t, New())
		r := record(c, 100)
		if i%2 == 0 {
			waitFor(t, "rest", r.rests)
		}
		corked(t, peer, func() { mustWrite(t, peer, "bye"); peer.CloseWrite() })
		r.mustEnd(t, "bye", io.EOF)
	}
}

// Who has read the end may rest, and write still.
func TestRestAfterTheEnd(t *testing.T) {
	c, peer := pair(t, New())
	var ends atomic.Int32
	rests := func() bool { return c.state.Load()&running == 0 }
	c.Park(func() {
		for {
			_, err := c.TryRead(make([]byte, 10))
			if err == net.ErrClosed {
				return
			}
			if err == io.EOF {
				ends.Add(1)
			}
			if c.Rest() {
				return
			}
		}
	})
	waitFor(t, "rest", rests)
	peer.CloseWrite()
	waitFor(t, "rest after the end", func() bool { return ends.Load() > 0 && rests() })
	mustWrite(t, c, "still here")
	mustRead(t, peer, "still here")
}

func TestResetAtRest(t *testing.T) {
	c, peer := pair(t, New())
	r := record(c, 100)
	waitFor(t, "rest", r.rests)
	reset(peer)
	r.mustEnd(t, "", syscall.ECONNRESET)
}

func TestCloseAtRest(t *testing.T) {
	c, _ := pair(t, New())
	r := record(c, 100)
	waitFor(t, "rest", r.rests)
	c.Close()
	r.mustEnd(t, "", net.ErrClosed)
	if r.calls != 2 || c.Rest() {
		t.Errorf("%d calls; it rests: %v", r.calls, c.Rest())
	}
}

func TestCloseWhileAwake(t *testing.T) {
	c, peer := pair(t, New())
	in, rested, again := make(chan struct{}), make(chan bool), make(chan error)
	var calls atomic.Int32
	c.Park(func() {
		calls.Add(1)
		in <- struct{}{}
		<-in
		rested <- c.Rest()
		_, err := c.TryRead(make([]byte, 1))
		again <- err
	})
	receiveFrom(t, "a call", in)
	c.Close()
	in <- struct{}{}
	if receiveFrom(t, "Rest", rested) {
		t.Error("a closed connection rests")
	}
	if err := receiveFrom(t, "TryRead", again); err != net.ErrClosed {
		t.Error(err)
	}
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	time.Sleep(10 * time.Millisecond)
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestParkAfterClose(t *testing.T) {
	c, _ := pair(t, New())
	c.Close()
	record(c, 100).mustEnd(t, "", net.ErrClosed)
}

// What arrives between a short read and Rest must not be forgotten.
func TestArrivalBeforeRest(t *testing.T) {
	c, peer := pair(t, New())
	read, rest, rested := make(chan int), make(chan struct{}), make(chan bool)
	c.Park(func() {
		for {
			n, err := c.TryRead(make([]byte, 100))
			if err == net.ErrClosed {
				return
			}
			read <- n
			<-rest
			ok := c.Rest()
			rested <- ok
			if ok {
				return
			}
		}
	})
	receiveFrom(t, "a read", read)
	mustWrite(t, peer, "late")
	waitFor(t, "the event", func() bool { return c.state.Load()&again != 0 })
	rest <- struct{}{}
	if receiveFrom(t, "Rest", rested) {
		t.Fatal("it rests, with something to read")
	}
	if n := receiveFrom(t, "a read", read); n != 4 {
		t.Errorf("read %d", n)
	}
	rest <- struct{}{}
	if !receiveFrom(t, "Rest", rested) {
		t.Error("it does not rest, with nothing to read")
	}
}

// After Rest the goroutine may go on, and the next call is on another.
func TestWorkAfterRest(t *testing.T) {
	c, peer := pair(t, New())
	work, got := make(chan struct{}), make(chan string, 3)
	c.Park(func() {
		b, total := make([]byte, 100), 0
		for {
			n, err := c.TryRead(b[total:])
			if err == net.ErrClosed {
				return
			}
			if total += n; c.Rest() {
				break
			}
		}
		if total == 0 {
			return
		}
		got <- string(b[:total])
		<-work
	})
	for _, s := range []string{"one", "two", "three"} {
		mustWrite(t, peer, s)
		if now := receiveFrom(t, s, got); now != s {
			t.Fatalf("got %q, want %q", now, s)
		}
	}
	close(work)
}

// An awake that blocks holds up nobody else, however many do so.
func TestBlockedAwakes(t *testing.T) {
	g := New()
	block := make(chan struct{})
	free := sync.OnceFunc(func() { close(block) })
	defer free()
	var blocked atomic.Int32
	for i := range 200 {
		c, peer := pair(t, g)
		c.Park(func() {
			for b := make([]byte, 1); ; {
				n, err := c.TryRead(b)
				if err == net.ErrClosed {
					return
				}
				if n == 1 {
					blocked.Add(1)
					<-block
				} else if c.Rest() {
					return
				}
			}
		})
		mustWrite(t, peer, "x")
		if i%50 == 0 {
			waitFor(t, "all blocked", func() bool { return blocked.Load() == int32(i+1) })
			c, peer := pair(t, g)
			echo(c)
			mustWrite(t, peer, "hello")
			mustRead(t, peer, "hello")
		}
	}
	waitFor(t, "all blocked", func() bool { return blocked.Load() == 200 })
	free()
	waitFor(t, "few idle goroutines", func() bool { return goroutines() <= maxIdle+1 })
}

// Who has not rested may hand the reading side on, by another Park.
func TestParkAgain(t *testing.T) {
	c, peer := pair(t, New())
	first := make(chan struct{})
	c.Park(func() { close(first) })
	receiveFrom(t, "the first call", first)
	mustWrite(t, peer, "hello")
	waitFor(t, "the event, which calls nobody", func() bool { return c.state.Load()&again != 0 })
	r := record(c, 10)
	waitFor(t, "all", func() bool { return r.has() == "hello" && r.rests() })
}
