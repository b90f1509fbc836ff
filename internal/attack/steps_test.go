package attack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// A step sends something, or waits for something, or is made of steps.
type step struct {
	name string
	do   func(*attacker) error
}

// onWire is a step on the wire that raw steps go over.
func onWire(name string, do func(*attacker, *wire) error) step {
	return step{name, func(a *attacker) error {
		w, err := a.wire(a.cur)
		if err != nil {
			return err
		}
		return do(a, w)
	}}
}

// on lets the raw steps behind it go over the wire of that name: a new TCP connection
// unless there is one. Rows begin on "a", or on the WebSocket "ws" in the states over
// one. The harness itself uses "api" and "poll".
func on(wire string) step {
	return step{"on " + wire, func(a *attacker) error { a.cur = wire; return nil }}
}

// send sends bytes: see [attacker.filled] for what is filled in.
func send(bytes ...string) step {
	return onWire("send", func(a *attacker, w *wire) error {
		w.write(a.filled(strings.Join(bytes, "")))
		return nil
	})
}

// drip sends bytes in slices, with pauses between them.
func drip(bytes string, size int, pause time.Duration) step {
	return onWire("drip", func(a *attacker, w *wire) error {
		_ = w.conn.SetWriteDeadline(time.Now().Add(target.Patience))
		for slice := range slices.Chunk([]byte(a.filled(bytes)), size) {
			if _, err := w.conn.Write(slice); err != nil {
				w.log.add("!", w.name, err.Error())
				return nil
			}
			time.Sleep(pause)
		}
		w.log.add(">", w.name, bytes)
		return nil
	})
}

// fin closes the sending side of the wire.
func fin() step {
	return onWire("fin", func(_ *attacker, w *wire) error { return w.conn.CloseWrite() })
}

// rst resets the wire, and forgets it.
func rst() step {
	return onWire("rst", func(a *attacker, w *wire) error { w.reset(); delete(a.wires, w.name); return nil })
}

// pause lets time pass.
func pause(d time.Duration) step {
	return step{"pause", func(*attacker) error { time.Sleep(d); return nil }}
}

// answer expects a response with the status, in whose header or body, which stand
// behind a blank line, each of the patterns is found: a text or, if it begins with
// "^", a regular expression. What begins with "!" must not be found. A session that the
// response opens is the attacker's from then on.
func answer(status int, patterns ...string) step {
	return onWire(fmt.Sprint("answer ", status), func(a *attacker, w *wire) error {
		w.patience(target.Patience)
		res, err := w.response()
		if err != nil {
			return err
		}
		if res.status != status {
			return fmt.Errorf("status %d, %.200q", res.status, res.text())
		}
		a.opened(res.body)
		for _, p := range patterns {
			if !found(a.filled(p), res.text()) {
				return fmt.Errorf("%q in %.400q", p, res.text())
			}
		}
		return nil
	})
}

func found(pattern, text string) bool {
	if inner, not := strings.CutPrefix(pattern, "!"); not {
		return !found(inner, text)
	}
	if strings.HasPrefix(pattern, "^") {
		return regexp.MustCompile("(?s)" + pattern).MatchString(text)
	}
	return strings.Contains(text, pattern)
}

// refused expects a response with one of the statuses, or the end of the connection
// without any.
func refused(statuses ...int) step {
	return onWire(fmt.Sprint("refused ", statuses), func(a *attacker, w *wire) error {
		w.patience(target.Patience)
		res, err := w.response()
		if err == nil {
			a.opened(res.body)
		}
		switch {
		case err == nil && !slices.Contains(statuses, res.status):
			return fmt.Errorf("status %d, %.200q", res.status, res.text())
		case err != nil && !hungUp(err):
			return err
		}
		return nil
	})
}

// closed expects the end of the connection, in whatever way, and nothing before it.
func closed() step {
	return onWire("closed", func(_ *attacker, w *wire) error {
		w.patience(target.Patience)
		b, err := w.in.ReadByte()
		switch {
		case err == nil:
			rest, _ := w.in.Peek(min(w.in.Buffered(), 100))
			return fmt.Errorf("%q instead of the end", append([]byte{b}, rest...))
		case !hungUp(err):
			return errors.New("the connection is open")
		}
		w.log.add("<", w.name, "(closed)")
		return nil
	})
}

// quiet expects that nothing comes for so long, and that the connection stays.
func quiet(d time.Duration) step {
	return onWire("quiet", func(_ *attacker, w *wire) error {
		w.patience(d)
		b, err := w.in.ReadByte()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		return fmt.Errorf("%q, %w", b, err)
	})
}

