package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A wait is something that ends by itself. begin makes it begin, now, and returns
// what tells whether it has ended.
type wait struct {
	name  string
	takes time.Duration // with the defaults, to the millisecond
	begin func(t *testing.T, h *host) (ended func() bool)
}

const (
	pingInterval = 25 * time.Second // the defaults
	pingTimeout  = 20 * time.Second
)

// Every wait of the package, with its default: all of them are exact in a bubble,
// since entries of one length expire one by one, at their own time.
var waits = []wait{
	{"ping over WebSocket", pingInterval, func(_ *testing.T, h *host) func() bool {
		p, _ := h.connectWebSocket()
		return has(p, "2")
	}},
	{"ping over polling, which ends the poll", pingInterval, func(_ *testing.T, h *host) func() bool {
		return answered(h.connect().pollLater(), "2")
	}},
	{"ping after the pong", pingInterval, func(_ *testing.T, h *host) func() bool {
		p, _ := h.connectWebSocket()
		time.Sleep(pingInterval + pingTimeout - ms)
		p.next()
		p.send("3")
		return has(p, "2")
	}},
	{"pong over WebSocket", pingTimeout, func(_ *testing.T, h *host) func() bool {
		_, r := h.connectWebSocket()
		time.Sleep(pingInterval)
		return over(r, "ping timeout")
	}},
	{"pong over polling", pingTimeout, func(_ *testing.T, h *host) func() bool {
		c := h.connect()
		time.Sleep(pingInterval)
		return over(c.recorder, "ping timeout")
	}},
	{"pong over polling, that ends the poll", pingTimeout, func(_ *testing.T, h *host) func() bool {
		c := h.connect()
		time.Sleep(pingInterval)
		c.poll()
		return answered(c.pollLater(), "1")
	}},
	{"pong, 1 ms before its time", pingInterval + pingTimeout, func(_ *testing.T, h *host) func() bool {
		p, r := h.connectWebSocket()
		time.Sleep(pingInterval + pingTimeout - ms)
		p.send("3")
		return over(r, "ping timeout")
	}},
	{"pong, after a message that came 1 ms before its time", pingTimeout, func(_ *testing.T, h *host) func() bool {
		p, r := h.connectWebSocket()
		time.Sleep(pingInterval + pingTimeout - ms)
		p.send("4x")
		return over(r, "ping timeout")
	}},
	{"pong, after a second message", pingTimeout - ms, func(_ *testing.T, h *host) func() bool {
		c := h.connect()
		time.Sleep(pingInterval + pingTimeout - ms)
		c.post("4a")
		time.Sleep(ms)
		c.post("4b")
		return over(c.recorder, "ping timeout")
	}},
	{"pong, while a body is on its way", pingTimeout - time.Second, func(_ *testing.T, h *host) func() bool {
		c := h.connect()
		time.Sleep(pingInterval + time.Second) // the body's own time would be over later
		slow := newSlowBody("4x")
		r := request("POST", c.query(), "4x")
		r.Body, r.SetReadDeadline = slow, slow.setDeadline
		go h.ServePoll(context.Background(), r)
		return over(c.recorder, "ping timeout")
	}},
	{"silence of revision 3", pingInterval + pingTimeout, func(_ *testing.T, h *host) func() bool {
		_, r := h.dialOlder()
		return over(r, "ping timeout")
	}},
	{"silence of revision 3, after a ping 1 ms before its time", pingInterval + pingTimeout, func(_ *testing.T, h *host) func() bool {
		p, r := h.dialOlder()
		time.Sleep(pingInterval + pingTimeout - ms)
		p.send("4x", "2", "4x") // and only the ping counts
		return over(r, "ping timeout")
	}},
	{"upgrade", 10 * time.Second, func(_ *testing.T, h *host) func() bool { return h.connect().probe().isClosed }},
	{"upgrade without a probe", 10 * time.Second, func(_ *testing.T, h *host) func() bool { return h.connect().candidate().isClosed }},
	{"noop for who moves", 100 * ms, func(_ *testing.T, h *host) func() bool {
		c := h.connect()
		polled := c.pollLater()
		synctest.Wait()
		c.probe()
		return answered(polled, "6")
	}},
	{"body", 20 * time.Second, func(_ *testing.T, h *host) func() bool {
		c := h.connect()
		slow := newSlowBody("4x")
		r := request("POST", c.query(), "4x")
		r.Body, r.SetReadDeadline = slow, slow.setDeadline
		return answered(later(func() string { return body(h.ServePoll(context.Background(), r)) }), "408")
	}},
	{"poll that hears of the end", 30 * time.Second, func(_ *testing.T, h *host) func() bool {
		c := h.connect()
		c.session.Close()
		return over(c.recorder, "forced close")
	}},
	{"last poll of who has left by a POST", 100 * ms, func(_ *testing.T, h *host) func() bool {
		var all []*client // each poll uses one up
		for range 2 {
			c := h.connect()
			c.post("1")
			all = append(all, c)
		}
		return func() bool {
			c := all[0]
			all = all[1:]
			return c.poll() != "6"
		}
	}},
	{"Shutdown, as its context says", 3 * time.Second, func(_ *testing.T, h *host) func() bool {
		h.connect() // does not poll
		h.connectWebSocket()
		return shutsDown(h, 3*time.Second)
	}},
	{"Shutdown, whose receivers do not return", 3 * time.Second, func(t *testing.T, h *host) func() bool {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		h.OnConnection(func(*engine.Session) engine.Receiver {
			return engine.Funcs{OnClose: func(engine.Reason, error) { <-release }}
		})
		h.dial(webSocket)
		synctest.Wait()
		return shutsDown(h, 3*time.Second)
	}},
	{"Close, whose receivers do not return", 2 * 50 * ms /* for those of WebSockets, and of the others */, func(t *testing.T, h *host) func() bool {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		h.OnConnection(func(*engine.Session) engine.Receiver {
			return engine.Funcs{OnClose: func(engine.Reason, error) { <-release }}
		})
		h.dial(webSocket)
		do(h.Server, "GET", polling, "")
		synctest.Wait()
		return answered(later(func() string { _ = h.Close(); return "closed" }), "closed")
	}},
}

