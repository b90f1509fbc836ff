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
// What a test expects must come within Options.Timeout, or the test fails.
//
// # Time
//
// The package is made for bubbles of testing/synctest. In one, a server's clock is
// the bubble's: a sleep of the test lets the server's time pass, its pings, its
// timeouts and those of the handlers, and takes none itself. synctest.Wait waits
// until server and clients have done what they can: then [Client.Events] tells what
// came, and that nothing else did. The server must be made in the bubble.
//
//	func TestAQuestionExpires(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			io := newServer()
//			defer io.Close()
//			alice := siotest.Dial(t, io, siotest.Options{})
//			alice.Emit("ask", "anybody?")
//			time.Sleep(time.Hour) // the server's hour
//			synctest.Wait()
//			if n := len(alice.Events()); n != 0 {
//				t.Errorf("%d answers", n)
//			}
//		})
//	}
//
// # Networks that fail
//
// [Client.Abort] drops the connection, [Client.Stall] leaves it there and reads
// nothing, and with Options.Silent pings are not answered. [Client.Reconnect] comes
// back as a stock client does. [Client.Upgrade] moves from polling to WebSocket, and
// [Client.Of] joins more namespaces over the same connection.
//
// Tests of the protocol itself find its messages in [Client.SendRaw] and
// [Client.NextRaw].
package siotest
