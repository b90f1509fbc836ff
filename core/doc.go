// Package socketio is a Socket.IO server: events, acknowledgements, rooms and
// namespaces for the stock Socket.IO clients of any language.
//
// # A first server
//
// A [Server] speaks the protocol; an adapter mounts it in the HTTP framework of
// your choice. With net/http:
//
//	io, err := socketio.New(socketio.Config{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	socketio.On(io, "chat", func(ctx context.Context, s *socketio.Socket, text string) error {
//		return io.Emit("chat", text)
//	})
//	mux := http.NewServeMux()
//	nethttp.Mount(mux, io)
//	log.Fatal(http.ListenAndServe(":3000", mux))
//
// By default only pages of the server's own host may connect; name others in
// Config.AllowedOrigins.
//
// # Handlers
//
// Every client that connects gets a [Socket]. [On] registers a handler for all
// sockets of a server or [Namespace], or for a single one; the event's argument is
// decoded into the type that the handler asks for. A []byte anywhere in a value
// travels as binary, in both directions. Events with several arguments, or of
// types that only the program's run can tell, have OnEvent and [Event.Bind].
//
// [Namespace.OnConnection] is called when a client has joined, before its first
// event is handled, and [Namespace.OnDisconnect] once for each socket that has
// left, with the [Reason].
//
// To have an event's name and type in one place, for both who sends and who
// handles it, make it a [Message] or a [Request].
//
// # Acknowledgements
//
// A client can ask for an answer, by emitWithAck or a callback. [OnWithAck]
// answers with what the handler returns. The other way round, [EmitWithAck] asks
// one client and [EmitWithAckAll] many, and both wait: for the answers, the
// context, the time set by Timeout or Config.AckTimeout, or the end of the socket,
// whatever comes first. What came in before is returned with the error.
//
// # Rooms and broadcasts
//
// A socket can join rooms, which exist as long as somebody is in them. Operators
// say whom an event is for:
//
//	io.Emit("news", n)                                 // everyone
//	io.To("room").Emit("news", n)                      // everyone in the room
//	io.To("a", "b").Except("muted").Emit("news", n)    // each of them once
//	s.To("room").Emit("chat", m)                       // the others in the room
//	s.Broadcast().Emit("joined", name)                 // all others
//	s.Emit("hello")                                    // this client
//
// What an operator returns is a value that can be kept and shared. The room of a
// socket's id is the socket's own; where clients choose names of rooms, put a
// prefix before them, so that none chooses the id of another.
//
// All clients see the broadcasts of a namespace in the same order. Emit never
// waits for a client: one that does not keep up is disconnected with
// [ReasonSlowConsumer], and an event that is Volatile is dropped for those who
// could not get it at once.
//
// # Middleware
//
// [Namespace.Use] adds functions that decide on a client before it has joined, by
// its [Handshake]: the request's headers and query, and the auth payload. What
// they put into the context is there in every handler. The middleware of the HTTP
// framework runs before that, and what it leaves is copied by the adapter and
// found with [Value]. UseEvent wraps the handlers of all events.
//
// [Namespace.OnAny] and [Namespace.OnAnyOutgoing] listen to all events.
//
// # Namespaces
//
// [Server.Of] makes a [Namespace], a channel of its own with handlers, sockets and
// rooms of its own. [Server.OfRegexp] and [Server.OfFunc] let clients have them made.
//
// # Connections that are cut
//
// A client that comes back is a new socket, and has missed what was sent meanwhile.
// With Config.ConnectionStateRecovery it goes on with its id, rooms and data, and
// gets what it has missed: see [Recovery]. In the other direction, [Deduplicate]
// lets clients repeat an event of which they do not know whether it arrived.
//
// # Errors
//
// Functions of yours return errors. Only an *[Error] reaches the client: as the
// reason of a refused connection, or in the ack of an event. Any other is logged,
// and the client learns no more than "internal error"; but for Config.AllowRequest,
// whose error is an answer of HTTP and reaches the client as it is. A panic is treated
// in the same way; it hurts nobody else. [Namespace.OnError] tells the program of
// events that have failed.
//
// # Concurrency
//
// All methods may be called from any goroutine and from any handler. The events
// of one socket are handled one after another, in the order in which they came,
// and those of different sockets at the same time; Config.Concurrent gives up the
// order. While a handler of a socket waits, acks and disconnects still arrive, and
// so a handler may wait for the ack of its own client. When too many events are
// queued behind it, that client is no longer read from; others are not concerned.
//
// A handler's context is cancelled when its socket ends.
//
// # Shutdown
//
// [Server.Shutdown] refuses new clients, lets running handlers finish, delivers
// what was emitted and disconnects everyone. Call it before the shutdown of the
// HTTP server. Where other servers take over, [Server.Drain] comes first: it moves
// clients to them one by one.
//
// # Tests
//
// Package siotest has a client that needs no network, for the tests of your
// handlers.
package socketio
