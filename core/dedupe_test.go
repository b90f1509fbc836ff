package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// dedupe is what the stories begin with: the id is the first argument, the scope
// the auth payload's.
func dedupe() socketio.DedupeConfig {
	return socketio.DedupeConfig{ID: socketio.IDFromFirst, Scope: func(s *socketio.Socket) string {
		var auth struct {
			User string `json:"user"`
		}
		_ = s.Handshake().BindAuth(&auth)
		return auth.User
	}}
}

func dialAs(t *testing.T, io *server, user string) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, io, siotest.Options{Auth: map[string]string{"user": user}})
}

// ask sends an event with an ack id of its own choosing, and does not wait.
func ask(c *siotest.Client, id int, event string, arg string) {
	c.SendRaw(fmt.Sprintf(`42%d[%q,%q]`, id, event, arg))
}

// acks takes what a client got, which are acks here.
func acks(c *siotest.Client) (acks []string) {
	settle()
	for _, m := range c.Raw() {
		if text, ok := m.(string); ok && text[1] == '3' {
			acks = append(acks, text[2:])
		}
	}
	return acks
}

func wantAcks(t *testing.T, c *siotest.Client, want ...string) {
	t.Helper()
	if got := acks(c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("acks %q, want %q", got, want)
	}
}

func TestARepeatedEventIsHandledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var runs atomic.Int64
		m := socketio.Deduplicate(dedupe())
		for _, n := range []*socketio.Namespace{io.Namespace, io.Of("/other")} {
			n.UseEvent(m)
			for _, event := range []string{"order", "pay"} {
				n.OnEvent(event, func(_ context.Context, e *socketio.Event) error {
					return e.Ack(runs.Add(1), struct {
						B int64 `json:"b"`
						A int   `json:"a"`
					}{1<<53 + 1, 2})
				})
			}
		}
		ann := dialAs(t, io, "ann")
		ask(ann, 1, "order", "x")
		ask(ann, 2, "order", "x")
		wantAcks(t, ann, `1[1,{"b":9007199254740993,"a":2}]`, `2[1,{"b":9007199254740993,"a":2}]`)
		ann.Abort()
		again := dialAs(t, io, "ann")
		ask(again, 0, "order", "x")
		wantAcks(t, again, `0[1,{"b":9007199254740993,"a":2}]`)
		again.SendRaw(`42["order","x"]`) // does not ask for an ack
		wantAcks(t, again)

		ask(again, 3, "order", "y") // another id
		ask(again, 4, "pay", "x")   // another event
		bob := dialAs(t, io, "bob") // another scope
		ask(bob, 5, "order", "x")
		other := siotest.Dial(t, io, siotest.Options{Namespace: "/other", Auth: map[string]string{"user": "ann"}})
		other.SendRaw(`42/other,6["order","x"]`)
		settle()
		if n := runs.Load(); n != 5 {
			t.Errorf("%d runs, want 5", n)
		}
		for range 2 { // without an id, or a scope
			ask(again, 7, "order", "")
			ask(dialAs(t, io, ""), 8, "order", "x")
		}
		settle()
		if n := runs.Load(); n != 9 {
			t.Errorf("%d runs, want 9", n)
		}
		other.Raw()
		other.SendRaw(`42/other,12["order","x"]`)
		settle()
		if got := fmt.Sprint(other.Raw()[0]); !strings.HasPrefix(got, `43/other,12[`) {
			t.Errorf("of a namespace: %s", got)
		}
	})
}

func TestABinaryAckIsRepeated(t *testing.T) {
	for name, codec := range map[string]packet.Codec{"JSON": packet.JSON(), "a codec that cannot readdress": struct{ packet.Codec }{packet.JSON()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{Codec: codec})
				io.UseEvent(socketio.Deduplicate(dedupe()))
				runs := byte(0)
				socketio.OnWithAck(io, "photo", func(_ context.Context, _ *socketio.Socket, _ string) (map[string]any, error) {
					runs++
					return map[string]any{"n": 1.5, "data": []byte{runs, 2}}, nil
				})
				c := dialAs(t, io, "ann")
				for range 3 {
					type photo struct {
						N    float64 `json:"n"`
						Data []byte  `json:"data"`
					}
					if got := siotest.Call[photo](c, "photo", "x"); got.N != 1.5 || string(got.Data) != "\x01\x02" {
						t.Error(got)
					}
				}
			})
		})
	}
}

