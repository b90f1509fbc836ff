package redis

import (
	"context"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/backplane/backplanetest"
)

// TestSuite runs what every backplane has to pass.
func TestSuite(t *testing.T) {
	t.Parallel()
	classic := backplanetest.Cannot{PeerIDs: true, NodeLeft: true, AnswerFrom: true, ChangeFlags: true}
	sharded := backplanetest.Cannot{PeerIDs: true, NodeLeft: true}
	for name, of := range map[string]struct {
		make     func(Config) backplane.Backplane
		cfg      Config
		cannot   backplanetest.Cannot
		seamOnly bool
	}{
		"Classic":         {Classic, Config{}, classic, false},
		"ClassicSpecific": {Classic, Config{PublishOnSpecificResponseChannel: true, Secret: "s"}, classic, true},
		"Dynamic":         {Sharded, Config{}, sharded, false},
		"DynamicPrivate":  {Sharded, Config{SubscriptionMode: DynamicPrivate, Secret: "s"}, sharded, true},
		"Static":          {Sharded, Config{SubscriptionMode: Static}, sharded, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backplanetest.Run(t, backplanetest.Config{
				Cannot: of.cannot, SeamOnly: of.seamOnly,
				Patience: 10 * time.Second, // that is also how long a node is waited for that has left
				New: func(t *testing.T, cluster string) backplane.Backplane {
					cfg := of.cfg
					cfg.Client, cfg.Prefix = connect(t, server.Addr()), "suite-"+name+"-"+cluster
					return roomy{of.make(cfg)}
				},
			})
		})
	}
}

// A roomy backplane has the rooms in each namespace that the suite sends to where it
// has no sockets.
type roomy struct{ backplane.Backplane }

func (b roomy) Join(ctx context.Context, h backplane.Host) (backplane.Node, error) {
	joined, err := b.Backplane.Join(ctx, h)
	if err != nil {
		return nil, err
	}
	return roomyNode{joined.(*node)}, nil
}

type roomyNode struct{ *node }

func (n roomyNode) Open(namespace string) {
	n.node.Open(namespace)
	if _, sharded := n.format.(*sharded); sharded {
		n.RoomCreated(namespace, "one")
		n.RoomCreated(namespace, "a")
	}
}

func (n roomyNode) RoomDeleted(namespace, room string) {
	if room != "one" && room != "a" {
		n.node.RoomDeleted(namespace, room)
	}
}
