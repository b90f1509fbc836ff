// Package backplanetest tests implementations of a backplane: what passes can be given
// to a server as its Config.Backplane.
package backplanetest

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A Config says what is tested.
type Config struct {
	// New returns the backplane for one more node of a cluster. Those of one cluster
	// hear each other, and nobody else: what its name says is like no other, and made of
	// small letters and digits.
	New func(t *testing.T, cluster string) backplane.Backplane
	// Cannot names what the backplane cannot do.
	Cannot Cannot
	// Patience is how long something may take that is to happen. Default 30 s.
	Patience time.Duration
	// SeamOnly leaves out the tests with whole servers.
	SeamOnly bool
}

// Cannot names what a backplane cannot do, for reasons of what it speaks.
type Cannot struct {
	// PeerIDs: Peers does not say who the others are, but how many.
	PeerIDs bool
	// NodeLeft: there is no [backplane.NodeLeft] in a namespace.
	NodeLeft bool
	// AnswerFrom: answers do not say whose they are.
	AnswerFrom bool
	// ChangeFlags: flags are not told where sockets join, leave or are disconnected.
	ChangeFlags bool
	// ReplyInPrivate: an answer to a node that is not there may reach others.
	ReplyInPrivate bool
	// LongNamespaces: the name of a namespace has so many bytes at most; 0 is no limit.
	LongNamespaces int
}

// Run runs the tests, each with a cluster of its own.
func Run(t *testing.T, cfg Config) {
	if cfg.Patience == 0 {
		cfg.Patience = 30 * time.Second
	}
	for _, test := range []struct {
		name string
		run  func(c *cluster)
	}{
		{"Peers", testPeers},
		{"Publish", testPublish},
		{"Namespaces", testNamespaces},
		{"Reply", testReply},
		{"Content", testContent},
		{"Order", testOrder},
		{"Reentrant", testReentrant},
		{"Goexit", testGoexit},
		{"Relay", testRelay},
		{"Left", testLeft},
		{"Close", testClose},
		{"CloseInReceiver", testCloseInReceiver},
		{"Apart", testApart},
		{"Names", testNames},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(newCluster(t, cfg)) })
	}
	if cfg.SeamOnly {
		return
	}
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d servers", n), func(t *testing.T) {
			for _, test := range []struct {
				name string
				run  func(s *servers)
			}{
				{"Broadcasts", testBroadcasts},
				{"Binary", testBinary},
				{"Acks", testAcks},
				{"FetchSockets", testFetchSockets},
				{"Sockets", testSockets},
				{"ServerSide", testServerSide},
				{"Surveys", testSurveys},
				{"Namespaces", testChildren},
				{"Rooms", testRoomNames},
				{"End", testEnd},
			} {
				t.Run(test.name, func(t *testing.T) { test.run(newServers(t, cfg, n)) })
			}
		})
	}
}

// A cluster is the nodes of one test.
type cluster struct {
	*testing.T
	cfg  Config
	name string
}

func newCluster(t *testing.T, cfg Config) *cluster {
	return &cluster{T: t, cfg: cfg, name: "c" + backplane.NewID()}
}

// until waits for a condition.
func (c *cluster) until(what string, there func() bool) {
	c.Helper()
	for end := time.Now().Add(c.cfg.Patience); !there(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			c.Fatalf("not within %v: %s", c.cfg.Patience, what)
		}
	}
}

// quiet is how long nothing has to happen to be believed.
const quiet = 50 * time.Millisecond

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
