//go:build !race

package socketio

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A broadcast is encoded once: what it allocates does not depend on how many
// receive it, apart from the growth of their queues.
func TestBroadcastAllocations(t *testing.T) {
	allocs := func(receivers int) float64 {
		s := quietServer(t, Config{MaxQueuedMessages: 1 << 20, MaxQueuedBytes: 1 << 30})
		for range receivers {
			c := siotest.Dial(t, s, siotest.Options{})
			c.Stall()
		}
		message := map[string]string{"text": "hello"}
		emit := func() {
			if err := s.Emit("chat", message); err != nil {
				t.Fatal(err)
			}
		}
		for range 600 { // the queues have grown, and writes are stuck
			emit()
		}
		return testing.AllocsPerRun(300, emit)
	}
	few, many := allocs(10), allocs(1000)
	t.Logf("to 10 sockets: %v allocations, to 1,000: %v", few, many)
	if few > 9 || many > few+5 {
		t.Errorf("to 10 sockets: %v allocations, to 1,000: %v; want at most 9, and no more for more", few, many)
	}
}

// What is for other nodes as well is not encoded twice: it costs them no more than the
// message that is handed over.
func TestBroadcastAllocationsWithABackplane(t *testing.T) {
	message := map[string]any{"text": "hello", "more": []int{1, 2, 3}, "blob": []byte("binary")}
	allocs := func(cfg Config) float64 {
		s := quietServer(t, cfg)
		emit := func() {
			if err := s.Emit("chat", message); err != nil {
				t.Fatal(err)
			}
		}
		emit()
		return testing.AllocsPerRun(300, emit)
	}
	alone, node := allocs(Config{}), allocs(Config{Backplane: backplane.NewMemory()})
	t.Logf("%v allocations, with a backplane %v", alone, node)
	if node > alone+3 {
		t.Errorf("%v allocations with a backplane, %v without; want at most 3 more", node, alone)
	}
}

// Who does not listen to outgoing events does not pay for it.
func TestDirectEmitAllocations(t *testing.T) {
	s := quietServer(t, Config{MaxQueuedMessages: 1 << 20, MaxQueuedBytes: 1 << 30})
	c := siotest.Dial(t, s, siotest.Options{})
	c.Stall()
	socket := s.Socket(c.ID())
	emit := func() {
		if err := socket.Emit("chat", "hello"); err != nil {
			t.Fatal(err)
		}
	}
	for range 600 {
		emit()
	}
	if got := testing.AllocsPerRun(300, emit); got > 4 {
		t.Errorf("%v allocations for an emit, want at most 4", got)
	} else {
		t.Logf("%v allocations for an emit", got)
	}
}

func TestDispatchAllocations(t *testing.T) {
	s := quietServer(t, Config{})
	handled := make(chan struct{}, 1000)
	type message struct {
		N int `json:"n"`
	}
	On(s, "chat", func(_ context.Context, _ *Socket, m message) error {
		handled <- struct{}{}
		return nil
	})
	c := siotest.Dial(t, s, siotest.Options{})
	conn := s.Socket(c.ID()).conn
	data := []byte(`2["chat",{"n":7}]`)
	const together = 32
	got := testing.AllocsPerRun(300, func() {
		for range together {
			conn.Message(data, false)
		}
		if work := conn.Flush(); work != nil {
			go work.Do()
		}
		for range together {
			<-handled
		}
	}) / together
	t.Logf("%.2f allocations for each event", got)
	if got > 4 {
		t.Errorf("%.2f allocations for each event, want at most 4", got)
	}
}

// What an event with an ack allocates, eight of them arriving together: the
// message, what is decoded of it and handed to the handler, the Event, the ack.
// One or two are the test's own.
func TestEchoAllocations(t *testing.T) {
	budgets := map[string]float64{"string": 9, "raw": 9, "object": 9, "binary": 14}
	for _, e := range echoes {
		c, messages := e.client(t), slices.Repeat(e.messages, 8)
		got := testing.AllocsPerRun(300, func() { e.round(c, messages) }) / 8
		t.Logf("%s: %.2f allocations for an event and its ack", e.name, got)
		if got > budgets[e.name] {
			t.Errorf("%s: %.2f allocations for an event and its ack, want at most %v", e.name, got, budgets[e.name])
		}
	}
}

// BenchmarkIdleSocket reports what a connected socket takes that has nothing to
// do, its Engine.IO session included, the host's connection not.
func BenchmarkIdleSocket(b *testing.B) {
	s := quietServer(b, Config{})
	query := "EIO=4&transport=polling"
	request := func(method, query, body string) engine.Reply {
		return s.Engine().ServePoll(context.Background(), &engine.Request{
			Method: method, Path: "/socket.io/", RawQuery: query, Header: engine.Header{},
			Body: io.Reader(strings.NewReader(body)), ContentLength: int64(len(body)),
		})
	}
	before := heap()
	for range b.N {
		reply := request("GET", query, "")
		_, rest, _ := bytes.Cut(reply.Body, []byte(`"sid":"`))
		session := query + "&sid=" + string(rest[:20])
		request("POST", session, "40")
		request("GET", session, "") // waits for the answer
	}
	b.ReportMetric(float64(heap()-before)/float64(b.N), "B/socket")
	b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
	runtime.KeepAlive(s)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
