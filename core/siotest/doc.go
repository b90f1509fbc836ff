// Package siotest has a Socket.IO client for the tests of Socket.IO servers. It
// needs no port and no network: it speaks the protocol to the server's Engine.IO
// layer in memory, over either transport.
//
//	func TestJoin(t *testing.T) {
//		io := newServer() // the one that is tested
//		alice := siotest.Dial(t, io, siotest.Options{Auth: map[string]string{"token": "secret"}})
//		bob := siotest.Dial(t, io, siotest.Options{Transport: engine.Polling})
//
//		members := siotest.Call[int](alice, "join", "lobby")
//		bob.Emit("chat", "hello")
//		text := siotest.Expect[string](alice, "chat")
//		...
//	}
//
// What a test expects must come within Options.Timeout, or the test fails. In a
// bubble of testing/synctest, which the package is made for, that time is not
// really waited for, and synctest.Wait waits until server and clients have done
// what they can: then [Client.Events] tells what came, and that nothing else did.
//
// Tests of the protocol itself find its messages in [Client.SendRaw] and
// [Client.NextRaw].
package siotest
