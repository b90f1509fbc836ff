// Package relay brings the requests of clients to the node that has their session,
// wherever they arrive: polls, POSTs and WebSockets that ask to take over. It is an
// [engine.Router] over the private mail of a backplane.
//
// A session's id begins with eight characters that stand for its node, so that the node
// is found without asking anybody. The node where a request arrives, the door, sends it
// there, to the owner, and gets the reply back. Each request is a stream: messages that
// are numbered in both directions, with windows, so that neither side has to keep much
// for the other. A WebSocket is a stream that lasts; its owner sees an [engine.Conn].
//
// Mail may be lost. That is noticed by the numbers, and by a roll call: every other
// second a door tells each owner which streams it has there, and is told which of them
// the owner does not know. What has lost something ends, and so does its session: a
// client that misses something must not believe that it does not.
package relay
