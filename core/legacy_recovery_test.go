package socketio_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/engine/eio"
	"github.com/kawat-go/kawat/core/siotest"
)

// An oldWire carries an older client's messages, by either transport.
type oldWire interface {
	say(text string)
	told() []string // since the last call
	hangUp()
}

type oldSocket struct{ *siotest.Client }

func (c oldSocket) say(text string) { c.SendRaw(text) }
func (c oldSocket) hangUp()         { c.Abort() }

func (c oldSocket) told() (told []string) {
	for _, m := range c.Raw() {
		told = append(told, fmt.Sprintf("%s", m))
	}
	return told
}

type oldPoller struct {
	*oldClient
	poll chan engine.Reply // of the GET that hangs
}

func (c *oldPoller) say(text string) { c.do("POST", fmt.Sprintf("%d:%s", len(text), text)) }
func (c *oldPoller) hangUp()         { c.say("1") }

// told polls until a poll hangs.
func (c *oldPoller) told() (told []string) {
	for {
		if c.poll == nil {
			c.poll = make(chan engine.Reply, 1)
			go func() { c.poll <- c.do("GET", "") }()
		}
		synctest.Wait()
		if len(c.poll) == 0 {
			return told
		}
		reply := <-c.poll
		c.poll = nil
		for m, err := range eio.PacketsRev3(reply.Body) {
			if must(c.t, err); m.Binary {
				told = append(told, "\x04"+string(m.Data))
			} else {
				told = append(told, string(m.Type.Digit())+string(m.Data))
			}
		}
	}
}

// Older clients cannot come back to a session, so they have none. They are sent the
// offsets all the same, as by the reference.
func TestOlderClientsWhereOthersRecover(t *testing.T) {
	for name, connect := range map[string]func(t *testing.T, io *server) oldWire{
		"websocket": func(t *testing.T, io *server) oldWire {
			return oldSocket{siotest.Open(t, io, siotest.Options{Query: url.Values{"EIO": {"3"}}})}
		},
		"polling": func(t *testing.T, io *server) oldWire {
			c := &oldClient{t: t, io: io, query: "EIO=3&transport=polling&b64=1"}
			sid := regexp.MustCompile(`"sid":"([^"]+)"`).FindSubmatch(c.do("GET", "").Body)
			c.query += "&sid=" + string(sid[1])
			return &oldPoller{oldClient: c}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{AllowEIO3: true, ConnectionStateRecovery: &socketio.Recovery{}})
				io.OnEvent("ask", func(_ context.Context, e *socketio.Event) error { return e.Ack("answer") })
				ends := reasons(io)
				var old *socketio.Socket
				io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
					if s.Conn().Protocol() == 3 {
						old = s
					}
					return s.Join("room")
				})
				p := call(t, io, siotest.Options{})
				c := connect(t, io)
				want := func(what string, want ...string) {
					t.Helper()
					settle()
					got := c.told()
					for i, text := range got {
						got[i] = regexp.MustCompile(`"[\w.-]{10,}"\]`).ReplaceAllString(text, "OFFSET]")
					}
					if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
						t.Errorf("%s: told %q, want %q", what, got, want)
					}
				}
				want("at first", "40")
				must(t, old.Emit("a", 1))
				must(t, io.Emit("b"))
				must(t, io.To("room").Emit("c", []byte{1}))
				want("events", `42["a",1,OFFSET]`, `42["b",OFFSET]`,
					`451-["c",{"_placeholder":true,"num":0},OFFSET]`, "\x04\x01")
				c.say(`427["ask"]`)
				want("an ack", `437["answer"]`)
				must(t, old.Broadcast().Emit("not to it"))
				must(t, old.Leave("room"))
				must(t, io.To("room").Emit("nor this"))
				want("what is for others")
				must(t, old.Volatile().Emit("d"))
				want("a volatile event", `42["d",OFFSET]`)
				must(t, io.Volatile().Emit("e", 2))
				want("another", `42["e",2,OFFSET]`)
				asked := make(chan error, 1)
				go func() { _, err := socketio.EmitWithAck[int](t.Context(), old, "question"); asked <- err }()
				want("a question", `420["question"]`)
				c.say(`430[5]`)
				must(t, <-asked)

				must(t, old.Disconnect(false))
				if err := old.Emit("gone"); err != socketio.ErrDisconnected {
					t.Error(err)
				}
				must(t, io.Emit("gone"))
				want("its end", "41")
				c.hangUp()
				settle()

				// It is not kept for one that was cut, nor can its query ask for a session.
				c = connect(t, io)
				want("again", "40")
				c.say("41")
				settle()
				c.say("40/?pid=" + p.pid)
				want("with a session of another", "40")
				if old.Recovered() || old.ID() == p.id || p.Closed() {
					t.Error("a session was taken over")
				}
				c.hangUp()
				settle()
				if err := old.Emit("gone"); err != socketio.ErrDisconnected {
					t.Error(err)
				}
				if stats := io.Stats(); stats.Recovery.Away != 0 || stats.Sockets != 1 {
					t.Errorf("%+v", stats)
				}
				must(t, io.SocketsJoin("new"))
				ends.want(t, "server namespace disconnect", "client namespace disconnect", "transport close")
				p.cut()
				must(t, io.To("new").Emit("last"))
				p.comeBack(true)
				p.wantTook("b, c [1], not to it, nor this, e 2, gone, last")
			})
		})
	}
}
