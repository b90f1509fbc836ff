// Package endurance holds the tests that need very many clients, or a long time: what
// a server's memory does under clients that never read, what is left of a hundred
// thousand connections, whether moving to WebSocket ever loses a message, how long a
// shutdown takes. Servers run in processes of their own, see package target, but for the
// moves to WebSocket, where only messages count.
//
// How much of it runs is the flag -scale. By default it is a hundredth, which is
// there to show that the tests work; "make test" runs all of it, and "make soak" ten
// times as much.
package endurance
