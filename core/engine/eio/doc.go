// Package eio reads and writes the packets of Engine.IO revision 4 and the
// payloads that carry them over HTTP long-polling.
//
// A packet is a type's digit followed by its data. Over a connection that has
// messages of its own, such as a WebSocket, a packet is one message and binary
// data travels as a binary message without a digit. Over HTTP several packets
// share a body, separated by [Separator], and binary data is written in base64
// behind the letter b.
//
// What has Rev3 in its name is for older clients, and of no use for others.
package eio
