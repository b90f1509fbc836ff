package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"

	sioecho "github.com/kawat-go/kawat/adapters/echo"
	siofiber "github.com/kawat-go/kawat/adapters/fiber"
	siogin "github.com/kawat-go/kawat/adapters/gin"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/nethttp"
)

// A host starts to serve on a listener. It returns where the error goes that ends
// it, and how to end it.
type host func(net.Listener, *socketio.Server) (failed <-chan error, shutdown func(context.Context) error)

// hosts are set up as the README does it, without what prints.
var hosts = map[string]host{
	"nethttp": func(ln net.Listener, io *socketio.Server) (<-chan error, func(context.Context) error) {
		mux := http.NewServeMux()
		nethttp.Mount(mux, io)
		return serveHTTP(ln, mux)
	},
	"gin": func(ln net.Listener, io *socketio.Server) (<-chan error, func(context.Context) error) {
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		siogin.Mount(r, io)
		return serveHTTP(ln, r)
	},
	"echo": func(ln net.Listener, io *socketio.Server) (<-chan error, func(context.Context) error) {
		e := echo.New()
		sioecho.Mount(e, io)
		return serveHTTP(ln, e)
	},
	"fiber": func(ln net.Listener, io *socketio.Server) (<-chan error, func(context.Context) error) {
		app := fiber.New(fiber.Config{
			ReadTimeout: 20 * time.Second, WriteTimeout: 10 * time.Second, DisableStartupMessage: true,
		})
		siofiber.Mount(app, io)
		failed := make(chan error, 1)
		go func() { failed <- app.Listener(ln) }()
		return failed, app.ShutdownWithContext
	},
}

func serveHTTP(ln net.Listener, h http.Handler) (<-chan error, func(context.Context) error) {
	server := &http.Server{Handler: h}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	return failed, server.Shutdown
}
