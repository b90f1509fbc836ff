// Package load is a load generator for Socket.IO servers: one thread, one epoll
// instance, raw sockets, no allocation per message. It is made to cost much less
// than what it measures, so it knows only as much of the protocols as the servers
// under test need: Engine.IO 4 and Socket.IO 5 over WebSocket and long-polling,
// unfragmented frames, responses with a Content-Length, the namespace "/".
//
// It runs on Linux only.
package load
