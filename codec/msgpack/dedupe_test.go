package msgpack_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// receipt is what a codec that decodes and encodes an ack again would spoil: a number
// beyond a float64's, and fields that are not in the order of their names.
type receipt struct {
	Z  int64     `json:"z"`
	At time.Time `json:"at"`
	A  []byte    `json:"a"`
}

// A client repeats what was not acknowledged when its connection was cut, over the
// connection that goes on with its session, and is given the ack of the first.
func TestARepeatAfterARecovery(t *testing.T) {
	for name, codec := range map[string]packet.Codec{"JSON": packet.JSON(), "MessagePack": msgpack.Codec()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, err := socketio.New(socketio.Config{
					Codec: codec, Logger: slog.New(slog.DiscardHandler), ConnectionStateRecovery: &socketio.Recovery{},
				})
				if err != nil {
					t.Fatal(err)
				}
				io.UseEvent(socketio.Deduplicate(socketio.DedupeConfig{
					ID: socketio.IDFromFirst, Scope: (*socketio.Socket).ID, // which a session that is recovered keeps
				}))
				sent := receipt{1<<53 + 1, time.UnixMilli(1_600_000_000_123).UTC(), []byte("paper")}
				var runs atomic.Int64
				io.OnEvent("pay", func(_ context.Context, e *socketio.Event) error {
					runs.Add(1)
					time.Sleep(time.Second)
					return e.Ack(sent)
				})
				c := siotest.Dial(t, io, siotest.Options{Codec: codec})
				for _, pause := range []time.Duration{2 * time.Second, 0} { // acknowledged meanwhile, and not yet
					id := pause.String()
					before := c.ID()
					sendPay(t, c, codec, id) // whose ack does not come
					synctest.Wait()
					c.Abort()
					time.Sleep(pause)
					_ = io.Emit("missed", pause == 0)
					if err := c.Reconnect(); err != nil || !c.Recovered() || c.ID() != before {
						t.Fatalf("not recovered: %v", err)
					}
					if got := siotest.Call[receipt](c, "pay", id); got.Z != sent.Z || !got.At.Equal(sent.At) || string(got.A) != string(sent.A) {
						t.Errorf("after %v the repeat is told %+v", pause, got)
					}
					if zero := siotest.Expect[bool](c, "missed"); zero != (pause == 0) {
						t.Error("another event was missed")
					}
				}
				if n := runs.Load(); n != 2 {
					t.Errorf("handled %d times, want 2", n)
				}
				if err := io.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// sendPay sends an event that asks for an ack, and does not wait for that.
func sendPay(t *testing.T, c *siotest.Client, codec packet.Codec, id string) {
	out, err := codec.Encode(nil, packet.Outgoing{Type: packet.Event, Namespace: "/", ID: 1000, Event: "pay", Args: []any{id}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Binary {
		c.SendRaw(out.Head)
	} else {
		c.SendRaw("4" + string(out.Head))
	}
}
