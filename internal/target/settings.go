package target

import (
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
)

// Settings say what server to start: a [socketio.Config] as far as it can be passed
// to another process, and the host. What is left open is Kawat's default.
type Settings struct {
	Host string // one of hosts.Names; default "nethttp"

	PingInterval, PingTimeout, ConnectTimeout, UpgradeTimeout time.Duration
	WriteTimeout, BodyTimeout, CloseTimeout                   time.Duration
	AckTimeout, AttachmentTimeout                             time.Duration

	MaxPayload                          int64
	MaxQueuedBytes, MaxQueuedMessages   int
	MaxTotalQueuedBytes                 int64
	MaxPendingAcks, MaxNamespaces       int
	MaxRooms                            int
	MaxChildNamespaces                  int
	MaxSessions, MaxHandshakesPerSecond int
	MaxQueuedEventBytes                 int
	// Recovery is how long clients may be away; 0 for not at all.
	Recovery                       time.Duration
	RecoveryPackets, RecoveryBytes int // see socketio.Recovery
	RecoverySessions               int

	AllowEIO3, DisableParking bool
	Debug                     bool // logs at that level: see [Target.Log]
	Deflate                   bool // offer permessage-deflate
	AllowedOrigins            []string
	// Nodes is how many servers share the sessions of their clients, in the one process;
	// 0 for one that is alone.
	Nodes             int
	MaxSharedRequests int
	Credentials       bool // see engine.CORS
}

// Config returns the configuration of the server's Socket.IO.
func (s Settings) Config() socketio.Config {
	cfg := socketio.Config{
		PingInterval: s.PingInterval, PingTimeout: s.PingTimeout,
		ConnectTimeout: s.ConnectTimeout, UpgradeTimeout: s.UpgradeTimeout,
		WriteTimeout: s.WriteTimeout, BodyTimeout: s.BodyTimeout, CloseTimeout: s.CloseTimeout,
		AckTimeout: s.AckTimeout, AttachmentTimeout: s.AttachmentTimeout,
		MaxPayload: s.MaxPayload, MaxQueuedBytes: s.MaxQueuedBytes, MaxQueuedMessages: s.MaxQueuedMessages,
		MaxTotalQueuedBytes: s.MaxTotalQueuedBytes, MaxPendingAcks: s.MaxPendingAcks, MaxRooms: s.MaxRooms, MaxNamespaces: s.MaxNamespaces,
		MaxChildNamespaces: s.MaxChildNamespaces, CleanupEmptyChildNamespaces: true,
		AllowEIO3: s.AllowEIO3, DisableParking: s.DisableParking, AllowedOrigins: s.AllowedOrigins,
	}
	cfg.MaxQueuedEventBytes = s.MaxQueuedEventBytes
	cfg.MaxSessions, cfg.MaxHandshakesPerSecond = s.MaxSessions, s.MaxHandshakesPerSecond
	cfg.CORS.Credentials = s.Credentials
	if s.Deflate {
		cfg.PerMessageDeflate = &engine.Deflate{}
	}
	cfg.ShareSessions, cfg.MaxSharedRequests = s.Nodes > 0, s.MaxSharedRequests
	if s.Recovery > 0 {
		cfg.ConnectionStateRecovery = &socketio.Recovery{
			MaxDisconnectionDuration: s.Recovery, MaxPackets: s.RecoveryPackets, MaxBytes: s.RecoveryBytes,
			MaxSessions: s.RecoverySessions,
		}
	}
	return cfg
}
