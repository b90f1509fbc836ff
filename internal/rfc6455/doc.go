// Package rfc6455 is a table of conversations with a WebSocket server that sends
// back every message it gets, and a client that has them.
//
// [Cases] is the table: what is sent, frame by frame, what must come back, and how
// it must end. Each case names the section of RFC 6455, or of RFC 7692 for
// compression, that it is about. Where the RFCs leave the answer open, a close
// code for one, it is the one that this project has settled on.
//
// [Run] has them all with one server, many at a time. Its client is made of nothing
// but bytes: it shares no code with the server, sends what no library would, and
// checks every bit of what it gets.
//
// Every text begins with the digit 4, which makes it a message for an Engine.IO
// server as well; the few that do not are marked.
package rfc6455
