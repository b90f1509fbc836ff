package scenario

import (
	"fmt"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
	"github.com/kawat-go/kawat/bench/internal/report"
)

// idleBuffer is enough for what an idle client sends: its handshake.
const idleBuffer = 256

// runIdle connects clients that do nothing. The first fifth is the warm-up of
// connecting; all count for the memory.
func runIdle(s *stage) error {
	before, err := s.Server.Memory()
	if err != nil {
		return err
	}
	c := &crowd{stage: s}
	h := &quiet{c}
	if err = c.gather(s.Connections/5, s.Connections, idleBuffer, load.WebSocket, h); err != nil {
		return err
	}
	s.part = "connect"
	w, err := s.begin()
	if err != nil {
		return err
	}
	warm := c.opened
	if err = c.gather(s.Connections, s.Connections, idleBuffer, load.WebSocket, h); err != nil {
		return err
	}
	f, err := w.end(int64(c.opened - warm))
	if err != nil {
		return err
	}
	s.figures = append(s.figures, f)

	if _, err = s.loop.Run(s.Settle); err != nil {
		return err
	}
	after, err := s.Server.Memory()
	if err != nil {
		return err
	}
	per := func(rss int64) float64 { return float64(rss-before.RSS) / float64(s.Connections) }
	f = Figures{Part: "idle", Round: report.Round{Ops: int64(s.Connections), Seconds: s.Settle.Seconds(), RSSBytes: after.RSS}}
	f.PerConnBytes = per(after.RSS)
	if s.SettleLater > s.Settle {
		if _, err = s.loop.Run(s.SettleLater - s.Settle); err != nil {
			return err
		}
		if after, err = s.Server.Memory(); err != nil {
			return err
		}
		f.PerConnLaterBytes = per(after.RSS)
	}
	s.figures = append(s.figures, f)
	return nil
}

// heartbeat is the interval of the server of the scenario of that name.
const heartbeat = 3 * time.Second

// beating counts what it costs to keep idle clients.
func beating(interval time.Duration) func(*stage) error {
	return func(s *stage) error {
		c := &crowd{stage: s}
		if err := c.gather(s.Connections, s.Connections, idleBuffer, load.WebSocket, &quiet{c}); err != nil {
			return err
		}
		if _, err := s.loop.Run(interval + interval/4); err != nil {
			return err
		}
		before := s.loop.Heartbeats
		w, err := s.begin()
		if err != nil {
			return err
		}
		// Two intervals, whatever the window: each client has two heartbeats in it.
		if _, err = s.loop.Run(2 * interval); err != nil {
			return err
		}
		count := s.loop.Heartbeats - before
		f, err := w.end(int64(count))
		if err != nil {
			return err
		}
		if count < s.Connections || count > 3*s.Connections {
			return fmt.Errorf("%d heartbeats of %d clients in two intervals", count, s.Connections)
		}
		s.figures = append(s.figures, f)
		return nil
	}
}

// quiet is a crowd to which nothing is sent.
type quiet struct{ *crowd }

// Packet implements load.Handler.
func (q *quiet) Packet(c *load.Client, packet []byte) { q.unexpected(c, packet, "nothing was due") }
