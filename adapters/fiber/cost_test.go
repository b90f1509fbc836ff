package siofiber_test

import (
	"net"
	"testing"

	"github.com/gofiber/fiber/v2"

	siofiber "github.com/kawat-go/kawat/adapters/fiber"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/adaptertest"
)

func BenchmarkPolling(b *testing.B) { adaptertest.Polling(b, polling) }

func TestPollingBudget(t *testing.T) { adaptertest.PollingBudget(t, 32, polling) }

// polling serves connections without a network.
func polling(srv *engine.Server) func(net.Conn) {
	app := fiber.New()
	siofiber.Mount(app, srv)
	app.Handler() // makes the routes
	return func(c net.Conn) { _ = app.Server().ServeConn(c) }
}
