package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// patience is for what must come: a busy machine is slow.
const patience = time.Minute

// A stage is a proxy with a server behind it.
type stage struct {
	*Proxy
	t        *testing.T
	listener net.Listener
}

func play(t *testing.T, opts Options) *stage {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p, err := Start(listener.Addr().String(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return &stage{p, t, listener}
}

// always is the same plan for every connection.
func always(p Plan) Options { return Options{Plan: func(int) Plan { return p }} }

// dial connects a client, which has a deadline so that no test hangs.
func (s *stage) dial() *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// connect connects a client, and returns the server's end as well.
func (s *stage) connect() (client, server *net.TCPConn) {
	s.t.Helper()
	client = s.dial()
	c, err := s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return client, c.(*net.TCPConn)
}

// of returns the proxy's view of a client.
func (s *stage) of(client net.Conn) *Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	c := s.Find(ctx, client.LocalAddr())
	if c == nil {
		s.t.Fatal("the proxy does not know of the client")
	}
	return c
}

// dialReset connects a client that the proxy resets, maybe before it knows that it is
// connected.
func (s *stage) dialReset() {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err == nil {
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, err = c.Read(make([]byte, 1))
	}
	if !isReset(err) {
		s.t.Errorf("%v, want a reset", err)
	}
}

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); string(got) != want {
		t.Fatalf("read %q, %v, want %q", got[:n], err, want)
	}
}

// expectEnd wants the end of the stream, and no byte before it.
func expectEnd(t *testing.T, c net.Conn, want error) {
	t.Helper()
	n, err := io.ReadFull(c, make([]byte, 1))
	if n != 0 || !errors.Is(err, want) {
		t.Errorf("read %d bytes, %v, want %v", n, err, want)
	}
}

// expectSilence wants nothing at all, not even an end, for a little while.
func expectSilence(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	n, err := c.Read(make([]byte, 1))
	if ne, ok := err.(net.Error); n != 0 || !ok || !ne.Timeout() {
		t.Errorf("read %d bytes, %v, want silence", n, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
}

func expectDone(t *testing.T, c *Conn) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("the connection has not ended")
	}
}

// descriptors returns how many this process has open, or 0 where that is not known.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}
