package backplane_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
)

func at(n uint64) backplane.Offset { return backplane.Offset{Major: n} }

func TestSessionAfter(t *testing.T) {
	marks := &backplane.Marks{Start: at(3), Sent: at(7), End: at(20)}
	for name, row := range map[string]struct {
		marks *backplane.Marks
		seen  backplane.Offset
		after backplane.Offset
		ok    bool
	}{
		"Node's":                        {nil, at(5), at(5), true},
		"Node's, nothing seen":          {nil, at(0), at(0), false},
		"nothing seen":                  {marks, at(0), at(3), true},
		"something seen":                {marks, at(5), at(5), true},
		"everything seen":               {marks, at(7), at(20), true},
		"from the future":               {marks, at(99), at(20), true},
		"nothing sent":                  {&backplane.Marks{Start: at(3), End: at(20)}, at(0), at(20), true},
		"nothing known":                 {&backplane.Marks{}, at(0), at(0), false},
		"end unknown":                   {&backplane.Marks{Sent: at(7)}, at(8), at(8), true},
		"rooms are not known from then": {&backplane.Marks{Start: at(1), Blind: at(6), Sent: at(7), End: at(8)}, at(5), at(5), false},
		"rooms are known again":         {&backplane.Marks{Start: at(1), Blind: at(6), Sent: at(7), End: at(8)}, at(6), at(6), true},
	} {
		after, ok := backplane.Session{Marks: row.marks}.After(row.seen)
		if after != row.after || ok != row.ok {
			t.Errorf("%s: %v, %v", name, after, ok)
		}
	}
}

func event(n uint64, rooms ...string) backplane.Message {
	return backplane.Message{Kind: backplane.Broadcast, Offset: at(n), Options: backplane.Options{Rooms: rooms}}
}

func except(n uint64, rooms ...string) backplane.Message {
	return backplane.Message{Kind: backplane.Broadcast, Offset: at(n), Options: backplane.Options{Except: rooms}}
}

func change(kind backplane.Kind, n uint64, room string, rooms ...string) backplane.Message {
	return backplane.Message{Kind: kind, Offset: at(n), Options: backplane.Options{Rooms: []string{room}}, Rooms: rooms}
}

