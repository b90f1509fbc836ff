package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// Other nodes have a session before the client is told to go to them.
func TestHandOverBeforeTheClientKnows(t *testing.T) {
	for name, leave := range map[string]func(ctx context.Context, io *server) error{
		"Drain":    func(ctx context.Context, io *server) error { return io.Drain(ctx, 0) },
		"Shutdown": func(ctx context.Context, io *server) error { return io.Shutdown(ctx) },
	} {
		for _, transport := range bothTransports {
			t.Run(name+", "+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ls := durableLines(nil)
					all := durableNodes(t, 2, socketio.Config{Backplane: ls})
					a, b := all[0], all[1]
					ends := reasons(a)
					p := call(t, a, siotest.Options{Transport: transport})
					must(t, a.Emit("one"))
					synctest.Wait()
					told := make(chan bool, 2)
					ls.saving = func(backplane.Session) error {
						time.Sleep(time.Second)
						told <- p.Closed()
						return nil
					}
					done := make(chan error)
					go func() { done <- leave(t.Context(), a) }()
					time.Sleep(500 * time.Millisecond)
					must(t, b.Emit("two")) // when the socket has ended
					if <-told {
						t.Error("the client was told before")
					}
					must(t, <-done)
					synctest.Wait()
					if !p.Closed() {
						t.Error("the client has not been told")
					}
					p.wantTook("one")
					ends.want(t, map[string]string{"Drain": drained, "Shutdown": "server shutting down"}[name])
					p.moveTo(b, true)
					p.wantTook("two")
				})
			})
		}
	}
}

// A node that cannot save sessions for some time does so later, and keeps nobody from
// leaving for long.
func TestSessionsThatCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := durableLines(nil)
		all := durableNodes(t, 2, socketio.Config{Backplane: ls})
		p := call(t, all[0], siotest.Options{})
		must(t, all[0].Emit("one"))
		p.hear()
		var failing atomic.Bool
		failing.Store(true)
		ls.saving = func(backplane.Session) error {
			if failing.Load() {
				return errCut
			}
			return nil
		}
		p.cut()
		time.Sleep(30 * time.Second)
		failing.Store(false)
		time.Sleep(2 * time.Second)
		p.moveTo(all[1], true)
		failing.Store(true)
		start := time.Now()
		must(t, all[1].Shutdown(t.Context()))
		if took := time.Since(start); took < time.Second || took > 15*time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(2 * time.Second)
		all[1].logs.want(t, "could not be saved")
		if strings.Contains(all[1].logs.String(), p.pid) {
			t.Error("the private id is in the log")
		}
	})
}

// What a program emits before it disconnects a socket, or makes it leave a room, reaches
// the client, once, though it is still on its way to the log.
func TestWhatIsEmittedBeforeSomethingElse(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(io *server, s *socketio.Socket)
		want string
	}{
		"Disconnect": {func(io *server, s *socketio.Socket) {
			_ = s.Emit("one")
			_ = io.To("room").Emit("two")
			_ = io.To("other").Emit("not for it")
			_ = s.Disconnect(false)
		}, "one, two"},
		"Disconnect and close": {func(io *server, s *socketio.Socket) {
			_ = io.Emit("one")
			_ = s.Emit("two")
			_ = s.Disconnect(true)
		}, "one, two"},
		"DisconnectSockets": {func(io *server, _ *socketio.Socket) {
			_ = io.Emit("one")
			_ = io.DisconnectSockets(false)
		}, "one"},
		"Leave": {func(io *server, s *socketio.Socket) {
			_ = io.To("room").Emit("one")
			_ = s.Leave("room")
			_ = io.To("room").Emit("not for it")
			_ = s.Emit("two")
		}, "one, two"},
		"Join": {func(io *server, s *socketio.Socket) {
			_ = io.Except("muted").Emit("one")
			_ = s.Join("muted")
			_ = io.Except("muted").Emit("not for it")
		}, "one"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := durableLines(nil)
				io := durableNodes(t, 1, socketio.Config{Backplane: ls})[0]
				ls.of(t, 0).far = 50 * time.Millisecond
				p, other := call(t, io, siotest.Options{}), call(t, io, siotest.Options{})
				must(t, io.Socket(p.id).Join("room"))
				must(t, io.Socket(other.id).Join("room"))
				row.do(io, io.Socket(p.id))
				time.Sleep(time.Second)
				p.wantTook(row.want)
			})
		})
	}
}

