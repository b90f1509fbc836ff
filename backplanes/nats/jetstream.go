package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/echo"
)

// A JetStreamConfig says which server is meant, and what it keeps. It needs
// nats-server 2.11 or later, with JetStream.
type JetStreamConfig struct {
	Config

	// Stream is the name of the stream. That of the sessions has "_sessions" behind it.
	// Default: Prefix, with "_" for what cannot be in such a name.
	Stream string
	// Replicas is on how many servers the streams are. Default: 3 if the server is part
	// of a cluster, else 1.
	Replicas int
	// InMemory keeps the streams in memory. They are lost when the servers that have
	// them are restarted together; one that is alone must not be in a cluster then.
	// Default: in files.
	InMemory bool
	// MaxAge is how long broadcasts are kept, which is to be longer than sessions are.
	// Default 10 minutes.
	MaxAge time.Duration
	// MaxBytes bounds what the stream keeps; beyond that, the oldest broadcasts are
	// dropped, and clients that miss them do not recover. Default 128 MiB.
	MaxBytes int64
	// MaxMessages bounds how many messages the stream keeps. Default: MaxBytes alone does.
	MaxMessages int64
	// EchoPatience is how long a message to the clients of this server waits for its
	// place among the others' in the stream. One that waits for longer is sent without,
	// and so are those behind it, until the stream keeps up again: a client that is cut
	// just then may get it again when it goes on. Default 100 ms.
	EchoPatience time.Duration
}

// These settings count when a stream is made. One that is there stays as it is.
const (
	duplicates     = 2 * time.Minute // how long the server knows what it has stored already
	maxSession     = time.Hour       // beyond which one is dropped whatever it asked for
	requestTimeout = 5 * time.Second
	joinTimeout    = 30 * time.Second
)

// JetStream makes a backplane that keeps broadcasts and sessions for a while, in
// streams of NATS. A node has two connections then: it writes to the stream by the
// second one.
func JetStream(c JetStreamConfig) backplane.Backplane {
	c.Config = c.withDefaults()
	if c.Stream == "" {
		c.Stream = strings.Map(func(r rune) rune {
			if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", r) {
				return r
			}
			return '_'
		}, c.Prefix)
	}
	if c.MaxAge <= 0 {
		c.MaxAge = 10 * time.Minute
	}
	if c.MaxMessages <= 0 {
		c.MaxMessages = -1
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 128 << 20
	}
	return durablePlane{c}
}

type durablePlane struct{ config JetStreamConfig }

// A durable is a node whose broadcasts are kept.
type durable struct{ *node }

// Join implements [backplane.Backplane]. Where several servers begin together, it
// waits until there are enough of them.
func (p durablePlane) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, joinTimeout)
		defer cancel()
	}
	n, err := newNode(p.config.Config, host)
	if err != nil {
		return nil, err
	}
	s := &stream{node: n, config: p.config, again: make(chan struct{}, 1)}
	s.echoes = echo.New(echo.Config{Give: s.giveBack, Patience: p.config.EchoPatience})
	n.stream = s
	if err := n.link.connect(ctx, p.config.Config); err != nil {
		return nil, err
	}
	if err := s.find(ctx); err != nil {
		_ = n.Close()
		return nil, err
	}
	n.out = n.outbox(true)
	if err := n.begin(); err != nil {
		_ = n.Close()
		return nil, err
	}
	n.ended.Go(s.read)
	return durable{n}, nil
}

// Head implements [backplane.Durable].
func (d durable) Head(namespace string) backplane.Offset {
	d.mu.Lock()
	open := d.spaces[token(namespace)] != nil
	d.mu.Unlock()
	if !open {
		return backplane.Offset{}
	}
	return d.stream.head()
}

// Publish implements [backplane.Node].
func (d durable) Publish(m backplane.Message) error {
	if !lasting(m) {
		return d.node.Publish(m)
	}
	if d.isClosed() {
		return backplane.ErrClosed
	}
	return d.stream.push(m)
}

// lasting reports whether a message is kept. What is to be given back in its place
// needs one.
func lasting(m backplane.Message) bool {
	switch m.Kind {
	case backplane.Broadcast:
		return m.Echo || m.Request == "" && !m.Options.Flags.Volatile
	case backplane.SocketsJoin, backplane.SocketsLeave, backplane.DisconnectSockets:
		return true
	}
	return m.Echo
}

