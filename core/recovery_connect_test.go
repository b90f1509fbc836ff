package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestRecoveryAndMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		var happened list
		banned := false
		io.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
			happened.add("%v %v", s.Recovered(), s.Data())
			s.SetData("data")
			if banned {
				return nil, &socketio.Error{Message: "banned"}
			}
			must(t, s.Emit("welcome", "back")) // comes before the answer
			return nil, s.Join("m")
		})
		p := call(t, io, siotest.Options{})
		must(t, io.To("m").Emit("one"))
		p.wantTook("welcome back, one")
		p.cut()
		must(t, io.To("m").Emit("two"))
		p.comeBack(true)
		p.wantTook("welcome back, two")
		p.cut()
		banned = true
		if err := p.connect(); err == nil || !strings.Contains(err.Error(), "banned") {
			t.Errorf("%v", err)
		}
		banned = false
		must(t, io.To("m").Emit("three"))
		p.comeBack(true)
		p.wantTook("welcome back, three")
		happened.want(t, "false <nil>", "true data", "true data", "true data")
	})
}

// A refused stranger does not disturb the session that he asks for.
func TestRecoveryRefusedWhileTheSocketIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		io.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
			if s.Recovered() {
				return nil, &socketio.Error{Message: "no"}
			}
			return nil, nil
		})
		p := call(t, io, siotest.Options{})
		thief := &phone{t: t, io: io, pid: p.pid}
		if err := thief.connect(); err == nil {
			t.Error("let in")
		}
		must(t, io.Emit("one"))
		p.wantTook("one")
	})
}

func TestRecoverySkipsMiddlewares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{SkipMiddlewares: true})
		calls := 0
		io.Use(func(context.Context, *socketio.Socket) (context.Context, error) { calls++; return nil, nil })
		p := call(t, io, siotest.Options{})
		p.cut()
		p.comeBack(true)
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

// Of two connections that ask for one session, and are let in, the later one gets
// it, whichever middleware is through first. The other is closed.
func TestRecoveryAskedForTwice(t *testing.T) {
	for _, quick := range []string{"first", "second"} {
		t.Run(quick, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
					var auth struct{ Name string }
					must(t, s.Handshake().BindAuth(&auth))
					if s.Recovered() && auth.Name != quick {
						time.Sleep(time.Second)
					}
					return nil, nil
				})
				p := call(t, io, siotest.Options{})
				io.Socket(p.id).SetData("before")
				p.cut()
				must(t, io.Emit("one"))
				first := siotest.Open(t, io, siotest.Options{})
				first.SendRaw(`40{"pid":"` + p.pid + `","name":"first"}`)
				time.Sleep(time.Second / 2)
				if s := io.Socket(p.id); s != nil {
					s.SetData("meanwhile")
				}
				p.auth = map[string]any{"name": "second"}
				p.comeBack(true)
				p.wantTook("one")
				if reason := first.Disconnected(); reason != "transport close" {
					t.Error(reason)
				}
				time.Sleep(2 * time.Second)
				must(t, io.Emit("two"))
				p.wantTook("two")
				want := map[string]any{"first": "meanwhile", "second": "before"}[quick]
				if data := io.Socket(p.id).Data(); data != want {
					t.Errorf("data %v, want %v", data, want)
				}
			})
		})
	}
}

// Who has a stolen private id, and is refused, does not keep its owner out.
func TestRecoveryBesideAThief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			var auth struct{ Thief bool }
			must(t, s.Handshake().BindAuth(&auth))
			time.Sleep(time.Second)
			if auth.Thief {
				return nil, &socketio.Error{Message: "refused"}
			}
			return nil, nil
		})
		p := call(t, io, siotest.Options{})
		p.cut()
		must(t, io.Emit("one"))
		claim := `40{"pid":"` + p.pid + `","thief":true}`
		for i := range 20 {
			time.AfterFunc(time.Duration(i)*time.Second/5, func() {
				siotest.Open(nil, io, siotest.Options{}).SendRaw(claim)
			})
		}
		time.Sleep(time.Second)
		p.comeBack(true)
		p.wantTook("one")
		time.Sleep(10 * time.Second)
		must(t, io.Emit("two"))
		p.wantTook("two")
		must(t, io.Shutdown(t.Context()))
	})
}

// The answer comes before what was missed: a client that is cut between the two
// must not have heard what it will be sent again.
func TestRecoveryAnswersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		p := call(t, io, siotest.Options{})
		must(t, io.Emit("one"))
		p.took()
		p.cut()
		must(t, io.Emit("two"))
		c := siotest.Open(t, io, siotest.Options{})
		c.SendRaw(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, p.pid, p.offset))
		settle()
		raw := c.Raw()
		if len(raw) != 2 || raw[0] != fmt.Sprintf(`40{"sid":%q,"pid":%q}`, p.id, p.pid) {
			t.Errorf("%q", raw)
		}
	})
}

