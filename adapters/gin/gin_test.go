package siogin_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-contrib/gzip"
	"github.com/gin-contrib/timeout"
	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"

	siogin "github.com/kawat-go/kawat/adapters/gin"
	"github.com/kawat-go/kawat/internal/adaptertest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	goleak.VerifyTestMain(m)
}

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Host{
		Serve:        serve,
		Culprit:      adaptertest.NetHTTPCulprit,
		SeesUpgrades: true,
	})
}

func serve(t *testing.T, ln net.Listener, app adaptertest.App) func(context.Context) error {
	r := gin.New()
	r.Use(middlewares(app)...)
	options := []siogin.Option{siogin.Values(adaptertest.UserKey), siogin.WithContext(withUser(app))}
	var routes gin.IRouter = r
	switch app.Place {
	case adaptertest.Root:
		siogin.Mount(r, app.Endpoint, options...)
	case adaptertest.Group:
		routes = r.Group(app.Place.Prefix(), auth)
		siogin.Mount(routes, app.Endpoint, options...)
	case adaptertest.InMiddleware:
		r.Use(siogin.Middleware(app.Endpoint, options...))
	}
	routes.GET("/hello", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	routes.GET(app.Endpoint.Engine().Path()+"x", func(c *gin.Context) { c.String(http.StatusOK, "neighbour") })
	return adaptertest.ServeHTTP(t, ln, r, app)
}

func auth(c *gin.Context) {
	user := c.GetHeader(adaptertest.UserHeader)
	if user == "" && c.Request.Method != http.MethodOptions {
		c.AbortWithStatus(http.StatusUnauthorized)
		return
	}
	c.Set(adaptertest.UserKey, user)
}

func withUser(app adaptertest.App) func(c *gin.Context) context.Context {
	return func(c *gin.Context) context.Context {
		app.Meddled()
		return context.WithValue(c.Request.Context(), adaptertest.ContextKey{}, c.GetString(adaptertest.UserKey))
	}
}

func middlewares(app adaptertest.App) (list []gin.HandlerFunc) {
	if app.Log != nil {
		list = append(list, func(c *gin.Context) {
			c.Next()
			app.Log(c.Writer.Status())
		})
	}
	if app.Logger {
		list = append(list, gin.LoggerWithWriter(io.Discard))
	}
	if app.Recovery {
		list = append(list, gin.Recovery())
	}
	if app.CORS {
		list = append(list, cors.New(cors.Config{
			AllowOrigins:     []string{adaptertest.Origin},
			AllowMethods:     []string{"GET", "POST"},
			AllowHeaders:     []string{"X-User"},
			AllowCredentials: true,
			MaxAge:           time.Hour,
		}))
	}
	if app.Gzip {
		list = append(list, gzip.Gzip(gzip.DefaultCompression))
	}
	if app.Timeout > 0 {
		list = append(list, timeout.New(timeout.WithTimeout(app.Timeout)))
	}
	return list
}
