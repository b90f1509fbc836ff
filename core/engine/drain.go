package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Finisher is a [Receiver] that has something to finish before [Server.Drain]
// ends its session.
type Finisher interface {
	Receiver

	// Finish is called when it is the session's turn to leave. The session goes on
	// until it returns, which it should as soon as ctx ends, a second later.
	Finish(ctx context.Context)
}

// finishTime is how long a Finisher may take.
const finishTime = time.Second

// Drain moves the clients away before the server shuts down: it refuses new
// sessions, and closes those that are there one after the other, in random order,
// spread evenly over the given time and with jitter, so that they do not all
// connect to the other servers at once. Each is sent what is queued for it, and ends
// with [ReasonDrained], which makes stock clients connect anew by themselves.
//
// Drain returns when all are gone, which can be somewhat later: see
// [Config.CloseTimeout]. If ctx ends first, it returns an error that says how many
// are left; those whose turn has not come go on. [Server.Shutdown] ends the rest, also
// if it is called meanwhile. Of several calls the first sets the pace; the others wait,
// and go on where it was ended by its ctx.
func (s *Server) Drain(ctx context.Context, over time.Duration) error {
	s.Refuse()
	select {
	case s.pacing <- struct{}{}:
		s.sendAway(ctx, over)
		<-s.pacing
	case <-s.idle:
	case <-ctx.Done():
	}
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	n, _, _ := s.left()
	s.mu.Unlock()
	if n > 0 {
		return fmt.Errorf("engine: %d clients were left when the drain was ended: %w", n, ctx.Err())
	}
	return nil
}

// sendAway closes the sessions, until ctx ends or nobody is left.
func (s *Server) sendAway(ctx context.Context, over time.Duration) {
	s.mu.Lock()
	sessions := make([]leaver, 0, len(s.sessions)+len(s.tunnels))
	for _, session := range s.sessions {
		sessions = append(sessions, session)
	}
	for _, t := range s.tunnels {
		sessions = append(sessions, tunneled{t})
	}
	s.mu.Unlock()
	if len(sessions) == 0 {
		return
	}
	s.log.Info("draining: the clients are moved away", "clients", len(sessions), "over", over)
	rand.Shuffle(len(sessions), func(i, j int) { sessions[i], sessions[j] = sessions[j], sessions[i] })
	pace := newPace(len(sessions), over)
	began, timer := time.Now(), time.NewTimer(0)
	defer timer.Stop()
	for i, session := range sessions {
		if ctx.Err() != nil {
			return
		}
		timer.Reset(pace.next(rand.Float64(), time.Since(began)) - time.Since(began))
		select {
		case <-timer.C:
			go session.leave(context.WithoutCancel(ctx)) // its receiver may take its time
		case <-ctx.Done():
			return
		case <-s.idle: // they have all gone by themselves, or by Shutdown
			return
		}
		sessions[i] = nil // it may have gone long ago, and nobody else keeps it
	}
}

// leave lets the receiver finish, also if the drain is ended meanwhile, and closes the
// session. ctx has no end.
func (s *Session) leave(ctx context.Context) {
	s.mu.Lock()
	receiver, leaves := s.receiver, s.state != open
	s.mu.Unlock()
	if leaves {
		return
	}
	if f, ok := receiver.(Finisher); ok {
		ctx, cancel := context.WithTimeout(ctx, finishTime)
		defer cancel()
		s.server.guard("Receiver.Finish", func() { f.Finish(ctx) })
	}
	s.close(ReasonDrained)
}

// A pace spreads turns over a time: it is cut into as many slots as there are turns,
// and each turn comes at a random moment of its slot. Who is late catches up, but
// only with what was due in the last moments: after a longer standstill the turns
// that are left are spread over the time that is left, or if that would make them
// more than twice as frequent as planned, over more.
type pace struct {
	turns int     // that are left
	slot  float64 // when the next one begins; in nanoseconds from the start, as the others
	end   float64
	least float64 // how long a slot is at least
}

// maxCatchUp is how far a turn may be late without the others being put off.
const maxCatchUp = 100 * time.Millisecond

func newPace(turns int, over time.Duration) *pace {
	end := float64(max(over, 0))
	return &pace{turns: turns, end: end, least: end / float64(turns) / 2}
}

// next returns when the next turn is, counted from the start as now is. jitter is at
// least 0 and less than 1.
func (p *pace) next(jitter float64, now time.Duration) time.Duration {
	p.slot = max(p.slot, float64(now-maxCatchUp))
	length := max((p.end-p.slot)/float64(p.turns), p.least)
	turn := p.slot + jitter*length
	p.slot += length
	p.turns--
	return time.Duration(turn)
}
