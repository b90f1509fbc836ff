// Package websocket carries messages over a WebSocket that somebody else has
// opened: RFC 6455 from the first byte behind the opening handshake, and
// permessage-deflate (RFC 7692) without context takeover. A [Conn] is an
// engine.Conn.
//
// It is made for many connections that are idle most of the time, and for
// bursts in between, where system calls are what costs:
//
//   - One read brings as many frames as have arrived. They are unmasked where
//     they lie and handed on from there, without a copy or an allocation.
//   - A connection that waits owns no read buffer, no timer and, where
//     Config.Group has taken it, no goroutine; else only its reader's. A frame that has arrived in part keeps only what is
//     there of it.
//   - A batch of small frames leaves in one write. A write deadline is set only
//     when the peer does not take everything at once.
//
// That needs the descriptor, so it holds for *net.TCPConn and *net.UnixConn on
// Unix systems; Config.Group takes *net.TCPConn on Linux. Any other connection, TLS and net.Pipe among them, is served by
// its Read and Write, with a small buffer while it waits.
//
// # Concurrency
//
// One goroutine at a time calls ReadMessages or ReadAvailable, one at a time
// WriteFrames, TryWriteFrames, FinishWrite or WriteMessage; Close and Abort may be called by anyone at any time. Whoever
// writes is "the writer": a role that WriteFrames, the reader with a pong, and
// Close with its close frame take in turn. Nobody but WriteFrames ever waits for
// it. The others leave their control frame for the writer to send behind its
// batch, or take the role and write as far as that goes without blocking; what
// does not go is left to a goroutine that lives until it has gone or the write
// deadline has passed.
//
// # What the peer does wrong
//
// Every violation is answered by a close frame with the code that RFC 6455
// names, and reported as an *engine.ConnError. Nothing is buffered because a
// header announces it: room is made as bytes arrive, and limits are checked
// before.
package websocket
