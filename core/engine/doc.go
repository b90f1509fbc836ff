// Package engine serves Engine.IO, revision 4: the protocol beneath Socket.IO, which
// carries messages between a server and clients such as browsers. A client begins
// by HTTP long-polling, which gets through everywhere, and moves to a WebSocket
// when it has found that this works; or it begins by WebSocket at once. Either
// way it has one session, whose messages are neither lost nor reordered by the
// move, and which a heartbeat ends when the client is gone. Older clients, which
// speak revision 3, are served where Config.AllowEIO3 says so.
//
// The package knows no HTTP library. What it needs from one is small.
//
// # For those who write a host
//
// A host, such as an adapter to a web framework, translates its requests to
// [Request] and asks:
//
//   - [Server.ServePoll] for every request for which [Request.IsUpgrade] is false.
//     It returns the whole response. A GET hangs until there is something to tell,
//     so its context must end when the client goes away, and nothing but that may
//     bound its time.
//   - [Server.AcceptUpgrade] for the others, before the connection is hijacked. It
//     returns the response that refuses, or an [Upgrade]: the host then does the
//     opening handshake, adds [Upgrade.Header] to it, frames messages as
//     [Upgrade.WebSocket] says, and hands the connection, as a [Conn], to
//     [Upgrade.Start] or [Upgrade.Serve]. Who meets a failure on the way there
//     calls [Upgrade.Cancel] and returns: no session has been opened yet.
//
// The engine keeps the request of a handshake as long as the session, so the host
// copies whatever its framework recycles.
//
// # Without Socket.IO
//
// [New] makes a server, and [Server.OnConnection] says who receives the messages of
// each new session; [Session.SendText] and [Session.SendBinary] send. That is a
// complete message server for any Engine.IO client, and the adapters mount it as
// they mount a Socket.IO server: both are an [Endpoint].
//
// # Concurrency
//
// All methods may be called from any goroutine, those of a [Receiver] included. No
// lock is held while a [Receiver]'s Close runs. Message and Flush are called one at
// a time for each session, and no more is read from a client while they run; they
// may send, and they may close the session. Close is called once; where a Message
// is still running, it does not wait for it. A panic in any function of the user's
// is recovered, logged and counted.
//
// Sending never waits for the client. What it does not take waits in a queue; a
// client that lets too much wait is disconnected as a slow consumer. Messages of
// one goroutine arrive in the order in which they were sent, and the frames of one
// call of [Session.SendFrames] arrive with nothing between them.
//
// An idle session has no goroutine while it polls, none over a [ParkingConn], one
// over any other connection, and no timer of its own.
package engine
