package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

var bothTransports = []string{engine.WebSocket, engine.Polling}

// recoverable serves, in a bubble, a server whose clients can come back.
func recoverable(t *testing.T, r socketio.Recovery) *server {
	return serve(t, socketio.Config{ConnectionStateRecovery: &r})
}

func TestRecovery(t *testing.T) {
	for _, transport := range bothTransports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				var happened list
				io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
					happened.add("connection recovered=%v rooms=%d data=%v", s.Recovered(), len(s.Rooms()), s.Data())
					s.SetData("mine")
					return s.Join("a", "b")
				})
				io.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) {
					happened.add("%s", reason)
				})
				p := call(t, io, siotest.Options{Transport: transport})
				must(t, io.Emit("one", "x"))
				must(t, io.To("a").Emit("two", []byte{1, 2}))
				p.wantTook("one x, two [1 2]")
				p.cut()
				must(t, io.Emit("three"))
				must(t, io.To("b", "c").Emit("four", []byte{3}, "y"))
				must(t, io.To("c").Emit("not for it"))
				must(t, io.To("a").Except("b").Emit("nor that"))
				must(t, io.To(p.id).Emit("five"))
				time.Sleep(time.Minute)
				p.comeBack(true)
				must(t, io.To("b").Emit("six"))
				p.wantTook("three, four [3] y, five, six")
				reason := "transport close"
				if transport == engine.Polling {
					reason = "transport error"
				}
				happened.want(t, "connection recovered=false rooms=1 data=<nil>", reason, "connection recovered=true rooms=3 data=mine")
				if stats := io.Stats().Recovery; stats.Recovered != 1 || stats.Refused != 0 || stats.Away != 0 {
					t.Errorf("%+v", stats)
				}
			})
		})
	}
}

func TestRecoveryBeforeTheFirstEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		must(t, io.Emit("before"))
		p := call(t, io, siotest.Options{})
		must(t, io.Socket(p.id).Join("room"))
		io.Socket(p.id).SetData("mine")
		p.cut()
		p.comeBack(true)
		p.wantTook("")
		p.cut()
		must(t, io.To("room").Emit("one"))
		must(t, io.Emit("two"))
		p.comeBack(true)
		p.wantTook("one, two")
		if s := io.Socket(p.id); !s.Recovered() || s.Data() != "mine" || len(s.Rooms()) != 2 {
			t.Errorf("recovered %v, data %v, rooms %q", s.Recovered(), s.Data(), s.Rooms())
		}
	})
}

// However the connection is lost, who has missed nothing is sent nothing.
func TestRecoveryAfterEveryLoss(t *testing.T) {
	for name, lose := range map[string]func(p *phone){
		"a cut":          (*phone).cut,
		"a close packet": func(p *phone) { p.Client.Close() },
		"a ping timeout": func(p *phone) { p.vanish(); time.Sleep(time.Minute) },
	} {
		for _, transport := range bothTransports {
			t.Run(name+", "+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					io := recoverable(t, socketio.Recovery{})
					p := call(t, io, siotest.Options{Transport: transport, Silent: name == "a ping timeout"})
					must(t, io.Socket(p.id).Join("room"))
					must(t, io.Emit("one"))
					p.wantTook("one")
					lose(p)
					synctest.Wait()
					if n := io.SocketCount(); n != 0 {
						t.Errorf("%d sockets are left", n)
					}
					p.comeBack(true)
					p.wantTook("")
					must(t, io.To("room").Emit("two"))
					p.wantTook("two")
				})
			})
		}
	}
}

func TestRecoveryOfAHalfOpenConnection(t *testing.T) {
	for _, transport := range bothTransports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				var happened list
				io.OnConnection(func(context.Context, *socketio.Socket) error { happened.add("connection"); return nil })
				io.OnDisconnecting(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
					happened.add("rooms %s", strings.Join(s.Rooms()[1:], " "))
				})
				io.OnDisconnect(func(_ context.Context, _ *socketio.Socket, r socketio.Reason) {
					time.Sleep(time.Second) // the next connection waits for that
					happened.add("%s", r)
				})
				p := call(t, io, siotest.Options{Transport: transport, Silent: true})
				old := io.Socket(p.id)
				must(t, old.Join("room"))
				must(t, io.Emit("one"))
				p.hear()
				p.vanish()
				must(t, io.Emit("two"))
				must(t, old.Emit("three"))
				vanished := p.Client
				p.comeBack(true)
				must(t, io.To("room").Emit("four"))
				must(t, old.Emit("five")) // by who has not heard of the change
				p.wantTook("one, two, three, four, five")
				time.Sleep(2 * time.Second)
				happened.want(t, "connection", "rooms room", "transport close", "connection")
				vanished.Resume()
				synctest.Wait()
				for _, e := range vanished.Events() { // a poll that hung may have had two and three
					if e.Name == "four" || e.Name == "five" {
						t.Errorf("both got %s", e.Name)
					}
				}
				if n := len(io.fetchIDs(t)); n != 1 {
					t.Errorf("%d sockets", n)
				}
				p.Close()
				time.Sleep(2 * time.Second)
			})
		})
	}
}

