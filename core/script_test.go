package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A script is bytes that say what clients, the program and time do, step by step:
// the first byte configures the server, and then each step is its kind, a byte that
// says who does it, and what it needs besides. What is missing at the end is 0.
type script struct {
	bytes []byte
	steps int
}

// maxSteps bounds how long a script takes.
const maxSteps = 60

func (s *script) next() byte {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return b
}

// The kinds of steps.
const (
	stepOpen       = iota // a flavour
	stepPoll              // a poll that hangs, beside those that do
	stepSend              // packets, together
	stepPost              // packets, by polling even after an upgrade
	stepPostInPart        // packets; the body breaks off
	stepJoin              // CONNECT, of a namespace, perhaps with what asks for recovery
	stepProbe             // a WebSocket that asks to take over
	stepUpgrade           // it takes over
	stepCandidate         // packets, by it
	stepCut               // the connection breaks
	stepLeave             // the client closes the WebSocket
	stepStall             // the client reads no more
	stepResume
	stepTick    // time passes
	stepEmit    // to all of a namespace, several times
	stepAsk     // with an ack
	stepKick    // the program disconnects sockets
	stepRooms   // the program moves sockets
	stepRelease // handlers go on that are stuck
	stepShutdown
	stepKinds
)

var ticks = []time.Duration{
	time.Millisecond, 3 * time.Millisecond, 60 * time.Millisecond, 150 * time.Millisecond, time.Second, 5 * time.Second,
	11 * time.Second, 20 * time.Second, 25 * time.Second, 46 * time.Second, 70 * time.Second,
}

var scriptSpaces = []string{"/", "/a", "/b", "/dyn-1", "/dyn-2", "/dyn-3", "/dyn-4", "/nope"}

// scriptPackets are what clients say that know the protocol, rightly or wrongly.
var scriptPackets = []string{
	"2", "3", "1", "5", "6", "2probe", "3probe", "40", "41", "40/a,", "41/a,", "40/dyn-1,", "41/dyn-1,", "40/nope,",
	`40{"deny":true}`, `40/a,{"slow":true}`, `40/b,{"fail":true}`, `40/dyn-2,{"join":true}`, `40{"pid":"x","offset":"y"}`, `40[]`,
	`42["echo",1,"two",{"three":3}]`, `420["echo","x"]`, `42/a,1["echo"]`, `42/dyn-1,["echo"]`, `42["join","r"]`, `42["leave"]`,
	`42["others"]`, `42["bye"]`, `42/a,["bye"]`, `42["quit"]`, `42["sleep"]`, `422["sleep"]`, `42["wait"]`, `42["stuck"]`, `42/a,["stuck"]`,
	`423["boom"]`, `42["exit"]`, `42["ask"]`, `424["ask"]`, `42["unknown"]`, `42["connect"]`, `42`, `4`, `42[`, `43[]`, `430["yes"]`, `431[]`, `43/a,0[]`,
	`451-["echo",{"_placeholder":true,"num":0}]`, `452-5["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`,
	`461-0[{"_placeholder":true,"num":0}]`, "\x00bytes", "\x00", `454-["echo"]`, `49`, `44{}`, `0{}`, ``, `7`, "\xff",
	`40/?token=1`, `40/a?token=1,`, `42["echo","` + strings.Repeat("x", 1500) + `"]`,
}

// anyPacket says that a packet is not of the list: its length and its bytes follow.
const anyPacket = 200

// packets reads packets: of the list, or any bytes. Binary ones begin with NUL.
func (s *script) packets() (packets []wireMessage, text string) {
	for range s.next()%8 + 1 {
		var text string
		if kind := int(s.next()); kind < anyPacket {
			text = scriptPackets[kind%len(scriptPackets)]
		} else {
			n := min(int(s.next()), len(s.bytes))
			text, s.bytes = string(s.bytes[:n]), s.bytes[n:]
		}
		data, binary := strings.CutPrefix(text, "\x00")
		packets = append(packets, wireMessage{binary, data})
	}
	return packets, fmt.Sprintf("%.300v", packets)
}

// run does what a script says, in a bubble, and returns what came to pass.
func (s *script) run(t *testing.T) (happened happenings) {
	w := newScriptWorld(t, s.next())
	w.check()
	for ; len(s.bytes) > 0 && s.steps < maxSteps; s.steps++ {
		what := w.step(s)
		w.steps = append(w.steps, what)
		synctest.Wait()
		w.check()
		if w.failed() {
			break
		}
	}
	w.end()
	w.checkEnd()
	w.report()
	return w.happenings()
}

