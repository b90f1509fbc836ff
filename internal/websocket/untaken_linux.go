package websocket

import "golang.org/x/sys/unix"

// untaken returns how many of the bytes that the system has taken the peer has not
// acknowledged yet.
func (c *Conn) untaken() (n int, ok bool) {
	if c.parked != nil {
		return c.parked.Untaken()
	}
	if c.raw == nil {
		return 0, false
	}
	err := c.raw.Control(func(fd uintptr) {
		var err error
		n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		ok = err == nil
	})
	return n, ok && err == nil
}
