package nethttp_test

import (
	"net"
	"net/http"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/adaptertest"
	"github.com/kawat-go/kawat/nethttp"
)

func BenchmarkPolling(b *testing.B) { adaptertest.Polling(b, polling) }

func TestPollingBudget(t *testing.T) { adaptertest.PollingBudget(t, 63, polling) }

// polling serves connections without a network.
func polling(srv *engine.Server) func(net.Conn) {
	mux := http.NewServeMux()
	nethttp.Mount(mux, srv)
	return func(c net.Conn) { adaptertest.ServeConn(c, mux) }
}
