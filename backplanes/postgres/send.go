package postgres

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/seal"
	"github.com/kawat-go/kawat/internal/wire"
)

// An outgoing is a notification to be sent.
type outgoing struct {
	channel string
	// text is what the notification says, or, if there is a row, what it says before
	// the row's id.
	text string
	row  []byte // for the table; nil if there is none
}

func (o outgoing) size() int { return len(o.channel) + len(o.text) + len(o.row) }

// pack makes a message ready to be sent: as JSON in the notification or, if that is too
// long or has binary data, as msgpack in the table. Where others than Node's servers
// read it, the header says which namespace it is of.
func (s settings) pack(channel string, m backplane.Message) (outgoing, error) {
	if !wire.HasBinary(m) {
		text, err := wire.AppendJSON(nil, m)
		if err != nil {
			return outgoing{}, err
		}
		if o, ok := s.inNotification(channel, text, false); ok {
			return o, nil
		}
	}
	row, err := wire.AppendMsgpack(nil, m)
	if err != nil {
		return outgoing{}, err
	}
	h := header{UID: m.From, Type: m.Kind}
	if channel != s.channel(m.Namespace) {
		h.Namespace = m.Namespace
	}
	return s.inTable(channel, h, row)
}

// packMail makes what nodes of Kawat's say to each other ready to be sent.
func (s settings) packMail(channel, from string, data []byte) (outgoing, error) {
	if o, ok := s.inNotification(channel, data, true); ok {
		return o, nil
	}
	return s.inTable(channel, header{UID: from}, data)
}

// inNotification makes a notification of it, if that is not too long.
func (s settings) inNotification(channel string, data []byte, binary bool) (o outgoing, ok bool) {
	if len(data) > s.PayloadThreshold {
		return outgoing{}, false
	}
	text := string(data)
	if s.Secret != "" || binary {
		text = base64.StdEncoding.EncodeToString(s.seal(channel, data))
	}
	return outgoing{channel: channel, text: text}, len(text) <= s.PayloadThreshold
}

// inTable has it in a row of the table, and the header in the notification.
func (s settings) inTable(channel string, h header, data []byte) (outgoing, error) {
	if len(data) > s.MaxMessageBytes {
		return outgoing{}, fmt.Errorf("postgres: a message of %d bytes; Config.MaxMessageBytes is %d", len(data), s.MaxMessageBytes)
	}
	return outgoing{channel: channel, text: h.begin(), row: s.seal(channel, data)}, nil
}

func (s settings) seal(channel string, data []byte) []byte {
	if s.Secret == "" {
		return data
	}
	return seal.Seal(nil, []byte(s.Secret), channel, data)
}

// maxBatch bounds what is sent in one transaction, in bytes, but for the first message.
const maxBatch = 1 << 20

// A sender sends what the outbox gives it, in order, by a connection of its own, which
// it makes when there is something to send. Only one goroutine calls send.
type sender struct {
	settings
	patience
	connect func(ctx context.Context) (*pgx.Conn, error)
	dropped func(count int, err error)
	logger  *slog.Logger
	conn    *pgx.Conn
	used    time.Time // when conn was last of use
	unsure  uint32    // the server's process that may still do what was sent last; 0: none
	waits   bool      // messages cannot be sent, which was logged
}

// An unsent is the error of messages of which nothing has left: they can be sent later.
type unsent struct{ error }

func (e unsent) Unwrap() error { return e.error }

// send sends a batch in as many transactions as it takes, and returns how many of the
// messages are done with. It fails where nothing can be sent, which is logged once.
// Where nobody knows whether a transaction has taken place, it is not sent again.
func (s *sender) send(ctx context.Context, batch []outgoing) (done int, err error) {
	for done < len(batch) {
		texts := unique(batch[done:])
		n, err := s.sendSome(ctx, batch[done:done+len(texts)], texts)
		if done += n; err != nil {
			if !s.waits && ctx.Err() == nil {
				s.logger.Warn("postgres: nothing can be sent; messages wait until it can, MaxQueuedMessages of them", "error", err)
				s.waits = true
			}
			return done, err
		}
		s.waits = false
	}
	return done, nil
}

// sendSome sends a transaction.
func (s *sender) sendSome(ctx context.Context, some []outgoing, texts []string) (done int, err error) {
	err = s.try(ctx, some, texts)
	switch {
	case errors.As(err, new(unsent)), s.later(ctx, err, some):
		return 0, err
	case refused(err):
		return s.oneByOne(ctx, some)
	case err != nil:
		s.dropped(len(some), err)
	}
	return len(some), nil
}

// oneByOne sends messages that the server refuses together. Those that it refuses
// alone are dropped.
func (s *sender) oneByOne(ctx context.Context, batch []outgoing) (done int, err error) {
	for i, o := range batch {
		err := s.one(ctx, o)
		switch {
		case errors.As(err, new(unsent)), s.later(ctx, err, batch[i:i+1]):
			return i, err
		case refused(err):
			s.dropped(1, fmt.Errorf("postgres: the server refuses a message on the channel %q: %w", o.channel, err))
		case err != nil:
			s.dropped(1, err)
		}
	}
	return len(batch), nil
}

