package socketio

import (
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/packet"
)

// A node sends in the namespaces that it has. What it emits on a parent is for children,
// too, that only other nodes have: they are told by mail, and send it to their own
// clients.

func (b ParentBroadcast) beyond() *cluster {
	if b.each.local {
		return nil
	}
	return b.parent.server.cluster
}

// place says which of a server's parents this is: its pattern, and how many with the
// same came before it.
func (p *ParentNamespace) place() (pattern string, before int) {
	pattern = p.pattern()
	for _, other := range load(&p.server.dynamic.parents) {
		if other == p {
			break
		}
		if other.pattern() == pattern {
			before++
		}
	}
	return pattern, before
}

// pattern is "" for a function.
func (p *ParentNamespace) pattern() string {
	if p.re == nil {
		return ""
	}
	return p.re.String()
}

// parentAt returns the parent with a place, or nil.
func (s *Server) parentAt(pattern string, before int) *ParentNamespace {
	for _, p := range load(&s.dynamic.parents) {
		if p.pattern() != pattern {
			continue
		}
		if before == 0 {
			return p
		}
		before--
	}
	return nil
}

func (b ParentBroadcast) emitBeyond(c *cluster, here []*Namespace, event string, args []any) error {
	if len(c.node.Nodes()) == 0 {
		return nil
	}
	data, err := b.parent.server.pack(packet.Outgoing{Type: packet.Event, Event: event, Args: args})
	if err != nil {
		return err
	}
	o := operation{
		Op: opChildren, Rooms: b.each.rooms, Except: b.each.except, Volatile: b.each.volatile, Uncompressed: b.each.uncompressed,
		Event: data.JSON, Attachments: data.Attachments,
	}
	o.Pattern, o.Parent = b.parent.place()
	for _, n := range here {
		o.Had = append(o.Had, n.name)
	}
	return c.tell("", o)
}

// childrenBroadcast sends what another node emits on a parent to the clients of this
// node, in the children that the other does not have.
func (c *cluster) childrenBroadcast(from string, o operation) {
	p := c.server.parentAt(o.Pattern, o.Parent)
	if p == nil {
		return
	}
	m := backplane.Message{Kind: backplane.Broadcast, From: from, Data: backplane.Data{JSON: o.Event, Attachments: o.Attachments}}
	m.Options = backplane.Options{Rooms: o.Rooms, Except: o.Except, Flags: backplane.Flags{Volatile: o.Volatile}}
	if o.Uncompressed {
		m.Options.Flags.Compress = new(bool)
	}
	had := make(map[string]bool, len(o.Had))
	for _, name := range o.Had {
		had[name] = true
	}
	for _, n := range p.snapshot() {
		if !had[n.name] {
			m.Namespace = n.name
			c.broadcasted(m)
		}
	}
}
