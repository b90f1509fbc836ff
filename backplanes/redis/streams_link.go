package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A link is a connection of its own to the server that has a stream. It is made at
// the first command, and again if that fails, until it is cut for good: then nothing
// waits for the server any more.
type link struct {
	client *goredis.Client
	stop   func() bool // does not wait for the context any more

	mu   sync.Mutex
	conn net.Conn
	dead bool
}

// linkTimeout is how long a server may take to answer, if it is not asked to wait.
const linkTimeout = 2 * time.Second

var errCut = errors.New("redis: the connection was closed")

// newLink makes a link as a client has them. It is cut when ctx ends.
func newLink(ctx context.Context, server *goredis.Client, timeout time.Duration) *link {
	l := new(link)
	o := *server.Options()
	dial := o.Dialer
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			err = l.made(conn)
		}
		return conn, err
	}
	o.ReadTimeout, o.WriteTimeout, o.DialTimeout = timeout, timeout, min(o.DialTimeout, connectTimeout)
	o.PoolSize, o.MaxActiveConns, o.MinIdleConns, o.MaxIdleConns = 1, 0, 0, 0
	o.MaxRetries, o.DialerRetries = -1, 1
	l.client = goredis.NewClient(&o)
	l.stop = context.AfterFunc(ctx, l.sever)
	return l
}

func (l *link) made(conn net.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		_ = conn.Close()
		return errCut
	}
	l.conn = conn
	return nil
}

// sever ends what waits for the server.
func (l *link) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

func (l *link) close() {
	l.stop()
	l.sever()
	_ = l.client.Close()
}

// ask sends a command and returns the server's answer as it came.
func (l *link) ask(ctx context.Context, args ...any) ([]byte, error) {
	return served{l.client}.ask(ctx, args...)
}

// An asker answers commands: a link, or a server by way of its client's pool.
type asker interface {
	ask(ctx context.Context, args ...any) ([]byte, error)
}

type served struct{ client *goredis.Client }

func (s served) ask(ctx context.Context, args ...any) ([]byte, error) {
	cmd := goredis.NewRawCmd(ctx, args...)
	_ = s.client.Process(ctx, cmd)
	raw, err := cmd.Result()
	if err == nil && len(raw) > 2 && raw[0] == '-' {
		err = fmt.Errorf("redis: %s: %s", args[0], raw[1:len(raw)-2])
	}
	return raw, err
}

// serverFor returns the server that has a key now.
func (b *bus) serverFor(ctx context.Context, key string) (served, error) {
	if b.cluster == nil {
		return served{b.Client.(*goredis.Client)}, nil
	}
	client, err := b.cluster.MasterForKey(ctx, key)
	return served{client}, err
}

// linkTo makes a link to it.
func (b *bus) linkTo(ctx context.Context, key string, timeout time.Duration) (*link, error) {
	s, err := b.serverFor(ctx, key)
	if err != nil {
		return nil, err
	}
	return newLink(ctx, s.client, timeout), nil
}

// moved has the places of keys looked up again, after a failure.
func (b *bus) moved(ctx context.Context) {
	if b.cluster != nil {
		b.cluster.ReloadState(ctx)
	}
}