// one sends a message by itself. A table that is lost is made again, if it was to be
// made.
func (s *sender) one(ctx context.Context, o outgoing) error {
	err := s.try(ctx, []outgoing{o}, []string{o.text})
	if codeOf(err) != undefinedTable || !s.CreateTable {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, s.answer)
	defer cancel()
	if err := (table{settings: s.settings, patience: s.patience}).prepare(limited, s.conn); err != nil {
		return err
	}
	return s.try(ctx, []outgoing{o}, []string{o.text})
}

// try sends a transaction, by a new connection if nothing of it was sent by the old one.
// Its error is an unsent where nothing of it was sent at all.
func (s *sender) try(ctx context.Context, batch []outgoing, texts []string) error {
	ctx, cancel := context.WithTimeout(ctx, s.answer)
	defer cancel()
	for again := true; ; again = false {
		if err := s.ready(ctx); err != nil {
			return unsent{err}
		}
		err := s.transact(ctx, batch, texts)
		s.used = time.Now()
		if err == nil || refused(err) {
			return err
		}
		hangUp(s.conn.PgConn())
		switch {
		case !pgconn.SafeToRetry(err):
			s.unsure = s.conn.PgConn().PID()
			return err
		case !again:
			return unsent{err}
		}
	}
}

// ready makes sure that there is a connection. One that was not of use for a moment may
// have ended, which a write does not notice.
func (s *sender) ready(ctx context.Context) error {
	const fresh = 50 * time.Millisecond
	if s.conn != nil && time.Since(s.used) > fresh && !s.conn.IsClosed() && s.conn.Ping(ctx) != nil {
		hangUp(s.conn.PgConn())
	}
	if s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience.connect)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if err := s.awaitEnd(ctx, conn); err != nil {
		hangUp(conn.PgConn())
		return err
	}
	s.conn = conn
	return nil
}

// How long what was sent by a connection that was cut may take to come before what is
// sent by the next one, and how often the server is asked about it.
const (
	endPatience = time.Second
	endAsked    = 10 * time.Millisecond
)

// awaitEnd waits until the server's process has ended that may still do what was sent
// last: it does not notice before that its connection is cut. Where ctx ends first,
// that was long enough.
func (s *sender) awaitEnd(ctx context.Context, conn *pgx.Conn) error {
	for end := time.Now().Add(endPatience); s.unsure != 0 && time.Now().Before(end); {
		there := false
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", int64(s.unsure)).Scan(&there)
		if ctx.Err() != nil || err == nil && !there {
			s.unsure = 0
		}
		if err != nil {
			return err
		}
		time.Sleep(endAsked)
	}
	s.unsure = 0
	return nil
}

func (s *sender) close() {
	if s.conn != nil {
		hangUp(s.conn.PgConn())
	}
}

// unique returns what the notifications of the first messages say, of as many as go
// into one transaction. The server delivers only one of those that are equal in it, so
// they are told apart by white space at the end, which is a number in binary.
func unique(batch []outgoing) (texts []string) {
	size := 0
	seen := make(map[[2]string]int, len(batch))
	for i, o := range batch {
		if size += o.size(); i > 0 && size > maxBatch {
			break
		}
		text := o.text
		if o.row == nil { // those with a row have its id
			key := [2]string{o.channel, o.text}
			for n := seen[key]; n > 0; n /= 2 {
				text += " \t"[n%2 : n%2+1]
			}
			seen[key]++
			if i > 0 && len(text) > maxNotification {
				break
			}
		}
		texts = append(texts, text)
	}
	return texts
}

// transact sends messages in one transaction, in one round trip. Nothing of it has to
// survive a crash of the server, so it does not wait for the disk.
func (s *sender) transact(ctx context.Context, batch []outgoing, texts []string) error {
	var b pgx.Batch
	b.Queue("SELECT set_config('synchronous_commit', 'off', true)")
	for i := 0; i < len(batch); {
		if o := batch[i]; o.row != nil {
			b.Queue(`WITH a AS (INSERT INTO `+s.TableName+` (payload) VALUES ($1) RETURNING id) `+
				`SELECT pg_notify($2, $3::text || id::text || $4::text) FROM a`, o.row, o.channel, o.text, headerEnd)
			i++
			continue
		}
		var channels, payloads []string
		for ; i < len(batch) && batch[i].row == nil; i++ {
			channels, payloads = append(channels, batch[i].channel), append(payloads, texts[i])
		}
		b.Queue("SELECT pg_notify(c, p) FROM unnest($1::text[], $2::text[]) AS m(c, p)", channels, payloads)
	}
	return s.conn.SendBatch(ctx, &b).Close()
}
