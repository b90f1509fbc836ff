package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
)

// What cannot be shared is said at once.
func TestSharingNeeds(t *testing.T) {
	plane := backplane.NewMemory()
	for want, cfg := range map[string]socketio.Config{
		"needs Config.Backplane":   {ShareSessions: true},
		"exclude each other":       {ShareSessions: true, Backplane: plane, GenerateID: func(*engine.Request) (string, error) { return "x", nil }},
		"MaxSharedRequests must":   {ShareSessions: true, Backplane: plane, MaxSharedRequests: -1},
		"MaxSharedBytes must":      {ShareSessions: true, Backplane: plane, MaxSharedBytes: -1},
		`made has the id "node 1"`: {ShareSessions: true, Backplane: namedPlane{plane, "node 1"}},
	} {
		if io, err := socketio.New(cfg); err == nil || !strings.Contains(err.Error(), want) || io != nil {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

// A namedPlane is a backplane whose nodes have a name of their own.
type namedPlane struct {
	backplane.Backplane
	id string
}

func (p namedPlane) Join(ctx context.Context, h backplane.Host) (backplane.Node, error) {
	n, err := p.Backplane.Join(ctx, h)
	return namedNode{n, p.id}, err
}

type namedNode struct {
	backplane.Node
	id string
}

func (n namedNode) ID() string { return n.id }

// poll asks a server for what it has for a session.
func poll(io engine.Endpoint, sid string) engine.Reply {
	return io.Engine().ServePoll(context.Background(), &engine.Request{
		Method: "GET", Path: "/socket.io/", RawQuery: "EIO=4&transport=polling" + sid, RemoteAddr: "192.0.2.1:1",
	})
}

// A poll comes to another node than the session's, which then goes: the observer is
// told, the counters say so, and the log does, without the id.
func TestSharedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plane := backplane.NewMemory()
		var told atomic.Int64
		var log logs
		cfg := socketio.Config{Backplane: plane, ShareSessions: true, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		owner := serve(t, cfg)
		cfg.Observer = &socketio.Observer{ClientUnreached: func(node string, err error) {
			if len(node) == 16 && err != nil {
				told.Add(1)
			}
			panic("the observer's")
		}}
		door := serve(t, cfg)
		_, after, _ := strings.Cut(string(poll(owner, "").Body), `"sid":"`)
		sid, _, _ := strings.Cut(after, `"`)
		done := make(chan engine.Reply, 1)
		go func() { done <- poll(door, "&sid="+sid) }()
		time.Sleep(25 * time.Second)
		if r := <-done; string(r.Body) != "2" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		go func() { done <- poll(door, "&sid="+sid) }()
		synctest.Wait()
		if s, o := door.Stats(), owner.Stats(); s.Relay.Sent != 2 || s.Relay.Waiting != 1 || o.Relay.Served != 2 || o.Engine.Polling != 1 {
			t.Errorf("%+v %+v", s.Relay, o.Relay)
		}
		_ = owner.Close()
		// The answer may have been on its way when the node left.
		r := <-done
		late := r.Status == 400 && strings.Contains(string(r.Body), `"code":1`)
		if !late && (r.Status != 200 || string(r.Body) != "1") {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		synctest.Wait()
		if r := poll(door, "&sid="+sid); r.Status != 400 || !strings.Contains(string(r.Body), `"code":1`) {
			t.Errorf("%d %s", r.Status, r.Body)
		}

		silent := serve(t, socketio.Config{Backplane: mutePlane{plane}, ShareSessions: true, PingInterval: time.Hour})
		_, after, _ = strings.Cut(string(poll(silent, "").Body), `"sid":"`)
		sid, _, _ = strings.Cut(after, `"`)
		began := time.Now()
		if r := poll(door, "&sid="+sid); r.Status != 400 || time.Since(began) > 10*time.Second {
			t.Errorf("%d %s after %v", r.Status, r.Body, time.Since(began))
		}
		synctest.Wait() // the client is told first
		// Of the poll before, too, if its answer's end was not there yet.
		s := door.Stats()
		if failed := s.Relay.Failed; failed < 1 || failed > 2 || told.Load() != failed || s.Engine.Panics != failed || s.Relay.Waiting != 0 {
			t.Errorf("%+v, told %d times, %d panics", s.Relay, told.Load(), s.Engine.Panics)
		}
		if text := log.String(); !strings.Contains(text, "cut off") || strings.Contains(text, sid) {
			t.Error(text)
		}
	})
}

// A mutePlane is a backplane whose nodes cannot make themselves heard.
type mutePlane struct{ backplane.Backplane }

func (p mutePlane) Join(ctx context.Context, h backplane.Host) (backplane.Node, error) {
	n, err := p.Backplane.Join(ctx, h)
	return muteNode{n}, err
}

type muteNode struct{ backplane.Node }

func (muteNode) Relay(string, []byte) error { return errors.New("mute") }