// Who is refused, or gone before it could be told, has not used up its session.
func TestASessionThatIsGivenBack(t *testing.T) {
	for name, fail := range map[string]func(p *phone, io *server){
		"refused": func(p *phone, io *server) {
			p.io, p.auth = io, map[string]any{"user": "mallory"}
			var refusal *siotest.Refusal
			if err := p.connect(); !errors.As(err, &refusal) {
				p.t.Errorf("%v", err)
			}
		},
		"gone while middleware runs": func(p *phone, io *server) {
			c := siotest.Open(p.t, io, p.opts)
			c.SendRaw(fmt.Sprintf(`40{"pid":%q,"offset":%q,"user":"slow"}`, p.pid, p.offset))
			time.Sleep(500 * time.Millisecond)
			c.Abort()
			synctest.Wait()
		},
		"gone while it is restored": func(p *phone, io *server) {
			c := siotest.Open(p.t, io, p.opts)
			c.SendRaw(fmt.Sprintf(`40{"pid":%q,"offset":%q,"user":"alice"}`, p.pid, p.offset))
			time.Sleep(5 * time.Millisecond)
			c.Abort()
			time.Sleep(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := durableLines(rand.New(rand.NewPCG(0, 5)))
				all := durableNodes(t, 3, socketio.Config{Backplane: ls})
				for _, io := range all {
					io.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
						var auth struct{ User string }
						_ = s.Handshake().BindAuth(&auth)
						switch auth.User {
						case "mallory":
							if !s.Recovered() {
								t.Error("it does not know whose session that is")
							}
							return nil, &socketio.Error{Message: "unauthorized"}
						case "slow":
							time.Sleep(10 * time.Second)
						}
						return ctx, nil
					})
				}
				p := call(t, all[0], siotest.Options{})
				must(t, all[0].Socket(p.id).Join("room"))
				must(t, all[0].Emit("one"))
				time.Sleep(time.Second)
				p.cut()
				must(t, all[1].To("room").Emit("two"))
				fail(p, all[1])
				must(t, all[1].To("room").Emit("three"))
				p.auth = nil
				p.moveTo(all[2], true)
				time.Sleep(time.Second)
				p.wantTook("one, two, three")
				time.Sleep(10 * time.Second)
				for i, io := range all {
					if n := io.SocketCount(); n != i/2 {
						t.Errorf("%d sockets at node %d", n, i)
					}
				}
			})
		})
	}
}

// While the line is cut, the clients of a node get what it sends, in order; what others
// send comes when it is mended, and nobody is sent anything again.
func TestACutLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := durableLines(nil)
		all := durableNodes(t, 2, socketio.Config{Backplane: ls})
		a, b := all[0], all[1]
		p, q := call(t, a, siotest.Options{}), call(t, b, siotest.Options{})
		must(t, b.Emit("one"))
		synctest.Wait()
		ls.of(t, 0).set(true)
		must(t, a.Emit("two"))
		must(t, b.Emit("three"))
		must(t, a.Socket(p.id).Emit("four"))
		synctest.Wait()
		must(t, a.Volatile().Emit("five"))
		p.wantTook("one, two, four, five")
		q.wantTook("one, three")
		if p.offset != q.offset { // three's
			if _, err := backplane.ParseOffset(p.offset); err != nil {
				t.Error(err)
			}
		} else {
			t.Error("it claims to know what it has not heard")
		}
		ls.of(t, 0).set(false)
		p.wantTook("three")
		p.cut()
		must(t, a.Emit("six"))
		p.moveTo(b, true)
		p.wantTook("six")
	})
}