func TestSessionReplay(t *testing.T) {
	join, leave, kick := backplane.SocketsJoin, backplane.SocketsLeave, backplane.DisconnectSockets
	volatile, asks := event(5), event(6)
	volatile.Options.Flags.Volatile = true
	asks.Request = "x"
	for name, row := range map[string]struct {
		log    []backplane.Message
		missed []uint64
		rooms  []string
		marks  *backplane.Marks // nil for those below
	}{
		"by rooms": {log: []backplane.Message{
			event(5), event(6, "a"), event(7, "z"), event(8, "z", "id"), except(9, "a"), except(10, "z"),
		}, missed: []uint64{5, 6, 8, 10}},
		"joined later":   {log: []backplane.Message{event(4, "b"), event(5, "b"), except(4, "b"), except(5, "b")}, missed: []uint64{5, 4}},
		"left meanwhile": {log: []backplane.Message{event(2, "c"), event(3, "c"), event(6, "c"), event(7, "c"), except(6, "c"), except(7, "c")}, missed: []uint64{3, 6, 7}},
		"not for the log": {log: []backplane.Message{
			volatile, asks, {Kind: backplane.FetchSockets, Offset: at(7)}, event(8),
		}, missed: []uint64{8}},
		"joins": {log: []backplane.Message{
			event(21, "n"), change(join, 22, "a", "n", "a"), event(23, "n"), change(join, 24, "z", "m"), event(25, "m"),
		}, missed: []uint64{23}, rooms: []string{"a", "b", "id", "n"}},
		"leaves": {log: []backplane.Message{
			event(21, "b"), change(leave, 22, "id", "b", "id", "none"), event(23, "b"), event(24, "id"), change(leave, 25, "b", "a"), event(26, "a"),
		}, missed: []uint64{21, 24, 26}, rooms: []string{"a", "id"}},
		"what the socket knew": {log: []backplane.Message{
			change(leave, 20, "id", "b"), change(kick, 19, "id"), event(21, "b"),
		}, missed: []uint64{21}},
		"another's end": {log: []backplane.Message{change(kick, 21, "z"), event(22)}, missed: []uint64{22}},
		"Node's": {log: []backplane.Message{
			event(1, "c"), event(2, "b"), change(join, 22, "a", "n"), change(kick, 23, "a"), event(24, "n"), event(25, "a"),
		}, missed: []uint64{2, 25}, marks: new(backplane.Marks)},
	} {
		t.Run(name, func(t *testing.T) {
			s := backplane.Session{ID: "id", PID: "pid", Rooms: []string{"id", "a", "b"}, Marks: &backplane.Marks{
				Start: at(1), End: at(20), Since: map[string]backplane.Offset{"b": at(4)},
				Left: []backplane.Stay{{Room: "c", From: at(2), Until: at(6)}},
			}}
			if row.marks != nil {
				s.Marks = nil
			}
			now, missed, err := s.Replay(row.log)
			if err != nil {
				t.Fatal(err)
			}
			var got []uint64
			for _, m := range missed {
				got = append(got, m.Offset.Major)
			}
			rooms := row.rooms
			if rooms == nil {
				rooms = []string{"a", "b", "id"}
			}
			if !slices.Equal(got, row.missed) || !slices.Equal(now.Rooms, rooms) {
				t.Errorf("missed %v, rooms %v", got, now.Rooms)
			}
			if again, missed, err := now.Replay(nil); err != nil || missed != nil || !reflect.DeepEqual(again, now) {
				t.Errorf("again %+v, %v", again, err)
			}
		})
	}
	s := backplane.Session{ID: "id", Marks: &backplane.Marks{End: at(20)}}
	if _, _, err := s.Replay([]backplane.Message{event(21), change(kick, 22, "id")}); err != backplane.ErrNoSession {
		t.Errorf("after its end: %v", err)
	}
}

func TestMarksText(t *testing.T) {
	for _, row := range []struct {
		marks backplane.Marks
		text  string
	}{
		{backplane.Marks{}, `{}`},
		{backplane.Marks{
			Start: at(1), Blind: at(2), Sent: at(3), End: backplane.Offset{Major: 1<<64 - 1, Minor: 5},
			Since: map[string]backplane.Offset{"a": at(6)}, Left: []backplane.Stay{{Room: "b", Until: at(7)}},
			Replayed: at(8), Repeated: 9,
		}, `{"start":"1-0","blind":"2-0","sent":"3-0","end":"18446744073709551615-5","since":{"a":"6-0"},` +
			`"left":[{"room":"b","until":"7-0"}],"replayed":"8-0","repeated":9}`},
	} {
		text, err := row.marks.MarshalText()
		if err != nil || string(text) != row.text {
			t.Errorf("%s, %v", text, err)
		}
		var read backplane.Marks
		if err := read.UnmarshalText(text); err != nil || !reflect.DeepEqual(read, row.marks) {
			t.Errorf("%+v, %v", read, err)
		}
	}
	for _, text := range []string{``, `[]`, `{"end":"x"}`, `{"end":5}`, `{"left":[{"until":"-1-0"}]}`} {
		if new(backplane.Marks).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is read", text)
		}
	}
	var m backplane.Marks
	if err := m.UnmarshalText([]byte(`{"repeated":-5,"future":1}`)); err != nil || m.Repeated != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func FuzzMarks(f *testing.F) {
	f.Add(`{"start":"1-0","since":{"a":"6-0"},"left":[{"room":"b","until":"7-0"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m backplane.Marks
		if m.UnmarshalText([]byte(text)) != nil {
			return
		}
		again, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var same backplane.Marks
		if err := same.UnmarshalText(again); err != nil {
			t.Fatal(err)
		}
		if text, _ := same.MarshalText(); string(text) != string(again) {
			t.Errorf("%s is not %s", text, again)
		}
	})
}
