package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

// A link is a connection, and what is told of it.
type link struct {
	nc      *natsgo.Conn
	writer  *natsgo.Conn // of what is kept; nil where nothing is
	largest atomic.Int64 // payload; asking the connection could wait for a write
	arrived chan *natsgo.Msg

	mu     sync.Mutex
	closed bool
	since  time.Time // when it was cut; zero while it is not

	down, lost func(err error)
	up         func(after time.Duration)
}

// connect makes the connection by which everything is heard, and most is said.
func (l *link) connect(ctx context.Context, c Config) (err error) {
	l.nc, err = l.dial(ctx, c,
		natsgo.DisconnectErrHandler(func(_ *natsgo.Conn, err error) { l.cut(err) }),
		natsgo.ReconnectHandler(func(nc *natsgo.Conn) { l.back(nc) }),
	)
	if err == nil {
		l.largest.Store(l.nc.MaxPayload())
	}
	return err
}

// connectWriter makes a connection in which nothing waits while it is cut: what was
// published before, and lost, would be published again behind that.
func (l *link) connectWriter(ctx context.Context, c Config) (err error) {
	l.writer, err = l.dial(ctx, c, natsgo.ReconnectBufSize(-1))
	return err
}

// dial returns when there is a connection, or will be none. The options come after
// those of Config.
func (l *link) dial(ctx context.Context, c Config, more ...natsgo.Option) (*natsgo.Conn, error) {
	o := append(c.options(), natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { l.trouble(err) }))
	o = append(o, more...)
	type result struct {
		nc  *natsgo.Conn
		err error
	}
	made := make(chan result, 1)
	go func() {
		nc, err := natsgo.Connect(c.URL, o...)
		made <- result{nc, err}
	}()
	select {
	case r := <-made:
		if r.err != nil {
			return nil, c.unreachable(r.err)
		}
		return r.nc, nil
	case <-ctx.Done():
		go func() { // the dial has a time limit of its own
			if r := <-made; r.nc != nil {
				r.nc.Close()
			}
		}()
		return nil, c.unreachable(ctx.Err())
	}
}

func (l *link) cut(err error) {
	l.mu.Lock()
	first := !l.closed && l.since.IsZero()
	if first {
		l.since = time.Now()
	}
	l.mu.Unlock()
	if first {
		l.down(err)
	}
}

func (l *link) back(nc *natsgo.Conn) {
	l.largest.Store(nc.MaxPayload())
	l.mu.Lock()
	since := l.since
	l.since = time.Time{}
	closed := l.closed
	l.mu.Unlock()
	if !closed && !since.IsZero() {
		l.up(time.Since(since))
	}
}

// trouble is what the connection goes on after. Of a message that found no room
// nobody knows anything more; what permissions forbid will stay so.
func (l *link) trouble(err error) {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if !closed && (errors.Is(err, natsgo.ErrSlowConsumer) || errors.Is(err, natsgo.ErrPermissionViolation)) {
		l.lost(err)
	}
}

// isDown reports whether the connection is known to be cut.
func (l *link) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.since.IsZero()
}

// fits is the error of a message that the server would not take.
func (l *link) fits(size int) error {
	if most := l.largest.Load(); int64(size) > most {
		return fmt.Errorf("nats: a message of %d bytes is more than the server takes, which is %d: "+
			"send less at a time, or raise max_payload of the server (of an embedded one, Config.MaxPayload)", size, most)
	}
	return nil
}

// close ends the connection after what it was given has been written, for as long as
// ctx lasts.
func (l *link) close(ctx context.Context) {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	if l.writer != nil {
		l.writer.Close()
	}
	if l.nc.IsConnected() {
		_ = l.nc.FlushWithContext(ctx)
	}
	l.nc.Close()
}
