package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kawat-go/kawat/core/internal/relay"
)

// Where Config.ShareSessions is set, any node takes a request of any client: see
// package relay.

var (
	errShareAlone = errors.New("socketio: Config.ShareSessions needs Config.Backplane: the nodes speak over that")
	errShareIDs   = errors.New("socketio: Config.ShareSessions and Config.GenerateID exclude each other: " +
		"the ids of connections must say at which node those are")
)

// checkSharing finds what does not go with Config.ShareSessions.
func (c *Config) checkSharing() error {
	switch {
	case !c.ShareSessions:
		return nil
	case c.Backplane == nil:
		return errShareAlone
	case c.GenerateID != nil:
		return errShareIDs
	}
	return nil
}

// startRelay has this node and the others share the sessions of clients. The node has
// joined, and was given nothing yet.
func (c *cluster) startRelay() error {
	s := c.server
	if !s.cfg.ShareSessions {
		return nil
	}
	x, err := relay.New(relay.Config{
		Node: c.node.ID(), Nodes: c.node.Nodes, Server: s.engine,
		Post: func(to string, message []byte) error {
			message[0] = byte(mailSessions)
			return c.post(to, message)
		},
		MaxStreams: s.cfg.MaxSharedRequests, MaxBytes: s.cfg.MaxSharedBytes,
		Failed:  s.noteUnreached,
		Ignored: func() { s.ignoredMail.Add(1) },
	})
	if err != nil {
		return fmt.Errorf("socketio: the node that Config.Backplane has made has the id %q: %w", c.node.ID(), err)
	}
	c.relay = x
	c.mail.boxes[mailSessions] = mailbox{take: x.Take, left: x.Left}
	s.engine.Route(x)
	return nil
}

// closeRelay ends what is left of it.
func (c *cluster) closeRelay() {
	if c.relay != nil {
		c.relay.Close()
	}
}

// noteUnreached is told of each request and each WebSocket of a client that has ended
// because the nodes did not reach each other.
func (s *Server) noteUnreached(node string, err error) {
	s.say(context.Background(), lineUnreached, slog.LevelWarn,
		"clients whose sessions are at another node were cut off from them", "node", node, "error", err)
	if f := s.observer.ClientUnreached; f != nil {
		s.engine.Call("Observer.ClientUnreached", func() { f(node, err) })
	}
}

// RelayStats are about the sessions that nodes share: see Config.ShareSessions.
type RelayStats struct {
	Sent       int64 // requests of clients that this node has passed on to others
	Served     int64 // requests that others have passed on to this node
	Serving    int   // of them, those that are not over: polls that hang, and WebSockets
	Waiting    int   // requests that wait for other nodes, nearly all of them polls
	WebSockets int   // of this node whose sessions are at others
	Bytes      int64 // on their way to other nodes
	Refused    int64 // requests that were answered 503: see Config.MaxSharedRequests, MaxSharedBytes
	Failed     int64 // requests and WebSockets that ended because nodes did not reach each other
}

func (s *Server) relayStats() RelayStats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.cluster == nil || s.cluster.relay == nil {
		return RelayStats{}
	}
	return RelayStats(s.cluster.relay.Stats())
}
