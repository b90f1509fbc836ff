package engine_test

import (
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/race"
)

// browserRequest is a handshake as a browser sends it, in memory of its own, as a
// host's adapter hands it over.
func browserRequest() *engine.Request {
	return request("GET", polling+"&t=Pq1X2Y3", "", strings.Split(strings.TrimSpace(strings.Clone(`
Accept|*/*|Accept-Encoding|gzip, deflate, br|Accept-Language|en-US,en;q=0.9|Connection|keep-alive
|Cookie|session=0123456789abcdef0123456789abcdef|Origin|https://kawat.example|Referer|https://kawat.example/
|User-Agent|Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36`)), "|")...)
}

// Whoever only shakes hands costs little memory and no goroutine.
func TestAbandonedHandshakesAreCheap(t *testing.T) {
	if race.Enabled {
		t.Log("not measured under the race detector")
		return
	}
	const n, budget = 20_000, 2048
	// The end of a first server brings about what the runtime keeps of goroutines.
	first := newServer(t, engine.Config{})
	abandon(t, first, n)
	closeFully(t, first)
	srv := newServer(t, engine.Config{})
	heap, goroutines := heapInUse(), runtime.NumGoroutine()
	abandon(t, srv, n)
	each := (heapInUse() - heap) / n
	t.Logf("%d bytes a session, with a request of 8 header fields; %d more goroutines", each, runtime.NumGoroutine()-goroutines)
	if each > budget {
		t.Errorf("a session takes %d bytes, more than %d", each, budget)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 2 {
		t.Errorf("%d more goroutines", more)
	}
	if got := srv.ClientsCount(); got != n {
		t.Errorf("%d sessions, want %d", got, n)
	}
	closeFully(t, srv)
	if left := heapInUse() - heap; left > n*256 { // a session that is kept takes four times that
		t.Errorf("%d bytes a session are left when all have ended", left/n)
	}
}

// abandon shakes hands n times.
func abandon(t *testing.T, srv *engine.Server, n int) {
	t.Helper()
	srv.OnConnection(func(*engine.Session) engine.Receiver { return engine.Funcs{} })
	for range n {
		if reply := srv.ServePoll(t.Context(), browserRequest()); reply.Status != 200 {
			t.Fatalf("handshake: %d %s", reply.Status, reply.Body)
		}
	}
}

func closeFully(t *testing.T, srv *engine.Server) {
	t.Helper()
	_ = srv.Close()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if srv.ClientsCount() == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d sessions are left", srv.ClientsCount())
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A loopConn is a connection at no cost of its own: it delivers a message as often
// as it is told, and counts the frames it is given.
type loopConn struct {
	rounds  chan int
	done    chan struct{}
	message []byte
	written *atomic.Int64
}

func (c *loopConn) ReadMessages(deliver func(binary bool, data []byte) error) error {
	n, ok := <-c.rounds
	if !ok {
		return io.EOF
	}
	for range n {
		if err := deliver(false, c.message); err != nil {
			return err
		}
	}
	c.done <- struct{}{}
	return nil
}

func (c *loopConn) WriteFrames(frames []*engine.Frame) error {
	c.written.Add(int64(len(frames)))
	return nil
}

func (c *loopConn) Close(int, string) {}
func (c *loopConn) Abort()            {}

// loop opens n sessions over connections that count together.
func loop(tb testing.TB, n int) (conns []*loopConn, sessions []*engine.Session) {
	srv, err := engine.New(engine.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		sessions = append(sessions, s)
		return engine.Funcs{OnMessage: func([]byte, bool) {}}
	})
	written := new(atomic.Int64)
	for range n {
		c := &loopConn{rounds: make(chan int), done: make(chan struct{}), message: []byte(`42["chat","hello"]`), written: written}
		u, _ := srv.AcceptUpgrade(tb.Context(), upgradeRequest(webSocket))
		u.Start(c)
		c.rounds <- 1 // has begun to read, so it has its session
		<-c.done
		conns = append(conns, c)
	}
	tb.Cleanup(func() {
		for _, c := range conns {
			close(c.rounds)
		}
		_ = srv.Close()
	})
	return conns, sessions
}

// broadcast sends one frame to all sessions, and waits until all have it.
func broadcast(frame *engine.Frame, sessions []*engine.Session, written *atomic.Int64) {
	want := written.Load() + int64(len(sessions))
	for _, s := range sessions {
		_ = s.SendFrames(frame)
	}
	for written.Load() < want {
		runtime.Gosched()
	}
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Log("not measured under the race detector")
		return
	}
	const receivers, messages = 1000, 1000
	conns, sessions := loop(t, receivers)
	frame := engine.BinaryFrame([]byte("hello"))
	sending := testing.AllocsPerRun(20, func() { broadcast(frame, sessions, conns[0].written) }) / receivers
	receiving := testing.AllocsPerRun(20, func() {
		conns[0].rounds <- messages
		<-conns[0].done
	}) / messages
	t.Logf("sending a shared frame to a session: %.3f allocations; receiving a message: %.3f", sending, receiving)
	if sending > 1.1 { // the writer's closure
		t.Errorf("sending a shared frame allocates %.2f times for each session, want 1", sending)
	}
	if receiving > 0.01 {
		t.Errorf("receiving allocates %.2f times for each message, want 0", receiving)
	}
}

func BenchmarkBroadcast(b *testing.B) {
	conns, sessions := loop(b, 1000)
	frame := engine.BinaryFrame([]byte("hello"))
	b.ReportAllocs()
	for b.Loop() {
		broadcast(frame, sessions, conns[0].written)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/delivery")
}

func BenchmarkReceive(b *testing.B) {
	conns, _ := loop(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		conns[0].rounds <- 1000
		<-conns[0].done
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/message")
}

func BenchmarkHandshake(b *testing.B) {
	srv := newServer(b, engine.Config{})
	srv.OnConnection(func(*engine.Session) engine.Receiver { return engine.Funcs{} })
	b.ReportAllocs()
	for b.Loop() {
		srv.ServePoll(b.Context(), browserRequest())
	}
}
