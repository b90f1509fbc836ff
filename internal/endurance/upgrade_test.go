package endurance

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/internal/hosts"
	"github.com/kawat-go/kawat/internal/race"
	"github.com/kawat-go/kawat/internal/target"
)

var oneSeed = flag.Int64("seed", -1, "run the trial of an upgrade with this seed alone")

const (
	moves     = 1000 // trials on each host
	movesOnce = 40   // trials at the same time: most of what they do is to wait
	movesRace = 8    // of the race detector's, where it is not
)

// A client polls and moves to WebSocket at a random moment, often after tries that
// fail, over a network that slices, delays and cuts. Meanwhile eight emitters on each
// side send 200 messages each, a fifth of them binary. None is lost, repeated,
// reordered or changed, whichever way it goes, and the server says nothing on a
// transport that does not belong there.
//
// The servers run in this process, since only messages count here. A trial costs 10 ms
// of processor time: all hosts take a minute at -scale 1. A message of failure says how
// to repeat its trial; what hangs for two minutes is one.
func TestUpgradeLosesNothing(t *testing.T) {
	for _, host := range target.Hosts() {
		t.Run(host, func(t *testing.T) { moveAll(t, host) })
	}
}

func moveAll(t *testing.T, host string) {
	s := newStation(t, host)
	from, to := uint64(0), uint64(scaled(moves))
	if *oneSeed >= 0 {
		from, to = uint64(*oneSeed), uint64(*oneSeed)+1
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slots := make(chan struct{}, movesOnce)
	if race.Enabled {
		slots = make(chan struct{}, movesRace)
	}
	var running sync.WaitGroup
	for seed := from; seed < to && ctx.Err() == nil; seed++ {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := s.try(ctx, seed); err != nil && ctx.Err() == nil {
				cancel() // the others fail by that, and need not be told
				t.Errorf("seed %d: %v; again with: go test ./internal/endurance -run %s -seed %d", seed, err, t.Name(), seed)
			}
		})
	}
	running.Wait()
	if t.Failed() {
		return
	}
	s.checkEmpty(t)
	t.Log(&s.sum)
	if *scale >= 0.1 { // else chance may have it otherwise
		s.sum.check(t)
	}
}

// The server whose pings come often is moved from with pings under way, and the other
// one with none, so that nothing but a noop can end a poll that hangs.
const (
	oftenPath, oftenPing = "/often", 50 * time.Millisecond
	neverPath, neverPing = "/never", time.Hour
)

// A station is where the clients of one host connect to.
type station struct {
	addr    string
	servers []*socketio.Server
	trials  sync.Map // of *trial, by the seed as text
	sum     summary
}

func newStation(t *testing.T, host string) *station {
	s := &station{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	often, never := s.newServer(t, oftenPath, oftenPing), s.newServer(t, neverPath, neverPing)
	app, err := hosts.Serve(host, ln, often, never)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, io := range s.servers {
			if t.Failed() { // whatever is left of the trials
				_ = io.Close()
			} else if err := io.Shutdown(ctx); err != nil {
				t.Error(err)
			}
		}
		if err := app.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *station) newServer(t *testing.T, path string, ping time.Duration) *socketio.Server {
	server, err := socketio.New(socketio.Config{
		Path: path, PingInterval: ping, PingTimeout: patience,
		BodyTimeout: patience, WriteTimeout: patience,
		UpgradeTimeout: time.Hour, // what waits for it hangs, so that the trial fails
		Logger:         slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	server.OnConnection(func(_ context.Context, k *socketio.Socket) error {
		tr, ok := s.trials.Load(k.Handshake().Query.Get("trial"))
		if !ok {
			return fmt.Errorf("no such trial: %q", k.Handshake().Query)
		}
		k.SetData(tr)
		tr.(*trial).socket <- k
		return nil
	})
	server.OnEvent("m", received)
	server.OnEvent("b", received)
	server.OnEvent("end", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
	server.OnDisconnect(func(_ context.Context, k *socketio.Socket, reason socketio.Reason) {
		k.Data().(*trial).gone <- reason
	})
	s.servers = append(s.servers, server)
	return server
}

// received notes a message of a client's.
func received(_ context.Context, e *socketio.Event) error {
	tr := e.Socket().Data().(*trial)
	var emitter, n int
	if err := e.Bind(&emitter, &n); err != nil {
		tr.fail(err)
		return err
	}
	attachments := make([][]byte, e.Len()-2)
	for i := range attachments {
		if err := e.Args().Bind(2+i, &attachments[i]); err != nil {
			tr.fail(err)
			return err
		}
	}
	if err := tr.up.got(emitter, n, attachments); err != nil {
		tr.fail(err)
	}
	return nil
}

// try runs one trial.
func (s *station) try(ctx context.Context, seed uint64) error {
	tr := newTrial(s.addr, seed)
	key := strconv.FormatUint(seed, 10)
	s.trials.Store(key, tr)
	defer s.trials.Delete(key)
	err := tr.run(ctx)
	s.sum.add(tr)
	return err
}

// checkEmpty wants nothing of the trials left, and nothing in the counters that an
// honest client does not cause.
func (s *station) checkEmpty(t *testing.T) {
	for _, server := range s.servers {
		var stats socketio.Stats
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			stats = server.Stats()
			if stats.Engine.Sessions == 0 || time.Now().After(end) {
				break
			}
		}
		e := stats.Engine
		if e.Sessions+stats.Sockets+stats.Rooms != 0 || e.QueuedBytes != 0 || e.SlowConsumers+e.Panics+stats.Panics != 0 || len(e.Refused) != 0 {
			t.Errorf("after all trials: %+v", stats)
		}
	}
}
