// Package adaptertest is the suite that every framework adapter passes: the same
// requests, over real connections, to the same server in each framework.
package adaptertest

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A Host starts applications of one framework.
type Host struct {
	// Serve serves the application on the listener, and returns the framework's
	// own shutdown.
	Serve func(t *testing.T, ln net.Listener, app App) (shutdown func(context.Context) error)

	// Blind says that the framework cannot see a client go away while its poll
	// hangs.
	Blind bool
	// Culprit is the type that App.NoHijack brings, as the error names it.
	Culprit string
	// TimeoutHides says that App.Timeout keeps WebSocket from working.
	TimeoutHides bool
	// SeesUpgrades says that App.Log is told the status of an upgrade.
	SeesUpgrades bool

	unparked bool // the pass in which every WebSocket has a goroutine
}

// A Place is where an application mounts the endpoint.
type Place int

// The places.
const (
	Root         Place = iota // Mount on the application itself
	Group                     // Mount in the group "/v1", behind the application's auth
	InMiddleware              // Middleware of the application
)

// An App is an application to start. Beside the endpoint it has the routes GET
// /hello and GET <path>x, which answer "hello" and "neighbour".
type App struct {
	Endpoint engine.Endpoint
	Place    Place

	// The framework's own middlewares, or the nearest that people use with it,
	// around the endpoint.
	Logger, Recovery, CORS, Gzip bool
	// Timeout is that of the framework's timeout middleware.
	Timeout time.Duration
	// NoHijack puts the application where no connection can be taken over.
	NoHijack bool

	// Secure is for the suite, which then hands over a TLS listener.
	Secure bool
	// ConnTimeout is the server's ReadTimeout and WriteTimeout.
	ConnTimeout time.Duration
	// Streams has bodies streamed, where the framework reads them first.
	Streams bool
	// Meddle, if set, is called by a function of the user's that the adapter takes as
	// an option.
	Meddle func()
	// Log, if set, is called by a middleware with each response's status.
	Log func(status int)
}

// Meddled calls Meddle, if it is set.
func (a App) Meddled() {
	if a.Meddle != nil {
		a.Meddle()
	}
}

// The application's auth middleware answers 401 to a request without [UserHeader],
// but lets OPTIONS pass. It stores the header's value under [UserKey] as the
// framework does, and under [ContextKey] in the request's context. The endpoint
// is mounted with the adapter's option for UserKey.
const (
	UserHeader = "X-User"
	UserKey    = "user"
)

// ContextKey is the key of a context value.
type ContextKey struct{}

// Origin is the page's origin that App.CORS allows, with credentials.
const Origin = "http://app.example"

// Prefix is the URL prefix of the place.
func (p Place) Prefix() string {
	if p == Group {
		return "/v1"
	}
	return ""
}

// Run runs the suite: all of it with a server's defaults, under which silent
// WebSockets are parked where the system can, and what has WebSockets in it once
// more with a goroutine for each of them.
func Run(t *testing.T, host Host) {
	hungUp := unanswered(t, host)
	for name, f := range map[string]func(*testing.T, Host){
		"Protocol": protocol,
		"Bodies":   bodies,
		"Files":    clientFiles,
		"Older":    older,
	} {
		t.Run(name, func(t *testing.T) { f(t, host) })
	}
	t.Run("Unanswered", hungUp)
	webSockets(t, host)
	host.unparked = true
	t.Run("Unparked", func(t *testing.T) { webSockets(t, host) })
}

func webSockets(t *testing.T, host Host) {
	for name, f := range map[string]func(*testing.T, Host){
		"Requests":   requests,
		"Upgrade":    upgrades,
		"Parking":    parking,
		"Deflate":    deflate,
		"Frames":     frames,
		"Middleware": middlewares,
		"Identity":   identity,
		"Life":       life,
		"Crowd":      crowds,
		"Socket.IO":  sockets,
		"Isolation":  isolation,
	} {
		t.Run(name, func(t *testing.T) { f(t, host) })
	}
}
