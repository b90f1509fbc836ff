package endurance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/faultproxy"
	"github.com/kawat-go/kawat/internal/testclient"
)

const (
	emitters = 8   // on each side
	each     = 200 // messages of each of them
	half     = each / 2
)

// patience is for what must come: a busy machine is slow.
const patience = 2 * time.Minute

// A trial is a client that moves once. What happens in it depends on its seed.
type trial struct {
	seed   uint64
	random *rand.Rand
	addr   string
	proxy  *faultproxy.Proxy
	client *testclient.Client
	log    packetLog

	socket chan *socketio.Socket
	gone   chan socketio.Reason
	up     *tracker      // at the server
	down   *tracker      // at the client
	ended  chan struct{} // closed when the server has answered "end"

	ctx    context.Context
	cancel context.CancelCauseFunc

	pace   time.Duration // emitters pause for so long at most, between bursts
	holdUp bool          // the client's emitters rest half-way until the move is nearly done
	holdIt bool          // the server's do
	resume chan struct{} // closed then
	moveAt int64         // the move begins when so many messages were emitted
	begin  chan struct{} // closed then
	once   sync.Once
	sent   atomic.Int64

	falls, turnedAway int // tries that were to fail, and others that did

	next   *faultproxy.Plan // of the next connection, if not the one that the proxy has for it
	latest *faultproxy.Conn // the proxy's view of the last one
}

func newTrial(addr string, seed uint64) *trial {
	tr := &trial{
		seed: seed, random: rand.New(rand.NewPCG(seed, 0)), addr: addr,
		socket: make(chan *socketio.Socket, 1), gone: make(chan socketio.Reason, 1),
		up: newTracker("the server", seed), down: newTracker("the client", seed+1<<32),
		ended: make(chan struct{}), resume: make(chan struct{}), begin: make(chan struct{}),
	}
	tr.pace = []time.Duration{0, 2 * time.Millisecond, 6 * time.Millisecond, 20 * time.Millisecond}[tr.random.IntN(4)]
	mode := tr.random.IntN(8)
	tr.holdUp, tr.holdIt = mode&5 == 1, mode&6 == 2
	most := 2 * emitters * each
	for _, held := range []bool{tr.holdUp, tr.holdIt} {
		if held {
			most -= emitters * half
		}
	}
	tr.moveAt = int64(tr.random.IntN(most + 1))
	if mode < 4 && tr.random.IntN(2) == 0 {
		tr.moveAt = int64(most)
	}
	return tr
}

func (tr *trial) fail(err error) { tr.cancel(err) }

// path says which server the client connects to.
func (tr *trial) path() (path string, ping time.Duration) {
	if tr.seed%2 == 0 {
		return oftenPath, oftenPing
	}
	return neverPath, neverPing
}

// run returns what went wrong first.
func (tr *trial) run(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, patience, errors.New("hangs"))
	defer stop()
	tr.ctx, tr.cancel = context.WithCancelCause(ctx)
	defer tr.cancel(nil)
	var err error
	if tr.proxy, err = faultproxy.Start(tr.addr, faultproxy.Options{Seed: tr.seed, Plan: tr.plans()}); err != nil {
		return err
	}
	defer tr.proxy.Close()
	path, ping := tr.path()
	tr.log.start(ping)
	tr.client, err = testclient.Connect(tr.ctx, testclient.Options{
		Addr: tr.proxy.Addr(), Path: path + "/", Query: "&trial=" + strconv.FormatUint(tr.seed, 10),
		Dial: tr.dial, PollPause: tr.pollPause(), OnMessage: tr.message, OnPacket: tr.packet,
	})
	if err != nil {
		return err
	}
	defer tr.client.Abort()
	var running sync.WaitGroup
	err = tr.story(&running)
	if err != nil {
		tr.fail(err)
		tr.client.Abort()
	}
	running.Wait()
	if cause := context.Cause(tr.ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("%w (%v; %v; %v)", err, tr.up, tr.down, &tr.log)
	}
	return nil
}

// story is what happens if nothing goes wrong.
func (tr *trial) story(running *sync.WaitGroup) error {
	if err := tr.client.Join(tr.ctx); err != nil {
		return err
	}
	socket, err := receive(tr, tr.socket)
	if err != nil {
		return err
	}
	tr.emitAll(running, socket)
	if _, err := receive(tr, tr.begin); err != nil {
		return err
	}
	if err := tr.move(); err != nil {
		return fmt.Errorf("moving: %w", err)
	}
	for _, all := range []*tracker{tr.up, tr.down} {
		if _, err := receive(tr, all.complete); err != nil {
			return err
		}
	}
	return tr.finish(socket)
}

// finish waits for the last that can come, and ends the session in order.
func (tr *trial) finish(socket *socketio.Socket) error {
	if err := tr.client.Send([]byte(`20["end"]`)); err != nil {
		return err
	}
	if _, err := receive(tr, tr.ended); err != nil {
		return err
	}
	if socket.Conn().Transport() != engine.WebSocket {
		return errors.New("the server has not moved")
	}
	if tr.seed%8 == 0 { // with the heartbeat as before
		if _, err := receive(tr, tr.log.beats); err != nil {
			return err
		}
	}
	if err := tr.client.Close(); err != nil {
		return err
	}
	select {
	case reason := <-tr.gone:
		if reason != socketio.ReasonTransportClose {
			return fmt.Errorf("the server gave up the client: %s", reason)
		}
	case <-tr.ctx.Done():
		return context.Cause(tr.ctx)
	}
	return tr.log.check()
}

// receive waits for something, or for the trial's end.
func receive[T any](tr *trial, from <-chan T) (T, error) {
	select {
	case v := <-from:
		return v, nil
	case <-tr.client.Done():
	case <-tr.ctx.Done():
	}
	var none T
	if err := context.Cause(tr.ctx); err != nil {
		return none, err
	}
	return none, fmt.Errorf("the client has ended: %w", tr.client.Err())
}

func (tr *trial) emitAll(running *sync.WaitGroup, socket *socketio.Socket) {
	for i := range emitters {
		running.Go(func() {
			e := &emitter{trial: tr, seed: tr.down.seed, number: i, hold: tr.holdIt}
			e.run(func(attachments [][]byte) error { return e.emit(socket, attachments) })
		})
		running.Go(func() {
			e := &emitter{trial: tr, seed: tr.up.seed, number: i, hold: tr.holdUp}
			e.run(e.send)
		})
	}
}

// dial connects to the proxy, and remembers its view of the connection.
func (tr *trial) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", tr.proxy.Addr())
	if err != nil {
		return nil, err
	}
	if tr.latest = tr.proxy.Find(ctx, conn.LocalAddr()); tr.latest == nil {
		_ = conn.Close()
		return nil, errors.New("the proxy does not know of a connection")
	}
	if tr.next != nil {
		tr.latest.Set(*tr.next)
		tr.next = nil
	}
	return conn, nil
}

// message handles a message of the server's.
func (tr *trial) message(binary bool, data []byte) {
	if !binary && string(data) == "30[]" {
		close(tr.ended)
		return
	}
	if err := tr.down.parse(binary, data); err != nil {
		tr.fail(err)
	}
}

func (tr *trial) packet(p testclient.Packet) {
	if err := tr.log.add(p); err != nil {
		tr.fail(err)
	}
}
