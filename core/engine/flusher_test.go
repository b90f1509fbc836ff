package engine_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// overPromptPipes makes connections that can be written to without waiting.
func overPromptPipes(t *testing.T) {
	t.Helper()
	plain := pipeEnd
	pipeEnd = newPromptPipe
	t.Cleanup(func() { pipeEnd = plain })
}

// A hooked pipe calls a function before each write.
type hooked struct {
	*promptPipe
	before atomic.Pointer[func()]
}

func (h *hooked) TryWriteFrames(frames []*engine.Frame) (bool, error) {
	if before := h.before.Load(); before != nil {
		(*before)()
	}
	return h.promptPipe.TryWriteFrames(frames)
}

func (h *host) connectHooked() (*hooked, *recorder) {
	p := newPipe(h.t)
	end := &hooked{promptPipe: &promptPipe{pipe: p}}
	u, _ := h.AcceptUpgrade(h.t.Context(), upgradeRequest(webSocket))
	u.Start(end)
	sid := sidPattern.FindStringSubmatch(string(p.next()))
	return end, h.recorder(sid[1])
}

func (h *hooked) set(before func()) { h.before.Store(&before) }

// Many senders to many sessions, some of which are slow, in all the ways there are
// to send: each sender's messages arrive, once and in order.
func TestTheFlusherKeepsTheOrder(t *testing.T) {
	overPromptPipes(t)
	const clients, senders, messages = 150, 4, 60
	h := serve(t, engine.Config{})
	pipes, sessions := make([]*pipe, clients), make([]*engine.Session, clients)
	for i := range clients {
		p, r := h.connectWebSocket()
		pipes[i], sessions[i] = p, r.session
		p.rest()
	}
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for n := range messages {
				frame := engine.BinaryFrame(fmt.Appendf(nil, "%d:%d", sender, n))
				for i, s := range sessions {
					switch (n + i + sender) % 4 {
					case 0:
						_ = s.Queue(frame)
						s.Flush()
					case 1:
						_ = s.SendFrames(frame)
						s.Hurry()
					default:
						_ = s.SendFrames(frame)
					}
				}
			}
		})
	}
	stop := make(chan struct{})
	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		for i := 0; ; i++ {
			p := pipes[i%clients]
			p.stall()
			runtime.Gosched()
			p.resume()
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	all.Wait()
	close(stop)
	<-disturbed
	for i, p := range pipes {
		next := [senders]int{}
		for range senders * messages {
			var sender, n int
			if _, err := fmt.Sscanf(string(p.next()), binaryPrefix+"%d:%d", &sender, &n); err != nil || n != next[sender] {
				t.Fatalf("client %d got message %d of sender %d, want %d: %v", i, n, sender, next[sender], err)
			}
			next[sender]++
		}
		if more := p.rest(); len(more) > 0 {
			t.Errorf("client %d got more: %q", i, more)
		}
	}
}

// A client that does not take what it is sent delays nobody, and loses nothing.
func TestASlowClientDelaysNobody(t *testing.T) {
	overPromptPipes(t)
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		slow, slowest := make([]*pipe, 3), make([]*recorder, 3)
		for i := range slow {
			slow[i], slowest[i] = h.connectWebSocket()
			slow[i].stall()
		}
		quick, r := h.connectWebSocket()
		for i := range 5 {
			for _, s := range slowest {
				_ = s.session.SendText(fmt.Sprint(i))
				s.session.Hurry() // does not wait, either
				s.session.Flush()
			}
			_ = r.session.SendText(fmt.Sprint(i))
			synctest.Wait()
			wantMessages(t, "the quick one", quick.rest(), message(fmt.Sprint("4", i)))
			if slowest[0].session.Writable() || !r.session.Writable() {
				t.Errorf("after %d messages: writable are the slow one: %v, the quick one: %v", i+1, slowest[0].session.Writable(), r.session.Writable())
			}
			for _, p := range slow {
				wantMessages(t, "a slow one", p.rest())
			}
		}
		for i, p := range slow {
			if slowest[i].session.Writable() {
				t.Error("a session that is stuck is writable")
			}
			p.letOneThrough()
			synctest.Wait()
			wantMessages(t, "the first write", p.rest(), "40")
			p.resume()
			synctest.Wait()
			wantMessages(t, "the next", p.rest(), "41", "42", "43", "44")
			if !slowest[i].session.Writable() {
				t.Error("a session with nothing to write is not writable")
			}
		}
	})
}

// A session that has moved is written to by the flusher, too.
func TestAMoveIsToThePromptConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		var writes atomic.Int64
		p := &hooked{promptPipe: &promptPipe{pipe: newPipe(t)}}
		p.set(func() { writes.Add(1) })
		u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket+"&sid="+c.sid))
		u.Start(p)
		p.send("2probe", "5")
		synctest.Wait()
		_ = c.session.SendText("a")
		synctest.Wait()
		wantMessages(t, "written", p.rest(), "3probe", "4a")
		if n := writes.Load(); n != 1 {
			t.Errorf("%d writes without waiting", n)
		}
	})
}

