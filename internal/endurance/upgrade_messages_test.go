package endurance

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// The nth message of an emitter is known to both sides: whether it is binary, and its
// attachments, which are random by seed.

func isBinary(emitter, n int) bool { return (emitter+n)%5 == 0 }

func attachmentCount(emitter, n int) int { return 1 + (emitter+n)/5%2 }

// appendAttachment appends the ith attachment of a message. Most are small; a few are
// larger than what one read brings.
func appendAttachment(b []byte, seed uint64, emitter, n, i int) []byte {
	r := rand.NewPCG(seed, uint64(emitter<<16|n<<1|i))
	size := 1 + int(r.Uint64()%64)
	if n%(each/2) == emitter {
		size += 5000
	}
	for range size {
		if len(b)%8 == 0 {
			r.Uint64()
		}
		b = append(b, byte(r.Uint64()))
	}
	return b
}

// An emitter emits its messages in bursts, with pauses.
type emitter struct {
	trial  *trial
	seed   uint64 // of the attachments
	number int
	hold   bool // rests half-way

	n       int
	scratch []byte
	parts   [2][]byte
}

func (e *emitter) run(emit func(attachments [][]byte) error) {
	tr := e.trial
	r := rand.New(rand.NewPCG(e.seed, uint64(100+e.number)))
	for e.n < each && tr.ctx.Err() == nil {
		burst := min(1+r.IntN(20), each-e.n)
		if e.hold && e.n < half {
			burst = min(burst, half-e.n)
		}
		for range burst {
			if err := emit(e.attachments()); err != nil {
				tr.fail(fmt.Errorf("emitter %d, message %d: %w", e.number, e.n, err))
				return
			}
			e.n++
		}
		if tr.sent.Add(int64(burst)) >= tr.moveAt {
			tr.once.Do(func() { close(tr.begin) })
		}
		if e.hold && e.n == half {
			select {
			case <-tr.resume:
			case <-tr.ctx.Done():
			}
		}
		if tr.pace > 0 {
			time.Sleep(time.Duration(r.Int64N(int64(tr.pace))))
		}
	}
}

// attachments returns those of the next message, in the same memory each time.
func (e *emitter) attachments() [][]byte {
	if !isBinary(e.number, e.n) {
		return nil
	}
	e.scratch = e.scratch[:0]
	var ends [2]int
	count := attachmentCount(e.number, e.n)
	for i := range count {
		e.scratch = appendAttachment(e.scratch, e.seed, e.number, e.n, i)
		ends[i] = len(e.scratch)
	}
	at := 0
	for i, end := range ends[:count] {
		e.parts[i], at = e.scratch[at:end], end
	}
	return e.parts[:count]
}

// emit emits the next message of the server's.
func (e *emitter) emit(s *socketio.Socket, attachments [][]byte) error {
	switch len(attachments) {
	case 0:
		return s.Emit("m", e.number, e.n)
	case 1:
		return s.Emit("b", e.number, e.n, attachments[0])
	default:
		return s.Emit("b", e.number, e.n, attachments[0], attachments[1])
	}
}

// send sends the next message of the client's.
func (e *emitter) send(attachments [][]byte) error {
	var room [128]byte
	b := room[:0]
	if len(attachments) == 0 {
		b = append(b, `2["m",`...)
	} else {
		b = append(strconv.AppendInt(append(b, '5'), int64(len(attachments)), 10), `-["b",`...)
	}
	b = strconv.AppendInt(b, int64(e.number), 10)
	b = strconv.AppendInt(append(b, ','), int64(e.n), 10)
	for i := range attachments {
		b = strconv.AppendInt(append(b, `,{"_placeholder":true,"num":`...), int64(i), 10)
		b = append(b, '}')
	}
	return e.trial.client.Send(append(b, ']'), attachments...)
}

// A tracker knows what has to come next from each emitter.
type tracker struct {
	who      string
	seed     uint64
	complete chan struct{} // closed when all have come

	mu      sync.Mutex
	next    [emitters]int
	count   int
	scratch []byte

	// What the client has of a message of which attachments are to come. It is used by
	// the goroutine that reads.
	emitter, n, missing int
	attachments         [][]byte
}

func newTracker(who string, seed uint64) *tracker {
	return &tracker{who: who, seed: seed, complete: make(chan struct{})}
}

func (k *tracker) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return fmt.Sprintf("%s has %d, %v of the emitters", k.who, k.count, k.next)
}

// got notes a message.
func (k *tracker) got(emitter, n int, attachments [][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if emitter < 0 || emitter >= emitters || n < 0 || n >= each {
		return fmt.Errorf("%s received message %d of emitter %d", k.who, n, emitter)
	}
	if n != k.next[emitter] {
		return fmt.Errorf("%s received message %d of emitter %d, but %d was next", k.who, n, emitter, k.next[emitter])
	}
	k.next[emitter]++
	want := 0
	if isBinary(emitter, n) {
		want = attachmentCount(emitter, n)
	}
	if len(attachments) != want {
		return fmt.Errorf("%s received message %d of emitter %d with %d attachments, want %d", k.who, n, emitter, len(attachments), want)
	}
	k.scratch = k.scratch[:0]
	for i, a := range attachments {
		at := len(k.scratch)
		k.scratch = appendAttachment(k.scratch, k.seed, emitter, n, i)
		if !bytes.Equal(a, k.scratch[at:]) {
			return fmt.Errorf("%s received message %d of emitter %d with another attachment %d", k.who, n, emitter, i)
		}
	}
	if k.count++; k.count == emitters*each {
		close(k.complete)
	}
	return nil
}

var errUnknown = errors.New("no message of an emitter")

// parse notes a message as it travels: a packet, or an attachment of the last one.
func (k *tracker) parse(binary bool, data []byte) error {
	if binary != (k.missing > 0) {
		return fmt.Errorf("%s received %.60q while %d attachments were missing", k.who, data, k.missing)
	}
	if binary {
		k.attachments = append(k.attachments, bytes.Clone(data))
		if k.missing--; k.missing > 0 {
			return nil
		}
		return k.got(k.emitter, k.n, k.attachments)
	}
	k.attachments = k.attachments[:0]
	var ok bool
	switch rest := data; {
	case bytes.HasPrefix(rest, []byte(`2["m",`)):
		k.emitter, rest, _ = number(rest[6:], ',')
		if k.n, rest, ok = number(rest, ']'); ok && len(rest) == 0 {
			return k.got(k.emitter, k.n, nil)
		}
	case bytes.HasPrefix(rest, []byte(`5`)):
		k.missing, rest, ok = number(rest[1:], '-')
		if ok = ok && bytes.HasPrefix(rest, []byte(`["b",`)); ok {
			k.emitter, rest, _ = number(rest[5:], ',')
			if k.n, _, ok = number(rest, ','); ok {
				return nil
			}
		}
	}
	return fmt.Errorf("%s: %w: %.100q", k.who, errUnknown, data)
}

// number reads a number and the character behind it.
func number(b []byte, end byte) (n int, rest []byte, ok bool) {
	for i, c := range b {
		if c == end {
			return n, b[i+1:], i > 0
		}
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return 0, nil, false
}
