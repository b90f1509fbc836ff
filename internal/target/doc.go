// Package target starts a server in a process of its own, on any of the hosts, for
// tests that attack it: what they do to it can be seen from outside, and nothing of
// theirs is counted with it.
//
// The server has Socket.IO at /socket.io/ and plain Engine.IO, which echoes, at
// /engine.io/. Its events are:
//
//	echo      args...      acknowledges with its arguments; without an ack, emits "echo"
//	join      room         joins, and acknowledges the number of rooms
//	leave     room         leaves, and acknowledges the number of rooms
//	say       room, text   emits "said" with the text to the room
//	flood     n, size      emits n events "flood", with its number and a text of size bytes, to the sender
//	ask       n            asks the sender n times with "question", and acknowledges at once
//	order     a number     acknowledges with the number of events that came before it
//	panic, goexit, block   do so; a block ends with [Target.Release]
//	kick                   disconnects the sender, kickall closes its connection
//	slow      ms           acknowledges after that time
//
// Namespaces: "/" and "/chat" let everybody in, "/slow" after 300 ms, "/closed"
// nobody ("not allowed"), and names that match ^/child-[a-z0-9]+$ are made on demand.
package target
