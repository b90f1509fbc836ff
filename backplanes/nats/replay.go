package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kawat-go/kawat/core/backplane"
)

// What is asked of the stream. Direct requests are answered by any server that has a
// copy, many messages at a time; the others by the leader.
const (
	getMessage = "$JS.API.STREAM.MSG.GET."
	getDirect  = "$JS.API.DIRECT.GET."
	pageSize   = 256
	pageBytes  = 16 << 20
)

// log returns the messages of a namespace behind an offset, if all of them are there.
func (s *stream) log(ctx context.Context, namespace string, after backplane.Offset) (log []backplane.Message, err error) {
	subject := s.config.Prefix + "." + token(namespace) + kept
	last, err := s.last(ctx, subject)
	if err != nil {
		return nil, err
	}
	if err := s.holds(ctx, after); err != nil {
		return nil, err
	}
	for next := after.Minor + 1; next <= last; {
		// A copy that is behind may answer, and not have the last ones yet.
		page, err := s.page(ctx, subject, next)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			if err := s.holds(ctx, after); err != nil {
				return nil, err
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		for _, msg := range page {
			seq := sequence(msg)
			if seq < next {
				return nil, fmt.Errorf("nats: message %d of the stream came instead of %d", seq, next)
			}
			next = seq + 1
			m, err := s.open(subject, msg.Data)
			if err != nil {
				continue // nobody was given it
			}
			m.Offset = backplane.Offset{Major: after.Major, Minor: seq}
			log = append(log, m)
		}
	}
	return log, s.holds(ctx, after)
}

// holds returns ErrNoSession if the stream is another one than that of the offset, or
// some of what is behind it is kept no more.
func (s *stream) holds(ctx context.Context, after backplane.Offset) error {
	st, err := s.js.Stream(ctx, s.config.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return backplane.ErrNoSession
	}
	if err != nil {
		return fmt.Errorf("nats: the stream cannot be read: %w", err)
	}
	info := st.CachedInfo()
	if epochOf(info) != after.Major || after.Minor+1 < info.State.FirstSeq || after.Minor > info.State.LastSeq {
		return backplane.ErrNoSession
	}
	return nil
}

// last returns the sequence of the last message of a subject, or 0.
func (s *stream) last(ctx context.Context, subject string) (seq uint64, err error) {
	request, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return 0, err
	}
	msg, err := s.link.nc.RequestWithContext(ctx, getMessage+s.config.Stream, request)
	if err != nil {
		return 0, fmt.Errorf("nats: the stream cannot be read: %w", err)
	}
	var answer struct {
		Message struct{ Seq uint64 }
		Error   *jetstream.APIError
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return 0, fmt.Errorf("nats: the answer of the stream: %w", err)
	}
	if refused := answer.Error; refused != nil && refused.Code != 404 {
		return 0, fmt.Errorf("nats: the stream cannot be read: %w", refused)
	}
	return answer.Message.Seq, nil
}

// page returns messages of a subject, from a sequence on. There are none if the copy
// that answers does not have them yet.
func (s *stream) page(ctx context.Context, subject string, from uint64) (page []*natsgo.Msg, err error) {
	request, err := json.Marshal(map[string]any{
		"seq": from, "next_by_subj": subject, "batch": pageSize, "max_bytes": pageBytes,
	})
	if err != nil {
		return nil, err
	}
	inbox := s.link.nc.NewRespInbox()
	answers, err := s.link.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := s.link.nc.PublishRequest(getDirect+s.config.Stream, inbox, request); err != nil {
		return nil, fmt.Errorf("nats: the stream cannot be read: %w", err)
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("nats: the stream cannot be read: %w", err)
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			page = append(page, msg)
		case "204", "404": // the end, or nothing
			return page, nil
		default:
			return nil, fmt.Errorf("nats: the stream cannot be read: status %s %s", status, msg.Header.Get("Description"))
		}
	}
}

func sequence(msg *natsgo.Msg) (n uint64) {
	n, _ = strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64)
	return n
}
