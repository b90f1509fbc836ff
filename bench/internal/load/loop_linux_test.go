package load

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const switching = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + webSocketAccept + "\r\n\r\n"

// A server has a script that each connection meets.
type server struct {
	addr string
	stop func() // waits for the scripts' ends
}

func serve(t *testing.T, script func(c net.Conn, r *bufio.Reader)) server {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	stop := func() {
		ln.Close()
		wg.Wait()
	}
	t.Cleanup(stop)
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				script(c, bufio.NewReader(c))
			})
		}
	})
	return server{ln.Addr().String(), stop}
}

// greet does the server's part until the client has joined.
func greet(c net.Conn, r *bufio.Reader) bool {
	if _, err := http.ReadRequest(r); err != nil {
		return false
	}
	_, _ = c.Write(append([]byte(switching), fromServer(opText, `0{"sid":"x"}`)...))
	if _, m, err := readFrame(r); err != nil || string(m) != "40" {
		return false
	}
	_, err := c.Write(fromServer(opText, `40{"sid":"y"}`))
	return err == nil
}

// readFrame reads a client's frame of less than 64 KB.
func readFrame(r *bufio.Reader) (op byte, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err = io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	length := int(head[1] & 0x7f)
	if length == 126 {
		more := make([]byte, 2)
		_, _ = io.ReadFull(r, more)
		length = int(more[0])<<8 | int(more[1])
	}
	payload = make([]byte, 4+length) // the key, and what it masks
	_, err = io.ReadFull(r, payload)
	return head[0] & 0xf, payload[4:], err
}

// A recorder is a handler that remembers.
type recorder struct {
	loop     *Loop
	opened   int
	packets  []string
	attached []string
	closed   []error
	onOpen   func(*Client)
	onPacket func(*Client, string)
}

func (r *recorder) Opened(c *Client) {
	r.opened++
	if r.onOpen != nil {
		r.onOpen(c)
	}
}

func (r *recorder) Packet(c *Client, p []byte) {
	r.packets = append(r.packets, string(p))
	if r.onPacket != nil {
		r.onPacket(c, string(p))
	}
}

func (r *recorder) Attachment(_ *Client, data []byte) { r.attached = append(r.attached, string(data)) }

func (r *recorder) Closed(_ *Client, err error) {
	r.closed = append(r.closed, err)
	r.loop.Stop()
}

// play dials one client, and runs until the connection and the server have ended.
func play(t *testing.T, srv server, transport Transport, r *recorder) {
	t.Helper()
	l, err := New(srv.addr, 64)
	if err != nil {
		t.Fatal(err)
	}
	r.loop = l
	if err = l.Dial(&Client{}, transport, r); err != nil {
		t.Fatal(err)
	}
	if stopped, err := l.Run(time.Minute); err != nil || !stopped {
		t.Errorf("stopped: %v, %v", stopped, err)
	}
	if err = l.Close(); err != nil {
		t.Error(err)
	}
	srv.stop()
}

func TestFramesInPieces(t *testing.T) {
	srv := serve(t, func(c net.Conn, r *bufio.Reader) {
		if !greet(c, r) {
			return
		}
		data := append(fromServer(opText, `43["a"]`), fromServer(opText, `451-["b"]`)...)
		data = append(data, fromServer(opBinary, strings.Repeat("z", 300))...)
		for i := range data {
			_, _ = c.Write(data[i:][:1])
		}
		_, _ = c.Write(bytes.Repeat(fromServer(opText, `42["c"]`), 1000))
	})
	r := &recorder{}
	play(t, srv, WebSocket, r)
	if r.opened != 1 || len(r.packets) != 1002 || r.packets[0] != `3["a"]` || r.packets[1] != `51-["b"]` || r.packets[1001] != `2["c"]` {
		t.Errorf("opened %d, %d packets: %.80q", r.opened, len(r.packets), r.packets)
	}
	if len(r.attached) != 1 || r.attached[0] != strings.Repeat("z", 300) {
		t.Errorf("attachments: %q", r.attached)
	}
	if len(r.closed) != 1 || r.closed[0] == nil {
		t.Errorf("the end of the connection is told as %v", r.closed)
	}
}

