//go:build linux && !386

package epoll

import (
	"net"
	"net/netip"
	"os"
	"syscall"
)

// LocalAddr returns the address of our side, a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other side, a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.remote, c.port))
}

// CloseWrite says to the other side that nothing more will come.
func (c *Conn) CloseWrite() error {
	return c.set(func(fd int) error { return os.NewSyscallError("shutdown", syscall.Shutdown(fd, syscall.SHUT_WR)) })
}

// SetLinger is that of [net.TCPConn].
func (c *Conn) SetLinger(sec int) error {
	l := syscall.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		l = syscall.Linger{}
	}
	return c.set(func(fd int) error {
		return os.NewSyscallError("setsockopt", syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l))
	})
}

// SetNoDelay is that of [net.TCPConn].
func (c *Conn) SetNoDelay(noDelay bool) error {
	value := 0
	if noDelay {
		value = 1
	}
	return c.set(func(fd int) error {
		return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, value))
	})
}

// set does something to the descriptor.
func (c *Conn) set(do func(fd int) error) error {
	if _, ok := c.enter(0); !ok {
		return c.failed("set", net.ErrClosed)
	}
	err := do(int(c.fd))
	c.leave(0)
	if err != nil {
		return c.failed("set", err)
	}
	return nil
}
