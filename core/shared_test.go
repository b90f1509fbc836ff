package socketio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// durableNodes makes servers, in a bubble, whose clients can go on with each other.
func durableNodes(t *testing.T, count int, cfg socketio.Config) []*server {
	t.Helper()
	if cfg.Backplane == nil {
		cfg.Backplane = backplane.NewDurableMemory()
	}
	if cfg.ConnectionStateRecovery == nil {
		cfg.ConnectionStateRecovery = new(socketio.Recovery)
	}
	var all []*server
	for range count {
		all = append(all, serve(t, cfg))
	}
	return all
}

// moveTo connects a phone to another node, and says whether that has its session.
func (p *phone) moveTo(io *server, recovered bool) {
	p.t.Helper()
	p.io = io
	p.comeBack(recovered)
}

func TestRecoveryOnAnotherNode(t *testing.T) {
	for _, transport := range bothTransports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := durableNodes(t, 3, socketio.Config{})
				a, b, c := all[0], all[1], all[2]
				var happened list
				for i, io := range all {
					io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
						happened.add("%d connection recovered=%v rooms=%d data=%v", i, s.Recovered(), len(s.Rooms()), s.Data())
						if s.Recovered() {
							return nil
						}
						s.SetData("mine")
						return s.Join("a", "b")
					})
					io.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { happened.add("%d %s", i, reason) })
				}
				p := call(t, a, siotest.Options{Transport: transport})
				old := a.Socket(p.id)
				must(t, c.Emit("one", "x"))
				must(t, a.To("a").Emit("two", []byte{1, 2}))
				must(t, old.Emit("three"))
				p.wantTook("one x, two [1 2], three")
				p.cut()
				must(t, a.Emit("four"))
				must(t, b.To("b", "c").Emit("five", []byte{3}, "y"))
				must(t, c.To("c").Emit("not for it"))
				must(t, c.To("a").Except("b").Emit("nor that"))
				must(t, c.To(p.id).Emit("six"))
				must(t, old.Emit("seven"))
				time.Sleep(time.Minute)
				p.moveTo(b, true)
				must(t, a.To("b").Emit("eight"))
				must(t, old.Emit("nine")) // by who has not heard of the move
				p.wantTook("four, five [3] y, six, seven, eight, nine")
				p.cut()
				must(t, b.Emit("ten"))
				p.moveTo(a, true)
				p.wantTook("ten")
				reason := "transport close"
				if transport == engine.Polling {
					reason = "transport error"
				}
				happened.want(t,
					"0 connection recovered=false rooms=1 data=<nil>", "0 "+reason, "1 connection recovered=true rooms=3 data=mine",
					"1 "+reason, "0 connection recovered=true rooms=3 data=mine")
				var sum socketio.RecoveryStats
				for _, io := range all {
					stats := io.Stats().Recovery
					sum.Recovered += stats.Recovered
					sum.Refused += stats.Refused
					sum.Away += stats.Away
				}
				if sum != (socketio.RecoveryStats{Recovered: 2}) {
					t.Errorf("%+v", sum)
				}
			})
		})
	}
}

// A client can come back elsewhere before its node knows that it is gone.
func TestRecoveryOnAnotherNodeOfAHalfOpenConnection(t *testing.T) {
	for _, transport := range bothTransports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := durableNodes(t, 3, socketio.Config{})
				a, b := all[0], all[1]
				ends := reasons(a)
				p := call(t, a, siotest.Options{Transport: transport, Silent: true})
				must(t, a.Socket(p.id).Join("room"))
				must(t, b.Emit("one"))
				p.hear()
				p.vanish()
				must(t, b.Emit("two"))
				must(t, a.To("room").Emit("three"))
				vanished, start := p.Client, time.Now()
				p.moveTo(b, true)
				if took := time.Since(start); took > 100*time.Millisecond {
					t.Errorf("took %v", took)
				}
				must(t, a.To("room").Emit("four"))
				p.wantTook("one, two, three, four")
				ends.want(t, "transport close")
				vanished.Resume()
				synctest.Wait()
				for _, e := range vanished.Events() {
					if e.Name == "four" {
						t.Error("both got it")
					}
				}
				if n := a.SocketCount() + b.SocketCount(); n != 1 {
					t.Errorf("%d sockets", n)
				}
				p.Close()
				synctest.Wait()
			})
		})
	}
}

// Who is asked for at several nodes at the same time goes on with one of them.
func TestOnlyOneNodeGetsASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := durableNodes(t, 3, socketio.Config{})
		for round := range 100 {
			p := call(t, all[0], siotest.Options{})
			must(t, all[1].Emit("one"))
			p.hear()
			if round%2 == 0 {
				p.cut()
			} else {
				p.vanish()
			}
			opts := p.opts
			opts.Auth = map[string]any{"pid": p.pid, "offset": p.offset}
			var clients []*siotest.Client
			for i := range 6 {
				c := siotest.Open(t, all[i%3], opts)
				c.SendRaw("40" + fmt.Sprintf(`{"pid":%q,"offset":%q}`, p.pid, p.offset))
				clients = append(clients, c)
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			there := 0
			for _, io := range all {
				if io.Socket(p.id) != nil {
					there++
				}
			}
			if there != 1 {
				t.Errorf("the socket is there %d times", there)
			}
			for _, c := range clients {
				c.Close()
			}
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		for _, io := range all {
			if strings.Contains(io.logs.String(), "still run") {
				t.Errorf("a client waited for the end of a socket that nobody was told of:\n%s", io.logs)
			}
		}
	})
}

// What happens to rooms while the client is away, wherever the program says it.
func TestRoomsChangeWhileTheClientIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := durableNodes(t, 2, socketio.Config{})
		a, b := all[0], all[1]
		p := call(t, a, siotest.Options{})
		s := a.Socket(p.id)
		must(t, s.Join("a", "muted"))
		p.vanish()
		must(t, a.To("a").Emit("one"))
		must(t, b.To("b").Emit("too early"))
		must(t, b.Except("muted").Emit("while muted"))
		synctest.Wait()
		must(t, s.Leave("a", "muted"))
		must(t, s.Join("b"))
		must(t, a.To("a").Emit("too late"))
		must(t, b.To("b").Emit("two"))
		must(t, a.Except("muted").Emit("three"))
		synctest.Wait()
		must(t, s.Leave("b"))
		must(t, s.Join("a"))
		must(t, b.To("a", "b").Emit("four"))
		must(t, s.Broadcast().Emit("to the others"))
		synctest.Wait()
		p.moveTo(b, true)
		p.wantTook("one, two, three, four")
		if rooms := b.Socket(p.id).Rooms(); !slices.Equal(rooms[1:], []string{"a"}) {
			t.Errorf("rooms %q", rooms)
		}
		// The client is cut before it has seen any of that, and has left once more.
		must(t, b.Socket(p.id).Leave("a"))
		p.offset = ""
		p.cut()
		p.moveTo(a, true)
		p.wantTook("one, two, three, four")
	})
}
