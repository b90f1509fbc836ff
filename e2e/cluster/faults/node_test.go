//go:build linux

package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/siotest"
)

// clientsOfChild is how many clients a node has that is a process.
const clientsOfChild = 3

// stallProbe is how long a process sleeps to see whether it is woken up in time.
const stallProbe = 20 * time.Millisecond

// nodeArgs say what such a node is linked by: a server, or routes to the others, its
// own first.
type nodeArgs struct {
	Plane, Addr string
	Routes      []string
}

// An answer is what such a node knows.
type answer struct {
	Own     []string // its own sockets
	IDs     []string // all sockets
	Count   int
	Present int
	Peers   int // other nodes
	Acks    int // of all clients
	Replies int // of other nodes
	Errors  string
	Longest time.Duration // of all requests so far
	Stall   time.Duration // how long the machine had no time for the process, since it was asked last
}

// An asker asks a cluster, and notes how long that takes.
type asker struct {
	io *socketio.Server

	mu      sync.Mutex
	longest time.Duration
	stall   time.Duration
}

// runNode is a node of a cluster, with clients of its own. It answers each line.
func runNode(text string) error {
	var args nodeArgs
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		return err
	}
	var link backplane.Backplane
	var end func()
	var err error
	if args.Addr != "" {
		link, end, err = planeOf(args.Plane).open(args.Addr)
	} else {
		link, end, err = openEmbedded("", args.Routes)
	}
	if err != nil {
		return err
	}
	defer end()
	a := new(asker)
	if a.io, err = socketio.New(socketio.Config{Backplane: link}); err != nil {
		return err
	}
	defer a.io.Close()
	root := a.io.Of("/")
	root.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Join("room") })
	root.OnServerSide("ask", func(_ context.Context, e *socketio.ServerSideEvent) error { return e.Ack("here") })
	var own []string
	for range clientsOfChild {
		c := siotest.Dial(nil, a.io, siotest.Options{})
		c.On("question", func(e siotest.Event) { e.Ack("yes") })
		own = append(own, c.ID())
	}
	fmt.Println("ready")
	go func() {
		for { // so that there are always some when a node dies
			a.all(new(answer))
			time.Sleep(100 * time.Millisecond)
		}
	}()
	go func() {
		for {
			start := time.Now()
			time.Sleep(stallProbe)
			a.mu.Lock()
			a.stall = max(a.stall, time.Since(start)-stallProbe)
			a.mu.Unlock()
		}
	}()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		got := answer{Own: own}
		a.all(&got)
		a.mu.Lock()
		got.Longest, got.Stall, a.stall = a.longest, a.stall, 0
		a.mu.Unlock()
		line, err := json.Marshal(got)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", line)
	}
	return nil
}

// all asks everything that there is to be asked, at once.
func (a *asker) all(got *answer) {
	room := a.io.Of("/").To("room")
	got.Peers = a.io.Stats().Backplane.Nodes
	var all sync.WaitGroup
	for _, request := range []func(ctx context.Context) error{
		func(ctx context.Context) error {
			sockets, err := room.FetchSockets(ctx)
			for _, s := range sockets {
				got.IDs = append(got.IDs, s.ID())
			}
			return err
		},
		func(ctx context.Context) (err error) { got.Count, err = room.Count(ctx); return err },
		func(ctx context.Context) error {
			present, err := room.Present(ctx)
			got.Present = len(present)
			return err
		},
		func(ctx context.Context) error {
			replies, err := room.EmitWithAckAll(ctx, "question")
			got.Acks = len(replies)
			return err
		},
		func(ctx context.Context) error {
			replies, err := a.io.Of("/").ServerSideEmitWithAck(ctx, "ask")
			got.Replies = len(replies)
			return err
		},
	} {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
			defer cancel()
			start := time.Now()
			err := request(ctx)
			a.mu.Lock()
			defer a.mu.Unlock()
			a.longest = max(a.longest, time.Since(start))
			if err != nil {
				got.Errors += err.Error() + "; "
			}
		})
	}
	all.Wait()
}