// fetchIDs returns the ids of the sockets that are there.
func (s *server) fetchIDs(t *testing.T) (ids []string) {
	sockets, err := s.FetchSockets(t.Context())
	must(t, err)
	for _, r := range sockets {
		ids = append(ids, r.ID())
	}
	return ids
}

// The old connection's end comes when another has its session.
func TestRecoverySurvivesTheOldConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		release := make(chan struct{})
		io.OnEvent("block", func(context.Context, *socketio.Event) error { <-release; return nil })
		p := call(t, io, siotest.Options{})
		must(t, io.Socket(p.id).Join("room"))
		p.Emit("block") // its worker is late to hear of the end
		p.hear()
		p.vanish()
		p.comeBack(true)
		close(release)
		time.Sleep(3 * time.Minute)
		must(t, io.To("room").Emit("one"))
		p.wantTook("one")
		p.cut()
		must(t, io.To("room").Emit("two"))
		p.comeBack(true)
		p.wantTook("two")
	})
}

// What counts is where a socket was when the event was sent.
func TestRecoveryOfRoomsThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		p := call(t, io, siotest.Options{})
		s := io.Socket(p.id)
		must(t, s.Join("a", "muted"))
		p.vanish()
		must(t, io.To("a").Emit("one"))
		must(t, io.To("b").Emit("too early"))
		must(t, io.Except("muted").Emit("while muted"))
		must(t, s.Leave("a", "muted"))
		must(t, s.Join("b"))
		must(t, io.To("a").Emit("too late"))
		must(t, io.To("b").Emit("two"))
		must(t, io.Except("muted").Emit("three"))
		must(t, s.Leave("b"))
		must(t, s.Join("a"))
		must(t, io.To("a", "b").Emit("four"))
		must(t, s.Broadcast().Emit("to the others"))
		p.Abort()
		synctest.Wait()
		must(t, io.In(p.id).SocketsJoin("c"))
		must(t, io.In("c").SocketsLeave("a"))
		must(t, io.To("a").Emit("left while away"))
		must(t, io.To("c").Emit("five"))
		p.comeBack(true)
		p.wantTook("one, two, three, four, five")
		if rooms := io.Socket(p.id).Rooms(); len(rooms) != 2 || rooms[1] != "c" {
			t.Errorf("rooms %q", rooms)
		}
	})
}

// A volatile event is not kept, but stock clients take its last argument for an
// offset all the same.
func TestRecoveryAndVolatileEvents(t *testing.T) {
	for name, volatile := range map[string]func(io *server, p *phone) socketio.Emitter{
		"broadcast": func(io *server, _ *phone) socketio.Emitter { return io.Volatile() },
		"direct":    func(io *server, p *phone) socketio.Emitter { return io.Socket(p.id).Volatile() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				p := call(t, io, siotest.Options{})
				must(t, io.Emit("one"))
				synctest.Wait() // else it would be dropped
				must(t, volatile(io, p).Emit("two", "a text"))
				p.wantTook("one, two a text")
				p.cut()
				must(t, io.Volatile().Emit("three"))
				must(t, io.Emit("four"))
				p.comeBack(true)
				p.wantTook("four")
			})
		})
	}
}

func TestRecoveryOfAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		p := call(t, io, siotest.Options{})
		s := io.Socket(p.id)
		p.vanish()
		failed := make(chan error, 2)
		go func() {
			_, err := s.EmitWithAck(t.Context(), "question", "text")
			failed <- err
		}()
		go func() {
			_, err := io.EmitWithAckAll(t.Context(), "question to all")
			failed <- err
		}()
		synctest.Wait()
		must(t, io.Emit("one"))
		p.comeBack(true)
		for range 2 {
			if err := <-failed; !errors.Is(err, socketio.ErrDisconnected) {
				t.Errorf("%v", err)
			}
		}
		p.wantTook("one")
	})
}