// find waits until the streams are there, and begins to read behind what they have.
func (s *stream) find(ctx context.Context) error {
	var err error
	if s.js, err = jetstream.New(s.link.nc, jetstream.WithDefaultTimeout(requestTimeout)); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	if err = s.link.connectWriter(ctx, s.node.config); err != nil {
		return err
	}
	if s.writer, err = jetstream.New(s.link.writer); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		attempt, cancel := context.WithTimeout(ctx, requestTimeout)
		var info *jetstream.StreamInfo
		_, info, err = s.ensure(attempt)
		cancel()
		if err == nil {
			s.epoch, s.next = epochOf(info), info.State.LastSeq+1
			s.reached(backplane.Offset{Major: s.epoch, Minor: info.State.LastSeq})
			return nil
		}
		if s.disabled(err) {
			return fmt.Errorf("nats: the server has no JetStream: start it with -js, or give an embedded one a Dir: %w", err)
		}
		if hopeless(err) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("nats: JetStream is not ready; of the servers of a cluster more than half must run, "+
				"and as many as Config.Replicas: %w", err)
		}
	}
}

// errForeign is the error of a stream that somebody else has made.
var errForeign = errors.New("nats: the stream is there, but not for these subjects: set Config.Stream or Config.Prefix")

// disabled reports whether there is no JetStream. In a cluster it may have no leader yet.
func (s *stream) disabled(err error) bool {
	return (errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, natsgo.ErrNoResponders)) &&
		s.link.nc.ConnectedClusterName() == ""
}

// hopeless reports whether it is of no use to try again.
func hopeless(err error) bool {
	var refused *jetstream.APIError
	if errors.Is(err, errForeign) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return true
	}
	if !errors.As(err, &refused) {
		return false
	}
	return refused.Code == 400 || refused.ErrorCode == noStorage || refused.ErrorCode == noMemory
}

// The server's numbers for what it has no room for; the errors say so.
const (
	noStorage jetstream.ErrorCode = 10047
	noMemory  jetstream.ErrorCode = 10028
)

// ensure makes the streams that are missing.
func (s *stream) ensure(ctx context.Context) (jetstream.Stream, *jetstream.StreamInfo, error) {
	stored := jetstream.FileStorage
	if s.config.InMemory {
		stored = jetstream.MemoryStorage
	}
	replicas := s.config.Replicas
	if replicas <= 0 {
		replicas = 1
		if s.link.nc.ConnectedClusterName() != "" {
			replicas = 3
		}
	}
	_, err := s.one(ctx, jetstream.StreamConfig{
		Name: s.config.Stream + "_sessions", Subjects: []string{s.config.Prefix + sessionsOf + "*"},
		Storage: stored, Replicas: replicas, MaxAge: maxSession, AllowMsgTTL: true,
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardOld, MaxBytes: s.config.MaxBytes, Duplicates: duplicates,
	})
	if err != nil {
		return nil, nil, err
	}
	st, err := s.one(ctx, jetstream.StreamConfig{
		Name: s.config.Stream, Subjects: []string{s.config.Prefix + ".*" + kept},
		Storage: stored, Replicas: replicas, MaxAge: s.config.MaxAge, MaxBytes: s.config.MaxBytes, MaxMsgs: s.config.MaxMessages,
		Discard: jetstream.DiscardOld, AllowDirect: true, Duplicates: min(duplicates, s.config.MaxAge),
	})
	if err != nil {
		return nil, nil, err
	}
	return st, st.CachedInfo(), nil
}

func (s *stream) one(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	st, err := s.js.Stream(ctx, c.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if st, err = s.js.CreateStream(ctx, c); errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			st, err = s.js.Stream(ctx, c.Name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("nats: stream %s: %w", c.Name, err)
	}
	if subjects := st.CachedInfo().Config.Subjects; len(subjects) != 1 || subjects[0] != c.Subjects[0] {
		return nil, fmt.Errorf("%w (%s has %q)", errForeign, c.Name, subjects)
	}
	return st, nil
}

func epochOf(info *jetstream.StreamInfo) uint64 { return uint64(info.Created.UnixMilli()) }

// header is what a stored message has beside its content.
func header(id string) natsgo.Header { return natsgo.Header{natsgo.MsgIdHdr: []string{id}} }
