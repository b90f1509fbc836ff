// Package hosts serves endpoints in each of the hosts that Kawat has an adapter for,
// for the programs of this project that try all of them. It sets them up as the
// documentation does, without what prints.
package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"

	sioecho "github.com/kawat-go/kawat/adapters/echo"
	siofiber "github.com/kawat-go/kawat/adapters/fiber"
	siogin "github.com/kawat-go/kawat/adapters/gin"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/nethttp"
)

// Names are the hosts that there are.
func Names() []string { return []string{"nethttp", "gin", "echo", "fiber"} }

// An App is an application that serves.
type App struct {
	shutdown func(context.Context) error
	failed   chan error
}

// Serve serves endpoints on a listener, in the host of that name.
func Serve(name string, ln net.Listener, endpoints ...engine.Endpoint) (*App, error) {
	switch name {
	case "nethttp":
		mux := http.NewServeMux()
		for _, e := range endpoints {
			nethttp.Mount(mux, e)
		}
		return serveHTTP(ln, mux), nil
	case "gin":
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		for _, e := range endpoints {
			siogin.Mount(r, e)
		}
		return serveHTTP(ln, r), nil
	case "echo":
		r := echo.New()
		for _, e := range endpoints {
			sioecho.Mount(r, e)
		}
		return serveHTTP(ln, r), nil
	case "fiber":
		return serveFiber(ln, endpoints), nil
	}
	return nil, fmt.Errorf("there is no host %q: %s are there", name, strings.Join(Names(), ", "))
}

func serveHTTP(ln net.Listener, h http.Handler) *App {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	app := &App{shutdown: server.Shutdown, failed: make(chan error, 1)}
	go func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			app.failed <- err
		}
	}()
	return app
}

func serveFiber(ln net.Listener, endpoints []engine.Endpoint) *App {
	server := fiber.New(fiber.Config{
		ReadTimeout: 20 * time.Second, WriteTimeout: 10 * time.Second, DisableStartupMessage: true,
	})
	for _, e := range endpoints {
		siofiber.Mount(server, e)
	}
	app := &App{shutdown: server.ShutdownWithContext, failed: make(chan error, 1)}
	go func() {
		if err := server.Listener(ln); err != nil {
			app.failed <- err
		}
	}()
	return app
}

// Shutdown is the host's own: endpoints are shut down before it.
func (a *App) Shutdown(ctx context.Context) error { return a.shutdown(ctx) }

// Failed returns a channel with the error that ended the application, other than
// [App.Shutdown].
func (a *App) Failed() <-chan error { return a.failed }
