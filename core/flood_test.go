package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/internal/quiet"
	"github.com/kawat-go/kawat/core/siotest"
)

// A flood is something that a client can do as often as it likes.
type flood struct {
	name  string
	cfg   socketio.Config
	setUp func(io *server)
	do    func(t *testing.T, io *server) // many times
	line  string                         // what the log says of it, at least once, at Info or above; "" is nothing
}

const floods = 200

// nasty is a name that would look like a line of the log of its own.
const nasty = "x\nlevel=ERROR msg=forged \u202e"

// nastyJSON is the same as it stands in a packet's JSON.
const nastyJSON = "x\\n" + "level=ERROR msg=forged \u202e"

// events floods with events of one client.
func events(messages ...any) func(t *testing.T, io *server) {
	return func(t *testing.T, io *server) {
		c := siotest.Dial(t, io, siotest.Options{})
		for range floods {
			c.SendRaw(messages...)
		}
	}
}

// connects floods with clients that send something, and leave.
func connects(messages ...any) func(t *testing.T, io *server) {
	return func(t *testing.T, io *server) {
		for range floods {
			c := siotest.Dial(t, io, siotest.Options{Namespace: "/quiet"})
			c.SendRaw(messages...)
			synctest.Wait()
			c.Close()
		}
	}
}

// requests floods with requests.
func requests(method, query string, headers ...string) func(t *testing.T, io *server) {
	return func(t *testing.T, io *server) {
		h := engine.Header{}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		for range floods {
			io.Engine().ServePoll(t.Context(), &engine.Request{Method: method, Path: "/socket.io/", RawQuery: query, Host: "kawat.example", Header: h})
		}
	}
}

const handshake = "EIO=4&transport=polling"

var errProgram = errors.New("the program's error")

var theFloods = []flood{
	{name: "events without a handler", do: events(`42["` + nastyJSON + `"]`)},
	{name: "arguments of another type", line: "event handler failed",
		setUp: func(io *server) {
			socketio.On(io, nasty, func(context.Context, *socketio.Socket, int) error { return nil })
		}, do: events(`42["` + nastyJSON + `","text"]`)},
	{name: "handlers that fail", line: "event handler failed",
		setUp: func(io *server) {
			io.OnEvent("e", func(context.Context, *socketio.Event) error { return errProgram })
		}, do: events(`42["e"]`)},
	{name: "handlers that panic", line: "panic in user code",
		setUp: func(io *server) {
			io.OnEvent("e", func(_ context.Context, e *socketio.Event) error { panic(fmt.Sprint(e.Args().Value(0))) })
		}, do: events(`42["e","` + nastyJSON + strings.Repeat("long ", 5000) + `"]`)},
	{name: "handlers that end their goroutine", line: "panic in user code",
		setUp: func(io *server) {
			io.OnAny(func(context.Context, *socketio.Event) { panic("any") })
		}, do: events(`42["e"]`)},
	{name: "middleware that fails", line: "middleware failed",
		setUp: func(io *server) {
			io.Use(func(context.Context, *socketio.Socket) (context.Context, error) { return nil, errProgram })
		}, do: connects("40")},
	{name: "middleware that panics", line: "panic in user code",
		setUp: func(io *server) {
			io.Use(func(context.Context, *socketio.Socket) (context.Context, error) { panic("oh") })
		}, do: connects("40")},
	{name: "OnConnection that fails", line: "OnConnection failed",
		setUp: func(io *server) {
			io.OnConnection(func(context.Context, *socketio.Socket) error { return errProgram })
		}, do: func(t *testing.T, io *server) {
			for range floods {
				c := siotest.Dial(t, io, siotest.Options{})
				time.Sleep(10 * time.Millisecond)
				c.Close()
			}
		}},
	{name: "OfFunc that fails", line: "OfFunc failed",
		setUp: func(io *server) {
			io.OfFunc(func(context.Context, string, *socketio.Handshake) (bool, error) { return false, errProgram })
		}, do: connects("40/" + nasty + ",")},
	{name: "errors that cannot be sent", line: "an error cannot be sent",
		setUp: func(io *server) {
			io.Use(func(context.Context, *socketio.Socket) (context.Context, error) {
				return nil, &socketio.Error{Message: "no", Data: func() {}}
			})
		}, do: connects("40")},
	{name: "unknown namespaces", do: connects("40/" + nasty + ",")},
	{name: "broken packets", do: connects(`42["e",`)},
	{name: "events before joining", do: connects(`42/` + nasty + `,["e"]`)},
	{name: "unknown transports", line: "request refused", do: requests("GET", "EIO=4&transport="+strings.Repeat("%0A", 5000))},
	{name: "unknown sessions", line: "request refused", do: requests("GET", handshake+"&sid=secret-secret-secret")},
	{name: "bad methods", line: "request refused", do: requests("POST", handshake)},
	{name: "foreign pages", line: "request refused", do: requests("GET", handshake, "Origin", "https://other.example")},
	{name: "old protocols", line: "request refused", do: requests("GET", "EIO=%0A%0A&transport=polling")},
	{name: "AllowRequest that refuses", line: "request refused",
		cfg: socketio.Config{AllowRequest: func(context.Context, *engine.Request) error { return errors.New("a\nb") }}, do: requests("GET", handshake)},
	{name: "AllowRequest that panics", line: "panic in user code",
		cfg: socketio.Config{AllowRequest: func(context.Context, *engine.Request) error { panic("oh") }}, do: requests("GET", handshake)},
	{name: "ids that cannot be made", line: "no session id",
		cfg: socketio.Config{GenerateID: func(*engine.Request) (string, error) { return "", errProgram }}, do: requests("GET", handshake)},
	{name: "headers that cannot be sent", line: "a header field with forbidden characters",
		cfg: socketio.Config{Headers: func(h engine.Header, _ *engine.Request) { h["A\nb"] = []string{"c\nd"} }}, do: requests("GET", handshake)},
	{name: "a server that is full", line: "request refused", cfg: socketio.Config{MaxSessions: 1}, do: requests("GET", handshake)},
	{name: "a server that is busy", line: "request refused", cfg: socketio.Config{MaxHandshakesPerSecond: 1}, do: requests("GET", handshake)},
	{name: "a server that shuts down", setUp: func(io *server) { io.Engine().Refuse() }, do: requests("GET", handshake)},
}

