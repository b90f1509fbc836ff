package hooktest

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"

	socketio "github.com/kawat-go/kawat/core"
)

// Room is the namespace of the stories, a child of [Stage.Parent].
const Room = "/room"

// Pattern returns what matches the name of the namespace.
func Pattern() *regexp.Regexp { return regexp.MustCompile("^" + Room + "$") }

// A Stage is a server with a hook in which something happens, for one client: it
// connects with the header field X-Bad, joins the namespace [Room], sends an event
// "bad" that is acknowledged by "ok", and one "fails" that is not, may move to
// WebSocket, and leaves. Another node says "bad", too, and asks who is there.
type Stage struct {
	*socketio.Server
	Parent *socketio.ParentNamespace // of Room
	// Early, if set, is asked about namespaces before Parent.
	Early func(ctx context.Context, name string, h *socketio.Handshake) (bool, error)

	armed atomic.Bool
	fires atomic.Int64

	acting atomic.Int64 // calls that are under way
	act    func(st *Stage, s *socketio.Socket)
}

// New makes a stage. act is what happens in the hook once the stage is armed.
func New(h Hook, cfg socketio.Config, act func(st *Stage, s *socketio.Socket)) (*Stage, error) {
	st := &Stage{act: act}
	if h.Config != nil {
		h.Config(&cfg, st.fire)
	}
	var err error
	if st.Server, err = socketio.New(cfg); err != nil {
		return nil, err
	}
	st.OfFunc(func(ctx context.Context, name string, hs *socketio.Handshake) (bool, error) {
		if st.Early == nil {
			return false, nil
		}
		return st.Early(ctx, name, hs)
	})
	st.Parent = st.OfRegexp(Pattern())
	socketio.OnWithAck(st, "echo", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
	if h.Install != nil {
		h.Install(st, st.fire)
	}
	st.Parent.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		s.OnEvent("bad", func(_ context.Context, e *socketio.Event) error {
			return errors.Join(s.Join("bad"), s.Leave("bad"), s.Emit("answer"), e.Ack("ok"))
		})
		s.OnEvent("fails", func(context.Context, *socketio.Event) error { return errors.New("as the story wants") })
		return nil
	})
	return st, nil
}

func (st *Stage) fire(s *socketio.Socket) {
	st.acting.Add(1)
	defer st.acting.Add(-1)
	if st.armed.Load() {
		st.fires.Add(1)
		st.act(st, s)
	}
}

// Arm has the hook act from now on, or not any more.
func (st *Stage) Arm(armed bool) { st.armed.Store(armed) }

// Acting returns how many calls of the hook are under way.
func (st *Stage) Acting() int64 { return st.acting.Load() }

// Fires returns how often it has acted.
func (st *Stage) Fires() int64 { return st.fires.Load() }
