package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/websocket"
)

type server struct {
	interval, timeout time.Duration
	upgrader          websocket.FastHTTPUpgrader
	ids               atomic.Int64

	mu    sync.RWMutex
	rooms map[string][]*conn
}

// A conn is read by its own goroutine, which answers at once. Others write to it
// when they publish.
type conn struct {
	server *server
	ws     *websocket.Conn
	joined []string // of the reading goroutine
	binary []byte   // the ack that waits for its bytes; nil if none does

	mu    sync.Mutex // while writing
	timer *time.Timer
}

func (c *conn) write(kind int, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ws.WriteMessage(kind, data)
}

func (s *server) serve(ws *websocket.Conn) {
	c := &conn{server: s, ws: ws}
	defer ws.Close()
	open := fmt.Sprintf(`0{"sid":"%020d","upgrades":[],"pingInterval":%d,"pingTimeout":%d,"maxPayload":1000000}`,
		s.ids.Add(1), s.interval.Milliseconds(), s.timeout.Milliseconds())
	if c.write(websocket.TextMessage, []byte(open)) != nil {
		return
	}
	c.timer = time.AfterFunc(s.interval, c.ping)
	defer c.timer.Stop()
	defer func() {
		for _, room := range c.joined {
			s.leave(room, c)
		}
	}()
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil || !c.receive(kind, data) {
			return
		}
	}
}

func (c *conn) ping() {
	_ = c.ws.SetReadDeadline(time.Now().Add(c.server.timeout))
	_ = c.write(websocket.TextMessage, []byte("2")) // a failure is the reader's to see
}

// receive handles a message; false ends the connection.
func (c *conn) receive(kind int, data []byte) bool {
	switch {
	case kind == websocket.BinaryMessage:
		ack := c.binary
		c.binary = nil
		return ack != nil && c.write(websocket.TextMessage, ack) == nil && c.write(websocket.BinaryMessage, data) == nil
	case bytes.HasPrefix(data, []byte("42")):
		return c.event(data[2:])
	case bytes.HasPrefix(data, []byte("451-")):
		id, _, args := split(data[4:])
		c.binary = ack("461-", id, args)
		return true
	case string(data) == "3":
		_ = c.ws.SetReadDeadline(time.Time{})
		c.timer.Reset(c.server.interval)
		return true
	case string(data) == "41":
		return true // the client closes the connection next
	case bytes.HasPrefix(data, []byte("40")):
		connected := fmt.Appendf(nil, `40{"sid":"%020d"}`, c.server.ids.Add(1))
		return c.write(websocket.TextMessage, connected) == nil
	}
	return false
}

// split cuts an event into its number, its name and its arguments.
func split(data []byte) (id, name, args []byte) {
	start := bytes.IndexByte(data, '[')
	if start < 0 || len(data) < start+4 {
		return nil, nil, nil
	}
	id, data = data[:start], data[start+2:len(data)-1]
	end := bytes.IndexByte(data, '"')
	if end < 0 {
		return nil, nil, nil
	}
	return id, data[:end], bytes.TrimPrefix(data[end+1:], []byte(","))
}

func ack(prefix string, id, args []byte) []byte {
	out := make([]byte, 0, len(prefix)+len(id)+len(args)+2)
	out = append(out, prefix...)
	out = append(out, id...)
	out = append(out, '[')
	out = append(out, args...)
	return append(out, ']')
}

func (c *conn) event(data []byte) bool {
	id, name, args := split(data)
	switch string(name) {
	case "echo", "object", "raw":
	case "join":
		room := string(bytes.Trim(args, `"`))
		c.joined = append(c.joined, room)
		c.server.join(room, c)
		args = []byte("true")
	case "leave":
		room := string(bytes.Trim(args, `"`))
		c.joined = slices.DeleteFunc(c.joined, func(r string) bool { return r == room })
		c.server.leave(room, c)
		args = []byte("true")
	case "publish":
		c.server.publish(args)
		args = []byte("true")
	default:
		return string(name) == "quiet"
	}
	return len(id) == 0 || c.write(websocket.TextMessage, ack("43", id, args)) == nil
}

func (s *server) join(room string, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.rooms[room], c) {
		s.rooms[room] = append(s.rooms[room], c)
	}
}

func (s *server) leave(room string, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := slices.DeleteFunc(s.rooms[room], func(m *conn) bool { return m == c }); len(left) > 0 {
		s.rooms[room] = left
	} else {
		delete(s.rooms, room)
	}
}

// publish writes under the lock: a member who does not read keeps all the others
// from theirs. A real server cannot do that.
func (s *server) publish(args []byte) {
	n, err := strconv.Atoi(string(value(args, `"n":`, ",}")))
	if err != nil {
		return
	}
	var message []byte
	message = append(message, `42["message","`...)
	message = append(message, value(args, `"text":"`, `"`)...)
	message = append(message, `"]`...)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for range n {
		for _, c := range s.rooms[string(value(args, `"room":"`, `"`))] {
			_ = c.write(websocket.TextMessage, message) // a failure is the reader's to see
		}
	}
}

// value returns what is between a key and the next of the bytes in end.
func value(object []byte, key, end string) []byte {
	_, rest, _ := bytes.Cut(object, []byte(key))
	if i := bytes.IndexAny(rest, end); i >= 0 {
		return rest[:i]
	}
	return rest
}
