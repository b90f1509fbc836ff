package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// What the program does for a socket belongs to its session, even if the client is
// gone by then, or back already.
func TestRecoveryOfWhatIsStillBeingSetUp(t *testing.T) {
	for _, row := range []struct {
		name     string
		takes    time.Duration // the setting up
		cut      time.Duration // after the answer
		returns  time.Duration // after the cut
		vanishes bool
	}{
		{"cut before it begins", 0, 0, 0, false},
		{"back when it is done", time.Second, time.Second / 2, 2 * time.Second, false},
		{"back before it is done", time.Second, time.Second / 2, 0, false},
		{"not noticed", time.Second, time.Second / 2, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
					if s.Recovered() {
						return nil
					}
					time.Sleep(row.takes)
					s.SetData("data")
					return s.Join("room")
				})
				c := siotest.Open(t, io, siotest.Options{})
				c.SendRaw("40")
				synctest.Wait()
				p := &phone{t: t, io: io, Client: c}
				p.noteAnswer()
				time.Sleep(row.cut)
				if p.vanish(); !row.vanishes {
					p.Abort()
				}
				time.Sleep(row.returns)
				p.comeBack(true)
				time.Sleep(3 * time.Second)
				must(t, io.To("room").Emit("one"))
				p.wantTook("one")
				if data := io.Socket(p.id).Data(); data != "data" {
					t.Errorf("data %v", data)
				}
			})
		})
	}
}

// A socket that could not be set up is none to go on with.
func TestRecoveryOfWhatWasNotSetUp(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) error{
		"error": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"panic": func(ctx context.Context) error { <-ctx.Done(); panic("no database") },
		"late":  func(context.Context) error { time.Sleep(time.Second); return errors.New("no database") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				first := true
				io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
					if first {
						first = false
						return fail(ctx)
					}
					return s.Join("room")
				})
				p := call(t, io, siotest.Options{})
				p.cut()
				p.comeBack(false)
				time.Sleep(2 * time.Second)
				must(t, io.To("room").Emit("one"))
				p.wantTook("one")
				if stats := io.Stats().Recovery; stats.Away != 0 {
					t.Errorf("%+v", stats)
				}
			})
		})
	}
}

// Handlers that still run act on the session, wherever it is.
func TestRecoveryOfWhatHandlersDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		io.OnEvent("set up", func(_ context.Context, e *socketio.Event) error {
			time.Sleep(time.Second)
			e.Socket().SetData("late")
			must(t, e.Socket().Leave("early"))
			return e.Socket().Join("late")
		})
		p := call(t, io, siotest.Options{})
		must(t, io.Socket(p.id).Join("early"))
		p.Emit("set up")
		p.hear()
		p.cut()
		time.Sleep(2 * time.Second)
		must(t, io.To("early").Emit("not for it"))
		must(t, io.To("late").Emit("one"))
		p.comeBack(true)
		p.wantTook("one")
		if s := io.Socket(p.id); s.Data() != "late" || strings.Join(s.Rooms()[1:], " ") != "late" {
			t.Errorf("%v %q", s.Data(), s.Rooms())
		}
	})
}

// However often a client comes back while the program is stuck, little waits.
func TestRecoveryWhileTheProgramIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		stuck := make(chan struct{})
		io.OnEvent("get stuck", func(context.Context, *socketio.Event) error { <-stuck; return nil })
		var happened list
		io.OnConnection(func(context.Context, *socketio.Socket) error { happened.add("+"); return nil })
		io.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { happened.add("-") })
		p := call(t, io, siotest.Options{})
		p.Emit("get stuck")
		p.hear()
		for range 16 {
			p.cut()
			p.comeBack(true)
		}
		p.cut()
		p.comeBack(false)
		close(stuck)
		settle()
		p.cut()
		settle()
		got := strings.Join(happened.got(), "")
		// One after another in the first session; the second is beside it.
		if strings.Count(got, "+") != 18 || strings.Count(got, "-") != 18 || !strings.HasSuffix(got, strings.Repeat("-+", 15)+"--") {
			t.Error(got)
		}
	})
}

// Functions that do not return hold up the next socket for a while, and not for ever.
func TestRecoveryDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		stuck := make(chan struct{})
		io.OnEvent("get stuck", func(context.Context, *socketio.Event) error { <-stuck; return nil })
		socketio.OnWithAck(io, "ask", func(context.Context, *socketio.Socket, socketio.None) (string, error) { return "here", nil })
		p := call(t, io, siotest.Options{})
		p.Emit("get stuck")
		p.hear()
		p.cut()
		p.comeBack(true)
		time.Sleep(9 * time.Second)
		if s := siotest.Call[string](p.Client, "ask"); s != "here" {
			t.Error(s)
		}
		io.logs.want(t, "is served beside them")
		close(stuck)
	})
}
