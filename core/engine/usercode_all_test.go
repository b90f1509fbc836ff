package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A rude is a receiver, and its work, that acts in one of its functions.
type rude struct {
	*recorder
	in  string
	act func()
}

func (r rude) Message(data []byte, binary bool) {
	if r.in == "Message" {
		r.act()
	}
	r.recorder.Message(data, binary)
}

func (r rude) Flush() engine.Work {
	if r.in == "Flush" {
		r.act()
	}
	return r
}

func (r rude) Do() {
	if r.in == "Do" {
		r.act()
	}
}

func (r rude) Close(reason engine.Reason, cause error) {
	r.recorder.Close(reason, cause)
	if r.in == "Close" {
		r.act()
	}
}

var mishaps = map[string]func(){
	"panic":     func() { panic("oops") },
	"nil panic": func() { var m map[string]int; m["a"] = 1 },
	"Goexit":    runtime.Goexit,
}

var rudePlaces = []string{"OnConnection", "Message", "Flush", "Do", "Close", "ServeFiles", "OnClose", "OnClose, late", "OnUpgrade"}

// A stage is a server with a receiver that acts for the client that begins once it is
// armed. A canary is there all the time.
type stage struct {
	*host
	armed, fires atomic.Int64
	canary       *pipe
}

func newStage(t *testing.T, in string, logged *lines, act func()) *stage {
	h := &host{t: t, Server: newServer(t, engine.Config{Logger: logged.logger(), PingInterval: time.Hour})}
	st := &stage{host: h}
	fire := func() { st.fires.Add(1); act() }
	at := func(place string) {
		if in == place && st.armed.Load() > 0 {
			fire()
		}
	}
	h.ServeFiles(func(*engine.Request) (engine.Reply, bool) {
		at("ServeFiles")
		return engine.Reply{}, false
	})
	h.OnConnection(func(s *engine.Session) engine.Receiver {
		r := &recorder{t: t, session: s}
		h.recorders.Store(s.ID(), r)
		if st.armed.Load() == 0 {
			r.onMessage = func(m message) { _ = s.SendText(string(m)) }
			return r
		}
		at("OnConnection")
		s.OnClose(func(engine.Reason, error) { at("OnClose") })
		s.OnClose(func(engine.Reason, error) {
			s.OnClose(func(engine.Reason, error) { at("OnClose, late") })
		})
		s.OnUpgrade(func() { at("OnUpgrade") })
		return rude{r, in, fire}
	})
	st.canary, _ = h.connectWebSocket()
	st.armed.Store(1)
	return st
}

func (st *stage) sing(when string) {
	st.t.Helper()
	st.canary.send("4la")
	wantBody(st.t, when+" the canary gets", string(st.canary.next()), "4la")
}

// play has a client connect, send, and leave, by goroutines that may end.
func (st *stage) play(transport string) {
	step := func(f func()) { go f(); synctest.Wait() }
	if transport == engine.WebSocket {
		var p *pipe
		step(func() { p, _ = st.dial(webSocket) })
		p.send("4a")
		step(func() { p.send("4b"); p.send("1") })
		step(func() { p.end(errBroken) })
		return
	}
	sid := make(chan string, 1)
	step(func() {
		reply := do(st.Server, "GET", polling, "")
		if found := sidPattern.FindSubmatch(reply.Body); found != nil {
			sid <- string(found[1])
		}
	})
	if len(sid) == 0 {
		return
	}
	query := polling + "&sid=" + <-sid
	step(func() { do(st.Server, "POST", query, "4a") })
	step(func() { do(st.Server, "GET", query, "") })
	step(func() {
		p, _ := st.dial(strings.Replace(query, "polling", "websocket", 1))
		if p != nil {
			p.send("2probe")
			time.Sleep(200 * ms)
			p.send("5", "4b")
			synctest.Wait()
			p.end(errBroken)
		}
	})
	time.Sleep(time.Second)
	step(func() { do(st.Server, "POST", query, "1") })
}

func inEveryPlace(t *testing.T, test func(t *testing.T, place, transport string)) {
	for _, place := range rudePlaces {
		for _, transport := range []string{engine.Polling, engine.WebSocket, "parked"} {
			if transport != engine.Polling && (place == "ServeFiles" || place == "OnUpgrade") {
				continue
			}
			t.Run(place+"/"+transport, func(t *testing.T) {
				if transport == "parked" {
					transport = engine.WebSocket
					overParkedPipes(t)
				}
				synctest.Test(t, func(t *testing.T) { test(t, place, transport) })
			})
		}
	}
}

func TestEveryReceiverMayMisbehave(t *testing.T) {
	for name, mishap := range mishaps {
		t.Run(name, func(t *testing.T) {
			inEveryPlace(t, func(t *testing.T, place, transport string) {
				logged := new(lines)
				st := newStage(t, place, logged, mishap)
				st.play(transport)
				st.sing("after it")
				n := st.fires.Load()
				if n == 0 {
					t.Fatal("it was never called")
				}
				// The end of the goroutine that reads is that of its connection, and said
				// there; it is not counted.
				counted := st.Stats().Panics
				if name == "Goexit" && (place == "Message" || place == "Flush" || place == "Do") {
					n = 0
				}
				if counted != n || strings.Count(logged.String(), "panic in user code") != int(n) {
					t.Errorf("%d counted, of %d, logged: %s", counted, n, logged)
				}
				if n > 0 && !strings.Contains(logged.String(), "usercode_all_test.go") && name != "Goexit" {
					t.Errorf("the log has no stack: %s", logged)
				}
				st.armed.Store(0)
				time.Sleep(2 * time.Hour) // who is silent for a ping interval is gone
				st.canary.end(errBroken)
				synctest.Wait()
				if n := st.ClientsCount(); n != 0 {
					t.Errorf("%d sessions are left", n)
				}
			})
		})
	}
}

func TestEveryReceiverMayBlock(t *testing.T) {
	inEveryPlace(t, func(t *testing.T, place, transport string) {
		release := make(chan struct{})
		st := newStage(t, place, new(lines), func() { <-release })
		go st.play(transport)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if st.fires.Load() == 0 {
			t.Fatal("it was never called")
		}
		st.sing("meanwhile")
		start := time.Now()
		_ = st.Close()
		if took := time.Since(start); took > 100*ms {
			t.Errorf("Close took %v", took)
		}
		if !st.canary.isClosed() {
			t.Error("the canary is there after Close")
		}
		close(release)
		synctest.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := st.ClientsCount(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func TestCall(t *testing.T) {
	logged := new(lines)
	srv := newServer(t, engine.Config{Logger: logged.logger()})
	if !srv.Call("it", func() {}) {
		t.Error("a function that returns is said not to")
	}
	for name, mishap := range mishaps {
		if srv.Call(name, mishap) {
			t.Errorf("%s is said to return", name)
		}
		if want := fmt.Sprintf("in=%q", name); !strings.Contains(strings.ReplaceAll(logged.String(), "in="+name, want), want) {
			t.Errorf("not logged: %s", want)
		}
	}
	if n := srv.Stats().Panics; n != 3 {
		t.Errorf("%d counted", n)
	}
}
