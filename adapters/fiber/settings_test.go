package siofiber_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	siofiber "github.com/kawat-go/kawat/adapters/fiber"
	"github.com/kawat-go/kawat/core/engine"
)

// listen starts an application that sends back what it gets, at the address that
// it returns.
func listen(t *testing.T, cfg fiber.Config, use ...fiber.Handler) string {
	t.Helper()
	srv := newEngine(t, engine.Config{PerMessageDeflate: &engine.Deflate{Threshold: 10}})
	cfg.DisableStartupMessage = true
	app := fiber.New(cfg)
	for _, h := range use {
		app.Use(h)
	}
	siofiber.Mount(app, srv)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = app.Listener(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		_ = app.ShutdownWithTimeout(time.Minute)
		_ = ln.Close()
		<-done
	})
	return ln.Addr().String()
}

func newEngine(t *testing.T, cfg engine.Config) *engine.Server {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	srv, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		return engine.Funcs{OnMessage: func(data []byte, _ bool) { _ = s.SendText(string(data)) }}
	})
	return srv
}

// dial opens a WebSocket session and checks that it works.
func dial(t *testing.T, addr string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{HandshakeTimeout: time.Minute, EnableCompression: true}
	conn, res, err := d.Dial("ws://"+addr+"/engine.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatalf("%v %v", err, res)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	long := "4" + strings.Repeat("a", 100)
	_ = conn.WriteMessage(websocket.TextMessage, []byte(long))
	for _, want := range []string{`0{"sid":`, long} {
		_, got, err := conn.ReadMessage()
		if err != nil || !strings.HasPrefix(string(got), want) {
			t.Fatalf("%q %v", got, err)
		}
	}
	return conn
}

// TestServerSettings: none of Fiber's settings keeps a WebSocket from opening.
func TestServerSettings(t *testing.T) {
	for name, cfg := range map[string]fiber.Config{
		"DisableKeepalive":           {DisableKeepalive: true},
		"ReduceMemoryUsage":          {ReduceMemoryUsage: true},
		"StreamRequestBody":          {StreamRequestBody: true},
		"DisableHeaderNormalizing":   {DisableHeaderNormalizing: true},
		"Immutable":                  {Immutable: true},
		"ETag":                       {ETag: true},
		"timeouts":                   {ReadTimeout: time.Second, WriteTimeout: time.Second, IdleTimeout: time.Second},
		"StrictRouting and casing":   {StrictRouting: true, CaseSensitive: true},
		"DisablePreParseMultipart":   {DisablePreParseMultipartForm: true},
		"UnescapePath, ServerHeader": {UnescapePath: true, ServerHeader: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, listen(t, cfg))
			time.Sleep(100*time.Millisecond + 3*cfg.ReadTimeout/2)
			_ = conn.WriteMessage(websocket.TextMessage, []byte("4still"))
			if _, got, err := conn.ReadMessage(); string(got) != "4still" {
				t.Errorf("%q %v", got, err)
			}
		})
	}
}

// TestDetached: an open WebSocket keeps nothing of fasthttp's.
func TestDetached(t *testing.T) {
	dial(t, listen(t, fiber.Config{}))
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var stacks bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2)
		if !strings.Contains(stacks.String(), "hijackConnHandler") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("fasthttp's goroutine is still there:\n%s", stacks.String())
		}
	}
}

// TestReplacedAnswer: a middleware has the last word, and no session begins.
func TestReplacedAnswer(t *testing.T) {
	addr := listen(t, fiber.Config{}, func(c *fiber.Ctx) error {
		_ = c.Next()
		return c.Status(fiber.StatusTeapot).SendString("tea only")
	})
	conn, res, err := websocket.DefaultDialer.Dial("ws://"+addr+"/engine.io/?EIO=4&transport=websocket", nil)
	if err == nil {
		conn.Close()
		t.Fatal("upgraded")
	}
	if body, _ := io.ReadAll(res.Body); res.StatusCode != fiber.StatusTeapot || string(body) != "tea only" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}

// TestReadTimeout: a body that does not come is Fiber's to give up.
func TestReadTimeout(t *testing.T) {
	for name, streams := range map[string]bool{"default": false, "streamed": true} {
		t.Run(name, func(t *testing.T) {
			addr := listen(t, fiber.Config{ReadTimeout: 200 * time.Millisecond, StreamRequestBody: streams})
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			_, _ = io.WriteString(conn, "POST /engine.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n4par")
			if _, err := io.ReadAll(conn); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestShutdownAlone: Fiber's shutdown ends polls, even before the endpoint's.
func TestShutdownAlone(t *testing.T) {
	srv := newEngine(t, engine.Config{})
	defer srv.Close()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	siofiber.Mount(app, srv)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- app.Listener(ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
	b := make([]byte, 4096)
	n, _ := conn.Read(b)
	_, rest, _ := strings.Cut(string(b[:n]), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	_, _ = io.WriteString(conn, "GET /engine.io/?EIO=4&transport=polling&sid="+sid+" HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(50 * time.Millisecond)
	if err := app.ShutdownWithTimeout(time.Minute); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestBodyLimit: a limit that gets in MaxPayload's way is reported.
func TestBodyLimit(t *testing.T) {
	for limit, warns := range map[int]bool{0: false, 1000: true, 1_000_000: false} {
		var log bytes.Buffer
		srv := newEngine(t, engine.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		siofiber.Mount(fiber.New(fiber.Config{BodyLimit: limit}), srv)
		if got := strings.Contains(log.String(), "BodyLimit"); got != warns {
			t.Errorf("%d: %q", limit, log.String())
		}
		_ = srv.Close()
	}
}