// What a client can do as often as it likes leaves a few lines in the log, and in them
// nothing that looks like something else, or is a secret.
func TestFloodsLeaveAFewLines(t *testing.T) {
	for _, f := range theFloods {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				written := new(logs)
				f.cfg.Logger = slog.New(plainHandler{written})
				io := serve(t, f.cfg)
				io.Of("/quiet")
				if f.setUp != nil {
					f.setUp(io)
				}
				f.do(t, io)
				synctest.Wait()
				checkFlood(t, f, written.String())
			})
		})
	}
}

// A plainHandler writes values as they are, as handlers for terminals do.
type plainHandler struct{ to *logs }

func (plainHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h plainHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h plainHandler) WithGroup(string) slog.Handler          { return h }

func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	line := fmt.Sprintf("time=%s level=%s msg=%s", r.Time, r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		text := a.Value.Resolve().String()
		if a.Key == "stack" {
			text = strings.ReplaceAll(text, "\n", "; ")
		}
		line += " " + a.Key + "=" + text
		return true
	})
	_, err := h.to.Write([]byte(line + "\n"))
	return err
}

var secrets = regexp.MustCompile(`secret|"?sid"?[=:]|pid[=:]`)

func checkFlood(t *testing.T, f flood, log string) {
	t.Helper()
	aloud, said := 0, 0
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "time=") || len(line) > 12_000 {
			t.Errorf("a line of %d bytes: %.200q", len(line), line)
		}
		if strings.ContainsAny(line, "\u202e\x00\r") || strings.Count(line, "level=") != 1+strings.Count(line, "level=ERROR msg=forged") {
			t.Errorf("a line with what a client wants it to say: %.300q", line)
		}
		if strings.Contains(line, "level=DEBUG") {
			continue
		}
		aloud++
		if f.line != "" && strings.Contains(line, f.line) {
			said++
		}
	}
	if aloud > 2*quiet.Usual || f.line == "" && aloud > 0 {
		t.Errorf("%d lines at Info and above", aloud)
	}
	if f.line != "" && said == 0 {
		t.Errorf("the log does not say %q: %.500q", f.line, log)
	}
	if found := secrets.FindString(log); found != "" {
		t.Errorf("the log has %q", found)
	}
}

// The ids of older clients' sockets are made of those of their connections.
func TestOlderClientsIDsAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{AllowEIO3: true})
		io.OnConnection(func(context.Context, *socketio.Socket) error { return errProgram })
		reply := io.Engine().ServePoll(t.Context(), &engine.Request{Method: "GET", Path: "/socket.io/", RawQuery: "EIO=3&transport=polling"})
		_, rest, _ := strings.Cut(string(reply.Body), `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		time.Sleep(time.Second)
		if log := io.logs.String(); len(sid) != 20 || !strings.Contains(log, "OnConnection failed") || strings.Contains(log, sid) {
			t.Errorf("sid %q, log %q", sid, log)
		}
	})
}
