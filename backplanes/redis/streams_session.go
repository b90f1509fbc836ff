package redis

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/seal"
	"github.com/kawat-go/kawat/internal/wire"
)

// The keys of a session. Those of Node's adapter are the first four; it pays no heed
// to the others.
const (
	keySID   = "sid"
	keyPID   = "pid"
	keyRooms = "rooms"
	keyData  = "data"
	keySpace = "nsp"
	keyMarks = "kawat"
)

// Head implements [backplane.Durable]. What is in the stream for other namespaces
// counts: so an offset is kept for as long as can be, however little happens in its
// namespace.
func (n *streamsNode) Head(namespace string) backplane.Offset {
	if !n.isOpen(namespace) {
		return backplane.Offset{}
	}
	name, _ := n.cfg.streamOf(namespace)
	s := n.stream(name)
	if s == nil {
		return backplane.Offset{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

// SaveSession implements [backplane.Durable].
func (n *streamsNode) SaveSession(ctx context.Context, s backplane.Session, lasts time.Duration) error {
	value, err := n.entries.encodeSession(n.cfg.SessionKeyPrefix, s)
	if err != nil {
		return err
	}
	if n.closed.Load() {
		return backplane.ErrClosed
	}
	err = within(ctx, func() error {
		return n.cfg.Client.Set(ctx, n.cfg.SessionKeyPrefix+s.PID, value, max(lasts, time.Millisecond)).Err()
	})
	if err != nil {
		return fmt.Errorf("redis: a session could not be saved: %w", err)
	}
	return nil
}

func (f entryFormat) encodeSession(prefix string, s backplane.Session) (string, error) {
	members := 5
	if s.Marks != nil {
		members++
	}
	if s.Data.JSON == nil {
		s.Data.JSON = []byte("{}")
	}
	w := wire.NewWriter(nil, true)
	w.Object(members)
	w.Key(keySID)
	w.String(s.ID)
	w.Key(keyPID)
	w.String(s.PID)
	w.Key(keyRooms)
	w.Names(s.Rooms)
	w.Key(keyData)
	w.Value(s.Data)
	w.Key(keySpace)
	w.String(s.Namespace)
	if s.Marks != nil {
		marks, err := s.Marks.MarshalText()
		if err != nil {
			return "", err
		}
		w.Key(keyMarks)
		w.String(string(marks))
	}
	w.EndObject()
	text, err := w.Bytes()
	if err != nil {
		return "", err
	}
	if len(f.secret) > 0 {
		text = seal.Seal(nil, f.secret, prefix+s.PID, text)
	}
	return base64.StdEncoding.EncodeToString(text), nil
}

func (f entryFormat) decodeSession(prefix, pid, namespace, value string) (s backplane.Session, err error) {
	text, err := base64.StdEncoding.DecodeString(value)
	if err == nil {
		text, err = seal.Open(f.secret, prefix+pid, text)
	}
	if err != nil {
		return s, err
	}
	s.Namespace = namespace // a session of Node's does not have it
	r := wire.NewReader(text, f.limits)
	for members := r.Object(); r.Next(&members); {
		switch string(r.Key()) {
		case keySID:
			s.ID = r.String()
		case keyPID:
			s.PID = r.String()
		case keyRooms:
			s.Rooms = r.Names()
		case keyData:
			s.Data = r.Value()
		case keySpace:
			s.Namespace = r.String()
		case keyMarks:
			s.Marks = new(backplane.Marks)
			err = s.Marks.UnmarshalText([]byte(r.String()))
		default:
			r.Skip()
		}
	}
	return s, errors.Join(r.End(), err)
}

// RestoreSession implements [backplane.Durable].
func (n *streamsNode) RestoreSession(ctx context.Context, namespace, pid string, seen backplane.Offset) (s backplane.Session, missed []backplane.Message, err error) {
	name, _ := n.cfg.streamOf(namespace)
	st := n.stream(name)
	if st == nil {
		return s, nil, backplane.ErrClosed
	}
	type restored struct {
		session backplane.Session
		missed  []backplane.Message
	}
	done := make(chan restored, 1)
	err = within(ctx, func() error {
		session, missed, err := n.restore(ctx, st, namespace, pid, seen)
		done <- restored{session, missed}
		return err
	})
	if err != nil {
		return backplane.Session{}, nil, err
	}
	r := <-done
	return r.session, r.missed, nil
}

func (n *streamsNode) restore(ctx context.Context, st *stream, namespace, pid string, seen backplane.Offset) (s backplane.Session, missed []backplane.Message, err error) {
	value, err := n.takeOut(ctx, n.cfg.SessionKeyPrefix+pid)
	if err != nil {
		return s, nil, err
	}
	s, err = n.entries.decodeSession(n.cfg.SessionKeyPrefix, pid, namespace, value)
	if err != nil {
		n.ignored(fmt.Errorf("redis: a session that was saved cannot be read: %w", err))
		return s, nil, backplane.ErrNoSession
	}
	after, ok := s.After(seen)
	if s.Namespace != namespace || s.PID != pid || !ok {
		return s, nil, backplane.ErrNoSession
	}
	log, err := n.since(ctx, st, namespace, after)
	if err != nil {
		return s, nil, err
	}
	return s.Replay(log)
}

// takeOut returns what is under a key, and deletes it.
func (n *streamsNode) takeOut(ctx context.Context, key string) (string, error) {
	p := n.cfg.Client.TxPipeline()
	value := p.Get(ctx, key)
	p.Del(ctx, key)
	_, _ = p.Exec(ctx)
	text, err := value.Result()
	if errors.Is(err, goredis.Nil) {
		return "", backplane.ErrNoSession
	}
	return text, err
}

// since returns what a stream has for a namespace behind an entry.
func (n *streamsNode) since(ctx context.Context, st *stream, namespace string, after backplane.Offset) (log []backplane.Message, err error) {
	server, err := n.bus.serverFor(ctx, st.name)
	if err != nil {
		return nil, err
	}
	is, err := kept(ctx, server, st.name, after)
	if err != nil {
		return nil, err
	}
	if !is {
		return nil, backplane.ErrNoSession
	}
	senders := make(senders)
	for from, read := next(after), 0; ; {
		entries, err := page(ctx, server, st.name, from)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			e := &entries[i]
			from = next(e.id)
			m, ok, lost := st.replayed(e, namespace, senders)
			if lost {
				return nil, backplane.ErrNoSession
			}
			if ok {
				log = append(log, m)
			}
		}
		// It is trimmed now and then only, so it can be somewhat longer.
		if read += len(entries); read > 2*st.node.cfg.MaxLen+2*pageSize {
			return nil, backplane.ErrNoSession
		}
		if len(entries) < pageSize {
			return log, nil
		}
	}
}

// replayed reads an entry for a session that is restored. It reports whether entries
// of its sender are lost.
func (s *stream) replayed(e *entry, namespace string, senders senders) (m backplane.Message, ok, lost bool) {
	if who, number, numbered := numbering(e); numbered {
		repeated, lost := senders.met(who, number, e.id)
		if repeated || lost {
			return m, false, lost
		}
	}
	if string(e.namespace) != namespace {
		return m, false, false
	}
	m, err := s.node.entries.decode(s.name, e)
	m.From = string(e.from)
	return m, err == nil, false
}
