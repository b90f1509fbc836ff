package main

import (
	"context"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	siofiber "github.com/kawat-go/kawat/adapters/fiber"
	"github.com/labstack/echo/v4"

	sioecho "github.com/kawat-go/kawat/adapters/echo"
	siogin "github.com/kawat-go/kawat/adapters/gin"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/nethttp"
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

// hosts start to serve on a listener, and return how to end that.
var hosts = map[string]func(net.Listener, endpoints) func(context.Context) error{
	"nethttp": func(ln net.Listener, e endpoints) func(context.Context) error {
		mux := http.NewServeMux()
		nethttp.Mount(mux, e.io)
		nethttp.Mount(mux, e.engine)
		return serveHTTP(ln, mux)
	},
	"gin": func(ln net.Listener, e endpoints) func(context.Context) error {
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		siogin.Mount(r, e.io)
		siogin.Mount(r, e.engine)
		return serveHTTP(ln, r)
	},
	"echo": func(ln net.Listener, e endpoints) func(context.Context) error {
		r := echo.New()
		sioecho.Mount(r, e.io)
		sioecho.Mount(r, e.engine)
		return serveHTTP(ln, r)
	},
	"fiber": func(ln net.Listener, e endpoints) func(context.Context) error {
		app := fiber.New(fiber.Config{DisableStartupMessage: true})
		siofiber.Mount(app, e.io)
		siofiber.Mount(app, e.engine)
		go func() { _ = app.Listener(ln) }()
		return app.ShutdownWithContext
	},
}

func serveHTTP(ln net.Listener, h http.Handler) func(context.Context) error {
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(ln) }()
	return server.Shutdown
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