func TestEveryWaitEndsOnTime(t *testing.T) {
	for name, end := range map[string]func(*pipe) engine.Conn{"plain": pipeEnd, "parked": newParkedPipe} {
		for _, w := range waits {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				plain := pipeEnd
				pipeEnd = end
				defer func() { pipeEnd = plain }()
				synctest.Test(t, func(t *testing.T) {
					h := serve(t, engine.Config{AllowEIO3: true})
					ended := w.begin(t, h)
					start := time.Now()
					at(start, w.takes-ms)
					if ended() {
						t.Fatalf("ended before %v", w.takes)
					}
					at(start, w.takes)
					if !ended() {
						t.Errorf("not ended after %v", w.takes)
					}
				})
			})
		}
	}
}

// A pong that comes 1 ms too late finds nobody.
func TestAPongThatIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, r := h.connectWebSocket()
		c := h.connect()
		time.Sleep(pingInterval + pingTimeout + ms)
		p.send("3")
		wantStatus(t, "the pong", c.post("3"), 400, `{"code":1,"message":"Session ID unknown"}`)
		wantBody(t, "reason", r.reason(), "ping timeout")
	})
}

// Many that begin at different times each end at their own.
func TestWaitsOfManyEndOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		start := time.Now()
		var all []*recorder
		for range 500 {
			_, r := h.connectWebSocket()
			all = append(all, r)
			time.Sleep(ms)
		}
		for i, r := range all {
			due := pingInterval + pingTimeout + time.Duration(i)*ms
			at(start, due-ms/2)
			wantBody(t, "before its time", r.reason(), "")
			at(start, due)
			wantBody(t, "at its time", r.reason(), "ping timeout")
		}
	})
}

func has(p *pipe, m message) func() bool {
	return func() bool { return strings.Contains(strings.Join(texts(p.rest()), " "), string(m)) }
}

func texts(all []message) (out []string) {
	for _, m := range all {
		out = append(out, string(m))
	}
	return out
}

func over(r *recorder, reason string) func() bool { return func() bool { return r.reason() == reason } }

// answered reports whether the answer has come; another one would be as good as none.
func answered(answer <-chan string, want string) func() bool {
	return func() bool {
		select {
		case got := <-answer:
			return got == want
		default:
			return false
		}
	}
}

func later(f func() string) <-chan string {
	answer := make(chan string, 1)
	go func() { answer <- f() }()
	return answer
}

func shutsDown(h *host, within time.Duration) func() bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	return answered(later(func() string {
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return "not cut off"
		}
		return "cut off"
	}), "cut off")
}

// dialOlder connects a client of revision 3.
func (h *host) dialOlder() (*pipe, *recorder) {
	p, _ := h.dial("EIO=3&transport=websocket")
	sid := sidPattern.FindStringSubmatch(string(p.next()))
	return p, h.recorder(sid[1])
}
