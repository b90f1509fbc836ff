package attack

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// An attacker runs the steps of one row, in one state.
type attacker struct {
	target *target.Target
	host   string
	state  state
	log    transcript

	addr    string // of what is in front of the server, if anything is
	home    int    // the node that its sessions are opened at
	closers []func()
	wires   map[string]*wire
	cur     string // the wire that raw steps go over

	sid    string
	id     string   // of the socket in the main namespace
	pid    string   // of recovery, private
	offset string   // the last text of the last event
	byes   []string // requests that end the sessions that poll
	over   string   // the transport that the session uses
	probed bool     // the wire "ws" may take over
	inbox  []string
	joined bool // the main namespace
	them   *target.Stranger
	mail   [][]byte // that has come to it
	serial int

	attempt int // how often the steps have been tried before
}

// attack runs steps in a state, and hangs up.
func attack(target *target.Target, host string, in state, steps []step) error {
	return attackAgain(target, host, in, 0, steps)
}

func attackAgain(target *target.Target, host string, in state, attempt int, steps []step) error {
	a := newAttacker(target, host, in)
	a.attempt = attempt
	defer a.hangUp()
	err := a.enter()
	if err != nil {
		err = fmt.Errorf("on the way there: %w", err)
	} else {
		err = a.run(steps...)
	}
	if err != nil {
		return fmt.Errorf("%w\n\t%s", err, &a.log)
	}
	return nil
}

// openPattern is what begins a session: in revision 4, in revision 3, and as a script.
var openPattern = regexp.MustCompile(`^(\d+:|___eio\[\d*\]\("(\d+:)?)?0\{`)

// opened notes the session of an open packet, if that is what body is.
func (a *attacker) opened(body string) {
	match := sidPattern.FindStringSubmatch(body)
	if match == nil || !openPattern.MatchString(body) {
		return
	}
	a.sid, a.over = match[1], polling
	a.leaveHome()
	switch {
	case strings.HasPrefix(body, "0"):
		a.byes = append(a.byes, post(pollPath+"&sid="+a.sid, "1"))
	case strings.HasPrefix(body, "_") && !strings.Contains(body, `("0`): // JSONP of revision 3
		a.byes = append(a.byes, post(oldPath+"&j=0&sid="+a.sid, "d=1:1"))
	case strings.HasPrefix(body, "_"): // JSONP
		a.byes = append(a.byes, post(pollPath+"&j=0&sid="+a.sid, "d=1"))
	default: // revision 3
		a.byes = append(a.byes, post(oldPath+"&sid="+a.sid, "1:1"))
	}
}

// hangUp ends what the row has left: sessions that poll would be there for a while.
func (a *attacker) hangUp() {
	for _, bye := range a.byes {
		_, _ = a.exchange("api", bye)
	}
	for _, w := range a.wires {
		_ = w.conn.Close()
	}
	for _, close := range a.closers {
		close()
	}
}

func newAttacker(target *target.Target, host string, in state) *attacker {
	return &attacker{target: target, host: host, state: in, wires: make(map[string]*wire), cur: "a",
		home: rand.IntN(len(target.Addrs))}
}

// twin is another attacker on the same server.
func (a *attacker) twin(in state) *attacker { return newAttacker(a.target, a.host, in) }

