package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// hostile are namespaces whose names try to be something else.
var hostile = []string{
	"/", "/a", "/a.b", "/*", "/>", "/#", "/?[]", "/foo bar", `/"`, `/";NOTIFY x;--`, `/'; NOTIFY x`, "/\\", `/a"b"c`, "/%", "/$1", "/\n",
	"/-kawat", "-kawat", "-kawat#0011223344556677", "", "#", "/\x00", "/a\x00b", "/\xff", "/ünïcödé", "/" + strings.Repeat("é", 26),
	"/" + strings.Repeat("n", 52), "/" + strings.Repeat("n", 53), "/" + strings.Repeat("n", 69), "/" + strings.Repeat("n", 70), "/" + strings.Repeat("n", 5000),
}

func configured(t testing.TB, c Config) settings {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://127.0.0.1:1/none") // does not connect
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	c.Pool = pool
	s, err := c.check()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChannels(t *testing.T) {
	for _, prefix := range []string{"", "socket.io-kawat", "-kawat", "#", strings.Repeat("p", maxPrefix)} {
		s := configured(t, Config{ChannelPrefix: prefix})
		of := map[string]string{s.everybody(): "everybody", s.private("0011223344556677"): "a node"}
		for _, namespace := range hostile {
			channel := s.channel(namespace)
			if len(channel) > maxChannel || !plain(channel) {
				t.Errorf("%.80q has the channel %q", namespace, channel)
			}
			if other, taken := of[channel]; taken {
				t.Errorf("%.80q and %.80q have the channel %q", namespace, other, channel)
			}
			of[channel] = namespace
		}
	}
	s := configured(t, Config{})
	for namespace, want := range map[string]string{
		"/": "socket.io#/", `/a"b`: `socket.io#/a"b`, "/" + strings.Repeat("n", 52): "socket.io#/" + strings.Repeat("n", 52),
	} {
		if got := s.channel(namespace); got != want { // as Node's servers have it
			t.Errorf("%q has the channel %q", namespace, got)
		}
	}
}

func TestQuote(t *testing.T) {
	for channel, want := range map[string]string{`a`: `"a"`, `a"b`: `"a""b"`, `";NOTIFY x;--`: `""";NOTIFY x;--"`, `'`: `"'"`} {
		if got := quote(channel); got != want {
			t.Errorf("%s: %s", channel, got)
		}
	}
}

func TestConfig(t *testing.T) {
	pool := configured(t, Config{}).Pool
	for _, tt := range []struct {
		config Config
		want   string // of the error
	}{
		{Config{}, ""},
		{Config{TableName: "app.messages"}, ""},
		{Config{TableName: `"My App"."x; y"`}, ""},
		{Config{PayloadThreshold: 7999, Secret: "x", CleanupInterval: -1}, ""},
		{Config{ChannelPrefix: strings.Repeat("x", 33)}, "ChannelPrefix"},
		{Config{ChannelPrefix: "a\x00"}, "ChannelPrefix"},
		{Config{ChannelPrefix: "\xff"}, "ChannelPrefix"},
		{Config{TableName: "x; DROP TABLE y"}, "TableName"},
		{Config{TableName: "x (id"}, "TableName"},
		{Config{TableName: `"x`}, "TableName"},
		{Config{TableName: `"x"y"`}, "TableName"},
		{Config{TableName: "a.b.c"}, "TableName"},
		{Config{TableName: "a\n"}, "TableName"},
		{Config{PayloadThreshold: 8000}, "PayloadThreshold"},
		{Config{PayloadThreshold: 100}, "PayloadThreshold"},
		{Config{HeartbeatInterval: 10 * time.Second}, "HeartbeatTimeout"},
		{Config{HeartbeatInterval: -1}, "HeartbeatTimeout"},
		{Config{MaxMessageBytes: -1}, "limit"},
		{Config{MaxQueuedMessages: -1}, "limit"},
		{Config{MaxMessageBytes: 100, MaxQueuedBytes: 99}, "limit"},
	} {
		tt.config.Pool = pool
		_, err := tt.config.check()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: %v", tt.config, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: the error is %v", tt.config, err)
		}
	}
	if _, err := (Config{}).check(); err == nil || !strings.Contains(err.Error(), "Config.Pool") {
		t.Errorf("without a pool: %v", err)
	}
}
