//go:build !linux || 386

package epoll

import (
	"errors"
	"net"
	"time"
)

// A Group watches the connections that it has taken over.
type Group struct{}

// New returns a group without a connection, which has nothing to close.
func New() *Group { return new(Group) }

// Supported reports whether this system can do it.
func Supported() bool { return false }

// Take makes tcp a connection of the group: not on this system.
func (*Group) Take(*net.TCPConn) (*Conn, error) { return nil, errors.ErrUnsupported }

// A Conn is a TCP connection in a group. On this system there is none.
type Conn struct{ unsupported }

// unsupported is a net.Conn.
type unsupported struct{}

func (unsupported) Read([]byte) (int, error)         { return 0, errors.ErrUnsupported }
func (unsupported) Write([]byte) (int, error)        { return 0, errors.ErrUnsupported }
func (unsupported) Close() error                     { return errors.ErrUnsupported }
func (unsupported) LocalAddr() net.Addr              { return nil }
func (unsupported) RemoteAddr() net.Addr             { return nil }
func (unsupported) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (unsupported) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (unsupported) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// TryRead reads what is there, without waiting.
func (*Conn) TryRead([]byte) (int, error) { return 0, errors.ErrUnsupported }

// TryWrite writes what the system takes, without waiting.
func (*Conn) TryWrite([]byte) (int, error) { return 0, errors.ErrUnsupported }

// Untaken returns how many of the bytes written the peer has not acknowledged yet.
func (*Conn) Untaken() (n int, ok bool) { return 0, false }

// Park has awake called when there may be something to read.
func (*Conn) Park(func()) {}

// Rest ends a call of awake.
func (*Conn) Rest() bool { return false }

// CloseWrite says to the other side that nothing more will come.
func (*Conn) CloseWrite() error { return errors.ErrUnsupported }

// SetLinger is that of [net.TCPConn].
func (*Conn) SetLinger(int) error { return errors.ErrUnsupported }

// SetNoDelay is that of [net.TCPConn].
func (*Conn) SetNoDelay(bool) error { return errors.ErrUnsupported }
