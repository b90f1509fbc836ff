// Package target starts a server in a process of its own, on any of the hosts, for
// tests that attack it: what they do to it can be seen from outside, and nothing of
// theirs is counted with it.
//
// The server has Socket.IO at /socket.io/ and plain Engine.IO, which echoes, at
// /engine.io/; if told to, Socket.IO in MessagePack at /msgpack/. Several nodes that
// share their clients' sessions are in one process, and strangers can join their bus:
// see [Stranger]. Its events are:
//
//	echo      args...      acknowledges with its arguments; without an ack, emits "echo"
//	join      room         joins, and acknowledges the number of rooms
//	leave     room         leaves, and acknowledges the number of rooms
//	address                acknowledges with the address that the sender has come from
//	say       room, text   emits "said" with the text to the room
//	flood     n, size      emits n events "flood", with its number and a text of size bytes, to the sender
//	ask       n            asks the sender n times with "question", and acknowledges at once
//	order     a number     acknowledges with the number of events that came before it
//	panic, goexit, block   do so; a block ends with [Target.Release]
//	kick                   disconnects the sender, kickall closes its connection
//	slow      ms           acknowledges after that time
//	number    a number     acknowledges with it, as an int64
//	raw       args...      acknowledges with their JSON, as it came
//	count     args...      acknowledges with how many there are, without a look at them
//	keep      arg          keeps it, decoded, as the socket's data, and acknowledges
//	quiz                   asks the sender "question", waits, and emits "graded", answer; or "ungraded", error
//	acktwice               acknowledges twice, and emits "again" with the second's error
//	acklate, acknever      acknowledges after having disconnected the sender; not at all
//	rooms     n            joins so many rooms, and acknowledges the number of rooms
//	enter     room         joins "room:" and the name, and acknowledges the number of rooms
//	churn     n            joins and leaves rooms n times, from 8 goroutines, and acknowledges at once
//	reenter                calls what a handler can call, and acknowledges the number of sockets in its room
//
// Namespaces: "/" and "/chat" let everybody in, "/slow" after 300 ms, "/closed"
// nobody ("not allowed"), and names that match ^/child-[a-z0-9]+$ are made on demand. In
// "/faulty" the auth says what goes wrong: {"in": "use", "connection", "useevent", "any",
// "disconnecting" or "disconnect", "how": "panic", "goexit", "kick" or "reenter"}. In
// "/user" the auth has the name of a user, whose session nobody else may recover; its
// event "tell" emits "told" with a text to everybody.
package target