// A client that has come from a node which is ahead is sent nothing twice, whatever
// comes in between.
func TestANodeThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := durableLines(nil)
		all := durableNodes(t, 2, socketio.Config{Backplane: ls})
		a, b := all[0], all[1]
		p := call(t, a, siotest.Options{})
		must(t, a.Socket(p.id).Join("late"))
		q := call(t, b, siotest.Options{})
		must(t, a.Emit("zero"))
		synctest.Wait()
		ls.of(t, 1).far = time.Minute
		must(t, a.Emit("one"))
		must(t, a.To("early").Emit("not for it"))
		synctest.Wait()
		must(t, a.Socket(p.id).Join("early"))
		p.hear()
		p.cut()
		must(t, a.Emit("two"))
		p.moveTo(b, true)
		p.wantTook("zero, one, two")
		synctest.Wait()
		must(t, b.Local().Emit("three"))
		synctest.Wait()
		p.hear()
		local := p.offset
		must(t, b.Socket(p.id).Volatile().Emit("four"))
		p.wantTook("three, four")
		if _, err := backplane.ParseOffset(local); err != nil || p.offset != local {
			t.Errorf("offsets %s and %s", local, p.offset)
		}
		q.wantTook("zero, three")
		p.cut()
		p.moveTo(a, true)
		p.wantTook("")
		p.cut()
		time.Sleep(30 * time.Second)
		p.moveTo(b, true)
		time.Sleep(2 * time.Minute)
		p.wantTook("")
		q.wantTook("one, two")
	})
}

// What a room was sent before a client joined it is not for the client, though the node
// that it comes to delivers it later.
func TestANodeThatIsBehindTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := durableLines(nil)
		all := durableNodes(t, 2, socketio.Config{Backplane: ls})
		p, q := call(t, all[0], siotest.Options{}), call(t, all[1], siotest.Options{})
		must(t, all[1].Socket(q.id).Join("room"))
		must(t, all[0].Emit("one"))
		synctest.Wait()
		ls.of(t, 1).far = time.Minute
		must(t, all[0].To("room").Emit("not for it"))
		synctest.Wait()
		must(t, all[0].Socket(p.id).Join("room"))
		p.cut()
		p.moveTo(all[1], true)
		must(t, all[0].To("room").Emit("two"))
		time.Sleep(2 * time.Minute)
		p.wantTook("one, two")
		q.wantTook("one, not for it, two")
	})
}

// Who comes back to the node where it was is told of in order.
func TestRecoveryOnTheSameNodeOfAShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := durableNodes(t, 2, socketio.Config{})[0]
		var happened list
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			happened.add("connection %v", s.Recovered())
			return nil
		})
		io.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) {
			time.Sleep(time.Second)
			happened.add("disconnect")
		})
		p := call(t, io, siotest.Options{})
		must(t, io.Emit("one"))
		p.hear()
		for _, lose := range []func(){p.vanish, p.cut} {
			lose()
			must(t, io.Emit("two"))
			p.comeBack(true)
			time.Sleep(2 * time.Second)
		}
		p.wantTook("one, two, two")
		p.Close()
		time.Sleep(2 * time.Second)
		happened.want(t, "connection false", "disconnect", "connection true", "disconnect", "connection true", "disconnect")
	})
}

