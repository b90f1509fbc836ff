package socketio_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
)

func TestAttachmentsMustComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{AttachmentTimeout: time.Second, PingInterval: time.Hour})
		ends := reasons(io)
		c := dial(t, io)
		const header = `452-["event",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`
		for range 3 { // each has its own time
			c.SendRaw(header)
			time.Sleep(600 * time.Millisecond)
			c.SendRaw([]byte("one"), []byte("two"))
			time.Sleep(600 * time.Millisecond)
		}
		synctest.Wait()
		ends.want(t)
		c.SendRaw(header)
		time.Sleep(600 * time.Millisecond)
		c.SendRaw([]byte("one")) // does not put it off
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		ends.want(t, "forced close")
		if !c.Closed() {
			t.Error("not closed")
		}
	})
}

// A codec of the user's may be wrong too.
type brokenCodec struct{ packet.Codec }

type brokenDecoder struct{ packet.Decoder }

func (c brokenCodec) NewDecoder(l packet.Limits) packet.Decoder {
	return brokenDecoder{c.Codec.NewDecoder(l)}
}

func (d brokenDecoder) Add(data []byte, binary bool) (packet.Incoming, bool, error) {
	if strings.Contains(string(data), "panic") {
		panic("decoder")
	}
	return d.Decoder.Add(data, binary)
}

func (c brokenCodec) Encode(dst []byte, p packet.Outgoing) (packet.Encoded, error) {
	if p.Type == packet.Ack {
		panic("encoder")
	}
	return c.Codec.Encode(dst, p)
}

func TestACodecThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{Codec: brokenCodec{packet.JSON()}})
		ends := reasons(io)
		handled := 0
		io.OnEvent("event", func(context.Context, *socketio.Event) error { handled++; return socketio.ErrQueueFull })
		c := dial(t, io)
		c.SendRaw(`421["event"]`, `422["event"]`) // the answers cannot be encoded
		settle()
		ends.want(t)
		if handled != 2 {
			t.Errorf("%d handled", handled)
		}
		c.SendRaw(`42["panic"]`)
		settle()
		ends.want(t, "forced close")
		io.logs.want(t, "decoder")
	})
}

// What came for another socket in the same read does not wait with the reader.
func TestAFullInboxLetsOtherSocketsHaveTheirEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxQueuedEvents: 4})
		chat := io.Of("/chat")
		gate := make(chan struct{})
		io.OnEvent("slow", func(context.Context, *socketio.Event) error { <-gate; return nil })
		chat.OnEvent("open", func(context.Context, *socketio.Event) error { close(gate); return nil })
		c := dial(t, io)
		c.SendRaw("40/chat,")
		settle()
		batch := []any{`42["slow"]`, `42/chat,["open"]`}
		for range 20 {
			batch = append(batch, `42["slow"]`)
		}
		c.SendRaw(batch...)
		settle()
		if n := c.Unread(); n != 0 {
			t.Errorf("%d events are unread", n)
		}
	})
}

func TestOnDisconnectComesAfterConcurrentHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{Concurrent: true})
		seen := new(list)
		io.OnEvent("event", func(ctx context.Context, _ *socketio.Event) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			seen.add("handled")
			return nil
		})
		io.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { seen.add("disconnect") })
		c := dial(t, io)
		c.SendRaw(`42["event"]`, `42["event"]`, "41")
		time.Sleep(time.Minute)
		synctest.Wait()
		seen.want(t, "handled", "handled", "disconnect")
	})
}
