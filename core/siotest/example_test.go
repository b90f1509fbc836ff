package siotest_test

import (
	"context"
	"fmt"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

func Example() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	socketio.OnWithAck(io, "say", func(_ context.Context, s *socketio.Socket, text string) (int, error) {
		return len(text), s.Broadcast().Emit("said", text)
	})

	// In a test, the first argument is its t.
	ada := siotest.Dial(nil, io, siotest.Options{})
	bob := siotest.Dial(nil, io, siotest.Options{Transport: engine.Polling})

	fmt.Println(siotest.Call[int](ada, "say", "hello"))
	fmt.Println(siotest.Expect[string](bob, "said"))
	// Output:
	// 5
	// hello
}

func ExampleClient_SendRaw() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	socketio.OnWithAck(io, "echo", func(_ context.Context, _ *socketio.Socket, data []byte) ([]byte, error) { return data, nil })

	client := siotest.Dial(nil, io, siotest.Options{})
	client.NextRaw() // the answer to CONNECT
	client.SendRaw(`451-7["echo",{"_placeholder":true,"num":0}]`, []byte("bytes"))
	fmt.Println(client.NextRaw())
	fmt.Printf("%s\n", client.NextRaw())
	// Output:
	// 461-7[{"_placeholder":true,"num":0}]
	// bytes
}

func ExampleClient_Of() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	where := func(_ context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
		return "in " + s.Namespace().Name(), nil
	}
	socketio.OnWithAck(io, "where", where)
	socketio.OnWithAck(io.Of("/chat"), "where", where)

	client := siotest.Dial(nil, io, siotest.Options{})
	chat := client.Of("/chat")
	fmt.Println(chat.Connect())
	fmt.Println(siotest.Call[string](client, "where"))
	fmt.Println(siotest.Call[string](chat, "where"))
	// Output:
	// <nil>
	// in /
	// in /chat
}

func ExampleClient_Upgrade() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	socketio.OnWithAck(io, "how", func(_ context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
		return s.Conn().Transport(), nil
	})

	client := siotest.Dial(nil, io, siotest.Options{Transport: engine.Polling})
	fmt.Println(siotest.Call[string](client, "how"))
	client.Upgrade()
	fmt.Println(siotest.Call[string](client, "how"))
	// Output:
	// polling
	// websocket
}

func ExampleClient_Reconnect() {
	io, _ := socketio.New(socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}})
	defer io.Close()

	client := siotest.Dial(nil, io, siotest.Options{})
	before := client.ID()
	client.Abort() // the network fails
	fmt.Println(client.Disconnected())
	_ = io.Emit("news", "of the meantime")
	fmt.Println(client.Reconnect(), client.ID() == before, client.Recovered())
	fmt.Println(siotest.Expect[string](client, "news"))
	// Output:
	// transport close
	// <nil> true true
	// of the meantime
}