// step does one step and says what it was.
func (w *scriptWorld) step(s *script) string {
	kind, who := s.next()%stepKinds, s.next()
	at := int(who) % len(w.clients)
	switch kind {
	case stepTick:
		d := ticks[int(who)%len(ticks)]
		time.Sleep(d)
		return fmt.Sprint("tick ", d)
	case stepEmit, stepAsk, stepKick, stepRooms:
		return w.program(kind, s, who)
	case stepRelease:
		w.release()
		return "release"
	case stepShutdown:
		if who < 0xc0 { // not as often as all else
			return "nothing"
		}
		return w.shutdown(who)
	case stepOpen:
		return w.open(at, flavour(s.next()))
	}
	opens := ""
	if w.clients[at] == nil {
		opens = w.open(at, flavour(who>>2)) + ", "
		synctest.Wait()
	}
	return fmt.Sprint(opens, at, " ", w.act(w.clients[at], kind, s, who))
}

// open puts a client in the place of the one before, which is cut off. It knows
// what that has known.
func (w *scriptWorld) open(at int, f flavour) string {
	if !w.eio3 {
		f &^= asJSONP | revision3
	}
	c := &scriptClient{world: w, flavour: f, places: make(map[string]*place)}
	c.decoder = packet.JSON().NewDecoder(packet.Limits{Attachments: 100})
	if before := w.clients[at]; before != nil {
		before.cut()
		synctest.Wait()
		c.places = before.places
	}
	w.clients[at] = c
	c.open()
	return fmt.Sprintf("%d opens, flavour %#x", at, f)
}

// act does a client's step.
func (w *scriptWorld) act(c *scriptClient, kind byte, s *script, how byte) string {
	switch kind {
	case stepPoll:
		if how&0x80 != 0 || c.polls < 2 {
			c.poll()
		}
		return "polls"
	case stepSend, stepPost, stepPostInPart, stepCandidate:
		packets, text := s.packets()
		return c.say(kind, packets) + text
	case stepJoin:
		text := c.join(scriptSpaces[int(how>>2)%len(scriptSpaces)], s.next())
		c.send([]wireMessage{{false, text}})
		return "joins by " + text
	case stepProbe:
		if p := c.dial(); p != nil {
			c.mu.Lock()
			c.candidate = p
			c.mu.Unlock()
			p.send(wireMessage{false, "2probe"})
		}
		return "probes"
	case stepUpgrade:
		c.upgrade()
		return "upgrades"
	case stepCut:
		c.cut()
		return "is cut"
	case stepLeave:
		c.eachPipe((*scriptPipe).leave)
		return "leaves"
	}
	c.eachPipe(func(p *scriptPipe) { p.stall(kind == stepStall) })
	return fmt.Sprint("stalls: ", kind == stepStall)
}

// say sends packets.
func (c *scriptClient) say(kind byte, packets []wireMessage) string {
	switch kind {
	case stepPost:
		c.post(c.body(packets))
		return "posts "
	case stepPostInPart:
		c.postInPart(c.body(packets))
		return "posts a part of "
	case stepCandidate:
		c.mu.Lock()
		p := c.candidate
		if p != nil && slices.Contains(packets, wireMessage{false, "5"}) {
			c.conn, c.candidate = p, nil // or it is closed
		}
		c.mu.Unlock()
		if p != nil {
			p.send(packets...)
		}
		return "says by its candidate "
	}
	c.send(packets)
	return "says "
}

// join returns a CONNECT. One that asks to recover does so as stock clients do, or
// says another offset than it has seen.
func (c *scriptClient) join(namespace string, how byte) string {
	text := "40"
	if namespace != "/" {
		text += namespace + ","
	}
	p := c.place(namespace)
	auth := map[string]any{"deny": how&1 != 0, "slow": how&2 != 0, "fail": how&4 != 0, "join": how&8 != 0}
	if how&16 != 0 && p.pid != "" {
		auth["pid"] = p.pid
		if p.offset != "" {
			auth["offset"] = p.offset
		}
		if how&32 != 0 {
			auth["offset"], p.forged = []any{nil, 1, p.offset + "x", "AAAAAAAAAAAAAA"}[how>>6], true
		}
	}
	if how == 0 {
		return text
	}
	object, _ := json.Marshal(auth)
	return text + string(object)
}

