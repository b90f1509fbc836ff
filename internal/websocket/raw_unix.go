//go:build unix

package websocket

import (
	"io"
	"net"
	"syscall"
)

// rawConn returns access to conn's descriptor, or nil. Only the standard
// library's own types qualify: what wraps one of them may show its descriptor,
// too, and yet read ahead or count in its Read.
func rawConn(conn net.Conn) syscall.RawConn {
	var raw syscall.RawConn
	var err error
	switch conn := conn.(type) {
	case *net.TCPConn:
		raw, err = conn.SyscallConn()
	case *net.UnixConn:
		raw, err = conn.SyscallConn()
	}
	if err != nil {
		return nil
	}
	return raw
}

// readable is called when the descriptor may have something to read. It returns
// false, without a buffer, to be called again when it has.
func (c *Conn) readable(fd uintptr) bool {
	c.in.makeRoom(bufferSize)
	for {
		n, err := syscall.Read(int(fd), c.in.free())
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			c.in.park()
			return false
		case n == 0 && err == nil:
			err = io.EOF
		}
		if n > 0 {
			c.in.buf = c.in.buf[:len(c.in.buf)+n]
		}
		c.in.err = err
		return true
	}
}

// writable is called when the descriptor may take bytes. It returns false to be
// called again when it does.
func (c *Conn) writable(fd uintptr) bool {
	for len(c.out.rest) > 0 {
		n, err := syscall.Write(int(fd), c.out.rest)
		switch {
		case n > 0:
			c.wrote(n)
		case err == syscall.EINTR:
		case err == syscall.EAGAIN && c.out.try:
			return true
		case err == syscall.EAGAIN:
			c.arm()
			return false
		case err != nil:
			c.out.err = err
			return true
		}
	}
	return true
}
