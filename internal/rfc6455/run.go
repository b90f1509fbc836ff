package rfc6455

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A Target is a server that sends back every message it gets.
type Target struct {
	Dial func() (net.Conn, error)
	Path string // the opening request's target

	// Packets says that messages are Engine.IO packets: the first is the open
	// packet, and a text that is none ends the connection.
	Packets bool
	// Heartbeat says that the server soon hangs up on who does not answer its
	// pings. The cases for such a server are those that end in silence, the cases
	// for any other are all the rest.
	Heartbeat bool
}

// atOnce is how many conversations there are at a time. Most of their time they
// wait for each other.
const atOnce = 24

// patience is how long one may take on a machine that is busy with other things.
const patience = time.Minute

// Run has all conversations with the target.
func Run(t *testing.T, target Target) {
	t.Helper()
	next := make(chan Case)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for c := range next {
				t.Run(c.ID+" "+c.Name, func(t *testing.T) {
					if err := c.have(target); err != nil {
						t.Errorf("%s, %s, section %s: %v", c.Group, c.Name, c.Section, err)
					}
				})
			}
		})
	}
	for _, c := range slices.SortedStableFunc(slices.Values(table()), mutesFirst) {
		if target.Heartbeat == (c.End == Silent) {
			next <- c
		}
	}
	close(next)
	all.Wait()
}

// mutesFirst is the order in which the time that a server takes to hang up is of
// use to others.
func mutesFirst(a, b Case) int {
	switch {
	case a.End == Mute && b.End != Mute:
		return -1
	case b.End == Mute && a.End != Mute:
		return 1
	}
	return 0
}

// A talk is a conversation that is going on.
type talk struct {
	client
	Case
	target Target
	want   []Message // what the step must still bring
	pongs  []string  // of the step, those that may still come
}

