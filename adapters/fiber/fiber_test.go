package siofiber_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/gofiber/fiber/v2/middleware/logger"
	fiberrecover "github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/gofiber/fiber/v2/middleware/timeout"
	"go.uber.org/goleak"

	siofiber "github.com/kawat-go/kawat/adapters/fiber"
	"github.com/kawat-go/kawat/internal/adaptertest"
)

func TestMain(m *testing.M) {
	// fasthttp and Fiber have a clock that runs as long as the program.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // sleeps 10 s
		goleak.IgnoreAnyFunction("github.com/gofiber/fiber/v2/utils.StartTimeStampUpdater.func1.1"),
		goleak.IgnoreAnyFunction("github.com/gofiber/fiber/v2/middleware/logger.New.func1"))
}

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Host{
		Serve:        serve,
		Blind:        true,
		Culprit:      "*fasthttp.fakeAddrer",
		SeesUpgrades: true,
	})
}

func serve(t *testing.T, ln net.Listener, app adaptertest.App) func(context.Context) error {
	f := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		ReadTimeout:           app.ConnTimeout,
		WriteTimeout:          app.ConnTimeout,
		StreamRequestBody:     app.Streams,
	})
	for _, m := range middlewares(app) {
		f.Use(m)
	}
	options := []siofiber.Option{siofiber.Locals(adaptertest.UserKey), siofiber.WithContext(withUser(app))}
	var routes fiber.Router = f
	switch app.Place {
	case adaptertest.Root:
		mount(f, app, options)
	case adaptertest.Group:
		routes = f.Group(app.Place.Prefix(), auth)
		mount(routes, app, options)
	case adaptertest.InMiddleware:
		f.Use(siofiber.Middleware(app.Endpoint, options...))
	}
	routes.Get("/hello", func(c *fiber.Ctx) error { return c.SendString("hello") })
	routes.Get(app.Endpoint.Engine().Path()+"x", func(c *fiber.Ctx) error { return c.SendString("neighbour") })
	if app.NoHijack {
		app.NoHijack = false // that is what the adaptor does
		return adaptertest.ServeHTTP(t, ln, adaptor.FiberApp(f), app)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Listener(ln)
	}()
	t.Cleanup(func() { <-done })
	return f.ShutdownWithContext
}

// mount mounts the endpoint; with App.Timeout, under the middleware that Fiber
// has for single handlers.
func mount(r fiber.Router, app adaptertest.App, options []siofiber.Option) {
	if app.Timeout > 0 {
		r.Use(app.Endpoint.Engine().Path(), timeout.NewWithContext(siofiber.Handler(app.Endpoint, options...), app.Timeout))
		return
	}
	siofiber.Mount(r, app.Endpoint, options...)
}

// auth stores a string of memory that Fiber reuses, as a careless one does.
func auth(c *fiber.Ctx) error {
	user := c.Get(adaptertest.UserHeader)
	if user == "" && c.Method() != http.MethodOptions {
		return fiber.ErrUnauthorized
	}
	c.Locals(adaptertest.UserKey, user)
	return c.Next()
}

func withUser(app adaptertest.App) func(c *fiber.Ctx) context.Context {
	return func(c *fiber.Ctx) context.Context {
		app.Meddled()
		user, _ := c.Locals(adaptertest.UserKey).(string)
		return context.WithValue(c.UserContext(), adaptertest.ContextKey{}, string([]byte(user)))
	}
}

func middlewares(app adaptertest.App) (list []fiber.Handler) {
	if app.Log != nil {
		list = append(list, func(c *fiber.Ctx) error {
			err := c.Next()
			app.Log(c.Response().StatusCode())
			return err
		})
	}
	if app.Logger {
		list = append(list, logger.New(logger.Config{Output: io.Discard}))
	}
	if app.Recovery {
		list = append(list, fiberrecover.New())
	}
	if app.CORS {
		list = append(list, cors.New(cors.Config{
			AllowOrigins:     adaptertest.Origin,
			AllowHeaders:     "X-User",
			AllowCredentials: true,
		}))
	}
	if app.Gzip {
		list = append(list, compress.New())
	}
	return list
}
