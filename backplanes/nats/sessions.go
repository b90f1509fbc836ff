package nats

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kawat-go/kawat/core/backplane"
)

// A session as it is stored.
type session struct {
	V           int              `json:"v"`
	Until       int64            `json:"until"` // milliseconds since 1970
	Namespace   string           `json:"nsp"`
	ID          string           `json:"sid"`
	PID         string           `json:"pid"`
	Rooms       []string         `json:"rooms"`
	Data        json.RawMessage  `json:"data,omitempty"`
	Attachments [][]byte         `json:"attachments,omitempty"`
	Kawat       *backplane.Marks `json:"kawat,omitempty"`
}

const sessionVersion = 1

// sessionSubject does not tell the key to a session.
func (s *stream) sessionSubject(namespace, pid string) string {
	sum := sha256.Sum256([]byte(namespace + "\x00" + pid))
	return s.config.Prefix + sessionsOf + base64.RawURLEncoding.EncodeToString(sum[:])
}

// SaveSession implements [backplane.Durable].
func (d durable) SaveSession(ctx context.Context, saved backplane.Session, lasts time.Duration) error {
	s := d.stream
	if s.isClosed() {
		return backplane.ErrClosed
	}
	data, err := json.Marshal(session{
		sessionVersion, time.Now().Add(lasts).UnixMilli(), saved.Namespace, saved.ID, saved.PID,
		saved.Rooms, saved.Data.JSON, saved.Data.Attachments, saved.Marks,
	})
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	subject := s.sessionSubject(saved.Namespace, saved.PID)
	data = s.sealed(subject, data)
	if err := s.link.fits(len(data) + 128); err != nil {
		return err
	}
	lasts = min(max(lasts, time.Second), maxSession)
	_, err = s.js.PublishMsg(ctx, &natsgo.Msg{Subject: subject, Data: data}, jetstream.WithMsgTTL(lasts.Truncate(time.Second)+time.Second))
	if err != nil {
		return fmt.Errorf("nats: the session could not be saved: %w", err)
	}
	return nil
}

// RestoreSession implements [backplane.Durable].
func (d durable) RestoreSession(ctx context.Context, namespace, pid string, seen backplane.Offset) (backplane.Session, []backplane.Message, error) {
	s := d.stream
	if s.isClosed() {
		return backplane.Session{}, nil, backplane.ErrClosed
	}
	saved, err := s.takeSession(ctx, namespace, pid)
	if err != nil {
		return backplane.Session{}, nil, err
	}
	after, ok := saved.After(seen)
	if !ok {
		return backplane.Session{}, nil, backplane.ErrNoSession
	}
	log, err := s.log(ctx, namespace, after)
	if err != nil {
		return backplane.Session{}, nil, err
	}
	return saved.Replay(log)
}

// takeSession takes a session out. Of several that try it at a time one is told that
// it was there to be deleted.
func (s *stream) takeSession(ctx context.Context, namespace, pid string) (saved backplane.Session, err error) {
	st, err := s.js.Stream(ctx, s.config.Stream+"_sessions")
	if err != nil {
		return saved, fmt.Errorf("nats: the session could not be read: %w", err)
	}
	subject := s.sessionSubject(namespace, pid)
	msg, err := st.GetLastMsgForSubject(ctx, subject)
	if err == nil {
		err = st.DeleteMsg(ctx, msg.Sequence)
	}
	switch {
	case missing(err):
		return saved, backplane.ErrNoSession
	case err != nil:
		return saved, fmt.Errorf("nats: the session could not be taken out: %w", err)
	}
	data, err := s.config.opened(subject, msg.Data)
	if err != nil {
		return saved, errors.Join(backplane.ErrNoSession, err)
	}
	var stored session
	if err := json.Unmarshal(data, &stored); err != nil {
		return saved, errors.Join(backplane.ErrNoSession, err)
	}
	if stored.V != sessionVersion || stored.Namespace != namespace || stored.PID != pid || time.Now().UnixMilli() >= stored.Until {
		return saved, backplane.ErrNoSession
	}
	return backplane.Session{
		Namespace: namespace, ID: stored.ID, PID: pid, Rooms: stored.Rooms, Marks: stored.Kawat,
		Data: backplane.Data{JSON: stored.Data, Attachments: stored.Attachments},
	}, nil
}

// missing reports whether there is no such message, or it could not be deleted:
// whatever the reason, this node must not be given it then.
func missing(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) ||
		errors.As(err, &refused) && refused.Code == 404
}