// The client loses its connection while the handler runs, comes back and repeats:
// the ack, which had nowhere to go, reaches it there.
func TestTheAckOfAnOldSocketReachesTheNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, runs := serve(t, socketio.Config{}), 0
		io.UseEvent(socketio.Deduplicate(dedupe()))
		socketio.OnWithAck(io, "order", func(ctx context.Context, s *socketio.Socket, _ string) (int, error) {
			runs++
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(10 * time.Second):
				return runs, nil
			}
		})
		socketio.OnWithAck(io, "next", func(context.Context, *socketio.Socket, string) (int, error) { return 2, nil })
		old := dialAs(t, io, "ann")
		ask(old, 0, "order", "x")
		settle()
		old.Abort()
		settle()
		back := dialAs(t, io, "ann")
		ask(back, 1, "order", "x")
		ask(back, 2, "next", "y") // is not held up
		wantAcks(t, back, "2[2]")
		time.Sleep(time.Minute)
		wantAcks(t, back, "1[1]")

		third := dialAs(t, io, "ann") // the answer was lost once more
		ask(third, 9, "order", "x")
		wantAcks(t, third, "9[1]")
		if runs != 1 {
			t.Errorf("%d runs", runs)
		}
	})
}

func TestRepeatsOfAHandlerThatDoesNotAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, runs := serve(t, socketio.Config{}), 0
		io.UseEvent(socketio.Deduplicate(dedupe()))
		var kept *socketio.Event
		io.OnEvent("order", func(_ context.Context, e *socketio.Event) error {
			runs++
			kept = e
			return nil
		})
		c := dialAs(t, io, "ann")
		for id := range 40 {
			ask(c, id, "order", "x")
		}
		wantAcks(t, c)
		must(t, kept.Ack("late")) // the first, and of the repeats the latest
		want := []string{`0["late"]`}
		for id := 24; id < 40; id++ {
			want = append(want, fmt.Sprintf(`%d["late"]`, id))
		}
		wantAcks(t, c, want...)
		ask(c, 50, "order", "x")
		wantAcks(t, c, `50["late"]`)
		if runs != 1 || kept.Ack() != socketio.ErrAlreadyAcked {
			t.Errorf("%d runs", runs)
		}

		c.SendRaw(`42["order","y"]`) // the first one does not ask, a repeat does
		ask(c, 60, "order", "y")
		settle()
		must(t, kept.Ack("asked later"))
		ask(c, 61, "order", "y")
		wantAcks(t, c, `60["asked later"]`, `61["asked later"]`)
	})
}

