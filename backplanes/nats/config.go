package nats

import (
	"errors"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/kawat-go/kawat/internal/seal"
)

// A Config says which NATS server is meant, and how it is used. The zero Config is
// for a server on this machine.
type Config struct {
	// URL is where the servers are, with commas between. Default
	// "nats://127.0.0.1:4222".
	URL string
	// InProcess is a server in this process, such as one of package embedded. URL is
	// not used then.
	InProcess natsgo.InProcessConnProvider
	// Options are further ones of the connection, such as its credentials, or TLS.
	// They come after those of this package, and so before them in rank.
	Options []natsgo.Option

	// Prefix begins all subjects. Clusters that share a server must differ in it.
	// Default "socket.io".
	Prefix string
	// Secret, if it is set, authenticates what nodes say to each other: what was not
	// sent by one who knows it is ignored. All nodes must have the same. It does not
	// encrypt, and does not keep others from sending again what they have heard.
	Secret string

	// MaxQueuedMessages and MaxQueuedBytes bound what waits to be sent. Beyond that, Publish
	// fails. Defaults 100,000 messages and 64 MiB.
	MaxQueuedMessages, MaxQueuedBytes int
	// MaxReceivedBytes bounds what has come and waits for this node. Beyond that
	// messages are dropped, and an Observer is told of a Gap. Default 64 MiB.
	MaxReceivedBytes int
}

// How the connection is watched: one that is cut or silent is noticed within
// pingInterval*(pingsOut+1), and another one is made within reconnectWait.
const (
	dialTimeout     = 2 * time.Second
	pingInterval    = 2 * time.Second
	pingsOut        = 2
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 100 * time.Millisecond
	reconnectBuffer = 8 << 20 // bytes that wait in the client while there is no connection
	arriving        = 8192    // messages between the connection and the inbox, for an instant
)

func (c Config) withDefaults() Config {
	if c.URL == "" {
		c.URL = natsgo.DefaultURL
	}
	if c.Prefix == "" {
		c.Prefix = "socket.io"
	}
	if c.MaxQueuedMessages <= 0 {
		c.MaxQueuedMessages = 100_000
	}
	if c.MaxQueuedBytes <= 0 {
		c.MaxQueuedBytes = 64 << 20
	}
	if c.MaxReceivedBytes <= 0 {
		c.MaxReceivedBytes = 64 << 20
	}
	return c
}

// options are those of the connection, without what calls back.
func (c Config) options() []natsgo.Option {
	o := []natsgo.Option{
		natsgo.Name("kawat"), natsgo.NoEcho(), natsgo.Timeout(dialTimeout),
		natsgo.PingInterval(pingInterval), natsgo.MaxPingsOutstanding(pingsOut),
		natsgo.FlusherTimeout(pingInterval), natsgo.ReconnectOnFlusherError(),
		natsgo.MaxReconnects(-1), natsgo.ReconnectWait(reconnectWait), natsgo.IgnoreAuthErrorAbort(),
		natsgo.ReconnectJitter(reconnectJitter, reconnectJitter), natsgo.ReconnectBufSize(reconnectBuffer),
	}
	if c.InProcess != nil {
		o = append(o, natsgo.InProcessServer(c.InProcess))
	}
	return append(o, c.Options...)
}

// unreachable is the error of a server that will not have us.
func (c Config) unreachable(err error) error {
	where := c.URL
	if c.InProcess != nil {
		where = "in this process"
	}
	if errors.Is(err, natsgo.ErrAuthorization) {
		return fmt.Errorf("nats: the server %s refuses the credentials; give it the right ones by Config.Options: %w", where, err)
	}
	return fmt.Errorf("nats: the server %s cannot be reached; is it running, and is Config.URL right? %w", where, err)
}

// sealed is what is sent of a payload.
func (c Config) sealed(subject string, data []byte) []byte {
	if c.Secret == "" {
		return data
	}
	return seal.Seal(nil, []byte(c.Secret), subject, data)
}

// opened is the payload of what has come.
func (c Config) opened(subject string, data []byte) ([]byte, error) {
	return seal.Open([]byte(c.Secret), subject, data)
}
