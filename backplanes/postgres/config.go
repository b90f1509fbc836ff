package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kawat-go/kawat/internal/wire"
)

// A Config says which database links the nodes, and how. Nodes that are to hear one
// another have the same ChannelPrefix, TableName and Secret; what else is said here is
// each node's own. The zero value of a field is its default.
type Config struct {
	// Pool says how to connect. A node makes connections of its own like the pool's:
	// one that listens, one that sends, and up to four that read what was too long for
	// a notification, while there is such. The pool itself is not used, nor closed. Its
	// server must be the one that takes writes, and must be reached without a pooler, or
	// through one that keeps sessions: LISTEN belongs to a session. Required.
	Pool *pgxpool.Pool
	// ChannelPrefix begins the names of the channels, 32 bytes at most. Default
	// "socket.io", as Node's.
	ChannelPrefix string
	// TableName is the table of the messages that are too long for a notification or
	// have binary data in them, as it is written in SQL: the name, with a schema and a
	// dot before it if need be. Default "socket_io_attachments", as Node's.
	TableName string
	// CreateTable has the table made if it is not there. Default: a missing table is an
	// error of Join, which says how to make it.
	CreateTable bool
	// PayloadThreshold is the length in bytes from which on messages go through the
	// table. The server takes no notification above 7,999, which is the default.
	PayloadThreshold int
	// HeartbeatInterval is how often a node that says nothing else in a namespace lets
	// the others know that it is there; HeartbeatTimeout, after what silence a node is
	// taken for dead. Defaults: 5 s and 10 s, as Node's. Nodes of Kawat's notice the
	// death of one another after 7 s.
	HeartbeatInterval time.Duration
	HeartbeatTimeout  time.Duration
	// CleanupInterval is how often rows of the table are deleted that are older than
	// that. Negative: this node deletes none. Default 30 s, as Node's.
	CleanupInterval time.Duration
	// Secret, if it is set, authenticates what nodes say to each other: messages that
	// were not made with it are ignored. Node's servers cannot take part then.
	Secret string
	// MaxMessageBytes bounds a message, also one that comes. Default 64 MiB.
	MaxMessageBytes int
	// MaxQueuedMessages and MaxQueuedBytes bound what waits to be sent, beyond which
	// sending fails, and what has come and waits to be taken, beyond which it is dropped
	// and reported. Defaults: 100,000 and 64 MiB, or MaxMessageBytes if that is more.
	MaxQueuedMessages int
	MaxQueuedBytes    int
	// Logger is told what an emitter cannot send. A node uses its server's. Default:
	// slog.Default().
	Logger *slog.Logger
}

const (
	// maxNotification is the longest notification that the server takes.
	maxNotification = 7999
	// maxChannel is the longest name of a channel, in bytes. NOTIFY refuses longer
	// ones; LISTEN cuts them, without an error.
	maxChannel = 63
	// maxPrefix leaves room for what our own channels have behind it.
	maxPrefix = 32
	// minThreshold leaves room for what refers to the table.
	minThreshold = 256
)

// A settings is a Config with its defaults.
type settings struct {
	Config
	limits wire.Limits
}

// tableName is what may stand in SQL as it is: names, bare or in quotes.
var tableName = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"\x00]|"")+")(?:\.(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"\x00]|"")+"))?$`)

// check returns the settings, or what is wrong with them.
func (c Config) check() (settings, error) {
	fill(&c.ChannelPrefix, "socket.io")
	fill(&c.TableName, "socket_io_attachments")
	fill(&c.PayloadThreshold, maxNotification)
	fill(&c.HeartbeatInterval, 5*time.Second)
	fill(&c.HeartbeatTimeout, 10*time.Second)
	fill(&c.CleanupInterval, 30*time.Second)
	fill(&c.MaxMessageBytes, 64<<20)
	fill(&c.MaxQueuedMessages, 100_000)
	fill(&c.MaxQueuedBytes, max(64<<20, c.MaxMessageBytes))
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	switch {
	case c.Pool == nil:
		return settings{}, errors.New("postgres: Config.Pool is not set: make one with pgxpool.New")
	case len(c.ChannelPrefix) > maxPrefix || !plain(c.ChannelPrefix):
		return settings{}, fmt.Errorf("postgres: Config.ChannelPrefix is %.50q; it has to be text of %d bytes at most", c.ChannelPrefix, maxPrefix)
	case !tableName.MatchString(c.TableName):
		return settings{}, fmt.Errorf("postgres: Config.TableName is %.100q; it has to be a table's name as it is written in SQL", c.TableName)
	case c.PayloadThreshold < minThreshold || c.PayloadThreshold > maxNotification:
		return settings{}, fmt.Errorf("postgres: Config.PayloadThreshold is %d; it has to be from %d to %d", c.PayloadThreshold, minThreshold, maxNotification)
	case c.HeartbeatInterval < 0 || c.HeartbeatTimeout <= c.HeartbeatInterval:
		return settings{}, fmt.Errorf("postgres: Config.HeartbeatTimeout, %v, has to be longer than HeartbeatInterval, %v", c.HeartbeatTimeout, c.HeartbeatInterval)
	case c.MaxMessageBytes < 0 || c.MaxQueuedMessages < 0 || c.MaxQueuedBytes < c.MaxMessageBytes:
		return settings{}, errors.New("postgres: a limit of Config is negative, or MaxQueuedBytes is below MaxMessageBytes")
	}
	return settings{Config: c, limits: wire.Limits{Bytes: c.MaxMessageBytes}}, nil
}

func fill[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}
