package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

const drained = "server draining"

// Handlers may finish, for up to a second, with their client still there.
func TestDrain(t *testing.T) {
	for name, row := range map[string]struct {
		busy       time.Duration // how long a handler goes on
		ctx        time.Duration
		took       time.Duration
		fails      bool
		replied    bool
		concurrent bool
	}{
		"idle":                         {0, time.Minute, 0, false, true, false},
		"within the grace":             {500 * time.Millisecond, time.Minute, 500 * time.Millisecond, false, true, false},
		"within the grace, concurrent": {500 * time.Millisecond, time.Minute, 500 * time.Millisecond, false, true, true},
		"longer than that":             {3 * time.Second, time.Minute, time.Second, false, false, false},
		"longer, concurrent":           {3 * time.Second, time.Minute, time.Second, false, false, true},
		"ctx within the grace":         {time.Minute, 300 * time.Millisecond, 300 * time.Millisecond, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{PingInterval: time.Hour, Concurrent: row.concurrent})
				ends := reasons(io)
				io.OnEvent("work", func(_ context.Context, e *socketio.Event) error {
					time.Sleep(row.busy)
					return e.Ack("done")
				})
				c, idle := dial(t, io), dial(t, io)
				settle()
				c.Raw()
				start := time.Now()
				c.SendRaw(`421["work"]`)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), row.ctx)
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- io.Drain(ctx, 0) }()
				synctest.Wait()
				if c.Closed() != (row.busy == 0) || !idle.Closed() {
					t.Errorf("at once closed: the busy client %v, the idle one %v", c.Closed(), idle.Closed())
				}
				err := <-done
				if took := time.Since(start); took != row.took || (err != nil) != row.fails {
					t.Errorf("took %v, %v", took, err)
				}
				synctest.Wait()
				if row.fails { // and yet it has what is left of its second
					if c.Closed() {
						t.Error("the busy client is gone with the ctx")
					}
					time.Sleep(time.Second - row.took)
					synctest.Wait()
				}
				if row.replied {
					wantRaw(t, "the busy client", c, `431["done"]`)
				} else {
					wantRaw(t, "the busy client", c)
				}
				if reason := c.Disconnected(); reason != "transport close" {
					t.Errorf("the client is told %q", reason) // else it would stay away
				}
				must(t, io.Shutdown(t.Context()))
				time.Sleep(time.Minute)
				ends.want(t, drained, drained)
			})
		})
	}
}

// All events that have come are handled, in all namespaces, before the client goes;
// who sends more and more is not waited for longer than others.
func TestDrainWaitsForWhatHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var handled list
		for _, n := range []*socketio.Namespace{io.Namespace, io.Of("/b")} {
			socketio.On(n, "work", func(ctx context.Context, s *socketio.Socket, i int) error {
				time.Sleep(100 * time.Millisecond)
				handled.add("%s%d alive=%v", s.Namespace().Name(), i, ctx.Err() == nil)
				return s.Emit("worked", i)
			})
		}
		c := dial(t, io)
		b := c.Of("/b")
		must(t, b.Connect())
		settle()
		for i := range 3 {
			c.Emit("work", i)
		}
		for i := range 5 {
			b.Emit("work", i)
		}
		synctest.Wait()
		start := time.Now()
		must(t, io.Drain(t.Context(), 0))
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		got := handled.got()
		slices.Sort(got)
		if want := []string{
			"/0 alive=true", "/1 alive=true", "/2 alive=true",
			"/b0 alive=true", "/b1 alive=true", "/b2 alive=true", "/b3 alive=true", "/b4 alive=true",
		}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		synctest.Wait() // the clients have read it all
		if n, m := len(c.Events()), len(b.Events()); n != 3 || m != 5 {
			t.Errorf("%d and %d answers", n, m)
		}
	})
}

func TestDrainOfAClientThatGoesOnSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		socketio.On(io, "work", func(context.Context, *socketio.Socket, int) error { time.Sleep(40 * time.Millisecond); return nil })
		c := dial(t, io)
		go func() {
			for i := 0; !c.Closed(); i++ {
				c.Emit("work", i)
				time.Sleep(30 * time.Millisecond)
			}
		}()
		settle()
		start := time.Now()
		must(t, io.Drain(t.Context(), 0))
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Second) // until the goroutines of the test have ended
	})
}

