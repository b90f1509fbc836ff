package sioecho_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"go.uber.org/goleak"

	sioecho "github.com/kawat-go/kawat/adapters/echo"
	"github.com/kawat-go/kawat/internal/adaptertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Host{
		Serve:        serve,
		Culprit:      adaptertest.NetHTTPCulprit,
		TimeoutHides: true,
		SeesUpgrades: true,
	})
}

// routes is what *echo.Echo and *echo.Group have in common.
type routes interface {
	sioecho.Router
	GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
}

func serve(t *testing.T, ln net.Listener, app adaptertest.App) func(context.Context) error {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(middlewares(app)...)
	options := []sioecho.Option{sioecho.Values(adaptertest.UserKey), sioecho.WithContext(withUser(app))}
	var r routes = e
	switch app.Place {
	case adaptertest.Root:
		sioecho.Mount(e, app.Endpoint, options...)
	case adaptertest.Group:
		r = e.Group(app.Place.Prefix(), auth)
		sioecho.Mount(r, app.Endpoint, options...)
	case adaptertest.InMiddleware:
		e.Use(sioecho.Middleware(app.Endpoint, options...))
	}
	r.GET("/hello", func(c echo.Context) error { return c.String(http.StatusOK, "hello") })
	r.GET(app.Endpoint.Engine().Path()+"x", func(c echo.Context) error { return c.String(http.StatusOK, "neighbour") })
	return adaptertest.ServeHTTP(t, ln, e, app)
}

func auth(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		user := c.Request().Header.Get(adaptertest.UserHeader)
		if user == "" && c.Request().Method != http.MethodOptions {
			return echo.ErrUnauthorized
		}
		c.Set(adaptertest.UserKey, user)
		return next(c)
	}
}

func withUser(app adaptertest.App) func(c echo.Context) context.Context {
	return func(c echo.Context) context.Context {
		app.Meddled()
		return context.WithValue(c.Request().Context(), adaptertest.ContextKey{}, c.Get(adaptertest.UserKey))
	}
}

func middlewares(app adaptertest.App) (list []echo.MiddlewareFunc) {
	if app.Log != nil {
		list = append(list, func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				err := next(c)
				app.Log(c.Response().Status)
				return err
			}
		})
	}
	if app.Logger {
		list = append(list, middleware.LoggerWithConfig(middleware.LoggerConfig{Output: io.Discard}))
	}
	if app.Recovery {
		list = append(list, middleware.Recover())
	}
	if app.CORS {
		list = append(list, middleware.CORSWithConfig(middleware.CORSConfig{
			AllowOrigins:     []string{adaptertest.Origin},
			AllowHeaders:     []string{"X-User"},
			AllowCredentials: true,
		}))
	}
	if app.Gzip {
		list = append(list, middleware.Gzip())
	}
	if app.Timeout > 0 {
		list = append(list, middleware.TimeoutWithConfig(middleware.TimeoutConfig{Timeout: app.Timeout}))
	}
	return list
}
