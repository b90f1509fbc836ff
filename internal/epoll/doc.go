// Package epoll holds TCP connections that wait without a goroutine and without
// a buffer. A [Group] takes over any number of them; a [Conn] calls its owner's
// function when there is something to read, on a goroutine that it shares with
// all the others. It works on Linux; [Supported] says so.
//
// # Reading
//
// After Conn.Park the owner's function, awake, is called once, and then again
// each time something has arrived while the connection was at rest:
//
//	conn.Park(func() {
//		for {
//			n, err := conn.TryRead(buf)
//			... // use buf[:n]; end, without Rest, if err is another than ErrWouldBlock
//			if n < len(buf) && conn.Rest() {
//				return
//			}
//		}
//	})
//
// Whoever runs awake holds the reading side until Rest returns true: no other
// call of awake begins. It may take its time, or block; that holds up no other
// connection. After a true Rest the goroutine may go on with other work, while
// the next call runs on another. An awake that returns without a true Rest is
// not called again, but by another Park. A closed connection is called once more
// if it was at rest, and never rests again: so the last call always sees the end,
// as an error of TryRead.
//
// # How it works
//
// A connection is registered once, edge-triggered. The group's loop is one
// goroutine, and no thread: the epoll descriptor itself waits in Go's own poller,
// so a wake-up costs one system call more than with a goroutine for each
// connection, for all connections that are ready together. The loop only hands
// them to a crew of goroutines, which stay for the next, so that their stacks are
// grown already; it runs none of the owner's code.
//
// The loop and the crew live while there is a connection. A Group without one
// has no goroutine and no descriptor, and need not be closed.
package epoll

import "errors"

// ErrWouldBlock is returned by TryRead and TryWrite when they would have to wait.
var ErrWouldBlock = errors.New("epoll: would block")
