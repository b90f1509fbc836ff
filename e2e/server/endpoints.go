package main

import (
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
)

// endpoints are what a host serves: Socket.IO, and plain Engine.IO beside it.
type endpoints struct {
	io     *socketio.Server
	engine *engine.Server
}

func newEndpoints(cfg socketio.Config) (endpoints, error) {
	cfg.AllowEIO3 = true
	io, err := socketio.New(cfg)
	if err != nil {
		return endpoints{}, err
	}
	newContract(io)
	// Plain Engine.IO is also where compressed WebSocket messages are tried.
	eng, err := engine.New(engine.Config{
		PingInterval: cfg.PingInterval, PingTimeout: cfg.PingTimeout,
		PerMessageDeflate: &engine.Deflate{Threshold: 1024}, DisableParking: cfg.DisableParking,
	})
	if err != nil {
		return endpoints{}, err
	}
	eng.OnConnection(greet)
	return endpoints{io: io, engine: eng}, nil
}

// greet is the contract of plain Engine.IO: a greeting, an echo, and an end.
func greet(s *engine.Session) engine.Receiver {
	_ = s.SendText("hello")
	return engine.Funcs{OnMessage: func(data []byte, binary bool) {
		switch {
		case binary:
			_ = s.SendBinary(data)
		case string(data) == "bye":
			s.Close()
		default:
			_ = s.SendText(string(data))
		}
	}}
}
