package adaptertest

import (
	"context"
	"net/http"
	"strings"
	"time"

	dialer "github.com/fasthttp/websocket"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/hooktest"
)

// An actor is the client of a story, to whom everything may happen.
type actor interface {
	send(packet string)
	next() (packet string, ok bool) // not ok: the connection has ended
	leave()
}

// play plays the story of [hooktest.Stage] with a client over a transport, and tells
// what has become of it.
func (st *stage) play(transport string) hooktest.Fate {
	_, _ = st.try("GET", st.path+st.end+"?EIO=4&transport=smoke", "", "X-Bad: 1")
	defer func() {
		_ = st.node.ServerSideEmit("bad")
		_, _ = st.node.Timeout(200 * time.Millisecond).Present(context.Background())
	}()
	var a actor
	if transport == engine.Polling {
		a = st.pollingActor()
	} else {
		a = st.webSocketActor("")
	}
	if a == nil {
		return hooktest.TurnedOff
	}
	defer func() { a.leave() }()
	for _, step := range []struct{ say, hear string }{
		{"40" + hooktest.Room + ",", "40" + hooktest.Room},
		{"42" + hooktest.Room + `,1["bad","x"]`, "43" + hooktest.Room + ",1"},
		{"42" + hooktest.Room + `,2["fails"]`, "43" + hooktest.Room + ",2"},
	} {
		a.send(step.say)
		if end := hear(a, step.hear); end != hooktest.Usual {
			return end
		}
	}
	if p, polls := a.(*pollingActor); polls {
		if moved := p.upgrade(); moved != nil {
			a = moved
		}
	}
	return hooktest.Usual
}

// hear waits for a packet that begins like this.
func hear(a actor, like string) hooktest.Fate {
	for {
		packet, ok := a.next()
		switch {
		case !ok:
			return hooktest.Dropped
		case packet == "2":
			a.send("3")
		case strings.HasPrefix(packet, "44"+hooktest.Room):
			return hooktest.NotLetIn
		case strings.HasPrefix(packet, "41"+hooktest.Room):
			return hooktest.Cut
		case strings.HasPrefix(packet, "43"+hooktest.Room+",1[{"):
			return hooktest.Failed
		case strings.HasPrefix(packet, like):
			return hooktest.Usual
		}
	}
}

type webSocketActor struct{ *dialer.Conn }

// webSocketActor dials, and returns nil if that is refused.
func (st *stage) webSocketActor(sid string) actor {
	target := "ws://" + st.addr + st.path + st.end + "?EIO=4&transport=websocket"
	if sid != "" {
		target += "&sid=" + sid
	}
	d := &dialer.Dialer{HandshakeTimeout: patience}
	conn, _, err := d.Dial(target, http.Header{"X-Bad": {"1"}})
	if err != nil {
		return nil
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	return webSocketActor{conn}
}

// dialStatus dials and hangs up, and returns the status of the answer.
func (s *site) dialStatus() int {
	conn, res, err := dialer.DefaultDialer.Dial("ws://"+s.addr+s.path+s.end+"?EIO=4&transport=websocket", nil)
	if err == nil {
		_ = conn.Close()
	}
	if res == nil {
		return 0
	}
	return res.StatusCode
}

func (a webSocketActor) send(packet string) { _ = a.WriteMessage(dialer.TextMessage, []byte(packet)) }

func (a webSocketActor) next() (string, bool) {
	_, data, err := a.ReadMessage()
	return string(data), err == nil
}

func (a webSocketActor) leave() { _ = a.Close() }

type pollingActor struct {
	st      *stage
	sid     string
	packets []string // that have come, and have not been looked at
}

func (st *stage) pollingActor() actor {
	r, err := st.try("GET", st.query(""), "", "X-Bad: 1")
	rest, ok := strings.CutPrefix(r.body, `0{"sid":"`)
	if err != nil || !ok {
		return nil
	}
	sid, _, _ := strings.Cut(rest, `"`)
	return &pollingActor{st: st, sid: sid}
}

func (a *pollingActor) send(packet string) {
	_, _ = a.st.try("POST", a.st.query(a.sid), packet, "X-Bad: 1")
}

func (a *pollingActor) next() (string, bool) {
	for len(a.packets) == 0 {
		r, err := a.st.try("GET", a.st.query(a.sid), "", "X-Bad: 1")
		if err != nil || r.status != 200 || r.body == "1" {
			return "", false
		}
		a.packets = strings.Split(r.body, "\x1e")
	}
	packet := a.packets[0]
	a.packets = a.packets[1:]
	return packet, packet != "1"
}

func (a *pollingActor) leave() { a.send("1") }

// upgrade moves to WebSocket, and returns nil if that fails.
func (a *pollingActor) upgrade() actor {
	moved := a.st.webSocketActor(a.sid)
	if moved == nil {
		return nil
	}
	moved.send("2probe")
	if got, _ := moved.next(); got != "3probe" {
		return nil
	}
	moved.send("5")
	return moved
}
