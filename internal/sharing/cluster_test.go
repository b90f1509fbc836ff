package sharing

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/hosts"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2")) // sleeps 10 s
}

// patience is for what must come: a busy machine is slow.
const patience = time.Minute

// A node is a server in a host. It sends back each event "echo".
type node struct {
	io     *socketio.Server
	app    *hosts.App
	target *url.URL

	mu        sync.Mutex
	addresses []string
}

// A cluster is three nodes behind a proxy.
type cluster struct {
	nodes []*node
	addr  string // the proxy's
	taken atomic.Int64

	mu   sync.Mutex
	live []*node
	turn int
}

func start(t *testing.T, host string, atRandom bool, ping time.Duration) *cluster {
	t.Helper()
	bus := backplane.NewMemory()
	c := new(cluster)
	for range 3 {
		n := serve(t, host, bus, ping)
		c.nodes = append(c.nodes, n)
		c.live = append(c.live, n)
	}
	transport := &http.Transport{DisableCompression: true}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(c.next(atRandom).target)
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			c.taken.Add(1)
		},
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Transport:     transport,
		FlushInterval: -1,
	})
	proxy.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	proxy.Start()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		for _, n := range c.nodes {
			n.stop()
		}
		transport.CloseIdleConnections()
		proxy.CloseClientConnections()
		proxy.Close()
	})
	c.addr = strings.TrimPrefix(proxy.URL, "http://")
	return c
}

// next returns the node that the next request is sent to.
func (c *cluster) next(atRandom bool) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	if atRandom {
		return c.live[rand.IntN(len(c.live))]
	}
	c.turn++
	return c.live[c.turn%len(c.live)]
}

// kill ends a node, of which the proxy hears.
func (c *cluster) kill(n *node) {
	c.mu.Lock()
	for i, other := range c.live {
		if other == n {
			c.live = append(c.live[:i:i], c.live[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
	n.stop()
}

func serve(t *testing.T, host string, bus backplane.Backplane, ping time.Duration) *node {
	t.Helper()
	server, err := socketio.New(socketio.Config{
		Backplane: bus, ShareSessions: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		PingInterval: ping, PingTimeout: 2 * ping,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{io: server}
	server.OnEvent("echo", func(_ context.Context, e *socketio.Event) error {
		var text string
		var data []byte
		if err := e.Bind(&text, &data); err != nil {
			return err
		}
		return e.Socket().Emit("echo", text, data)
	})
	server.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.addresses = append(n.addresses, s.Handshake().Address)
		return nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.target = &url.URL{Scheme: "http", Host: ln.Addr().String()}
	if n.app, err = hosts.Serve(host, ln, server); err != nil {
		t.Fatal(err)
	}
	return n
}

// stop ends the node at once. The second call does nothing.
func (n *node) stop() {
	_ = n.io.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = n.app.Shutdown(ctx)
}

// passedOn returns how many requests have left one node for another, have come there,
// and came to nothing.
func (c *cluster) passedOn() (sent, served, failed int64) {
	for _, n := range c.nodes {
		stats := n.io.Stats().Relay
		sent, served, failed = sent+stats.Sent, served+stats.Served, failed+stats.Failed
	}
	return sent, served, failed
}
