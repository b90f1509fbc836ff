package postgres

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kawat-go/kawat/core/backplane"
)

// patience is how long is waited for what.
type patience struct {
	connect time.Duration // a connection
	answer  time.Duration // a statement's answer
	quiet   time.Duration // a notification, before the server is asked whether it is there
	again   time.Duration // at most, between two attempts to connect
}

var standardPatience = patience{
	connect: 2500 * time.Millisecond, answer: 5 * time.Second, quiet: 2 * time.Second, again: time.Second,
}

// A listener holds the connection that listens, and makes it anew when it is lost. One
// goroutine, run, uses the connection.
type listener struct {
	patience
	connect func(ctx context.Context) (*pgconn.PgConn, error)
	// listening is told which channels are heard from now on.
	listening func(channels []string)
	observe   func(e backplane.Event)
	logger    *slog.Logger
	heard     chan struct{} // closed when the channels are heard for the first time
	done      chan struct{} // closed when run has returned

	mu     sync.Mutex
	want   map[string]int // channels, each with the number of the call that asked for it
	calls  int
	change bool               // want is not what the server was told
	wake   context.CancelFunc // ends a wait for notifications
}

// set says whether a channel is to be heard, soon.
func (l *listener) set(channel string, hear bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hear {
		l.calls++
		l.want[channel] = l.calls
	} else {
		delete(l.want, channel)
	}
	l.change = true
	if l.wake != nil {
		l.wake()
	}
}

// run listens until ctx ends, at first by a connection that is there.
func (l *listener) run(ctx context.Context, conn *pgconn.PgConn) {
	defer close(l.done)
	var cut time.Time // when the link was lost; zero as long as it is there
	first := sync.OnceFunc(func() { close(l.heard) })
	up := func() {
		first()
		if !cut.IsZero() {
			down := time.Since(cut)
			cut = time.Time{}
			l.observe(backplane.Event{Kind: backplane.Up, For: down})
			l.observe(backplane.Event{Kind: backplane.Gap, Lost: -1, For: down})
		}
	}
	for wait := time.Duration(0); ; {
		err := l.serve(ctx, conn, up)
		hangUp(conn)
		if ctx.Err() != nil {
			return
		}
		if cut.IsZero() {
			cut, wait = time.Now(), 0
			l.observe(backplane.Event{Kind: backplane.Down, Err: err})
		}
		if conn, wait = l.reconnect(ctx, wait); conn == nil {
			return
		}
	}
}

// reconnect connects until that succeeds, or returns nil when ctx ends. Attempts are
// further and further apart: wait is what was waited for before the last one.
func (l *listener) reconnect(ctx context.Context, wait time.Duration) (*pgconn.PgConn, time.Duration) {
	for {
		wait = min(max(2*wait, l.again/16), l.again)
		select {
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		case <-ctx.Done():
			return nil, 0
		}
		conn, err := l.dial(ctx)
		if err == nil {
			return conn, wait
		}
		l.logger.Debug("postgres: cannot connect", "error", err)
	}
}

func (l *listener) dial(ctx context.Context) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.patience.connect)
	defer cancel()
	return l.connect(ctx)
}

// serve uses a connection until it fails, or ctx ends. It calls up as soon as all
// channels are heard.
func (l *listener) serve(ctx context.Context, conn *pgconn.PgConn, up func()) error {
	told := make(map[string]int)
	for {
		if err := l.tell(ctx, conn, told, up); err != nil {
			return err
		}
		if err := l.wait(ctx, conn); err != nil {
			return err
		}
	}
}

// wait takes notifications until there is something else to do.
func (l *listener) wait(ctx context.Context, conn *pgconn.PgConn) error {
	quiet, cancel := context.WithTimeout(ctx, l.quiet)
	defer cancel()
	l.mu.Lock()
	l.wake = cancel
	changed := l.change
	l.mu.Unlock()
	if changed {
		return nil
	}
	came := false // then the server is there
	for {
		err := conn.WaitForNotification(quiet)
		switch {
		case err == nil:
			came = true
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case quiet.Err() == nil || conn.IsClosed():
			return err
		case came || errors.Is(context.Cause(quiet), context.Canceled):
			return nil
		}
		return l.ask(ctx, conn, "-- are you there?")
	}
}

// ask has the server execute statements.
func (l *listener) ask(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, l.answer)
	defer cancel()
	return conn.Exec(ctx, sql).Close()
}

// tell tells the server what has changed. A channel whose name it refuses is logged and
// not tried again. Then it calls up.
func (l *listener) tell(ctx context.Context, conn *pgconn.PgConn, told map[string]int, up func()) error {
	l.mu.Lock()
	var fresh, stale []string
	for channel, call := range l.want {
		if told[channel] != call {
			fresh = append(fresh, channel)
			told[channel] = call
		}
	}
	for channel := range told {
		if _, ok := l.want[channel]; !ok {
			stale = append(stale, channel)
			delete(told, channel)
		}
	}
	l.change = false
	l.mu.Unlock()

	if _, err := l.tellAll(ctx, conn, "UNLISTEN ", stale); err != nil {
		return err
	}
	heard, err := l.tellAll(ctx, conn, "LISTEN ", fresh)
	if err != nil {
		return err
	}
	up()
	if len(heard) > 0 {
		l.listening(heard)
	}
	return nil
}

// tellAll executes a statement for each channel, and returns those for which it has
// succeeded: many in one round trip or, if the server refuses one, one by one. It fails
// where the server takes none, such as a standby, which would be silent for ever.
func (l *listener) tellAll(ctx context.Context, conn *pgconn.PgConn, verb string, channels []string) (done []string, err error) {
	const many = 200
	for len(channels) > 0 {
		some := channels[:min(many, len(channels))]
		channels = channels[len(some):]
		var sql strings.Builder
		for _, channel := range some {
			sql.WriteString(verb + quote(channel) + ";")
		}
		err := l.ask(ctx, conn, sql.String())
		if err == nil {
			done = append(done, some...)
			continue
		}
		for _, channel := range some {
			if conn.IsClosed() {
				return done, err
			}
			switch err = l.ask(ctx, conn, verb+quote(channel)); {
			case err == nil:
				done = append(done, channel)
			case conn.IsClosed() || !ofChannel(err):
				return done, err
			default:
				l.logger.Error("postgres: the server refuses a channel, so its namespace hears no other node",
					"channel", channel, "error", err)
			}
		}
	}
	return done, nil
}

// hangUp closes a connection, without waiting for a server that is silent.
func hangUp(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx)
}