func TestARepeatAfterAFailure(t *testing.T) {
	internal := `{"error":{"message":"internal error"}}`
	always := func(*socketio.Event, error) bool { return true }
	for name, row := range map[string]struct {
		fail     func(e *socketio.Event) error
		remember func(*socketio.Event, error) bool
		runs     int
		ack      string
	}{
		"an answer":         {func(*socketio.Event) error { return &socketio.Error{Message: "sold out"} }, nil, 1, `{"error":{"message":"sold out"}}`},
		"a wrapped answer":  {func(*socketio.Event) error { return fmt.Errorf("x: %w", &socketio.Error{Message: "no"}) }, nil, 1, `{"error":{"message":"no"}}`},
		"an error":          {func(*socketio.Event) error { return errors.New("disk full") }, nil, 3, internal},
		"a panic":           {func(*socketio.Event) error { panic("boo") }, nil, 3, internal},
		"the end":           {func(*socketio.Event) error { runtime.Goexit(); return nil }, nil, 3, internal},
		"an error, kept":    {func(*socketio.Event) error { return errors.New("disk full") }, always, 1, internal},
		"a panic, kept":     {func(*socketio.Event) error { panic("boo") }, always, 1, internal},
		"a hook that fails": {func(*socketio.Event) error { return errors.New("x") }, func(*socketio.Event, error) bool { panic("hook") }, 3, internal},
		"after the ack":     {func(e *socketio.Event) error { _ = e.Ack("done"); return errors.New("x") }, nil, 1, `"done"`},
		"not encodable":     {func(e *socketio.Event) error { return e.Ack(make(chan int)) }, nil, 3, internal},
		"an answer, forgotten": {func(*socketio.Event) error { return &socketio.Error{Message: "later"} },
			func(*socketio.Event, error) bool { return false }, 3, `{"error":{"message":"later"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, runs := serve(t, socketio.Config{}), 0
				cfg := dedupe()
				cfg.Remember = row.remember
				io.UseEvent(socketio.Deduplicate(cfg))
				io.OnEvent("order", func(_ context.Context, e *socketio.Event) error { runs++; return row.fail(e) })
				c := dialAs(t, io, "ann")
				for id := range 3 {
					ask(c, id, "order", "x")
				}
				wantAcks(t, c, "0["+row.ack+"]", "1["+row.ack+"]", "2["+row.ack+"]")
				if runs != row.runs {
					t.Errorf("%d runs, want %d", runs, row.runs)
				}
			})
		})
	}
}

// A repeat that waits is told what the first is told; who comes later tries again.
func TestARepeatThatWaitsForAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, runs := serve(t, socketio.Config{}), 0
		io.UseEvent(socketio.Deduplicate(dedupe()))
		socketio.OnWithAck(io, "order", func(context.Context, *socketio.Socket, string) (int, error) {
			runs++
			if runs == 1 {
				time.Sleep(time.Second)
				return 0, errors.New("disk full")
			}
			return runs, nil
		})
		a, b := dialAs(t, io, "ann"), dialAs(t, io, "ann")
		a.SendRaw(`42["order","x"]`) // does not ask, but the failure is kept for who does
		settle()
		ask(b, 1, "order", "x")
		time.Sleep(2 * time.Second)
		ask(b, 2, "order", "x")
		wantAcks(t, b, `1[{"error":{"message":"internal error"}}]`, "2[2]")
		wantAcks(t, a)
	})
}

func TestHowLongEventsAreRemembered(t *testing.T) {
	for name, row := range map[string]struct {
		window           time.Duration
		entries, bytes   int
		do               func(send func(id string))
		runsOfX, runsOfY int
	}{
		"within the window":     {0, 0, 0, func(send func(string)) { time.Sleep(5*time.Minute - time.Second); send("x") }, 1, 0},
		"after it":              {0, 0, 0, func(send func(string)) { time.Sleep(5*time.Minute + time.Second); send("x") }, 2, 0},
		"a window of one's own": {time.Second, 0, 0, func(send func(string)) { time.Sleep(2 * time.Second); send("x") }, 2, 0},
		"a repeat is no news": {0, 0, 0, func(send func(string)) {
			time.Sleep(4 * time.Minute)
			send("x")
			time.Sleep(4 * time.Minute)
			send("x")
		}, 2, 0},
		"the oldest goes":     {0, 2, 0, func(send func(string)) { send("y"); send("z"); send("y"); send("x") }, 2, 1},
		"as many as allowed":  {0, 3, 0, func(send func(string)) { send("y"); send("z"); send("y"); send("x") }, 1, 1},
		"bytes of acks":       {0, 0, 3000, func(send func(string)) { send("y"); send("z"); send("z"); send("y"); send("x") }, 2, 1},
		"bytes of ids":        {0, 0, 3100, func(send func(string)) { send(strings.Repeat("z", 1200)); send("y"); send("x") }, 2, 1},
		"too large by itself": {0, 0, 900, func(send func(string)) { send("y"); send("y") }, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, runs := serve(t, socketio.Config{}), map[string]int{}
				cfg := dedupe()
				cfg.Window, cfg.MaxEntries, cfg.MaxBytes = row.window, row.entries, row.bytes
				io.UseEvent(socketio.Deduplicate(cfg))
				socketio.OnWithAck(io, "order", func(_ context.Context, _ *socketio.Socket, id string) (string, error) {
					runs[id]++
					return strings.Repeat("a", 600), nil
				})
				c := dialAs(t, io, "ann")
				send := func(id string) { siotest.Call[string](c, "order", id) }
				send("x")
				row.do(send)
				if runs["x"] != row.runsOfX || runs["y"] != row.runsOfY {
					t.Errorf("%v, want %d of x and %d of y", runs, row.runsOfX, row.runsOfY)
				}
			})
		})
	}
}

func TestWhatStillRunsIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var runs atomic.Int64
		cfg := dedupe()
		cfg.Window, cfg.MaxEntries, cfg.MaxBytes = time.Second, 1, 1
		io.UseEvent(socketio.Deduplicate(cfg))
		socketio.OnWithAck(io, "order", func(_ context.Context, _ *socketio.Socket, id string) (int64, error) {
			runs.Add(1)
			if id == "slow" {
				time.Sleep(time.Hour)
			}
			return runs.Load(), nil
		})
		slow, quick := dialAs(t, io, "ann"), dialAs(t, io, "ann")
		ask(slow, 0, "order", "slow")
		settle()
		for i := range 5 {
			ask(quick, i, "order", fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		quick.Raw()
		ask(quick, 9, "order", "slow")
		wantAcks(t, quick)
		time.Sleep(2 * time.Hour)
		if n := runs.Load(); n != 6 {
			t.Errorf("%d runs", n)
		}
		wantAcks(t, quick, "9[6]")
	})
}

// What a catch-all listener has acknowledged is not acknowledged again.
func TestARepeatThatHasAnAckAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.UseEvent(socketio.Deduplicate(dedupe()))
		var first atomic.Bool
		io.OnAny(func(_ context.Context, e *socketio.Event) {
			if first.Swap(true) {
				must(t, e.Ack("any"))
			}
		})
		io.OnEvent("order", func(_ context.Context, e *socketio.Event) error { return e.Ack("handler") })
		c := dialAs(t, io, "ann")
		ask(c, 0, "order", "x")
		ask(c, 1, "order", "x")
		wantAcks(t, c, `0["handler"]`, `1["any"]`)
	})
}

func TestRepeatsFromManySocketsAtOnce(t *testing.T) {
	for _, concurrent := range []bool{false, true} {
		io := serve(t, socketio.Config{Concurrent: concurrent})
		io.UseEvent(socketio.Deduplicate(dedupe()))
		var runs atomic.Int64
		socketio.OnWithAck(io, "order", func(context.Context, *socketio.Socket, string) (int64, error) {
			time.Sleep(time.Millisecond)
			return runs.Add(1), nil
		})
		clients := make([]*siotest.Client, 8)
		for i := range clients {
			clients[i] = dialAs(t, io, "ann")
		}
		for _, c := range clients {
			for id := range 4 {
				ask(c, 10+id, "order", "x") // ids that the client's own acks below do not have
			}
			ask(c, 20, "order", "y")
		}
		eventually(t, "x and y have run", func() bool { return runs.Load() >= 2 })
		for _, c := range clients {
			if n := siotest.Call[int](c, "order", "z"); n != 3 {
				t.Errorf("z was number %d", n)
			}
		}
		if n := runs.Load(); n != 3 {
			t.Errorf("%d runs, want 3", n)
		}
	}
}

func TestIDs(t *testing.T) {
	for _, row := range []struct {
		from func(*socketio.Event) (string, bool)
		args []any
		want string // "" if there is none
	}{
		{socketio.IDFromFirst, []any{"a", "b"}, "a"},
		{socketio.IDFromFirst, []any{12, "b"}, "12"},
		{socketio.IDFromFirst, []any{"", "b"}, ""},
		{socketio.IDFromFirst, []any{nil}, ""},
		{socketio.IDFromFirst, []any{1.5}, ""},
		{socketio.IDFromFirst, []any{int64(1) << 53}, ""},
		{socketio.IDFromFirst, []any{int64(1)<<53 - 1}, "9007199254740991"},
		{socketio.IDFromFirst, []any{[]string{"a"}}, ""},
		{socketio.IDFromFirst, nil, ""},
		{socketio.IDFromLast, []any{1, "b"}, "b"},
		{socketio.IDFromLast, nil, ""},
		{socketio.IDFromField("id"), []any{map[string]any{"id": "a", "data": []byte("x")}, "b"}, "a"},
		{socketio.IDFromField("id"), []any{map[string]any{"ID": "a"}}, ""},
		{socketio.IDFromField("id"), []any{map[string]any{"id": -7}}, "-7"},
		{socketio.IDFromField("id"), []any{"id"}, ""},
		{socketio.IDFromField("id"), nil, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			io := serve(t, socketio.Config{})
			var id string
			var ok bool
			io.OnAny(func(_ context.Context, e *socketio.Event) { id, ok = row.from(e) })
			dial(t, io).Emit("event", row.args...)
			settle()
			if ok != (row.want != "") || ok && id != row.want {
				t.Errorf("%v: %q %v, want %q", row.args, id, ok, row.want)
			}
		})
	}
}

func TestDedupeConfigsThatMakeNoSense(t *testing.T) {
	for want, edit := range map[string]func(c *socketio.DedupeConfig){
		"ID must be set":         func(c *socketio.DedupeConfig) { c.ID = nil },
		"Scope must be set":      func(c *socketio.DedupeConfig) { c.Scope = nil },
		"Window must not be":     func(c *socketio.DedupeConfig) { c.Window = -1 },
		"MaxEntries must not be": func(c *socketio.DedupeConfig) { c.MaxEntries = -1 },
		"MaxBytes must not be":   func(c *socketio.DedupeConfig) { c.MaxBytes = -1 },
	} {
		cfg := dedupe()
		edit(&cfg)
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("%s: %s", want, got)
				}
			}()
			socketio.Deduplicate(cfg)
		}()
	}
}
