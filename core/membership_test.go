package socketio_test

import (
	"slices"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
)

func TestRoomsOfASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		s := socketOf(t, io.Namespace, dial(t, io))
		for _, step := range []struct {
			name string
			do   func() error
			want []string // beside its own
		}{
			{"nothing", func() error { return nil }, nil},
			{"Join", func() error { return s.Join("a") }, []string{"a"}},
			{"Join the same", func() error { return s.Join("a") }, []string{"a"}},
			{"Join several", func() error { return s.Join("b", "c", "a", "d") }, []string{"a", "b", "c", "d"}},
			{"Join none", func() error { return s.Join() }, []string{"a", "b", "c", "d"}},
			{"Leave", func() error { return s.Leave("b") }, []string{"a", "c", "d"}},
			{"Leave unknown", func() error { return s.Leave("unknown") }, []string{"a", "c", "d"}},
			{"Leave several", func() error { return s.Leave("c", "unknown", "a") }, []string{"d"}},
			{"Leave the last", func() error { return s.Leave("d") }, nil},
			{"Join again", func() error { return s.Join("a") }, []string{"a"}},
		} {
			must(t, step.do())
			rooms := s.Rooms()
			if rooms[0] != s.ID() {
				t.Errorf("%s: %q is the first room, not its own", step.name, rooms[0])
			}
			got := slices.Sorted(slices.Values(rooms[1:]))
			if !slices.Equal(got, step.want) {
				t.Errorf("%s: in %q, want %q", step.name, got, step.want)
			}
			if n := io.Stats().Rooms; n != len(step.want) {
				t.Errorf("%s: %d rooms are there, want %d", step.name, n, len(step.want))
			}
		}
	})
}

// A client that may name rooms cannot fill the server with them.
func TestMaxRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxRooms: 3})
		s := socketOf(t, io.Namespace, dial(t, io))
		must(t, s.Join("a", "b"))
		for what, err := range map[string]error{
			"Join":        s.Join("a", s.ID(), "c", "d"),
			"one more":    s.Join("d"),
			"SocketsJoin": io.SocketsJoin("e"),
		} {
			if err != socketio.ErrTooManyRooms {
				t.Errorf("%s: %v", what, err)
			}
		}
		if got := s.Rooms(); !slices.Equal(got, []string{s.ID(), "a", "b", "c"}) {
			t.Errorf("in %q", got)
		}
		must(t, s.Leave("a"))
		must(t, io.SocketsJoin("d"))
		if got := s.Rooms(); !slices.Equal(got, []string{s.ID(), "b", "c", "d"}) {
			t.Errorf("in %q, after it has left one", got)
		}
	})
}
