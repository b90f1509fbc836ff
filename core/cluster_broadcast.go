package socketio

import (
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/packet"
)

// beyond returns the cluster if the broadcast is for other nodes as well, else nil.
func (b Broadcast) beyond() *cluster {
	if b.local {
		return nil
	}
	return b.namespace.server.cluster
}

// options say to other nodes what the broadcast aims at.
func (b Broadcast) options() backplane.Options {
	o := backplane.Options{Rooms: b.rooms, Except: b.except, Flags: backplane.Flags{Volatile: b.volatile, Timeout: b.timeout}}
	if b.uncompressed {
		o.Flags.Compress = new(bool)
	}
	return o
}

// aimed returns the sockets of this node that another node aims at.
func (n *Namespace) aimed(o backplane.Options) Broadcast {
	return Broadcast{namespace: n, rooms: o.Rooms, except: o.Except, volatile: o.Flags.Volatile, local: true}
}

// message makes an event that was encoded for clients one for other nodes.
func (b Broadcast) message(out outgoing, id int64, event string, args []any) (backplane.Message, error) {
	data, err := b.namespace.packFrames(out, id, event, args)
	return backplane.Message{Kind: backplane.Broadcast, Namespace: b.namespace.name, Options: b.options(), Data: data}, err
}

// publish sends an event to the other nodes, if it is for them. The caller holds
// namespace.order, so that they get what this node's clients get in the same order.
func (b Broadcast) publish(m *backplane.Message) error {
	if m == nil {
		return nil
	}
	return b.namespace.server.cluster.publish(*m)
}

// broadcasted sends what another node broadcasts to this node's clients.
func (c *cluster) broadcasted(m backplane.Message) {
	event, err := packet.ReadEvent(m.Data.JSON, len(m.Data.Attachments), nodeLimits)
	if err != nil {
		c.ignore(m, err)
		return
	}
	n := c.server.namespace(m.Namespace)
	switch {
	case n == nil && m.Request != "":
		_ = c.reply(m, backplane.Message{Kind: backplane.ClientCount}) // who has left needs no answer
	case n == nil:
	case m.Request != "":
		c.askClients(n, m, event)
	default:
		out, err := n.unpackFrames(m, event, packet.NoID)
		if err != nil {
			c.ignore(m, err)
			return
		}
		targets := n.spread(m, out)
		n.noteBroadcast(event, len(targets))
		c.tellListeners(n, m, targets, event)
	}
}

// spread sends an event of another node's to the clients of this one.
func (n *Namespace) spread(m backplane.Message, out outgoing) []*Socket {
	if n.shared != nil && !m.Offset.IsZero() {
		return n.shared.deliver(m, out, nil)
	}
	targets, _ := n.aimed(m.Options).sendAll(out, nil)
	return targets
}

// tellListeners tells those of this node who listen to outgoing events, by an errand:
// they may wait for what other nodes say.
func (c *cluster) tellListeners(n *Namespace, m backplane.Message, targets []*Socket, event string) {
	if len(targets) == 0 || !n.listened() {
		return
	}
	c.errands.add(func() {
		c.server.guard("OnAnyOutgoing", func() {
			if args, err := c.server.values(m.Data); err == nil {
				n.tellOutgoing(targets, event, args)
			}
		})
	})
}
