package engine_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestConfigsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		cfg   engine.Config
		field string // that the error names
	}{
		{engine.Config{Path: "engine.io"}, "Config.Path"},
		{engine.Config{Path: "/"}, "Config.Path"},
		{engine.Config{PingInterval: -1}, "Config.PingInterval"},
		{engine.Config{PingInterval: time.Microsecond}, "Config.PingInterval"},
		{engine.Config{PingTimeout: -1}, "Config.PingTimeout"},
		{engine.Config{PingTimeout: time.Microsecond}, "PingTimeout"},
		{engine.Config{UpgradeTimeout: -1}, "Config.UpgradeTimeout"},
		{engine.Config{MaxPayload: -1}, "Config.MaxPayload"},
		{engine.Config{WriteTimeout: -1}, "Config.WriteTimeout"},
		{engine.Config{BodyTimeout: -1}, "Config.BodyTimeout"},
		{engine.Config{CloseTimeout: -1}, "Config.CloseTimeout"},
		{engine.Config{MaxQueuedBytes: -1}, "Config.MaxQueuedBytes"},
		{engine.Config{MaxQueuedMessages: -1}, "Config.MaxQueuedMessages"},
		{engine.Config{MaxTotalQueuedBytes: -1}, "Config.MaxTotalQueuedBytes"},
		{engine.Config{HTTPCompression: engine.Compression{Threshold: -1}}, "Config.HTTPCompression.Threshold"},
		{engine.Config{PerMessageDeflate: &engine.Deflate{Threshold: -1}}, "Config.PerMessageDeflate.Threshold"},
		{engine.Config{Transports: []string{}}, "Config.Transports"},
		{engine.Config{Transports: []string{"webtransport"}}, "Config.Transports"},
		{engine.Config{AllowedOrigins: []string{"app.example"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{""}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"https://app.example/"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"https://app.example?x"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"https://app.example#x"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"https://me@app.example"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"https://*.example"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"https://"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"https://a\nb"}}, "Config.AllowedOrigins"},
		{engine.Config{AllowedOrigins: []string{"*"}, CORS: engine.CORS{Credentials: true}}, "Config.CORS.Credentials"},
		{engine.Config{CORS: engine.CORS{AllowedHeaders: []string{"X A"}}}, "Config.CORS"},
		{engine.Config{CORS: engine.CORS{ExposedHeaders: []string{""}}}, "Config.CORS"},
		{engine.Config{CORS: engine.CORS{MaxAge: -1}}, "Config.CORS.MaxAge"},
		{engine.Config{Cookie: &engine.Cookie{Name: "a;b"}}, "Config.Cookie"},
		{engine.Config{Cookie: &engine.Cookie{Path: "/\r\n"}}, "Config.Cookie"},
		{engine.Config{Cookie: &engine.Cookie{Domain: "a b"}}, "Config.Cookie"},
		{engine.Config{Cookie: &engine.Cookie{SameSite: "perhaps"}}, "Config.Cookie.SameSite"},
	} {
		srv, err := engine.New(c.cfg)
		if err == nil || srv != nil {
			t.Errorf("%s: no error for %+v", c.field, c.cfg)
		} else if !strings.Contains(err.Error(), c.field) {
			t.Errorf("%q does not name %s", err, c.field)
		}
	}
}

func TestDefaults(t *testing.T) {
	cookie := &engine.Cookie{}
	srv, err := engine.New(engine.Config{Path: "/my/path/", Cookie: cookie})
	if err != nil {
		t.Fatal(err)
	}
	if *cookie != (engine.Cookie{}) {
		t.Error("the caller's configuration is changed")
	}
	if srv.Path() != "/my/path" || srv.MaxPayload() != 1_000_000 || srv.WriteTimeout() != 10*time.Second || srv.Config().Logger != slog.Default() {
		t.Errorf("path %q, payload %d, write timeout %v", srv.Path(), srv.MaxPayload(), srv.WriteTimeout())
	}
	if srv.Engine() != srv {
		t.Error("a server is not its own engine")
	}
	h := serve(t, engine.Config{})
	wantBody(t, "handshake", maskSID(body(do(h.Server, "GET", polling, ""))),
		`0{"sid":"…","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
}

func TestWebSocketOptions(t *testing.T) {
	for _, c := range []struct {
		cfg  engine.Config
		want engine.WebSocketOptions
	}{
		{engine.Config{}, engine.WebSocketOptions{MaxPayload: 1_000_000, WriteTimeout: 10 * time.Second, Parking: true}},
		{engine.Config{DisableParking: true, MaxPayload: 5, WriteTimeout: time.Second, PerMessageDeflate: &engine.Deflate{}},
			engine.WebSocketOptions{MaxPayload: 5, WriteTimeout: time.Second, Deflate: true, DeflateThreshold: 1024}},
	} {
		u, reply := newServer(t, c.cfg).AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
		if u == nil {
			t.Fatal(reply.Status)
		}
		if got := u.WebSocket(); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}
