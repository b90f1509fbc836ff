package msgpack_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

type photo struct {
	Name string    `json:"name"`
	Data []byte    `json:"data"`
	At   time.Time `json:"at"`
}

// inBubble runs a story with a server and a way to connect to it, by each
// transport.
func inBubble(t *testing.T, story func(t *testing.T, io *socketio.Server, dial func(siotest.Options) *siotest.Client)) {
	for _, transport := range []string{engine.WebSocket, engine.Polling} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, err := socketio.New(socketio.Config{Codec: msgpack.Codec(), Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				story(t, io, func(o siotest.Options) *siotest.Client {
					o.Codec, o.Transport = msgpack.Codec(), transport
					return siotest.Dial(t, io, o)
				})
				if err := io.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestServer(t *testing.T) {
	inBubble(t, func(t *testing.T, io *socketio.Server, dial func(siotest.Options) *siotest.Client) {
		day := time.Date(2020, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
		sent := photo{"gunung.jpg", []byte("bytes"), day}
		socketio.OnWithAck(io, "upload", func(_ context.Context, s *socketio.Socket, p photo) (photo, error) {
			return p, io.To("all").Emit("uploaded", p, math.Inf(1), s.ID())
		})
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Join("all") })
		io.OnEvent("many", func(_ context.Context, e *socketio.Event) error {
			parts := make([][]byte, e.Len()) // more than JSON's ten attachments
			into := make([]any, e.Len())
			for i := range parts {
				into[i] = &parts[i]
			}
			if err := e.Bind(into...); err != nil {
				return err
			}
			return e.Ack(parts)
		})

		a, b := dial(siotest.Options{}), dial(siotest.Options{})
		time.Sleep(time.Second) // until both have joined
		if got := siotest.Call[photo](a, "upload", sent); !reflect.DeepEqual(got, sent) {
			t.Errorf("the ack is %+v", got)
		}
		for _, c := range []*siotest.Client{a, b} {
			var got photo
			var inf float64
			var id string
			if err := c.Expect("uploaded").Bind(&got, &inf, &id); err != nil || !reflect.DeepEqual(got, sent) || !math.IsInf(inf, 1) || id != a.ID() {
				t.Errorf("got %+v, %v, %s, %v", got, inf, id, err)
			}
		}
		twenty := make([]any, 20)
		for i := range twenty {
			twenty[i] = []byte{byte(i)}
		}
		if got := siotest.Call[[][]byte](a, "many", twenty...); len(got) != 20 || got[19][0] != 19 {
			t.Errorf("many: %v", got)
		}
	})
}

func TestServerAsks(t *testing.T) {
	inBubble(t, func(t *testing.T, io *socketio.Server, dial func(siotest.Options) *siotest.Client) {
		socketio.OnWithAck(io, "ask", func(ctx context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
			blob, err := socketio.EmitWithAck[[]byte](ctx, s, "question", []byte("?"))
			return string(blob), err
		})
		c := dial(siotest.Options{})
		c.On("question", func(e siotest.Event) { e.Ack([]byte("answer")) })
		if got := siotest.Call[string](c, "ask"); got != "answer" {
			t.Errorf("got %q", got)
		}
		if got := siotest.Call[string](c, "ask"); got != "answer" { // with an id that is not 0
			t.Errorf("then %q", got)
		}
	})
}

func TestServerRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, io *socketio.Server, dial func(siotest.Options) *siotest.Client) {
		type auth struct {
			Token string `json:"token"`
		}
		io.Of("/chat").Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
			var a auth
			if err := s.Handshake().BindAuth(&a); err != nil || a.Token != "good" {
				return nil, &socketio.Error{Message: "not allowed", Data: map[string]int{"code": 403}}
			}
			return ctx, nil
		})
		socketio.OnWithAck(io.Of("/chat"), "where", func(_ context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
			return s.Namespace().Name(), nil
		})
		good := dial(siotest.Options{Namespace: "/chat", Auth: auth{"good"}})
		if got := siotest.Call[string](good, "where"); got != "/chat" {
			t.Errorf("in %q", got)
		}
		good.Leave()
		if reason := good.Disconnected(); reason != "io client disconnect" {
			t.Error(reason)
		}
		err := good.Connect()
		if err != nil {
			t.Errorf("again: %v", err)
		}
		c := dial(siotest.Options{})
		other := siotest.Open(t, io, siotest.Options{Namespace: "/chat", Codec: msgpack.Codec(), Auth: auth{"bad"}})
		var refusal *siotest.Refusal
		if err := other.Connect(); !errors.As(err, &refusal) || refusal.Message != "not allowed" || string(refusal.Data) != `{"code":403}` {
			t.Errorf("refused with %v", err)
		}
		c.Close()
	})
}

// TestServerEndsWhatIsNoPacket holds that a connection does not survive what it
// sent, and the server does.
func TestServerEndsWhatIsNoPacket(t *testing.T) {
	inBubble(t, func(t *testing.T, io *socketio.Server, dial func(siotest.Options) *siotest.Client) {
		for _, message := range []any{`42["event"]`, []byte{}, []byte("\xc1"), []byte("\xdf\xff\xff\xff\xff"), []byte(strings.Repeat("\x91", 100_000))} {
			c := dial(siotest.Options{})
			c.SendRaw(message)
			if reason := c.Disconnected(); reason != "transport close" {
				t.Errorf("%.20q: %s", message, reason)
			}
		}
		dial(siotest.Options{})
	})
}