// message expects a data frame with the pattern in its payload: see [answer]. Pings of
// Engine.IO may come before it, and are not answered.
func message(pattern string) step {
	return onWire("message "+pattern, func(a *attacker, w *wire) error {
		w.patience(target.Patience)
		for {
			first, payload, err := w.frame()
			switch {
			case err != nil:
				return err
			case payload == "2" && pattern != "2":
			case first != 0x80|opText && first != 0x80|opBinary, !found(a.filled(pattern), payload):
				return fmt.Errorf("frame %02x %.100q", first, payload)
			default:
				return nil
			}
		}
	})
}

// closes expects a close frame with the code, 0 for none, and then the end. Only pings
// of Engine.IO may come before it. The close frame is answered.
func closes(code int) step {
	return step{fmt.Sprint("closes ", code), func(a *attacker) error {
		return a.run(closeFrame(code), send(closeRaw("")), closed())
	}}
}

// closeFrame expects a close frame with the code, and does not answer it. Only pings of
// Engine.IO may come before it.
func closeFrame(code int) step {
	return onWire(fmt.Sprint("close frame ", code), func(_ *attacker, w *wire) error {
		w.patience(target.Patience)
		for {
			first, payload, err := w.frame()
			switch {
			case err != nil:
				return err
			case first == 0x80|opText && payload == "2":
			case first != 0x80|opClose:
				return fmt.Errorf("frame %02x %.100q", first, payload)
			default:
				return isCode(payload, code)
			}
		}
	})
}

// isCode compares the code in a close frame's payload, 0 for none.
func isCode(payload string, want int) error {
	got := 0
	if len(payload) >= 2 {
		got = int(binary.BigEndian.Uint16([]byte(payload)))
	}
	if got != want {
		return fmt.Errorf("code %d", got)
	}
	return nil
}

// within expects that steps take no longer than d. That counts where times are judged:
// see [whole].
func within(d time.Duration, steps ...step) step {
	return step{fmt.Sprint("within ", d), func(a *attacker) error {
		start := time.Now()
		err := a.run(steps...)
		if took := time.Since(start); err == nil && took > bound(d) {
			err = fmt.Errorf("took %v", took)
		}
		return err
	}}
}

// notBefore expects that steps take d at least.
func notBefore(d time.Duration, steps ...step) step {
	return step{fmt.Sprint("not before ", d), func(a *attacker) error {
		start := time.Now()
		err := a.run(steps...)
		if took := time.Since(start); err == nil && took < d {
			err = fmt.Errorf("took only %v", took)
		}
		return err
	}}
}

// steps makes one of several.
func steps(all ...step) step {
	return step{"", func(a *attacker) error { return a.run(all...) }}
}

// where runs steps in some of the row's states only.
func where(in []state, steps ...step) step {
	return step{"where", func(a *attacker) error {
		if !slices.Contains(in, a.state) {
			return nil
		}
		return a.run(steps...)
	}}
}

// except is for where a host answers differently on purpose.
func except(host, why string, there, elsewhere step) step {
	return step{elsewhere.name, func(a *attacker) error {
		if a.host != host {
			return elsewhere.do(a)
		}
		if err := there.do(a); err != nil {
			return fmt.Errorf("(%s, because %s) %w", there.name, why, err)
		}
		return nil
	}}
}

// times runs steps n times, one after another.
func times(n int, steps ...step) step {
	return step{fmt.Sprint("times ", n), func(a *attacker) error {
		for i := range n {
			if err := a.run(steps...); err != nil {
				return fmt.Errorf("round %d: %w", i, err)
			}
		}
		return nil
	}}
}

// many lets a scaled number of attackers, each in a session of its own in the row's
// state, run the steps side by side.
func many(n int, steps ...step) step {
	return step{fmt.Sprint("many ", n), func(a *attacker) error {
		errs := make(chan error, scaled(n))
		var all sync.WaitGroup
		for range scaled(n) {
			all.Go(func() { errs <- attackAgain(a.target, a.host, a.state, a.attempt, steps) })
		}
		all.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

// attempts runs steps in a session of their own, up to n times, until they do what
// they must: for what two connections must do at about the same time. What lies
// between them is [settle], which takes longer each time.
func attempts(n int, steps ...step) step {
	return step{"attempts", func(a *attacker) (err error) {
		for i := range n {
			if err = attackAgain(a.target, a.host, a.state, i, steps); err == nil {
				return nil
			}
		}
		return err
	}}
}

// settle gives the server time to begin with what it was sent.
func settle() step {
	return step{"settle", func(a *attacker) error { time.Sleep(40 * time.Millisecond << (2 * a.attempt)); return nil }}
}

// check runs a function, for what no other step is.
func check(name string, do func(*attacker) error) step { return step{name, do} }
