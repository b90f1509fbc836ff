package socketio

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/kawat-go/kawat/core/siotest"
)

func serverThatCounts(t *testing.T) *Server {
	t.Helper()
	io, err := New(Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = io.Close() })
	return io
}

func ignoreOutgoing(context.Context, *OutgoingEvent) {}

// The namespace's count of those who listen is right whatever the order.
func TestTheCountOfOutgoingListeners(t *testing.T) {
	io := serverThatCounts(t)
	want := func(n int64) {
		t.Helper()
		if got := io.listening.Load(); got != n {
			t.Errorf("%d listen, want %d", got, n)
		}
	}
	socket := func() *Socket { return io.Socket(siotest.Dial(t, io, siotest.Options{}).ID()) }

	remove := io.OnAnyOutgoing(ignoreOutgoing)
	io.OnAnyOutgoing(ignoreOutgoing)
	want(1)
	remove()
	want(1)
	s := socket()
	removeOwn := s.OnAnyOutgoing(ignoreOutgoing)
	s.OnAny(func(context.Context, *Event) {})
	want(2)
	io.OffAnyOutgoing()
	s.OffAny()
	want(1)
	_ = s.Disconnect(false)
	want(0)
	removeOwn()
	s.OnAnyOutgoing(ignoreOutgoing)
	s.OffAnyOutgoing()
	want(0)

	late := socket()
	_ = late.Disconnect(true)
	late.OnAnyOutgoing(ignoreOutgoing) // its first registration comes after the end
	want(0)
	quiet := socket()
	quiet.OnAnyOutgoing(ignoreOutgoing)
	quiet.OffAnyOutgoing()
	_ = quiet.Disconnect(true)
	want(0)
}

func TestTheCountOfOutgoingListenersUnderARace(t *testing.T) {
	io := serverThatCounts(t)
	for range 50 {
		s := io.Socket(siotest.Dial(t, io, siotest.Options{}).ID())
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { s.OnAnyOutgoing(ignoreOutgoing)() })
			all.Go(func() { s.OnAnyOutgoing(ignoreOutgoing) })
		}
		all.Go(func() { _ = s.Disconnect(true) })
		all.Go(func() { _ = io.Emit("x") })
		all.Wait()
	}
	if got := io.listening.Load(); got != 0 {
		t.Errorf("%d listen when all have left", got)
	}
}
