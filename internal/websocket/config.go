package websocket

import (
	"math"
	"time"

	"github.com/kawat-go/kawat/internal/epoll"
)

// Config says how a [Conn] behaves. The zero value is a server's with the
// default limits; every field that is 0 takes its default.
type Config struct {
	// Client makes the connection the client's end: it masks what it sends and
	// refuses masked frames.
	Client bool

	// Deflate says that the handshake agreed on permessage-deflate with
	// server_no_context_takeover and client_no_context_takeover.
	Deflate bool

	// DeflateThreshold is the size in bytes from which a message is sent
	// compressed, if Deflate is set. Default 1024.
	DeflateThreshold int

	// MaxPayload bounds an incoming message, in bytes, all its fragments
	// together, before and after inflation. A longer one ends the connection
	// with close code 1009. Default 1,000,000.
	MaxPayload int64

	// MaxFragments bounds the fragments of an incoming message. More end the
	// connection with close code 1008. Default 16,384.
	MaxFragments int

	// WriteTimeout is how long the peer may take nothing of what is written before
	// the connection is dropped. Where the system does not tell, it is the time for
	// each 64 KiB. Default 10 s.
	WriteTimeout time.Duration

	// Group, if set, takes the connection over where it can, which is from plain
	// TCP on Linux: then it needs no goroutine and no buffer while its peer is
	// silent. See [Conn.Park].
	Group *epoll.Group

	// CloseTimeout is how long the peer may take to answer our close frame
	// before the connection is dropped. Default 5 s.
	CloseTimeout time.Duration

	// DiscardTimeout is how long what the peer still sends after a violation is read
	// and thrown away, so that the close frame is not lost to a reset. No more than
	// CloseTimeout. Default 1 s.
	DiscardTimeout time.Duration
}

const (
	defaultDeflateThreshold = 1024
	defaultMaxPayload       = 1_000_000
	defaultMaxFragments     = 16_384
	defaultWriteTimeout     = 10 * time.Second
	defaultCloseTimeout     = 5 * time.Second
	defaultDiscardTimeout   = time.Second
)

// withDefaults fills in what is not set, and keeps sizes within an int.
func (c Config) withDefaults() Config {
	c.DeflateThreshold = orDefault(c.DeflateThreshold, defaultDeflateThreshold)
	c.MaxPayload = min(orDefault(c.MaxPayload, defaultMaxPayload), math.MaxInt/4)
	c.MaxFragments = orDefault(c.MaxFragments, defaultMaxFragments)
	c.WriteTimeout = orDefault(c.WriteTimeout, defaultWriteTimeout)
	c.CloseTimeout = orDefault(c.CloseTimeout, defaultCloseTimeout)
	c.DiscardTimeout = min(orDefault(c.DiscardTimeout, defaultDiscardTimeout), c.CloseTimeout)
	return c
}

func orDefault[T int | int64 | time.Duration](v, byDefault T) T {
	if v <= 0 {
		return byDefault
	}
	return v
}
