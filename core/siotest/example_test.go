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