// While others have their turn, the server goes on for those who are left.
func TestDrainServesWhoIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		ends := reasons(io)
		io.OnEvent("echo", func(_ context.Context, e *socketio.Event) error { return e.Ack(1) })
		var clients []*siotest.Client
		for range 10 {
			clients = append(clients, dial(t, io))
		}
		settle()
		done := make(chan error, 1)
		go func() { done <- io.Drain(t.Context(), 10*time.Second) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		must(t, io.Emit("half"))
		there := 0
		for _, c := range clients {
			if c.Closed() {
				if n := len(c.Events()); n != 0 {
					t.Errorf("%d events to who has gone", n)
				}
				continue
			}
			there++
			c.EmitWithAck("echo")
			c.Expect("half")
		}
		if there != 5 {
			t.Errorf("%d are there", there)
		}
		must(t, <-done)
		must(t, io.Shutdown(t.Context()))
		ends.want(t, slices.Repeat([]string{drained}, 10)...)
	})
}

// Shutdown ends the rest, at once and with its own reason.
func TestShutdownWinsOverDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		ends := reasons(io)
		for range 10 {
			dial(t, io)
		}
		settle()
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- io.Drain(t.Context(), 10*time.Second) }()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		must(t, io.Shutdown(t.Context()))
		must(t, <-done)
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("took %v", took)
		}
		ends.want(t, append(slices.Repeat([]string{drained}, 4), slices.Repeat([]string{"server shutting down"}, 6)...)...)
	})
}

func TestDrainThatIsEndedByItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		ends := reasons(io)
		for range 10 {
			dial(t, io)
		}
		settle()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		err := io.Drain(ctx, 10*time.Second)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 3*time.Second {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		if want := "engine: 7 clients were left when the drain was ended: context canceled"; err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		must(t, io.Drain(t.Context(), 0))
		must(t, io.Shutdown(t.Context()))
		ends.want(t, slices.Repeat([]string{drained}, 10)...)
	})
}

// The session of a client that was sent away, or that a shutdown has ended, waits for
// it like that of one that was cut, as long as the server is there.
func TestWhoWasSentAwayMayRecover(t *testing.T) {
	for name, row := range map[string]struct {
		end    func(*server) error
		reason string
	}{
		"Drain": {func(io *server) error { return io.Drain(context.Background(), 0) }, drained},
		// which ends the sockets, and not yet what is remembered of them
		"Shutdown": {func(io *server) error { return io.Engine().Shutdown(context.Background()) }, "server shutting down"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				ends := reasons(io)
				p := call(t, io, siotest.Options{})
				s := socketOf(t, io.Namespace, p.Client)
				must(t, s.Join("room"))
				must(t, s.Emit("before"))
				must(t, row.end(io))
				settle()
				p.wantTook("before")
				ends.want(t, row.reason)
				if stats := io.Stats().Recovery; stats.Away != 1 {
					t.Errorf("%+v", stats)
				}
				must(t, s.Emit("for the one who comes back"))
				must(t, io.To("room").Emit("for the room"))
				if stats := io.Stats().Recovery; stats.Packets != 3 {
					t.Errorf("%+v", stats)
				}
				must(t, io.Shutdown(t.Context()))
				if err := s.Emit("late"); !errors.Is(err, socketio.ErrDisconnected) {
					t.Errorf("after the end: %v", err)
				}
				if stats := io.Stats().Recovery; stats.Away != 0 || stats.Packets != 0 {
					t.Errorf("after the end: %+v", stats)
				}
			})
		})
	}
}

func ExampleServer_Drain() {
	io, err := socketio.New(socketio.Config{})
	if err != nil {
		panic(err)
	}
	// When the process is told to end: new clients go elsewhere from now on.
	moving, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	if err := io.Drain(moving, 20*time.Second); err != nil {
		fmt.Println(err) // Shutdown ends those who are left
	}
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := io.Shutdown(ending); err != nil {
		fmt.Println(err)
	}
	fmt.Println(io.Stats().Engine.Sessions, "clients are left")
	// Output: 0 clients are left
}
