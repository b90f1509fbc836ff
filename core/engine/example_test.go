package engine_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/kawat-go/kawat/core/engine"
)

// A host translates its framework's requests to ServePoll; here requests are made
// by hand.
func Example() {
	srv, err := engine.New(engine.Config{
		GenerateID: func(*engine.Request) (string, error) { return "an-unguessable-id", nil }, // leave this out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		return engine.Funcs{
			OnMessage: func(data []byte, binary bool) { _ = s.SendText("you said " + string(data)) },
			OnClose:   func(reason engine.Reason, cause error) { fmt.Println("closed:", reason) },
		}
	})

	ask := func(method, query, body string) {
		reply := srv.ServePoll(context.Background(), &engine.Request{
			Method: method, RawQuery: "EIO=4&transport=polling" + query, Host: "kawat.example",
			Body: strings.NewReader(body), ContentLength: int64(len(body)),
		})
		fmt.Println(method, reply.Status, string(reply.Body))
	}
	ask("GET", "", "")
	ask("POST", "&sid=an-unguessable-id", "4hello")
	ask("GET", "&sid=an-unguessable-id", "")
	ask("POST", "&sid=an-unguessable-id", "1")
	// Output:
	// GET 200 0{"sid":"an-unguessable-id","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
	// POST 200 ok
	// GET 200 4you said hello
	// closed: transport close
	// POST 200 ok
}

// A configuration that makes no sense is an error at once.
func ExampleNew() {
	_, err := engine.New(engine.Config{AllowedOrigins: []string{"app.example"}})
	fmt.Println(err)
	// Output:
	// engine: Config.AllowedOrigins has "app.example"; an origin looks like "https://app.example" or "http://127.0.0.1:8080", without a path
}

// What is sent to many is encoded once.
func ExampleSession_SendFrames() {
	srv, _ := engine.New(engine.Config{})
	var sessions []*engine.Session
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		sessions = append(sessions, s)
		return engine.Funcs{}
	})
	for range 3 {
		srv.ServePoll(context.Background(), &engine.Request{Method: "GET", RawQuery: "EIO=4&transport=polling"})
	}
	frame := engine.MessageFrame(append(engine.FrameBuffer(16), "to everybody"...))
	for _, s := range sessions {
		_ = s.SendFrames(frame)
	}
	fmt.Println(srv.Stats().Sessions, "sessions,", srv.Stats().QueuedBytes, "bytes wait for them")
	_ = srv.Close()
	fmt.Println(srv.Stats().Sessions, "sessions,", srv.Stats().QueuedBytes, "bytes wait for them")
	// Output:
	// 3 sessions, 39 bytes wait for them
	// 0 sessions, 0 bytes wait for them
}