// An end that is there before the last bytes are read is not told twice.
func TestEndWithTheLastBytes(t *testing.T) {
	closed := make(chan struct{})
	srv := serve(t, func(c net.Conn, r *bufio.Reader) {
		if greet(c, r) {
			_, _, _ = readFrame(r) // the client has opened
			_, _ = c.Write(fromServer(opText, `42["last"]`))
		}
		c.Close()
		close(closed)
	})
	r := &recorder{onOpen: func(c *Client) {
		c.Emit(-1, []byte(`["go"]`))
		c.Loop.Stop()
	}}
	l, err := New(srv.addr, 64)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r.loop = l
	if err = l.Dial(&Client{}, WebSocket, r); err != nil {
		t.Fatal(err)
	}
	if stopped, err := l.Run(20 * time.Second); !stopped || err != nil {
		t.Fatal(stopped, err)
	}
	<-closed
	if stopped, err := l.Run(2 * time.Second); !stopped || err != nil {
		t.Fatal(stopped, err)
	}
	if len(r.packets) != 1 || len(r.closed) != 1 {
		t.Errorf("packets %q, ends %v", r.packets, r.closed)
	}
}

func TestHeartbeats(t *testing.T) {
	var got []string
	srv := serve(t, func(c net.Conn, r *bufio.Reader) {
		if !greet(c, r) {
			return
		}
		_, _ = c.Write(append(fromServer(opText, "2"), fromServer(opPing, "hello")...))
		for range 2 {
			op, m, _ := readFrame(r)
			got = append(got, string(rune('0'+op))+string(m))
		}
	})
	r := &recorder{}
	play(t, srv, WebSocket, r)
	if len(got) != 2 || got[0] != "13" || got[1] != ":hello" || r.loop.Heartbeats != 1 {
		t.Errorf("the answers to pings are %q, %d heartbeats", got, r.loop.Heartbeats)
	}
}

func TestLeave(t *testing.T) {
	var got []string
	srv := serve(t, func(c net.Conn, r *bufio.Reader) {
		if !greet(c, r) {
			return
		}
		for range 2 {
			op, m, _ := readFrame(r)
			got = append(got, string(rune('0'+op))+string(m))
		}
		_, _ = c.Write(fromServer(opClose, "\x03\xe8"))
		_, _ = r.ReadByte() // the client ends the connection
	})
	r := &recorder{onOpen: func(c *Client) { c.Leave() }}
	play(t, srv, WebSocket, r)
	if len(got) != 2 || got[0] != "141" || got[1] != "8\x03\xe8" {
		t.Errorf("the last words are %q", got)
	}
	if len(r.closed) != 1 || r.closed[0] != nil {
		t.Errorf("the end is told as %v", r.closed)
	}
}

func TestEndsAreErrors(t *testing.T) {
	for name, script := range map[string]func(c net.Conn, r *bufio.Reader){
		"no answer": func(net.Conn, *bufio.Reader) {},
		"no upgrade": func(c net.Conn, r *bufio.Reader) {
			_, _ = http.ReadRequest(r)
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
			_, _ = r.ReadByte()
		},
		"refused": func(c net.Conn, r *bufio.Reader) {
			_, _ = http.ReadRequest(r)
			_, _ = c.Write(append([]byte(switching), fromServer(opText, `0{}`)...))
			_, _ = c.Write(fromServer(opText, `44{"message":"no"}`))
			_, _ = io.Copy(io.Discard, r)
		},
		"close frame": func(c net.Conn, r *bufio.Reader) {
			if greet(c, r) {
				_, _ = c.Write(fromServer(opClose, "\x03\xe8"))
				_, _ = r.ReadByte()
			}
		},
		"end of the session": func(c net.Conn, r *bufio.Reader) {
			if greet(c, r) {
				_, _ = c.Write(fromServer(opText, "1"))
				_, _ = r.ReadByte()
			}
		},
		"empty message": func(c net.Conn, r *bufio.Reader) {
			if greet(c, r) {
				_, _ = c.Write(fromServer(opText, "4"))
				_, _ = r.ReadByte()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			play(t, serve(t, script), WebSocket, r)
			if len(r.closed) != 1 || r.closed[0] == nil || len(r.packets) != 0 {
				t.Errorf("the end is told as %v, after the packets %q", r.closed, r.packets)
			}
		})
	}
}

// A server that does not read for a while gets all the same what was sent, in order.
func TestPartialWrites(t *testing.T) {
	const messages, size = 3000, 10_000
	sum := make(chan int, 1)
	srv := serve(t, func(c net.Conn, r *bufio.Reader) {
		if !greet(c, r) {
			return
		}
		time.Sleep(50 * time.Millisecond)
		whole := 0
		for i := range messages {
			_, m, err := readFrame(r)
			if err == nil && len(m) == size+2 && m[2] == byte('a'+i%26) && m[size+1] == m[2] {
				whole++
			}
		}
		sum <- whole
	})
	r := &recorder{onOpen: func(c *Client) {
		for i := range messages {
			c.Emit(-1, bytes.Repeat([]byte{byte('a' + i%26)}, size))
		}
	}}
	play(t, srv, WebSocket, r)
	if whole := <-sum; whole != messages {
		t.Errorf("%d of %d messages arrived whole", whole, messages)
	}
}

