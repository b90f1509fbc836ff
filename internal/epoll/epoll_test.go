//go:build linux && !386

package epoll

import (
	"io"
	"net"
	"testing"
)

func pair(t testing.TB, g *Group) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.Take(served.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c, peer.(*net.TCPConn)
}

func echo(c *Conn) {
	buf := make([]byte, 4096)
	c.Park(func() {
		for {
			n, err := c.TryRead(buf)
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

func TestEcho(t *testing.T) {
	c, peer := pair(t, New())
	echo(c)
	for range 1000 {
		peer.Write([]byte("hello"))
		var b [5]byte
		if _, err := io.ReadFull(peer, b[:]); err != nil || string(b[:]) != "hello" {
			t.Fatal(string(b[:]), err)
		}
	}
	peer.CloseWrite()
	if n, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(n, err)
	}
}
