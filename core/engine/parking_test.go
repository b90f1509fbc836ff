package engine_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// overParkedPipes makes connections that need no goroutine while nothing comes.
func overParkedPipes(t *testing.T) {
	t.Helper()
	plain := pipeEnd
	pipeEnd = newParkedPipe
	t.Cleanup(func() { pipeEnd = plain })
}

func goroutinesIn(function string) int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), function)
}

// A parked connection has no goroutine but while there is something to read, from
// its beginning to its end.
func TestAParkedConnectionHasNoGoroutine(t *testing.T) {
	overParkedPipes(t)
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, r := h.connectWebSocket()
		c := h.connect()
		moved := c.probe()
		moved.send("5")
		for _, what := range []string{"at first", "after messages"} {
			synctest.Wait()
			if n := goroutinesIn("engine.(*reader)"); n != 0 {
				t.Errorf("%s: %d readers", what, n)
			}
			p.send("4a", "4b")
			moved.send("4c")
		}
		synctest.Wait()
		wantMessages(t, "received", r.got(), "a", "b", "a", "b")
		wantMessages(t, "received", c.got(), "c", "c")
		p.end(io.EOF)
		synctest.Wait()
		wantBody(t, "reason", r.reason(), "transport close")
		c.session.Close()
		synctest.Wait()
		wantBody(t, "reason", c.reason(), "forced close")
	})
}

// Serve returns when the connection has ended, however it is read.
func TestServeWaitsForAParkedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
		p := newPipe(t)
		served := make(chan struct{})
		go func() { defer close(served); u.Serve(newParkedPipe(p)) }()
		synctest.Wait()
		select {
		case <-served:
			t.Fatal("returned at once")
		default:
		}
		p.end(io.EOF)
		<-served
	})
}

// refusing cannot be parked after all.
type refusing struct{ *parkedPipe }

func (refusing) Park(func()) bool { return false }

func TestAConnectionThatCannotBeParkedHasAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
		p := newPipe(t)
		u.Start(refusing{&parkedPipe{promptPipe: promptPipe{pipe: p}}})
		sid := sidPattern.FindStringSubmatch(string(p.next()))
		p.send("4a")
		synctest.Wait()
		wantMessages(t, "received", h.recorder(sid[1]).got(), "a")
	})
}

// working is a receiver whose messages give work.
type working struct {
	t        *testing.T
	do       func()
	messages int
	busy     atomic.Bool
	done     atomic.Int32
}

func (w *working) Message([]byte, bool)       { w.messages++ }
func (w *working) Close(engine.Reason, error) {}

func (w *working) Flush() engine.Work {
	if w.messages == 0 || !w.busy.CompareAndSwap(false, true) {
		return nil
	}
	return workFunc(func() {
		defer w.busy.Store(false)
		w.done.Add(1)
		w.do()
	})
}

type workFunc func()

func (f workFunc) Do() { f() }

// What messages give to do is done while more can be read, on the reader's goroutine
// or not, also when it ends that goroutine.
func TestWorkHoldsUpNoReading(t *testing.T) {
	for name, end := range map[string]func(*pipe) engine.Conn{
		"plain": pipeEnd, "parked": newParkedPipe,
	} {
		for exit, leave := range map[string]func(){"": func() {}, " and ends its goroutine": runtime.Goexit} {
			t.Run(name+exit, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := &host{t: t, Server: newServer(t, engine.Config{})}
					release := make(chan struct{})
					w := &working{t: t, do: func() { <-release; leave() }}
					h.OnConnection(func(*engine.Session) engine.Receiver { return w })
					u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
					p := newPipe(t)
					p.send("4a") // gives work, while there is more to read at once
					p.send("4b")
					u.Start(end(p))
					synctest.Wait()
					p.send("4c")
					p.send("4d")
					synctest.Wait()
					if w.messages != 4 || w.done.Load() != 1 {
						t.Errorf("%d messages and %d pieces of work while one is being done", w.messages, w.done.Load())
					}
					close(release)
					synctest.Wait()
					p.sendAndEnd(io.EOF, "4last") // work that came with the end
					synctest.Wait()
					if w.messages != 5 || w.done.Load() != 2 || h.ClientsCount() != 0 {
						t.Errorf("%d messages, %d pieces of work, %d sessions", w.messages, w.done.Load(), h.ClientsCount())
					}
				})
			})
		}
	}
}

// bad panics, or ends its goroutine, when it is read.
type bad struct {
	*parkedPipe
	leave func()
}

