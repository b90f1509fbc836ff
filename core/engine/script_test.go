package engine_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/engine/eio"
)

// A play is what a script makes of a server and three clients: each step is a byte
// that says what happens, and one that says to whom and how. Both sides number their
// messages, and each must hear the other's at most once, and in order.
type play struct {
	t       *testing.T
	host    *host
	players [3]*player
	all     []*recorder
	steps   []string
}

// A player is one client. It polls, or has a WebSocket, or is on its way.
type player struct {
	*client
	pipes           []*pipe
	conn, candidate *pipe
	cancels         []context.CancelFunc
	sent, told      int  // the last numbers of the client's messages and the server's
	heard           int  // the last that the client has heard
	hanging         int  // polls
	probed          bool // the candidate
	unproved        bool // one that had not probed has said that it takes over
	over            bool

	mu sync.Mutex // guards heard and hanging
}

// FuzzSession plays scripts.
func FuzzSession(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomPlay(seed))
	}
	f.Add([]byte{1, 0, 0, 8, 5, 2, 0, 3, 1, 4, 0, 8, 5, 5, 0, 7, 4, 8, 7, 3, 2, 6, 0, 7, 9})
	f.Fuzz(func(t *testing.T, script []byte) { playScript(t, script) })
}

func TestSessionsAtRandom(t *testing.T) {
	for seed := range uint64(500) {
		if playScript(t, randomPlay(seed)); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomPlay(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	script := make([]byte, 60+r.IntN(100))
	for i := range script {
		script[i] = byte(r.Uint32())
	}
	return script
}

func playScript(t *testing.T, script []byte) {
	if len(script) > 0 { // the first byte says what the hosts' connections can do
		before := pipeEnd
		pipeEnd = []func(*pipe) engine.Conn{before, newPromptPipe, newParkedPipe}[script[0]%3]
		defer func() { pipeEnd = before }()
		script = script[1:]
	}
	synctest.Test(t, func(t *testing.T) {
		p := &play{t: t}
		p.host = serveWith(t, engine.Config{MaxQueuedMessages: 30, MaxQueuedBytes: 300, MaxPayload: 200}, func(r *recorder) {
			p.all = append(p.all, r)
			r.onMessage = func(m message) {
				if strings.HasSuffix(string(m), "7") {
					time.Sleep(70 * ms) // the program takes its time
				}
			}
		})
		for ; len(script) >= 2 && len(p.steps) < 60; script = script[2:] {
			p.steps = append(p.steps, p.step(script[0]%13, script[1]))
			synctest.Wait()
			p.check()
			if t.Failed() {
				break
			}
		}
		for _, c := range p.players {
			c.cut()
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		p.checkEnd()
		if t.Failed() {
			t.Log(strings.Join(p.steps, "\n"))
		}
	})
}

// check holds that each message of a client has come once, in order, as far as any.
func (p *play) check() {
	for _, c := range p.players {
		if c == nil {
			continue
		}
		c.read()
		c.checkHeard()
		last := 0
		for _, m := range c.got() {
			n, err := strconv.Atoi(strings.TrimPrefix(string(m), "c"))
			if !strings.HasPrefix(string(m), "c") || err != nil {
				continue
			}
			if n <= last {
				p.t.Errorf("the client's %d comes after %d", n, last)
			}
			last = n
		}
	}
	if stats := p.host.Stats(); stats.Panics != 0 || stats.QueuedBytes < 0 || stats.QueuedBytes > 400*int64(stats.Sessions) {
		p.t.Errorf("%+v", stats)
	}
}

// checkHeard holds that a client that listens has heard all there is, when all is quiet.
func (c *player) checkHeard() {
	if c.session == nil || c.over || c.reason() != "" {
		return
	}
	over := c.session.Transport()
	if c.unproved && c.session.Upgraded() {
		c.host.t.Error("a WebSocket has taken over that had not probed")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	listens := c.hanging > 0
	if over == engine.WebSocket {
		listens = c.conn != nil && !c.conn.isStalled() && !c.conn.isClosed()
	}
	if listens && c.heard != c.told {
		c.host.t.Errorf("the client listens by %s, and has heard %d of %d", over, c.heard, c.told)
	}
}

func (p *pipe) isStalled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stalled
}

func (p *play) checkEnd() {
	for _, r := range p.all {
		if reason := r.reason(); reason == "" || strings.Contains(reason, ",") {
			p.t.Errorf("a session has ended for %q", reason)
		}
	}
	if stats := p.host.Stats(); stats.Sessions != 0 || stats.WebSockets != 0 || stats.QueuedBytes != 0 || stats.SlowConsumers > int64(len(p.all)) {
		p.t.Errorf("left at the end: %+v", stats)
	}
}

// step does one step, and says what it was.
func (p *play) step(kind, how byte) string {
	at, more := int(how)%len(p.players), int(how)/len(p.players)
	if c := p.players[at]; c == nil || kind == 0 && more%4 == 0 {
		c.cut()
		p.players[at] = p.open(more%2 == 1)
	}
	c := p.players[at]
	switch kind {
	case 0, 1:
		time.Sleep(playTicks[more%len(playTicks)])
		return fmt.Sprint("time passes: ", playTicks[more%len(playTicks)])
	case 2:
		c.hang()
	case 3, 4:
		c.say(more)
	case 5:
		if next, _ := p.host.dial("EIO=4&transport=websocket&sid=" + c.sid); next != nil {
			c.pipes = append(c.pipes, next)
			c.candidate, c.probed = next, more%4 != 0
			if c.probed {
				next.send("2probe")
			}
		}
	case 6:
		c.takeOver()
	case 7:
		c.eachPipe(func(p *pipe) { p.set(func() { p.stalled = more%2 == 0 }) })
	case 8, 9:
		c.tell(more%8+1, more/8)
	case 10:
		c.odd(more)
	case 11:
		switch {
		case c.session == nil:
		case more%4 == 0:
			c.session.Close()
		case more%4 == 1:
			c.session.Abort()
		}
	default:
		if more%8 == 0 {
			c.cut()
		}
		if more == 1 {
			_ = p.host.Close()
		}
	}
	return fmt.Sprint(at, ": ", kind, ", ", more)
}

var playTicks = []time.Duration{ms, 60 * ms, 120 * ms, 5 * time.Second, 11 * time.Second, 21 * time.Second, 26 * time.Second, 46 * time.Second}

// open connects a client. Where the server has shut down it never hears a thing.
func (p *play) open(overWebSocket bool) *player {
	c := &player{client: &client{recorder: &recorder{t: p.t}, host: p.host}}
	known := len(p.all)
	if overWebSocket {
		if c.conn, _ = p.host.dial(webSocket); c.conn != nil {
			c.pipes = append(c.pipes, c.conn)
		}
		synctest.Wait()
	} else {
		do(p.host.Server, "GET", polling, "")
	}
	if len(p.all) > known {
		c.recorder, c.sid = p.all[known], p.all[known].session.ID()
	} else {
		c.over = true
	}
	return c
}

// hang polls, perhaps beside a poll that hangs.
func (c *player) hang() {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancels = append(c.cancels, cancel)
	c.hangs(1)
	go func() {
		defer c.hangs(-1)
		reply := c.host.ServePoll(ctx, request("GET", c.query(), ""))
		if reply.Status != 200 {
			return
		}
		for m, err := range eio.Packets(reply.Body) {
			if err != nil {
				c.host.t.Errorf("%q: %v", reply.Body, err)
			}
			c.hears(m)
		}
	}()
}

func (c *player) hangs(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hanging += n
}

// hears notes a message of the server.
func (c *player) hears(p eio.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Type != eio.Message || c.over {
		return
	}
	if n, err := strconv.Atoi(string(p.Data)); err != nil || n <= c.heard {
		c.host.t.Errorf("the server's %q comes after %d: %v", p.Data, c.heard, err)
	} else {
		c.heard = n
	}
}

// read reads what has come over the WebSocket.
func (c *player) read() {
	if c.conn == nil {
		return
	}
	for _, m := range c.conn.rest() {
		p := eio.Packet{Type: eio.Message, Binary: true, Data: []byte(strings.TrimPrefix(string(m), binaryPrefix))}
		if !strings.HasPrefix(string(m), binaryPrefix) {
			var err error
			if p, err = eio.Parse([]byte(m)); err != nil {
				c.host.t.Errorf("%q: %v", m, err)
			}
		}
		c.hears(p)
	}
}

// say sends some messages, together.
func (c *player) say(more int) {
	var batch []message
	for range more%3 + 1 {
		c.sent++
		batch = append(batch, message("4c"+strconv.Itoa(c.sent)))
	}
	if more%4 == 0 {
		batch = append(batch, "3")
	}
	if c.conn != nil {
		c.conn.send(batch...)
		return
	}
	texts := make([]string, len(batch))
	for i := range batch {
		texts[i] = string(batch[i])
	}
	go c.post(strings.Join(texts, "\x1e"))
}

// tell has the server send some messages.
func (c *player) tell(n, how int) {
	if c.session == nil {
		return
	}
	for range n {
		var err error
		if text := strconv.Itoa(c.told + 1); how%3 == 0 {
			err = c.session.SendBinary([]byte(text))
		} else {
			err = c.session.SendText(text)
		}
		if err == nil {
			c.told++
		}
	}
}

// takeOver sends the upgrade packet, probed or not.
func (c *player) takeOver() {
	next := c.candidate
	if next == nil {
		return
	}
	if c.candidate = nil; c.probed {
		c.conn, c.unproved = next, false
	} else {
		c.unproved = c.session != nil && !c.session.Upgraded()
	}
	next.send("5")
}

// odd says what clients do not say.
func (c *player) odd(more int) {
	text := []message{"2", "1", "3", "5", "6", "0{}", "2probe", "9", "", "b!", "4\xff", binary("x"), "bAQID"}[more%13]
	switch {
	case c.candidate != nil:
		c.probed = c.probed || text == "2probe"
		c.unproved = c.unproved && !(c.probed && text == "5") // that one may
		c.candidate.send(text)
	case c.conn != nil:
		c.conn.send(text)
	default:
		c.post(string(text))
	}
}

func (c *player) eachPipe(f func(*pipe)) {
	for _, p := range c.pipes {
		f(p)
	}
}

// cut ends the client's connections without a word.
func (c *player) cut() {
	if c == nil {
		return
	}
	c.over = true
	c.eachPipe(func(p *pipe) { p.end(io.EOF); p.Abort() })
	for _, cancel := range c.cancels {
		cancel()
	}
}