// upgrade lets the candidate take over: of a polite client when its poll has ended.
func (c *scriptClient) upgrade() {
	c.mu.Lock()
	next := c.candidate
	switch {
	case next == nil:
	case c.flavour.has(isPolite) && c.polls > 0:
		c.moving, next = true, nil
	default:
		c.conn, c.candidate = next, nil
	}
	c.mu.Unlock()
	if next != nil {
		next.send(wireMessage{false, "5"})
	}
}

// program does what the program does.
func (w *scriptWorld) program(kind byte, s *script, who byte) string {
	n := w.spaces[int(who)%len(w.spaces)]
	how := s.next()
	switch kind {
	case stepEmit:
		w.emit(n, how)
	case stepAsk:
		w.ask(n, how)
	case stepKick:
		switch to := n.In("all"); how % 4 {
		case 0:
			_ = w.strangers(n).DisconnectSockets(how&4 != 0)
		case 1:
			_ = to.Except("early").Except(w.witness.ID()).DisconnectSockets(how&4 != 0)
		case 2:
			for _, child := range w.parent.Children() {
				_ = child.DisconnectSockets(how&4 != 0)
			}
		default:
			for _, other := range n.Sockets() {
				if other.ID() != w.witness.ID() {
					other.Conn().Abort()
				}
			}
		}
	default:
		_ = n.In("early").SocketsJoin("room:r")
		_ = w.strangers(n).SocketsLeave([]string{"all", "room:r"}[how%2])
	}
	return fmt.Sprintf("the program, %d, %d, in %s", kind, how, n.Name())
}

// strangers are all but the witness.
func (w *scriptWorld) strangers(n *socketio.Namespace) socketio.Broadcast {
	return n.Except(w.witness.ID())
}

// emit sends some events of one kind.
func (w *scriptWorld) emit(n *socketio.Namespace, how byte) {
	var payload any = []byte("bytes")
	if how&1 != 0 {
		payload = strings.Repeat("x", int(how>>5)*140)
	}
	for range how>>1&7 + 1 {
		switch how >> 4 & 3 {
		case 0:
			_ = n.Volatile().Except(w.witness.ID()).Emit(ifReady, w.next(n, ifReady), payload)
		case 1:
			_ = n.To("room:r", "early").Except(w.witness.ID()).Emit(forRoom, w.next(n, forRoom), payload)
		default:
			_ = n.Emit(forAll, w.next(n, forAll), payload)
		}
	}
	_ = w.parent.Emit("to children", how)
}

// ask sends events that want acks, which stock clients would answer.
func (w *scriptWorld) ask(n *socketio.Namespace, how byte) {
	for _, socket := range n.Sockets() {
		if socket.ID() == w.witness.ID() {
			continue
		}
		w.mu.Lock()
		w.waiting++
		w.mu.Unlock()
		number := w.next(n, forSocket)
		go func() {
			_, err := socket.Timeout(ticks[int(how)%len(ticks)]).EmitWithAck(context.Background(), "ask", number)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.waiting--
			if err == nil {
				w.acked++
			}
		}()
	}
}

// shutdown begins the end of the server; the witness knows.
func (w *scriptWorld) shutdown(how byte) string {
	if w.closed {
		return "is closed"
	}
	w.closed = true
	if how%2 == 0 {
		_ = w.io.Close()
		return "close"
	}
	ctx, cancel := context.WithTimeout(context.Background(), ticks[int(how/2)%len(ticks)])
	defer cancel()
	err := w.io.Shutdown(ctx)
	return fmt.Sprint("shutdown: ", err)
}

// end lets everybody go and time pass.
func (w *scriptWorld) end() {
	w.closed = true
	for _, c := range w.clients {
		if c != nil {
			c.cut()
		}
	}
	w.witness.Close()
	for range 3 { // a handler that was stuck may let another one begin
		w.release()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
	}
	if stats := w.io.Stats(); stats.Engine.Sessions != 0 {
		w.failf("without anybody there are %d sessions of %s", stats.Engine.Sessions, engine.WebSocket)
	}
	_ = w.io.Close()
	synctest.Wait()
}