func (a *attacker) run(steps ...step) error {
	for _, s := range steps {
		if err := s.do(a); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// wire returns the one of that name, which it opens at its first use.
func (a *attacker) wire(name string) (*wire, error) {
	if w := a.wires[name]; w != nil {
		return w, nil
	}
	w, err := dial(a.place(name), name, &a.log)
	if err == nil {
		a.wires[name] = w
	}
	return w, err
}

// filled returns bytes with what stands for things of this attacker filled in.
func (a *attacker) filled(bytes string) string {
	if !strings.Contains(bytes, "{") {
		return bytes
	}
	return strings.NewReplacer("{sid}", a.sid, "{addr}", a.target.Addr, "{tag}", a.tag()).Replace(bytes)
}

// api sends a request over a wire of its own, and returns the answer's body. The
// status must be 200.
func (a *attacker) api(bytes string) (string, error) {
	res, err := a.exchange("api", bytes)
	if err == nil && res.status != 200 {
		err = fmt.Errorf("status %d, %.100q", res.status, res.body)
	}
	if err != nil {
		return "", err
	}
	return res.body, nil
}

// exchange sends a request over a wire, and returns the answer.
func (a *attacker) exchange(wire, bytes string) (*response, error) {
	w, err := a.wire(wire)
	if err != nil {
		return nil, err
	}
	w.write(a.filled(bytes))
	w.patience(target.Patience)
	res, err := w.response()
	if err != nil || strings.EqualFold(res.get("Connection"), "close") {
		_ = w.conn.Close()
		delete(a.wires, wire)
	}
	return res, err
}

var errEnded = errors.New("the session has ended")

// packet returns the next packet of the session, whatever transport brings it; binary
// as in a payload, behind a b. Pings are answered. The session's end is errEnded.
func (a *attacker) packet() (string, error) {
	for start := time.Now(); ; {
		if len(a.inbox) == 0 {
			if err := a.receive(); err != nil {
				return "", err
			}
		}
		p := a.inbox[0]
		a.inbox = a.inbox[1:]
		switch p {
		case "2":
			if err := a.emit("3"); err != nil {
				return "", err
			}
			if time.Since(start) > target.Patience/2 { // a server with long times has nothing to say
				return "", errors.New("the session goes on, and nothing comes but pings")
			}
		case "6":
		default:
			a.noted(p)
			return p, nil
		}
	}
}

var (
	idPattern     = regexp.MustCompile(`^40\{"sid":"([^"]+)"`)
	pidPattern    = regexp.MustCompile(`^40\{.*"pid":"([^"]+)"`)
	offsetPattern = regexp.MustCompile(`^42\[.*"([^"]+)"\]$`)
)

// noted keeps what recovery asks for.
func (a *attacker) noted(packet string) {
	a.joined = a.joined || strings.HasPrefix(packet, "40{")
	if m := idPattern.FindStringSubmatch(packet); m != nil {
		a.id = m[1]
	}
	if m := pidPattern.FindStringSubmatch(packet); m != nil {
		a.pid = m[1]
	}
	if m := offsetPattern.FindStringSubmatch(packet); m != nil {
		a.offset = m[1]
	}
}

func (a *attacker) receive() error {
	if a.over == webSocket {
		return a.receiveFrame()
	}
	res, err := a.exchange("poll", get(pollPath+"&sid={sid}"))
	switch {
	case err != nil:
		return err
	case res.status == 400 && strings.Contains(res.body, `"code":1`):
		return errEnded
	case res.status != 200:
		return fmt.Errorf("a poll is answered with status %d", res.status)
	}
	a.inbox = strings.Split(res.body, "\x1e")
	return nil
}

func (a *attacker) receiveFrame() error {
	w, err := a.wire("ws")
	if err != nil {
		return err
	}
	w.patience(target.Patience)
	first, payload, err := w.frame()
	switch {
	case hungUp(err), first == 0x80|opClose:
		return errEnded
	case err != nil:
		return err
	case first == 0x80|opText:
		a.inbox = append(a.inbox, payload)
	case first == 0x80|opBinary:
		a.inbox = append(a.inbox, "b"+base64.StdEncoding.EncodeToString([]byte(payload)))
	}
	return nil
}

// emit sends packets over the session's transport, in one go.
func (a *attacker) emit(packets ...string) error {
	if a.over == webSocket {
		w, err := a.wire("ws")
		if err == nil {
			w.write(a.frames(packets))
		}
		return err
	}
	_, err := a.exchange("api", post(pollPath+"&sid={sid}", a.filled(strings.Join(packets, "\x1e"))))
	if hungUp(err) {
		err = nil // what must come of it is for the next step to say
	}
	return err
}

// frames returns packets as WebSocket frames. Once masked, nothing can be filled in.
func (a *attacker) frames(packets []string) string {
	var b strings.Builder
	for _, p := range packets {
		p = a.filled(p)
		data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p, "b"))
		if strings.HasPrefix(p, "b") && err == nil {
			b.WriteString(binaryOf(string(data)))
		} else {
			b.WriteString(text(p))
		}
	}
	return b.String()
}
