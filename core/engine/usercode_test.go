package engine_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestPanicsOfTheUserHurtNobody(t *testing.T) {
	logged := new(lines)
	srv := newServer(t, engine.Config{Logger: logged.logger()})
	h := &host{t: t, Server: srv}
	var session *engine.Session
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		session = s
		return engine.Funcs{
			OnMessage: func(data []byte, _ bool) {
				if string(data) == "panic" {
					panic("in Message")
				}
				_ = s.SendBinary(data)
			},
			OnClose: func(engine.Reason, error) { panic("in Close") },
		}
	})
	p, _ := h.dial(webSocket)
	p.next()
	p.send("4panic", "4one") // the message's end, not the session's
	p.send("4two")
	wantBody(t, "after the panic", string(p.next()), string(binary("one")))
	wantBody(t, "after the panic", string(p.next()), string(binary("two")))
	session.Close()
	for end := time.Now().Add(time.Minute); srv.ClientsCount() > 0 && time.Now().Before(end); {
		time.Sleep(ms) // what was written last may be noted by its writer yet
	}
	if got := srv.Stats(); got.Panics != 2 || got.Sessions != 0 {
		t.Errorf("stats: %+v", got)
	}
	for _, want := range []string{"in Message", "in Close", "usercode_test.go"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("not logged: %s", want)
		}
	}

	srv.OnConnection(func(*engine.Session) engine.Receiver { panic("in OnConnection") })
	reply := do(srv, "GET", polling, "")
	sid := string(sidPattern.FindSubmatch(reply.Body)[1])
	wantStatus(t, "poll", do(srv, "GET", polling+"&sid="+sid, ""), 200, "1")
	if got := srv.Stats(); got.Panics != 3 || got.Sessions != 0 {
		t.Errorf("stats: %+v", got)
	}
}

func TestAConnectionThatTheUserDoesNotWant(t *testing.T) {
	for name, onConnection := range map[string]func(*engine.Session) engine.Receiver{
		"returns nil": func(*engine.Session) engine.Receiver { return nil },
		"is nil":      nil,
		"closes it":   func(s *engine.Session) engine.Receiver { s.Close(); return engine.Funcs{} },
		"panics":      func(*engine.Session) engine.Receiver { panic("no") },
		"sends, nil":  func(s *engine.Session) engine.Receiver { _ = s.SendText("no"); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &host{t: t, Server: newServer(t, engine.Config{})}
				h.OnConnection(onConnection)
				p, _ := h.dial(webSocket)
				synctest.Wait()
				if sent := p.rest(); !strings.HasPrefix(string(sent[0]), "0{") || !p.isClosed() {
					t.Errorf("sent %q, closed: %v", sent, p.isClosed())
				}
				reply := do(h.Server, "GET", polling, "")
				sid := sidPattern.FindSubmatch(reply.Body)
				for got := ""; got != "1"; {
					if got = body(do(h.Server, "GET", polling+"&sid="+string(sid[1]), "")); got != "1" && got != "4no" {
						t.Fatalf("poll: %s", got)
					}
				}
				if n := h.ClientsCount(); n != 0 {
					t.Errorf("%d sessions", n)
				}
			})
		})
	}
	srv := newServer(t, engine.Config{}) // whose OnConnection was never called
	do(srv, "GET", polling, "")
	if n := srv.ClientsCount(); n != 1 { // it waits for a poll, to tell the client
		t.Errorf("%d sessions", n)
	}
}

// Everything may be called from everywhere.
func TestCallsFromInsideCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		var ends atomic.Int32
		h.OnConnection(func(s *engine.Session) engine.Receiver {
			everything(h, s)
			return engine.Funcs{
				OnMessage: func(data []byte, _ bool) {
					everything(h, s)
					if string(data) == "close" {
						s.Close()
						s.Close()
						everything(h, s)
					}
				},
				OnClose: func(engine.Reason, error) {
					ends.Add(1)
					everything(h, s)
					s.Close()
				},
			}
		})
		p, _ := h.dial(webSocket)
		p.send("4x", "4close", "4y")
		reply := do(h.Server, "GET", polling, "")
		c := &client{host: h, sid: string(sidPattern.FindSubmatch(reply.Body)[1])}
		wantStatus(t, "POST", c.post("4x\x1e4close\x1e4y"), 200, "ok")
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		if ends.Load() != 2 || h.ClientsCount() != 0 {
			t.Errorf("%d ends, %d sessions left", ends.Load(), h.ClientsCount())
		}
	})
}

func everything(h *host, s *engine.Session) {
	_ = s.SendText("x")
	_ = s.Queue(engine.BinaryFrame(nil))
	s.Flush()
	_ = s.Writable()
	_ = s.Transport() + s.ID() + s.String() + s.Request().Host
	_ = h.Stats()
	_ = h.ClientsCount()
}

// The server may be closed from inside a callback, too.
func TestClosingTheServerFromACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{t: t, Server: newServer(t, engine.Config{})}
		var reasons []engine.Reason
		h.OnConnection(func(*engine.Session) engine.Receiver {
			return engine.Funcs{
				OnMessage: func([]byte, bool) { _ = h.Close() },
				OnClose: func(reason engine.Reason, _ error) {
					reasons = append(reasons, reason)
					_ = h.Close()
				},
			}
		})
		do(h.Server, "GET", polling, "")
		p, _ := h.dial(webSocket)
		p.send("4x")
		synctest.Wait()
		if len(reasons) != 2 || h.ClientsCount() != 0 {
			t.Errorf("ended because of %v, %d sessions left", reasons, h.ClientsCount())
		}
	})
}

// A Close that ends its goroutine must not keep its session registered.
func TestACloseThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, engine.Config{})
		var session *engine.Session
		srv.OnConnection(func(s *engine.Session) engine.Receiver {
			session = s
			return engine.Funcs{OnClose: func(engine.Reason, error) { runtime.Goexit() }}
		})
		wantBody(t, "handshake", do(srv, "GET", polling, "").Header.Get("Content-Type"), "text/plain; charset=UTF-8")
		session.Close()
		time.Sleep(time.Minute) // no poll comes to be told
		synctest.Wait()
		if n := srv.ClientsCount(); n != 0 {
			t.Errorf("%d sessions left", n)
		}
	})
}