func TestPolling(t *testing.T) {
	posts := make(chan string, 10)
	toPoll := make(chan string, 10)
	srv := serve(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			answer := "ok"
			switch {
			case req.Method == "POST":
				b, _ := io.ReadAll(req.Body)
				posts <- string(b)
				switch string(b) {
				case "40":
					toPoll <- "2\x1e40{}"
				case "3":
				default:
					toPoll <- "431[\"a\"]\x1e42[\"b\"]"
				}
			case req.URL.Query().Get("sid") == "":
				answer = `0{"sid":"abc"}`
			case req.URL.Query().Get("sid") == "abc":
				if answer = <-toPoll; answer == "" {
					return
				}
			}
			head := "HTTP/1.1 200 OK\r\nContent-Length: " + string(rune('0'+len(answer)/10)) + string(rune('0'+len(answer)%10)) + "\r\n\r\n"
			_, _ = io.WriteString(c, head)
			_, _ = io.WriteString(c, answer)
		}
	})
	r := &recorder{
		onOpen: func(c *Client) { c.Emit(1, []byte(`["a"]`)); c.Emit(-1, []byte(`["b"]`)) },
		onPacket: func(_ *Client, p string) {
			if p == `2["b"]` {
				toPoll <- "" // the end
			}
		},
	}
	play(t, srv, Polling, r)
	if len(r.packets) < 2 || r.packets[0] != `31["a"]` || r.packets[1] != `2["b"]` {
		t.Errorf("packets: %q", r.packets)
	}
	// What is sent while a POST is on its way goes into the next one. The pong may be
	// posted before the events, or with them.
	close(posts)
	var all []string
	for p := range posts {
		all = append(all, p)
	}
	if got := strings.Join(all, "\x1e"); got != "40\x1e3\x1e421[\"a\"]\x1e42[\"b\"]" {
		t.Errorf("posted: %q", all)
	}
}

// bouncing answers each packet with a call.
type bouncing struct {
	recorder
	args []byte
}

func (b *bouncing) Packet(c *Client, p []byte) {
	n, _ := Number(p[1:])
	c.Emit(int(n), b.args)
}

func (b *bouncing) Attachment(c *Client, data []byte) { c.EmitBinary(7, b.args, data) }

func TestMessagesAllocateNothing(t *testing.T) {
	h := &bouncing{args: []byte(`["echo","text"]`)}
	data := append(fromServer(opText, `43123["text"]`), fromServer(opBinary, "bytes")...)
	data = append(data, fromServer(opText, "2")...)
	response := []byte("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n43123[\"text\"]")
	for _, c := range []*Client{{transport: WebSocket}, {transport: Polling}} {
		c.Loop, c.handler, c.state = &Loop{}, h, open
		for _, s := range []*sock{&c.ws, &c.get, &c.post} {
			s.owner, s.out = c, make([]byte, 0, 4096)
		}
		c.polling.pollReq, c.polling.postReq = []byte("GET"), []byte("POST")
		round := func() {
			s, data := &c.ws, data
			if c.transport == Polling {
				s, data = &c.get, response
			}
			if used, err := c.feed(s, data); used != len(data) || err != nil {
				t.Fatalf("used %d of %d, %v", used, len(data), err)
			}
			for _, s := range c.Loop.dirty {
				s.out, s.queued = s.out[:0], false
			}
			c.Loop.dirty, c.polling.posting = c.Loop.dirty[:0], false
		}
		if n := testing.AllocsPerRun(100, round); n != 0 {
			t.Errorf("transport %d: %v allocations", c.transport, n)
		}
	}
}

func TestEvery(t *testing.T) {
	l, err := New("127.0.0.1:1", 64)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var due []time.Duration
	if err = l.Every(time.Millisecond, func(d time.Duration) {
		if due = append(due, d); len(due) == 20 {
			l.Stop()
		}
	}); err != nil {
		t.Fatal(err)
	}
	if stopped, err := l.Run(time.Minute); !stopped || err != nil {
		t.Fatal(stopped, err)
	}
	for i := 1; i < len(due); i++ {
		if due[i]-due[i-1] != time.Millisecond {
			t.Fatalf("due at %v", due)
		}
	}
	if l.Now() < due[19] {
		t.Error("it was called before it was due")
	}
}

func TestAddresses(t *testing.T) {
	for _, addr := range []string{"", "localhost:80", "[::1]:80", "127.0.0.1"} {
		if _, err := New(addr, 64); err == nil {
			t.Errorf("%q was taken", addr)
		}
	}
	if got, err := Resolve("127.0.0.1:80"); got != "127.0.0.1:80" || err != nil {
		t.Error(got, err)
	}
	if _, err := Resolve("nonsense"); err == nil {
		t.Error("nonsense was resolved")
	}
}
