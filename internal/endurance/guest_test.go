package endurance

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// A guest is a client of Socket.IO that costs one connection, over either transport:
// it hears what is said to it, answers pings, and leaves when it is told to.
type guest struct {
	conn net.Conn
	in   *bufio.Reader
	sid  string // of one that polls, else ""

	heard []string // the texts of the events "said"
	told  string   // how it learned of the end
	when  time.Time
}

func newGuest(conn net.Conn) *guest { return &guest{conn: conn, in: bufio.NewReaderSize(conn, 1<<10)} }

// invite connects one. It does nothing of its own until it listens.
func invite(addr string, polls bool) (*guest, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	g := newGuest(conn)
	_ = conn.SetDeadline(time.Now().Add(target.Patience))
	if polls {
		err = g.enterPolling()
	} else {
		err = g.enter()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return g, nil
}

// inviteAll connects many, of whom each third polls.
func inviteAll(t *testing.T, addr string, n int) []*guest {
	t.Helper()
	guests, errs := make([]*guest, n), make([]error, n)
	places := make(chan int)
	var dialers sync.WaitGroup
	for range 50 {
		dialers.Go(func() {
			for i := range places {
				guests[i], errs[i] = invite(addr, i%3 == 0)
			}
		})
	}
	for i := range n {
		places <- i
	}
	close(places)
	dialers.Wait()
	t.Cleanup(func() {
		for _, g := range guests {
			if g != nil {
				_ = g.conn.Close()
			}
		}
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return guests
}

// opening is the request of a WebSocket's opening handshake.
const opening = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: kawat.example\r\n" +
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// enter joins over WebSocket.
func (g *guest) enter() error {
	_, err := io.WriteString(g.conn, opening)
	if err != nil {
		return err
	}
	if status, _, err := g.head(); err != nil || status != 101 {
		return fmt.Errorf("the opening handshake: %d, %w", status, err)
	}
	if err := g.write(1, "40"); err != nil {
		return err
	}
	for _, want := range []string{"0{", "40{"} {
		_, text, err := g.read()
		for err == nil && text == "2" {
			if err = g.write(1, "3"); err == nil {
				_, text, err = g.read()
			}
		}
		if err != nil || !strings.HasPrefix(text, want) {
			return fmt.Errorf("received %q, want %q: %w", text, want, err)
		}
	}
	return nil
}

// enterPolling joins by polling.
func (g *guest) enterPolling() error {
	_, open, err := g.do("GET", "")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(open, `"sid":"`)
	g.sid, _, _ = strings.Cut(rest, `"`)
	if status, _, err := g.do("POST", "40"); err != nil || status != 200 {
		return fmt.Errorf("joining: %d, %w", status, err)
	}
	for {
		_, answer, err := g.do("GET", "")
		if err != nil {
			return err
		}
		for packet := range strings.SplitSeq(answer, "\x1e") {
			switch {
			case strings.HasPrefix(packet, "40{"):
				return nil
			case packet != "2":
				return fmt.Errorf("received %q", answer)
			}
			if _, _, err := g.do("POST", "3"); err != nil { // on a slow machine it may be time for a ping
				return err
			}
		}
	}
}

// listen hears what is said until it is told to go.
func (g *guest) listen() {
	for g.told == "" {
		if g.sid != "" {
			g.poll()
		} else {
			g.hear()
		}
	}
	g.when = time.Now()
	_ = g.conn.Close()
}

// hear reads a frame.
func (g *guest) hear() {
	opcode, text, err := g.read()
	switch {
	case err != nil:
		g.told = err.Error()
	case opcode == 8:
		g.told = "close frame"
		_ = g.write(8, text)
	default:
		g.take(text)
	}
}

// poll polls once.
func (g *guest) poll() {
	status, body, err := g.do("GET", "")
	if err != nil || status != 200 {
		g.told = fmt.Sprintf("a poll is answered %d %q: %v", status, body, err)
		return
	}
	for text := range strings.SplitSeq(body, "\x1e") {
		g.take(text)
	}
}

// take takes a packet.
func (g *guest) take(text string) {
	switch {
	case text == "1" && g.sid != "":
		g.told = "close packet"
	case text == "2" && g.sid != "":
		_, _, _ = g.do("POST", "3")
	case text == "2":
		_ = g.write(1, "3")
	case strings.HasPrefix(text, `42["said","`):
		g.heard = append(g.heard, text[len(`42["said","`):len(text)-len(`"]`)])
	case text != "6":
		g.told = fmt.Sprintf("something else: %q", text)
	}
}

// do does a request of polling.
func (g *guest) do(method, body string) (status int, text string, err error) {
	status, _, text, err = g.exchange(method, body)
	return status, text, err
}

func (g *guest) exchange(method, body string) (status int, header textproto.MIMEHeader, text string, err error) {
	query := "EIO=4&transport=polling"
	if g.sid != "" {
		query += "&sid=" + g.sid
	}
	length := ""
	if method == "POST" {
		length = fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	if _, err = fmt.Fprintf(g.conn, "%s /socket.io/?%s HTTP/1.1\r\nHost: kawat.example\r\n%s\r\n%s", method, query, length, body); err != nil {
		return 0, nil, "", err
	}
	status, header, err = g.head()
	if err != nil {
		return 0, nil, "", err
	}
	size, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		return 0, nil, "", err
	}
	answer := make([]byte, size)
	_, err = io.ReadFull(g.in, answer)
	return status, header, string(answer), err
}

// head reads the head of a response.
func (g *guest) head() (status int, header textproto.MIMEHeader, err error) {
	reader := textproto.NewReader(g.in)
	line, err := reader.ReadLine()
	if err != nil {
		return 0, nil, err
	}
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		return 0, nil, err
	}
	header, err = reader.ReadMIMEHeader()
	return status, header, err
}

// write writes a frame, masked by nothing.
func (g *guest) write(opcode byte, payload string) error {
	frame := append([]byte{0x80 | opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
	_, err := g.conn.Write(frame)
	return err
}

// read reads a frame, of less than 64 KiB.
func (g *guest) read() (opcode byte, payload string, err error) {
	var head [4]byte
	if _, err = io.ReadFull(g.in, head[:2]); err != nil {
		return 0, "", err
	}
	size := int(head[1])
	if size == 126 {
		if _, err = io.ReadFull(g.in, head[2:]); err != nil {
			return 0, "", err
		}
		size = int(binary.BigEndian.Uint16(head[2:]))
	}
	data := make([]byte, size)
	_, err = io.ReadFull(g.in, data)
	return head[0] & 0xf, string(data), err
}