// What the OnConnection functions do is a part of the session, wherever it goes on.
func TestASessionIsSavedWhenItIsSetUp(t *testing.T) {
	for name, fails := range map[string]bool{"set up": false, "not set up": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := durableNodes(t, 2, socketio.Config{})
				type data struct{ Name string }
				all[0].OnConnection(func(_ context.Context, s *socketio.Socket) error {
					if s.Recovered() {
						return nil
					}
					time.Sleep(100 * time.Millisecond)
					if fails {
						return errors.New("no database")
					}
					s.SetData(data{"alice"})
					return s.Join("room")
				})
				p := call(t, all[0], siotest.Options{})
				p.cut()
				must(t, all[1].Emit("one"))
				p.moveTo(all[1], !fails)
				must(t, all[0].To("room").Emit("two"))
				if fails {
					p.wantTook("")
					return
				}
				p.wantTook("one, two")
				s := all[1].Socket(p.id)
				if got, ok := socketio.Data[data](s); !ok || got.Name != "alice" {
					t.Errorf("%v, %v", got, ok)
				}
				if got := fmt.Sprint(s.Data()); got != "map[Name:alice]" {
					t.Error(got)
				}
				p.cut() // it goes further as it came
				p.moveTo(all[0], true)
				if got, ok := socketio.Data[data](all[0].Socket(p.id)); !ok || got.Name != "alice" {
					t.Errorf("%v, %v", got, ok)
				}
			})
		})
	}
}

// What is done to a socket whose session is with the others cannot be done.
func TestASocketThatHasGoneElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := durableNodes(t, 2, socketio.Config{})
		p, q, r := call(t, all[0], siotest.Options{}), call(t, all[0], siotest.Options{}), call(t, all[0], siotest.Options{})
		moved, left, odd := all[0].Socket(p.id), all[0].Socket(q.id), all[0].Socket(r.id)
		odd.SetData(func() {})
		p.cut()
		r.cut()
		q.Leave()
		synctest.Wait()
		all[0].logs.want(t, "cannot be encoded")
		if err := moved.Join("room"); !errors.Is(err, socketio.ErrDisconnected) {
			t.Error(err)
		}
		if err := left.Emit("one"); !errors.Is(err, socketio.ErrDisconnected) {
			t.Error(err)
		}
		must(t, moved.Emit("one"))
		p.moveTo(all[1], true)
		must(t, moved.Emit("two"))
		p.wantTook("one, two")
		r.moveTo(all[1], false)
		time.Sleep(3 * time.Minute)
		if err := moved.Emit("three"); !errors.Is(err, socketio.ErrDisconnected) {
			t.Error(err)
		}
	})
}

// Codecs that are not JSON's, and older clients, which cannot recover, get the same.
func TestASharedLogForOtherClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := durableNodes(t, 2, socketio.Config{Codec: msgpack.Codec()})
		p := call(t, all[0], siotest.Options{Codec: msgpack.Codec()})
		q := siotest.Dial(t, all[0], siotest.Options{Codec: msgpack.Codec()})
		values := []any{"x", 1.5, []byte{1, 2}}
		must(t, all[0].Emit("one", values...))
		values[0] = "changed"
		must(t, all[1].Emit("two", "y", []byte{3}))
		synctest.Wait()
		must(t, all[0].Volatile().Emit("three", 7))
		synctest.Wait()
		events := q.Events()
		var got []string
		for _, e := range events {
			text := e.Name
			for i := range e.Args.Len() {
				v, _ := e.Args.Value(i)
				text += fmt.Sprint(" ", v)
			}
			got = append(got, text)
		}
		if text := strings.Join(got, ", "); text != "one x 1.5 [1 2] 2-0, two y [3] 3-0, three 7 3-0" {
			t.Error(text)
		}
		p.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		io := durableNodes(t, 2, socketio.Config{AllowEIO3: true})[0]
		c := siotest.Dial(t, io, siotest.Options{Transport: engine.WebSocket})
		s := socketOf(t, io.Namespace, c)
		must(t, s.Emit("one"))
		must(t, io.Emit("two"))
		must(t, s.Emit("three"))
		synctest.Wait()
		if n := len(c.Events()); n != 3 {
			t.Errorf("%d events", n)
		}
	})
}
