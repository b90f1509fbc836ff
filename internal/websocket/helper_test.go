package websocket

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A network is one of the ways in which a Conn reads and writes.
type network struct {
	name string
	dial func(testing.TB) (ours, peer net.Conn)
	open func(t testing.TB, ours net.Conn, head []byte, cfg Config) *Conn
}

// sockets are those that have a descriptor.
var (
	sockets  = withParked(network{"tcp", dialTCP, openPlain})
	networks = append([]network{{"pipe", dialPipe, openPlain}}, sockets...)
)

func withParked(tcp network) []network {
	if !epoll.Supported() {
		return []network{tcp}
	}
	return []network{tcp, {"parked", dialTCP, openParked}}
}

func openPlain(_ testing.TB, ours net.Conn, head []byte, cfg Config) *Conn {
	return New(ours, head, cfg)
}

// group has no goroutine but while there are connections in it.
var group = epoll.New()

func openParked(t testing.TB, ours net.Conn, head []byte, cfg Config) *Conn {
	t.Helper()
	cfg.Group = group
	c := New(ours, head, cfg)
	if c.parked == nil {
		t.Fatal("the group has not taken the connection")
	}
	t.Cleanup(c.Abort)
	return c
}

func dialPipe(t testing.TB) (ours, peer net.Conn) {
	ours, peer = net.Pipe()
	t.Cleanup(func() { ours.Close(); peer.Close() })
	return ours, peer
}

func dialTCP(t testing.TB) (ours, peer net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); peer.Close() })
	return ours, peer
}

