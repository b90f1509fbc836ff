// Package nats links servers through NATS: [New] through its core, which keeps
// nothing, and [JetStream] through streams, so that clients recover what they missed
// on whatever node they come back to.
//
//	plane := nats.New(nats.Config{URL: "nats://10.0.0.1:4222"})
//	io, err := socketio.New(socketio.Config{Backplane: plane})
//
// With package embedded the server is a part of the program. Servers that are Node's
// join with the adapter in the folder node. What is sent is written down in
// docs/cluster-protocol.md.
package nats
