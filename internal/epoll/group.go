//go:build linux && !386

package epoll

import (
	"net"
	"sync/atomic"
	"syscall"
)

// A Group watches the connections that it has taken over.
type Group struct {
	loop  loop
	local atomic.Pointer[net.TCPAddr] // of the last one, most likely that of the next
}

// New returns a group without a connection, which has nothing to close.
func New() *Group { return new(Group) }

// Supported reports whether this system can do it.
func Supported() bool { return true }

// Take makes tcp a connection of the group. Nobody may be using tcp; it is closed,
// and what was set with it, as deadlines are, but for the socket's own options, is
// gone. If there is an error, nothing has happened to it.
func (g *Group) Take(tcp *net.TCPConn) (*Conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{loop: &g.loop}
	if controlErr := raw.Control(func(fd uintptr) { c.fd, err = duplicate(fd) }); controlErr != nil {
		return nil, controlErr
	}
	if err != nil {
		return nil, err
	}
	c.state.Store(running)
	c.local = g.localAddr(tcp)
	if remote, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
		c.remote, c.port = remote.AddrPort().Addr(), remote.AddrPort().Port()
	}
	g.loop.crew.join()
	if err := g.loop.add(c); err != nil {
		g.loop.crew.leave()
		_ = syscall.Close(int(c.fd))
		return nil, err
	}
	_ = tcp.Close()
	return c, nil
}

// localAddr returns the address of our side, the same one for many.
func (g *Group) localAddr(tcp *net.TCPConn) *net.TCPAddr {
	addr, _ := tcp.LocalAddr().(*net.TCPAddr)
	last := g.local.Load()
	if last != nil && addr != nil && last.Port == addr.Port && last.Zone == addr.Zone && last.IP.Equal(addr.IP) {
		return last
	}
	g.local.Store(addr)
	return addr
}