// have has the conversation and returns what was wrong with it.
func (c Case) have(target Target) error {
	conn, err := target.Dial()
	if err != nil {
		return err
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	t := &talk{client: client{conn: conn, r: bufio.NewReader(conn)}, Case: c, target: target}
	if target.Packets && c.Bare {
		t.Steps = []Step{{Send: c.Steps[0].Send}}
		t.End, t.Code = Closed, NoStatus
	}
	if err := t.open(&sending); err != nil {
		return err
	}
	for i, step := range t.Steps {
		if i > 0 || !t.Early {
			sending.Go(func() { _ = t.send(wire(step.Send), step.Chop) }) // what is lost is missed
		}
		if err := t.answers(step, i == len(t.Steps)-1); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		// A server that ends the connection need not have read everything.
		if i < len(t.Steps)-1 || t.End != Closed && t.End != Mute {
			sending.Wait()
		}
	}
	return t.end()
}

// open does the opening handshake as far as it is to go.
func (t *talk) open(sending *sync.WaitGroup) error {
	opening, key := request(t.target, t.Offer)
	switch t.Opening {
	case Nothing:
		return nil
	case Half:
		return t.send([]byte(opening[:len(opening)/2]), 0)
	case Unanswered:
		return t.send([]byte(opening), 0)
	}
	b := []byte(opening)
	if t.Early {
		b = append(b, wire(t.Steps[0].Send)...)
	}
	sending.Go(func() { _ = t.send(b, 0) })
	if err := t.answered(key); err != nil {
		return err
	}
	if t.deflate != t.Deflate {
		return fmt.Errorf("the offer %q: accepted is %v", t.Offer, t.deflate)
	}
	if !t.target.Packets {
		return nil
	}
	r, err := t.next()
	switch {
	case err != nil:
		return fmt.Errorf("instead of the open packet: %w", err)
	case r.op != opText || !strings.HasPrefix(r.data, "0{"):
		return fmt.Errorf("got a %v, want the open packet", r)
	}
	return nil
}

// answers reads what a step must bring. Where the last one ends the connection,
// that may come first, and so may the end of a server's patience.
func (t *talk) answers(step Step, isLast bool) error {
	t.want, t.pongs = step.Want, step.Pongs
	if isLast && (t.Hasty || t.End == Silent) {
		return nil // who reads the end reads them
	}
	for len(t.want) > 0 || len(t.pongs) > 0 {
		r, err := t.next()
		if err != nil {
			return fmt.Errorf("%d messages and %d pongs missing: %w", len(t.want), len(t.pongs), err)
		}
		if err := t.expected(r); err != nil {
			return err
		}
	}
	return nil
}

// expected checks a reply. Of pongs one may stand for those before it (section
// 5.5.3).
func (t *talk) expected(r reply) error {
	switch r.op {
	case opPing:
		return fmt.Errorf("got a %v", r)
	case opPong:
		i := slices.Index(t.pongs, r.data)
		if i < 0 {
			return fmt.Errorf("got a %v, want one of %.200q", r, t.pongs)
		}
		t.pongs = t.pongs[i+1:]
		return nil
	case opClose:
		return fmt.Errorf("got a %v, want %d messages and %d pongs", r, len(t.want), len(t.pongs))
	}
	if len(t.want) == 0 {
		return fmt.Errorf("got a %v, which nobody has sent", r)
	}
	m := t.want[0]
	wanted := reply{op: opText, data: m.Data}
	if m.Binary {
		wanted.op = opBin
	}
	switch {
	case r.op != wanted.op || r.data != wanted.data:
		return fmt.Errorf("got a %v, want a %v", r, wanted)
	case m.Squeezed && !r.squeezed:
		return fmt.Errorf("a %v is not compressed", r)
	}
	t.want = t.want[1:]
	return nil
}

// end sees to it that the connection ends as it must.
func (t *talk) end() error {
	switch t.End {
	case Alive:
		return t.alive()
	case Closed:
		return t.closed()
	case Mute:
		if err := t.closing(t.Code); err != nil {
			return err
		}
		return t.goOn()
	case Hangup:
		half, ok := t.conn.(interface{ CloseWrite() error })
		if !ok {
			return nil // it can only be closed as a whole
		}
		if err := half.CloseWrite(); err != nil {
			return err
		}
		return t.over()
	case Silent:
		return t.over()
	case Reset:
		if tcp, ok := t.conn.(interface{ SetLinger(int) error }); ok {
			return tcp.SetLinger(0)
		}
	}
	return nil
}

// alive has another message sent back, and closes the connection as a client does.
func (t *talk) alive() error {
	const over = "4over and out"
	if err := t.send(wire(frames(text(over))), 0); err != nil {
		return err
	}
	if err := t.answers(Step{Want: []Message{asText(over)}}, false); err != nil {
		return fmt.Errorf("the last message: %w", err)
	}
	if err := t.send(wire(frames(bye(1000, "out"))), 0); err != nil {
		return err
	}
	if err := t.closing(1000); err != nil {
		return err
	}
	return t.hungUp()
}

// closed reads the server's close frame and the end of the connection.
func (t *talk) closed() error {
	if err := t.closing(t.Code); err != nil {
		return err
	}
	if !t.said(opClose) {
		answer := Frame{First: fin | opClose}
		if t.Code != NoStatus {
			answer.Payload = closeBody(t.Code, "")
		}
		_ = t.send(wire(frames(answer)), 0) // the server may have gone without it
	}
	return t.hungUp()
}

// said reports whether the client has sent such a frame.
func (c Case) said(op byte) bool {
	return slices.ContainsFunc(c.Steps, func(s Step) bool {
		return slices.ContainsFunc(s.Send, func(f Frame) bool { return f.First&0xf == op })
	})
}

// closing reads up to the server's close frame.
func (t *talk) closing(code int) error {
	for {
		r, err := t.next()
		if err != nil {
			return fmt.Errorf("instead of a close frame with the code %d: %w", code, err)
		}
		if r.op == opClose {
			if r.code() != code {
				return fmt.Errorf("got a %v, want the code %d", r, code)
			}
			return nil
		}
		if err := t.expected(r); err != nil {
			return err
		}
	}
}

// hungUp reads the end behind a close frame.
func (t *talk) hungUp() error {
	if _, ok := t.conn.(interface{ CloseWrite() error }); !ok {
		return nil // then the server waits for the client to be first
	}
	_, err := t.r.ReadByte()
	switch {
	case err == nil:
		return fmt.Errorf("something behind the close frame")
	case err == io.EOF, t.Rude && errors.Is(err, syscall.ECONNRESET):
		return nil
	}
	return fmt.Errorf("instead of the end of the connection: %w", err)
}

// over reads the end of a connection without a close frame. Pings of a heartbeat
// and whatever answers a request that was cut are overlooked.
func (t *talk) over() error {
	if t.Opening != Complete {
		_, err := io.Copy(io.Discard, t.r)
		return t.isOver(err)
	}
	for {
		r, err := t.next()
		switch {
		case err != nil:
			return t.isOver(err)
		case t.target.Heartbeat && r.op == opText && r.data == "2":
			continue
		}
		if err := t.expected(r); err != nil {
			return fmt.Errorf("instead of the end of the connection: %w", err)
		}
	}
}

// isOver says what is wrong with an error of reading. A server that loses its
// patience while the client sends may reset the connection.
func (t *talk) isOver(err error) error {
	if err == nil || err == io.EOF || t.End == Silent && errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return fmt.Errorf("instead of the end of the connection: %w", err)
}

// goOn sends as if there had been no close frame, until the server hangs up.
func (t *talk) goOn() error {
	for {
		err := t.send(wire(frames(ping("anybody there?"))), 0)
		switch {
		case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrClosedPipe):
			return nil
		case err != nil:
			return fmt.Errorf("the server does not hang up: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
