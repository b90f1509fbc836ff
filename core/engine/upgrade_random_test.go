package engine_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/engine/eio"
	"github.com/kawat-go/kawat/internal/race"
)

// Both sides send all the time while a client moves to WebSocket, at random
// moments and with failed tries before it. Nothing may be lost, repeated or
// reordered on the way, in either direction.
func TestNothingIsLostWhileAClientMoves(t *testing.T) {
	trials := 300
	if race.Enabled {
		trials = 100
	}
	slots := make(chan struct{}, 10) // a trial mostly waits for the noops
	var trying sync.WaitGroup
	for seed := range trials {
		slots <- struct{}{}
		trying.Go(func() {
			defer func() { <-slots }()
			moveOnce(t, seed)
		})
	}
	trying.Wait()
}

const moved = 100 // messages each way

// numbered returns the nth message; some are binary.
func numbered(n int) message {
	if n%3 == 0 {
		return binary(fmt.Sprint(n))
	}
	return message(fmt.Sprint(n))
}

func moveOnce(t *testing.T, seed int) {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	h := serve(t, engine.Config{})
	c := h.connect()
	m := &mover{client: c, pause: make([]time.Duration, moved)}
	for i := range m.pause {
		m.pause[i] = time.Duration(random.IntN(30)) * time.Microsecond
	}
	tries, before := random.IntN(3), time.Duration(random.IntN(1000))*time.Microsecond

	var done sync.WaitGroup
	done.Go(m.emit)
	done.Go(m.send)
	pollsEnded := make(chan struct{})
	go func() { defer close(pollsEnded); m.pollOn() }()
	time.Sleep(before)
	for range tries {
		m.failCandidate(random.IntN(4))
	}
	m.move(pollsEnded)
	done.Wait()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if len(m.seen()) >= moved && len(c.got()) >= moved {
			break
		}
		time.Sleep(ms)
	}
	m.check(t, fmt.Sprintf("seed %d: the client", seed), m.seen())
	m.check(t, fmt.Sprintf("seed %d: the server", seed), c.got())
	_ = h.Close()
}

// A mover is a client that polls, then moves to WebSocket as engine.io-client
// does: it waits for its last poll and its last POST before the upgrade packet.
type mover struct {
	*client
	pause []time.Duration

	mu     sync.Mutex
	got    []message // from the server
	paused bool      // polls and posts no more
	pipe   *pipe

	posting sync.Mutex
}

func (m *mover) seen() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := slices.Clone(m.got)
	if m.pipe != nil {
		for _, text := range m.pipe.written()[1:] { // behind 3probe
			if strings.HasPrefix(string(text), "4") {
				text = text[1:]
			}
			seen = append(seen, text)
		}
	}
	return seen
}

func (m *mover) emit() {
	for i, pause := range m.pause {
		time.Sleep(pause)
		if n := numbered(i); strings.HasPrefix(string(n), binaryPrefix) {
			_ = m.session.SendBinary([]byte(n[1:]))
		} else {
			_ = m.session.SendText(string(n))
		}
	}
}

func (m *mover) send() {
	for i, pause := range m.pause {
		time.Sleep(pause)
		m.sendOne(numbered(i))
	}
}

func (m *mover) sendOne(n message) {
	m.posting.Lock()
	defer m.posting.Unlock()
	isBinary := strings.HasPrefix(string(n), binaryPrefix)
	if m.pipe != nil {
		if !isBinary {
			n = "4" + n
		}
		m.pipe.send(n)
		return
	}
	body := "4" + string(n)
	if isBinary {
		body = string(eio.AppendBinary(nil, []byte(n[1:])))
	}
	if got := m.post(body); got.Status != 200 {
		m.host.t.Errorf("POST: %d %s", got.Status, got.Body)
	}
}

func (m *mover) pollOn() {
	for {
		m.mu.Lock()
		paused := m.paused
		m.mu.Unlock()
		if paused {
			return
		}
		reply := do(m.host.Server, "GET", m.query(), "")
		if reply.Status != 200 {
			m.host.t.Errorf("poll: %d %s", reply.Status, reply.Body)
			return
		}
		for p, err := range eio.Packets(reply.Body) {
			if err != nil {
				m.host.t.Errorf("poll: %q: %v", reply.Body, err)
			}
			if p.Type != eio.Message {
				continue
			}
			text := message(p.Data)
			if p.Binary {
				text = binary(string(p.Data))
			}
			m.mu.Lock()
			m.got = append(m.got, text)
			m.mu.Unlock()
		}
	}
}

// failCandidate opens a WebSocket that goes wrong in one of several ways.
func (m *mover) failCandidate(how int) {
	p := newPipe(m.host.t)
	u, _ := m.host.AcceptUpgrade(context.Background(), upgradeRequest(webSocket+"&sid="+m.sid))
	served := make(chan struct{})
	go func() { defer close(served); u.Serve(pipeEnd(p)) }()
	switch how {
	case 0:
		p.send("5")
	case 1:
		p.send("4not yet")
	case 2:
		p.send("2probe")
		p.end(io.EOF)
	case 3:
		p.send("2probe", "2probe")
	}
	<-served
}

func (m *mover) move(pollsEnded chan struct{}) {
	p := m.probe()
	m.mu.Lock()
	m.paused = true
	m.mu.Unlock()
	<-pollsEnded
	m.posting.Lock()
	defer m.posting.Unlock()
	p.send("5")
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pipe = p
}

func (m *mover) check(t *testing.T, who string, got []message) {
	t.Helper()
	for i := range max(len(got), moved) {
		if i >= len(got) || i >= moved || got[i] != numbered(i) {
			t.Errorf("%s got %d messages, the first wrong one is number %d: %q", who, len(got), i, got)
			return
		}
	}
}
