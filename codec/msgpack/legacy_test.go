package msgpack_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// Older clients have a parser for MessagePack as well, and the packets of protocol 4
// in it: what the query of a namespace says is its auth, and a refusal can be a text.
func TestOlderClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, err := socketio.New(socketio.Config{Codec: msgpack.Codec(), AllowEIO3: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		io.Of("/strict").Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			var auth struct {
				Why string `json:"why"`
			}
			if err := s.Handshake().BindAuth(&auth); err != nil {
				return nil, err
			}
			if auth.Why == "" {
				return nil, errors.New("of our own")
			}
			data := map[string]any{"message": nil, "object": map[string]int{"code": 7}, "list": []int{1}, "number": 5, "chan": make(chan int)}
			return nil, &socketio.Error{Message: "not today", Data: data[auth.Why]}
		})
		io.OnEvent("event", func(_ context.Context, e *socketio.Event) error { return e.Ack([]byte{1}) })
		c := siotest.Open(t, io, siotest.Options{Query: url.Values{"EIO": {"3"}}, Codec: msgpack.Codec()})

		const strict, message, internal = "\xa3nsp\xa7/strict", "\xa9not today", "\xaeinternal error"
		type step struct {
			send *packet.Outgoing // nil for the implicit CONNECT
			told string
		}
		ask := func(why string) *packet.Outgoing {
			return &packet.Outgoing{Type: packet.Connect, ID: packet.NoID, Namespace: "/strict?why=" + why}
		}
		for _, s := range []step{
			{nil, "\x82\xa4type\x00\xa3nsp\xa1/"},
			{&packet.Outgoing{Type: packet.Event, ID: 5, Event: "event"}, "\x84\xa2id\x05\xa4type\x03\xa4data\x91\xc4\x01\x01\xa3nsp\xa1/"},
			{ask("message"), "\x83\xa4type\x04\xa4data" + message + strict},
			{ask("object"), "\x83\xa4type\x04\xa4data\x81\xa4code\x07" + strict},
			{ask("list"), "\x83\xa4type\x04\xa4data\x91\x01" + strict},
			{ask("number"), "\x83\xa4type\x04\xa4data" + message + strict},
			{ask("chan"), "\x83\xa4type\x04\xa4data" + message + strict},
			{ask(""), "\x83\xa4type\x04\xa4data" + internal + strict},
		} {
			if s.send != nil {
				out, err := msgpack.Codec().Encode([]byte{4}, *s.send) // the type in front, as revision 3 has it
				if err != nil {
					t.Fatal(err)
				}
				c.SendRaw(out.Head)
			}
			synctest.Wait()
			got := c.Raw()
			if len(got) != 1 {
				t.Fatalf("%+v: told %q", s.send, got)
			}
			if data, _ := got[0].([]byte); string(data) != "\x04"+s.told {
				t.Errorf("%+v: told %q, want %q", s.send, data, s.told)
			}
		}
		if n := io.Stats().Panics; n != 0 || c.Closed() {
			t.Errorf("%d panics, closed %v", n, c.Closed())
		}
		_ = io.Close()
	})
}