// What middleware emits has an offset, too, and comes before what was missed.
func TestRecoveryCutBehindTheMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			return nil, s.Emit("welcome", "back")
		})
		p := call(t, io, siotest.Options{})
		must(t, io.Emit("one"))
		p.took()
		p.cut()
		must(t, io.Emit("two"))
		first := siotest.Open(t, io, siotest.Options{})
		first.SendRaw(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, p.pid, p.offset))
		must(t, first.Expect("welcome").Bind(new(string), &p.offset))
		first.Abort()
		p.comeBack(true)
		p.wantTook("welcome back, two")
	})
}

// The rooms that middleware adds count from the answer on.
func TestRecoveryIntoMoreRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			if s.Recovered() {
				must(t, s.Join("new"))
				time.Sleep(time.Second)
			}
			return nil, nil
		})
		p := call(t, io, siotest.Options{})
		p.cut()
		time.AfterFunc(time.Second/2, func() {
			must(t, io.To("new").Emit("not for it yet"))
			must(t, io.Emit("one"))
		})
		p.comeBack(true)
		must(t, io.To("new").Emit("two"))
		p.wantTook("one, two")
		p.cut()
		p.offset = "" // as if it had heard nothing
		p.comeBack(true)
		p.wantTook("one, two")
	})
}

func TestRecoveryOfWhoWasMadeToLeave(t *testing.T) {
	for name, leave := range map[string]func(io *server, p *phone){
		"by itself":        func(_ *server, p *phone) { p.Leave() },
		"by Disconnect":    func(io *server, p *phone) { _ = io.Socket(p.id).Disconnect(false) },
		"with connection":  func(io *server, p *phone) { _ = io.Socket(p.id).Disconnect(true) },
		"while it is away": func(io *server, p *phone) { p.cut(); _ = io.In(p.id).DisconnectSockets(false) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				p := call(t, io, siotest.Options{})
				s := io.Socket(p.id)
				leave(io, p)
				synctest.Wait()
				if err := s.Emit("late"); err != socketio.ErrDisconnected {
					t.Errorf("%v", err)
				}
				p.comeBack(false)
			})
		})
	}
}

func TestRecoveryBadClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			if len(s.Rooms()) > 1 && !s.Recovered() { // it may have gone again already, and be in none
				t.Errorf("in the rooms %q", s.Rooms())
			}
			return s.Join("room")
		})
		p := call(t, io, siotest.Options{})
		must(t, io.Emit("one"))
		p.took()
		p.cut()
		future := p.offset[:len(p.offset)-1] + "-"
		for _, claim := range []string{
			`{"pid":1}`, `{"pid":""}`, `{"pid":"x"}`, `{"pid":["` + p.pid + `"]}`, `{"pid":"` + p.pid + `","offset":1}`,
			`{"pid":"` + p.pid + `","offset":""}`, `{"pid":"` + p.pid + `","offset":"` + strings.Repeat("0", 900_000) + `"}`,
			`{"pid":"` + p.pid + `","offset":"` + future + `"}`, `{"pid":"` + p.pid + `","offset":"\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"}`,
		} {
			c := siotest.Open(t, io, siotest.Options{})
			c.SendRaw("40" + claim)
			synctest.Wait()
			if raw := fmt.Sprint(c.Raw()); !strings.Contains(raw, `"pid"`) || strings.Contains(raw, p.id) || strings.Contains(raw, p.pid) {
				t.Errorf("%.80s: %s", claim, raw)
			}
			c.Leave()
		}
		p.offset = "abcdef00000009" // of an earlier life of the server
		must(t, io.Emit("two"))
		p.comeBack(true)
		p.wantTook("one, two")
		if strings.Contains(io.logs.String(), p.pid) {
			t.Error("a private id is in the log")
		}
	})
}

// A client that asks for it is told nothing, and nothing is kept for it.
func TestRecoveryIsOffByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		for range 2 {
			c := siotest.Open(t, io, siotest.Options{})
			c.SendRaw(`40{"pid":"foo","offset":"bar"}`)
			settle()
			sockets := io.Sockets()
			if len(sockets) != 1 || sockets[0].Recovered() {
				t.Fatalf("%d sockets", len(sockets))
			}
			must(t, io.Emit("event"))
			settle()
			wantRaw(t, "the client", c, `40{"sid":"`+sockets[0].ID()+`"}`, `42["event"]`)
			c.Abort()
			settle()
			if stats := io.Stats().Recovery; stats != (socketio.RecoveryStats{}) {
				t.Errorf("%+v", stats)
			}
		}
	})
}

func TestRecoveryConfig(t *testing.T) {
	for _, test := range []struct {
		want string
		cfg  socketio.Config
	}{
		{"MaxBytes", socketio.Config{ConnectionStateRecovery: &socketio.Recovery{MaxBytes: -1}}},
		{"MaxDisconnectionDuration", socketio.Config{ConnectionStateRecovery: &socketio.Recovery{MaxDisconnectionDuration: -1}}},
		{"Config.Codec", socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}, Codec: shouting{}}},
	} {
		if _, err := socketio.New(test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v", err)
		}
	}
}