func (b *bad) ReadAvailable(func(bool, []byte) error) (bool, error) {
	b.leave()
	return false, nil
}

type badPlain struct {
	*pipe
	leave func()
}

func (b *badPlain) ReadMessages(func(bool, []byte) error) error {
	b.leave()
	return nil
}

// A panic while a connection is read, or a receiver that ends the goroutine, is the
// end of that connection alone, and all of it.
func TestAReaderThatDoesNotReturn(t *testing.T) {
	for exit, leave := range map[string]func(){"panics": func() { panic("in the connection") }, "exits": runtime.Goexit} {
		for name, make := range map[string]func(p *pipe) engine.Conn{
			"plain":  func(p *pipe) engine.Conn { return &badPlain{p, leave} },
			"parked": func(p *pipe) engine.Conn { return &bad{newParkedPipe(p).(*parkedPipe), leave} },
		} {
			for _, takesOver := range []bool{false, true} {
				t.Run(name+" "+exit+map[bool]string{true: " taking over"}[takesOver], func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { testBadReader(t, make, takesOver, exit == "panics") })
				})
			}
		}
	}
}

func testBadReader(t *testing.T, end func(*pipe) engine.Conn, takesOver, panics bool) {
	h := serve(t, engine.Config{})
	query, polls := webSocket, h.connect()
	if takesOver {
		query += "&sid=" + polls.sid
	}
	u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(query))
	p := newPipe(t)
	served := make(chan struct{})
	go func() { defer close(served); u.Serve(end(p)) }()
	select {
	case <-served:
	case <-time.After(time.Second):
		t.Error("Serve has not returned")
	}
	wantBody(t, "the session that polls", polls.reason(), "")
	if n := h.ClientsCount(); n != 1 || !p.isAborted() {
		t.Errorf("%d sessions; dropped: %v", n, p.isAborted())
	}
	if n := h.Stats().Panics; (n == 1) != panics {
		t.Errorf("%d panics", n)
	}
	polls.probe() // nobody stands in the way of another that takes over
	if !takesOver {
		sid := sidPattern.FindStringSubmatch(string(p.next()))
		wantBody(t, "reason", h.recorder(sid[1]).reason(), "transport error")
	}
}

// A receiver that ends the reader's goroutine ends its own session.
func TestAMessageThatEndsItsGoroutine(t *testing.T) {
	for name, end := range map[string]func(*pipe) engine.Conn{"plain": pipeEnd, "parked": newParkedPipe} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serveWith(t, engine.Config{}, func(r *recorder) {
					r.onMessage = func(m message) {
						if m == "exit" {
							runtime.Goexit()
						}
					}
				})
				u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
				p := newPipe(t)
				u.Start(end(p))
				sid := sidPattern.FindStringSubmatch(string(p.next()))
				p.send("4a", "4exit", "4b")
				synctest.Wait()
				wantBody(t, "reason", h.recorder(sid[1]).reason(), "transport error")
				if n := h.ClientsCount(); n != 0 || !p.isAborted() {
					t.Errorf("%d sessions; dropped: %v", n, p.isAborted())
				}
				if err := h.Shutdown(t.Context()); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		})
	}
}

// The heartbeat of a parked connection, whose peer has fallen silent, ends it; and
// so does the close handshake that is not answered.
func TestASilentParkedConnectionEnds(t *testing.T) {
	overParkedPipes(t)
	for name, c := range map[string]struct {
		do     func(p *pipe, s *engine.Session)
		want   string
		within time.Duration
	}{
		"no pong":   {func(*pipe, *engine.Session) {}, "ping timeout", 1500 * ms},
		"no answer": {func(p *pipe, s *engine.Session) { p.silent = true; s.Close() }, "forced close", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, golden())
				p, r := h.connectWebSocket()
				synctest.Wait()
				start := time.Now()
				c.do(p, r.session)
				for r.reason() == "" {
					time.Sleep(ms)
				}
				if took := time.Since(start) - ms; r.reason() != c.want || took > c.within {
					t.Errorf("%s after %v, want %s after %v", r.reason(), took, c.want, c.within)
				}
				ctx := t.Context()
				if err := h.Shutdown(ctx); err != nil && !errors.Is(err, ctx.Err()) {
					t.Errorf("Shutdown: %v", err)
				}
				if !p.isAborted() {
					t.Error("the connection is there after Shutdown")
				}
			})
		})
	}
}