// A client that is sent more with each write takes turns with the others.
func TestABusySessionTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		const many = 1000
		busyPipe, busy := h.connectHooked()
		otherPipe, other := h.connectHooked()
		var writes, overtaken atomic.Int64
		busyPipe.set(func() {
			n := writes.Add(1)
			if n < many {
				_ = busy.session.SendText("more")
			}
			if n == 10 {
				_ = other.session.SendText("x")
			}
		})
		otherPipe.set(func() { overtaken.Store(writes.Load()) })
		_ = busy.session.SendText("first")
		synctest.Wait()
		wantMessages(t, "the other", otherPipe.rest(), "4x")
		if n := len(busyPipe.rest()); n != many || overtaken.Load() > 100 {
			t.Errorf("the other's turn came after %d writes of %d", overtaken.Load(), n)
		}
	})
}

// Whoever hurries, or flushes, makes one write and goes on with his own work.
func TestHurryEnds(t *testing.T) {
	for name, hurry := range map[string]func(*engine.Session){
		"Hurry": func(s *engine.Session) { _ = s.SendText("first"); s.Hurry() },
		"Flush": (*engine.Session).Flush,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				p, r := h.connectHooked()
				var writes atomic.Int64
				released := make(chan struct{})
				p.set(func() {
					switch n := writes.Add(1); {
					case n == 2:
						<-released
						fallthrough
					case n < 100:
						_ = r.session.SendText("more")
					}
				})
				synctest.Wait() // nobody writes the handshake any more
				_ = r.session.Queue(engine.BinaryFrame(nil))
				hurry(r.session)
				if name == "Flush" && writes.Load() == 0 { // ahead of Hurry the flusher may have begun
					t.Error("nothing is written")
				}
				close(released)
				synctest.Wait()
				if got := p.rest(); len(got) != 100 && len(got) != 101 {
					t.Errorf("%d messages in the end", len(got))
				}
			})
		})
	}
}

// What is queued is delivered before a session that closes ends, whoever writes it.
func TestAClosingSessionIsWrittenToTheEnd(t *testing.T) {
	overPromptPipes(t)
	for name, c := range map[string]struct {
		stalled, fails bool
		close          func(*engine.Session)
		want           string
	}{
		"by the flusher":     {false, false, (*engine.Session).Close, "forced close"},
		"in a hurry":         {false, false, func(s *engine.Session) { s.Close(); s.Hurry() }, "forced close"},
		"slowly":             {true, false, (*engine.Session).Close, "forced close"},
		"slowly, in a hurry": {true, false, func(s *engine.Session) { s.Hurry(); s.Close() }, "forced close"},
		"in vain":            {false, true, (*engine.Session).Close, "transport close"},
		"slowly, in vain":    {true, true, (*engine.Session).Close, "transport close"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				p, r := h.connectWebSocket()
				if c.stalled {
					p.stall()
				}
				if c.fails {
					p.failWrites(io.ErrClosedPipe)
				}
				_ = r.session.SendText("a")
				_ = r.session.SendText("b")
				c.close(r.session)
				if err := r.session.SendText("late"); !errors.Is(err, engine.ErrClosed) {
					t.Errorf("sending afterwards: %v", err)
				}
				synctest.Wait()
				if c.stalled {
					wantBody(t, "reason before it is written", r.reason(), "")
				}
				p.resume()
				synctest.Wait()
				wantBody(t, "reason", r.reason(), c.want)
				if c.fails {
					wantBody(t, "cause", r.description(), io.ErrClosedPipe.Error())
				} else {
					wantMessages(t, "written", p.rest(), "4a", "4b")
				}
				if n := h.Stats().QueuedBytes; n != 0 || h.ClientsCount() != 0 {
					t.Errorf("%d bytes queued, %d sessions", n, h.ClientsCount())
				}
			})
		})
	}
}

// A session that has ended before its turn comes is not written to.
func TestAnEndBeforeTheFlusherComes(t *testing.T) {
	overPromptPipes(t)
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, r := h.connectWebSocket()
		_ = r.session.SendText("a")
		r.session.Abort()
		synctest.Wait()
		wantMessages(t, "written", p.rest())
		wantBody(t, "reason", r.reason(), "transport close")
		if n := h.Stats().QueuedBytes; n != 0 {
			t.Errorf("%d bytes queued", n)
		}
	})
}

// The flusher's goroutines go when nothing is left to write.
func TestTheFlusherGoesHome(t *testing.T) {
	overPromptPipes(t)
	h := serve(t, engine.Config{})
	var sessions []*engine.Session
	var pipes []*pipe
	for range 1000 {
		p, r := h.connectWebSocket()
		pipes, sessions = append(pipes, p), append(sessions, r.session)
	}
	for range 20 {
		for _, s := range sessions {
			_ = s.SendText("x")
		}
	}
	for _, p := range pipes {
		for range 20 {
			wantBody(t, "message", string(p.next()), "4x")
		}
	}
	stacks := make([]byte, 4<<20)
	flushers := func() int {
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "engine.(*flusher).run")
	}
	for end := time.Now().Add(5 * time.Second); flushers() > 0; time.Sleep(ms) {
		if time.Now().After(end) {
			t.Fatal("a flusher is still there")
		}
	}
	slices.Reverse(sessions)
	_ = sessions[0].SendText("again")
	wantBody(t, "message", string(pipes[len(pipes)-1].next()), "4again")
}
