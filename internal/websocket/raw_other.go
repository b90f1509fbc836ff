//go:build !unix

package websocket

import (
	"net"
	"syscall"
)

// rawConn returns nil: reading where a descriptor is ready is a Unix matter.
func rawConn(net.Conn) syscall.RawConn { return nil }

func (*Conn) readable(uintptr) bool { return true }
func (*Conn) writable(uintptr) bool { return true }
