package endurance

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/testclient"
)

// A packetLog watches over the packets of Engine.IO that a client receives: what
// travels on which transport, and when pings come.
type packetLog struct {
	mu       sync.Mutex
	interval time.Duration
	pong     time.Time // when the client answered the last ping, or began
	moving   bool      // the packet that moves the session has been sent, or is about to
	answers  int       // to probes
	beats    chan struct{}

	polled, pushed, noops     int // packets by polling and by WebSocket, and of them noops
	pollPings, webSocketPings int
}

func (l *packetLog) start(interval time.Duration) {
	l.interval, l.pong, l.beats = interval, time.Now(), make(chan struct{}, 1)
}

func (l *packetLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d packets and %d pings by polling, %d and %d by WebSocket, %d noops, moving: %v",
		l.polled, l.pollPings, l.pushed, l.webSocketPings, l.noops, l.moving)
}

// moves says that the session is about to move.
func (l *packetLog) moves() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moving = true
}

func (l *packetLog) add(p testclient.Packet) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.Via == testclient.Polling {
		l.polled++
		if l.moving {
			return fmt.Errorf("packet %q by polling after the move", p.Type)
		}
	} else {
		l.pushed++
		if !l.moving && p.Type != '3' {
			return fmt.Errorf("packet %q by WebSocket before the move", p.Type)
		}
	}
	switch p.Type {
	case '2':
		return l.ping(p)
	case '3':
		if l.answers++; p.Via != testclient.WebSocket || l.moving {
			return errors.New("an answer to a probe that was not there")
		}
	case '6':
		if l.noops++; p.Via != testclient.Polling {
			return errors.New("a noop by WebSocket")
		}
	}
	return nil
}

// ping notes a ping. The next one comes an interval after the answer, by the
// transport in use: a second one before that would be the same ping by both.
func (l *packetLog) ping(p testclient.Packet) error {
	since := time.Since(l.pong)
	l.pong = time.Now()
	if p.Via == testclient.Polling {
		l.pollPings++
	} else {
		l.webSocketPings++
	}
	if since < l.interval/2 {
		return fmt.Errorf("a ping by %s, %v after the last was answered; the interval is %v", p.Via, since, l.interval)
	}
	if l.interval == oftenPing && l.moving {
		select {
		case l.beats <- struct{}{}:
		default:
		}
	}
	return nil
}

// A summary adds up what happened in all trials of a host, to show that it was not
// always the same. How much of it there is depends on the machine as well.
type summary struct {
	mu                        sync.Mutex
	trials, falls, turnedAway int
	noops                     int
	pings, messages           [2]int // by polling, by WebSocket
	both                      int    // trials with messages by both
}

func (s *summary) add(tr *trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &tr.log
	s.trials++
	s.falls += tr.falls
	s.turnedAway += tr.turnedAway
	s.noops += l.noops
	s.pings[0] += l.pollPings
	s.pings[1] += l.webSocketPings
	polled, pushed := l.polled-l.pollPings-l.noops, l.pushed-l.webSocketPings
	s.messages[0] += polled
	s.messages[1] += pushed
	if polled > 100 && pushed > 100 {
		s.both++
	}
}

func (s *summary) String() string {
	return fmt.Sprintf("%d trials, %d tries that failed and %d that were turned away; %d noops, %d pings by polling and %d by WebSocket; "+
		"%d packets by polling and %d by WebSocket; in %d trials many by both",
		s.trials, s.falls, s.turnedAway, s.noops, s.pings[0], s.pings[1], s.messages[0], s.messages[1], s.both)
}

func (s *summary) check(t *testing.T) {
	if s.falls < s.trials/4 || s.noops < s.trials/20 || min(s.pings[0], s.pings[1]) < s.trials/20 || s.both < s.trials/10 {
		t.Error("the trials are too much alike")
	}
}

func (l *packetLog) check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.interval == neverPing && l.pollPings+l.webSocketPings > 0 {
		return errors.New("a ping long before its time")
	}
	if l.answers == 0 || l.pushed < 2 {
		return errors.New("nothing came by WebSocket")
	}
	return nil
}
