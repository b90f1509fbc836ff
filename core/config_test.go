package socketio_test

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

func TestConfigsThatMakeNoSense(t *testing.T) {
	for field, cfg := range map[string]socketio.Config{
		"ConnectTimeout":      {ConnectTimeout: -1},
		"AckTimeout":          {AckTimeout: -time.Second},
		"AttachmentTimeout":   {AttachmentTimeout: -1},
		"MaxQueuedEvents":     {MaxQueuedEvents: -1},
		"MaxQueuedEventBytes": {MaxQueuedEventBytes: -1},
		"MaxPendingAcks":      {MaxPendingAcks: -1},
		"MaxNamespaces":       {MaxNamespaces: -1},
		"PingTimeout":         {PingTimeout: -1},
		"MaxPayload":          {MaxPayload: -1},
		"Path":                {Path: "socket.io"},
		"Transports":          {Transports: []string{"smoke"}},
		"AllowedOrigins":      {AllowedOrigins: []string{"app.example"}},
	} {
		if _, err := socketio.New(cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The logger of the zero Config is the program's.
func TestTheZeroConfig(t *testing.T) {
	io, err := socketio.New(socketio.Config{})
	must(t, err)
	if io.Engine().Path() != "/socket.io" || io.Engine().MaxPayload() != 1_000_000 || io.Engine().Config().Logger != slog.Default() {
		t.Errorf("path %q, payload %d", io.Engine().Path(), io.Engine().MaxPayload())
	}
	must(t, io.Close())
}

func TestAConfigIsNotChanged(t *testing.T) {
	var cfg socketio.Config
	io, err := socketio.New(cfg)
	must(t, err)
	must(t, io.Close())
	if !reflect.ValueOf(cfg).IsZero() {
		t.Errorf("%+v", cfg)
	}
}
