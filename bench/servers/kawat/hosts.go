package main

import (
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

// A host serves on a listener until that fails.
type host func(net.Listener, *socketio.Server) error

// hosts are set up as the README does it, without what prints.
var hosts = map[string]host{
	"nethttp": func(ln net.Listener, io *socketio.Server) error {
		mux := http.NewServeMux()
		nethttp.Mount(mux, io)
		return http.Serve(ln, mux)
	},
	"gin": func(ln net.Listener, io *socketio.Server) error {
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		siogin.Mount(r, io)
		return http.Serve(ln, r)
	},
	"echo": func(ln net.Listener, io *socketio.Server) error {
		e := echo.New()
		sioecho.Mount(e, io)
		return http.Serve(ln, e)
	},
	"fiber": func(ln net.Listener, io *socketio.Server) error {
		app := fiber.New(fiber.Config{
			ReadTimeout: 20 * time.Second, WriteTimeout: 10 * time.Second, DisableStartupMessage: true,
		})
		siofiber.Mount(app, io)
		return app.Listener(ln)
	},
}
