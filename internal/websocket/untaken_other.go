//go:build !linux

package websocket

// untaken cannot be told here.
func (c *Conn) untaken() (n int, ok bool) { return 0, false }
