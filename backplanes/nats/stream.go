package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/echo"
	"github.com/kawat-go/kawat/internal/outbox"
	"github.com/kawat-go/kawat/internal/wire"
)

// A stream is what a node has kept, and reads.
type stream struct {
	*node
	config JetStreamConfig
	js     jetstream.JetStream
	writer jetstream.JetStream // by a connection of its own
	echoes *echo.Echoes

	again chan struct{} // the connection is there again

	wary bool // of the goroutine that writes: the message that was sent last may not be stored

	// Of the goroutine that reads, and before it begins.
	next    uint64 // sequence
	reset   int    // how often the stream had less in it than was read
	trouble bool

	epoch uint64 // when the stream was made: another one has other sequences

	mu    sync.Mutex
	taken backplane.Offset // of the last message of any namespace that was handed over
}

// A keep is a message that is stored.
type keep struct{ id string }

// push queues a message for the stream.
func (s *stream) push(m backplane.Message) error {
	echoed := m
	echoed.From = s.id
	m.From, m.Offset = s.id, backplane.Offset{}
	subject := s.config.Prefix + "." + token(m.Namespace) + kept
	data, err := wire.Append(nil, m)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	data = s.sealed(subject, data)
	if err := s.link.fits(len(data) + 128 + len(s.config.Stream)); err != nil { // with its header
		return err
	}
	err = s.echoes.Send(echoed, func(number uint64) error {
		return s.out.Push(item{subject: subject, data: data, keep: &keep{s.id + "-" + strconv.FormatUint(number, 10)}})
	})
	if err == nil && s.link.isDown() {
		s.echoes.Fail()
	}
	return err
}

// window is how many messages are on their way to the stream at a time. After one that
// was not stored it is one, until that is: where the stream comes back in the middle of
// a window, those behind would be stored before the others.
const window = 256

// publish stores the first of the items, as far as they are to be stored, and returns
// how many are. What was stored before is known by its id, and not stored again.
func (s *stream) publish(ctx context.Context, batch []item) (stored int, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	acks, err := s.send(batch)
	for i, ack := range acks {
		s.wary = true
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return i, never(err)
		case <-ctx.Done():
			return i, ctx.Err()
		}
		s.wary = false
	}
	return len(acks), err
}

// send sends a window. It ends where the connection does: by the next one, what comes
// later would be stored before what was lost.
func (s *stream) send(batch []item) (acks []jetstream.PubAckFuture, err error) {
	most := window
	if s.wary {
		most = 1
	}
	connections := s.link.writer.Stats().Reconnects
	for _, it := range batch {
		if it.keep == nil || len(acks) == most {
			break
		}
		if s.link.writer.Stats().Reconnects != connections {
			return acks, natsgo.ErrDisconnected
		}
		ack, err := s.writer.PublishMsgAsync(&natsgo.Msg{Subject: it.subject, Data: it.data, Header: header(it.keep.id)},
			jetstream.WithExpectStream(s.config.Stream), jetstream.WithRetryAttempts(0))
		if err != nil {
			return acks, never(err)
		}
		acks = append(acks, ack)
	}
	return acks, nil
}

// never marks the error of a message that is too long: one that waited for a server
// may find that the next one takes less, and what is behind it must not wait for ever.
func never(err error) error {
	var refused *jetstream.APIError
	if errors.Is(err, natsgo.ErrMaxPayload) || errors.As(err, &refused) && refused.ErrorCode == tooLong {
		return outbox.Never(err)
	}
	return err
}

// tooLong is the server's number for a message that is longer than the stream's
// max_msg_size.
const tooLong jetstream.ErrorCode = 10054

// read follows the stream until the node has left.
func (s *stream) read() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-s.quit
		cancel()
	}()
	for {
		err := s.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		s.echoes.Fail()
		if !s.trouble && !s.link.isDown() && !errors.Is(err, errAgain) {
			s.trouble = true
			s.host.Logger.Warn("nats: the stream cannot be read; trying again", "error", err)
		}
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
			return
		}
	}
}

// errAgain says that the stream is followed anew, since the connection is.
var errAgain = errors.New("nats: the connection is another one")

// back has the stream followed anew: whether the server still knows of the old
// connection's consumer would be found out by its silence only.
func (s *stream) back() {
	select {
	case s.again <- struct{}{}:
	default:
	}
}