// fixBuffers keeps the system from making room for everything that a test writes.
func fixBuffers(conns ...net.Conn) {
	for _, c := range conns {
		_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
}

// testFrame makes a masked frame without any of the code under test. first is the
// frame's first byte.
func testFrame(first byte, payload string) []byte {
	return rawFrame(first, maskBit, minimal, payload)
}

type lengthForm int

const (
	minimal lengthForm = iota
	form16
	form64
)

func rawFrame(first, maskFlag byte, form lengthForm, payload string) []byte {
	n := len(payload)
	b := []byte{first}
	switch {
	case form == minimal && n < 126:
		b = append(b, maskFlag|byte(n))
	case form == form16 || form == minimal && n < 1<<16:
		b = append(b, maskFlag|126, byte(n>>8), byte(n))
	default:
		b = append(b, maskFlag|127)
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if maskFlag == 0 {
		return append(b, payload...)
	}
	key := [4]byte{0x12, 0x9a, 0x00, 0xff}
	b = append(b, key[:]...)
	for i := range n {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

func closePayload(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// A seen frame is one that the peer got.
type seen struct {
	first   byte
	masked  bool
	payload string
}

func (s seen) code() int {
	if len(s.payload) < 2 {
		return 0
	}
	return int(s.payload[0])<<8 | int(s.payload[1])
}

// nextFrame reads one frame as the peer.
func nextFrame(r *bufio.Reader) (s seen, err error) {
	var h [2]byte
	if _, err = io.ReadFull(r, h[:]); err != nil {
		return s, err
	}
	s.first, s.masked = h[0], h[1]&maskBit != 0
	n := int64(h[1] & lengthSet)
	switch n {
	case 126:
		var l [2]byte
		_, err = io.ReadFull(r, l[:])
		n = int64(binary.BigEndian.Uint16(l[:]))
	case 127:
		var l [8]byte
		_, err = io.ReadFull(r, l[:])
		n = int64(binary.BigEndian.Uint64(l[:]))
	}
	var key [4]byte
	if s.masked && err == nil {
		_, err = io.ReadFull(r, key[:])
	}
	b := make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(r, b)
	}
	for i := range b {
		b[i] ^= key[i%4]
	}
	s.payload = string(b)
	return s, err
}

// watch collects the frames that the peer gets until the connection ends.
func watch(peer net.Conn) <-chan []seen {
	ch := make(chan []seen, 1)
	go func() {
		var all []seen
		r := bufio.NewReader(peer)
		for {
			s, err := nextFrame(r)
			if err != nil {
				ch <- all
				return
			}
			all = append(all, s)
		}
	}()
	return ch
}

// watchAndClose closes the peer's end when it has got a close frame, as a client
// does.
func watchAndClose(peer net.Conn) <-chan []seen {
	ch := make(chan []seen, 1)
	go func() {
		defer peer.Close()
		var all []seen
		r := bufio.NewReader(peer)
		for {
			s, err := nextFrame(r)
			if err == nil {
				all = append(all, s)
			}
			if err != nil || s.first == finBit|byte(opClose) {
				ch <- all
				return
			}
		}
	}()
	return ch
}

// outcome is what a Conn delivered, and how its reading ended.
type outcome struct {
	messages []string // with "t:" or "b:" in front
	err      error
}

func (o *outcome) deliver(binary bool, data []byte) error {
	kind := "t:"
	if binary {
		kind = "b:"
	}
	o.messages = append(o.messages, kind+string(data))
	return nil
}

// readAll reads until an error.
func readAll(c *Conn) <-chan outcome {
	ch := make(chan outcome, 1)
	var o outcome
	if c.parked != nil {
		c.Park(func() {
			for {
				var more bool
				more, o.err = c.ReadAvailable(o.deliver)
				switch {
				case o.err != nil:
					ch <- o
					return
				case !more && c.Rest():
					return
				}
			}
		})
		return ch
	}
	go func() {
		for o.err == nil {
			o.err = c.ReadMessages(o.deliver)
		}
		ch <- o
	}()
	return ch
}

// readOnce calls ReadMessages, or does the same where the connection is parked.
func readOnce(c *Conn, deliver func(binary bool, data []byte) error) error {
	if c.parked == nil {
		return c.ReadMessages(deliver)
	}
	done := make(chan error, 1)
	delivered := false
	c.Park(func() {
		for {
			more, err := c.ReadAvailable(func(binary bool, data []byte) error {
				delivered = true
				return deliver(binary, data)
			})
			switch {
			case err != nil || delivered:
				done <- err // and keep the reading side
				return
			case !more && c.Rest():
				return
			}
		}
	})
	return <-done
}

// readBatch reads once.
func readBatch(t *testing.T, c *Conn) (messages []string) {
	t.Helper()
	err := readOnce(c, func(_ bool, data []byte) error {
		messages = append(messages, string(data))
		return nil
	})
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return messages
}

// send writes in the background, in slices of the given size if it is not 0.
func send(peer net.Conn, b []byte, size int) {
	if size == 0 {
		size = max(1, len(b))
	}
	go func() {
		for part := range slices.Chunk(b, size) {
			if _, err := peer.Write(part); err != nil {
				return
			}
		}
	}()
}

// within fails the test if nothing comes.
// patience is how long tests wait for what must come: a machine that is busy with
// other things may take its time.
const patience = time.Minute

func within[T any](t *testing.T, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("nothing within %v", patience)
	}
	return v
}

func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var violation *engine.ConnError
	if !errors.As(err, &violation) || violation.Code != code || violation.Reason == "" {
		t.Fatalf("got error %v, want a ConnError with code %d", err, code)
	}
	if errors.Is(err, io.EOF) {
		t.Fatalf("a violation is an io.EOF: %v", err)
	}
}

// writeStuck starts a WriteFrames that waits for the peer to read.
func writeStuck(t *testing.T, c *Conn, fs ...*engine.Frame) <-chan error {
	t.Helper()
	written := make(chan error, 1)
	go func() { written <- c.WriteFrames(fs) }()
	for deadline := time.Now().Add(patience); ; {
		c.mu.Lock()
		writing := c.writing
		c.mu.Unlock()
		if writing {
			return written
		}
		if time.Now().After(deadline) {
			t.Fatal("WriteFrames did not start")
		}
		time.Sleep(time.Millisecond)
	}
}

// fill writes rubbish until the peer, which does not read, has no room left, for a
// single byte either.
func fill(conn net.Conn) {
	for _, size := range []int{1 << 20, 1 << 10, 1, 1} {
		conn.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		for {
			if _, err := conn.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
	conn.SetWriteDeadline(time.Time{})
}
