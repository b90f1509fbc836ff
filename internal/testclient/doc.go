// Package testclient is the honest client of the tests with very many messages or
// clients: it polls, moves to WebSocket, answers pings and sends as engine.io-client
// does, and costs as little as a client in the same process can.
//
// A [Client] sends Socket.IO packets that its user has encoded, and hands on those
// that arrive as they are. Nothing is lost, repeated or reordered by it, so whatever
// is missing is the server's fault:
//
//	c, err := testclient.Connect(ctx, testclient.Options{Addr: addr, OnMessage: got})
//	err = c.Join(ctx)
//	err = c.Send([]byte(`2["hello"]`))
//	err = c.Upgrade(ctx)
//	c.Close()
//
// A move to WebSocket can be made step by step with [Client.Dial], for tests in which
// it goes wrong on the way.
package testclient