// follow hands over what is in the stream and was not read, until there is trouble.
func (s *stream) follow(ctx context.Context) (err error) {
	select {
	case <-s.again: // this one is
	default:
	}
	ctx, cancelAll := context.WithCancelCause(ctx)
	defer cancelAll(nil)
	go func() {
		select {
		case <-s.again:
			cancelAll(errAgain)
		case <-ctx.Done():
		}
	}()
	defer func() {
		if cause := context.Cause(ctx); errors.Is(cause, errAgain) {
			err = cause
		}
	}()
	st, err := s.locate(ctx)
	if err != nil {
		return err
	}
	attempt, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	consumer, err := st.CreateConsumer(attempt, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq: s.next, MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(window), jetstream.PullExpiry(10*time.Second),
		jetstream.PullHeartbeat(time.Second), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer messages.Stop()
	s.trouble = false
	for expected := uint64(1); ; expected++ {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != expected {
			return errors.New("nats: messages were lost on their way from the stream") // they are read again
		}
		if meta.Sequence.Stream != s.next { // dropped before it was read
			s.begin(s.epoch, meta.Sequence.Stream)
		}
		s.next = meta.Sequence.Stream + 1
		at := backplane.Offset{Major: s.epoch, Minor: meta.Sequence.Stream}
		s.in.wait(len(msg.Data())+len(msg.Subject())+64, func() {
			s.take(msg.Subject(), msg.Headers().Get(natsgo.MsgIdHdr), msg.Data(), at)
		})
	}
}

// resets is how often in a row the stream must have less in it than was read to be
// believed: a server that has just become its leader may not know all of it yet.
const resets = 8

// locate finds the stream, or makes it anew if it is lost.
func (s *stream) locate(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	st, info, err := s.ensure(ctx)
	if err != nil {
		return nil, err
	}
	if epoch := epochOf(info); epoch != s.epoch {
		s.begin(epoch, 1)
	}
	if info.State.LastSeq+1 < s.next {
		if s.reset++; s.reset < resets {
			return nil, errors.New("nats: the stream has less in it than was read")
		}
		// Its sequences begin anew, under the old name: offsets would be confused.
		s.reset = 0
		return nil, errors.Join(errors.New("nats: the stream has lost what was in it, and is made anew"),
			s.js.DeleteStream(ctx, s.config.Stream))
	}
	s.reset = 0
	if first := info.State.FirstSeq; first > s.next {
		s.begin(s.epoch, first)
	}
	return st, nil
}

// begin goes on elsewhere than where reading ended: what is between is lost.
func (s *stream) begin(epoch, next uint64) {
	s.epoch, s.next = epoch, next
	s.in.must(func() {
		s.reached(backplane.Offset{Major: epoch, Minor: next - 1})
		s.observe(backplane.Event{Kind: backplane.Gap, Lost: -1, Err: errors.New("nats: the stream has lost messages")})
	})
}

// take hands over a message. It is called for one after another.
func (s *stream) take(subject, id string, data []byte, at backplane.Offset) {
	if s.isClosed() {
		return
	}
	m, err := s.open(subject, data)
	if err != nil {
		s.ignored(err)
		return
	}
	m.Offset = at
	if m.From == s.id {
		if number, ok := strings.CutPrefix(id, s.id+"-"); ok {
			if n, err := strconv.ParseUint(number, 10, 64); err == nil {
				s.echoes.Met(n, at)
			}
		}
	} else {
		s.message(token(m.Namespace), m, false)
	}
	s.reached(at)
}

// open returns what is stored, if it is of the namespace that its subject says.
func (s *stream) open(subject string, data []byte) (m backplane.Message, err error) {
	if data, err = s.config.opened(subject, data); err != nil {
		return m, err
	}
	if m, err = wire.Decode(data, wire.Limits{}); err != nil {
		return m, err
	}
	if subject != s.config.Prefix+"."+token(m.Namespace)+kept {
		return m, fmt.Errorf("nats: a message of the namespace %.100q came where it does not belong", m.Namespace)
	}
	return m, nil
}

func (s *stream) giveBack(m backplane.Message) {
	if !s.isClosed() {
		s.host.Receive(m)
	}
}

func (s *stream) reached(at backplane.Offset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = at
}

// head is up to where all was handed over, whatever the namespace: what was in others
// does not make a client's offset old.
func (s *stream) head() backplane.Offset {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}
