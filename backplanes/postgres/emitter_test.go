package postgres

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/emitter"
)

func TestEmitter(t *testing.T) {
	for _, secret := range []string{"", "secret"} {
		c := apart(t)
		c.Secret = secret
		long := "/" + strings.Repeat("n", 70)
		n := join(t, New(c), "/", "/chat", long)
		tap := listen(t, c, c.ChannelPrefix+"#/chat")
		p, err := NewEmitter(c)
		if err != nil {
			t.Fatal(err)
		}
		e := emitter.New(p, emitter.Config{})
		until(t, "the node listens", func() bool {
			if err := e.Emit("hello", 1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond)
			return len(n.messages()) > 0
		})
		chat := e.Of("/chat")
		for _, err := range []error{
			chat.To("room").Emit("text", "é"),
			chat.Emit("bytes", []byte{1, 2}),
			chat.Emit("long", strings.Repeat("x", 9000)),
			chat.ServerSideEmit("ping", 1),
			chat.To("room").Except("other").SocketsJoin("more"),
			e.Of(long).Emit("far"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		var came []backplane.Message
		until(t, "all has come", func() bool {
			came = nil
			for _, m := range n.messages() {
				if m.Namespace == "/chat" {
					came = append(came, m)
				}
			}
			return len(came) == 5 && slices.Contains(n.said(), `["far"]`)
		})
		for _, m := range came {
			if m.From != "emitter" {
				t.Errorf("it came from %q", m.From)
			}
		}
		if m := came[0]; string(m.Data.JSON) != `["text","é"]` || m.Options.Rooms[0] != "room" {
			t.Errorf("it came as %v", m)
		}
		if m := came[1]; !bytes.Equal(m.Data.Attachments[0], []byte{1, 2}) {
			t.Errorf("it came as %v", m)
		}
		until(t, "all on the wire", func() bool {
			return secret != "" || len(tap.with(`"uid":"emitter","nsp":"/chat"}`)) == 3 && len(tap.with(`"attachmentId"`)) == 2
		})
		n.knows("/chat") // an emitter is nobody
		for range 2 {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := e.Emit("x"); !errors.Is(err, backplane.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	}
}

// A safe is a buffer for a logger.
type safe struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *safe) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *safe) has(part string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), part)
}

func TestEmitterFails(t *testing.T) {
	if _, err := NewEmitter(Config{}); err == nil {
		t.Error("an emitter without a pool")
	}
	c := apart(t)
	c.CreateTable = false
	if _, err := NewEmitter(c); err == nil || !strings.Contains(err.Error(), "there is no table") {
		t.Errorf("without a table: %v", err)
	}
	log := new(safe)
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	exec(t, c, table{settings: settings{Config: c}}.definition())
	p, err := NewEmitter(c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Publish(backplane.Message{Kind: backplane.FetchSockets, Namespace: "/", Request: "r"}); err == nil {
		t.Error("an emitter has asked")
	}
	exec(t, c, "DROP TABLE "+c.TableName)
	n := listen(t, c, c.ChannelPrefix+"#/")
	if err := errors.Join(p.Publish(event("/", `["1"]`)), p.Publish(event("/", `[{"_placeholder":true,"num":0}]`, nil)), p.Publish(event("/", `["2"]`))); err != nil {
		t.Fatal(err)
	}
	until(t, "it is logged", func() bool { return log.has("what was emitted is lost") && log.has("messages=1") })
	until(t, "what needs no table is sent", func() bool { return len(n.with(`["1"]`)) == 1 && len(n.with(`["2"]`)) == 1 })
}
