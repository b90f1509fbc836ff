package postgres

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/seal"
	"github.com/kawat-go/kawat/internal/wire"
)

// receive hands over what comes, until ctx ends. A host that ends the goroutine does
// not end that.
func (n *node) receive(ctx context.Context) {
	done := false
	defer func() {
		if !done {
			go n.receive(ctx)
		}
	}()
	for {
		for len(n.taken) > 0 {
			a := n.taken[0]
			n.taken = n.taken[1:]
			n.arrive(ctx, a)
		}
		select {
		case <-n.inbox.ready:
			queue, lost := n.inbox.take()
			n.taken = queue
			if lost > 0 {
				n.lost(fmt.Errorf("postgres: %d messages were dropped, because too many had come at once", lost))
			}
		case <-ctx.Done():
			done = true
			return
		}
	}
}

// lost reports that messages of others were lost.
func (n *node) lost(err error) { n.observe(backplane.Event{Kind: backplane.Gap, Lost: -1, Err: err}) }

// ignored reports that something that came is of no use.
func (n *node) ignored(err error) { n.observe(backplane.Event{Kind: backplane.Ignored, Err: err}) }

func (n *node) arrive(ctx context.Context, a arrival) {
	switch {
	case a.silent != nil:
		n.left(a.silent, a.from, time.Now().Add(-n.HeartbeatTimeout), n.lanes.pass)
	case a.gone != "":
		n.gone(a.gone, a.told)
	case a.unsent > 0:
		n.observe(backplane.Event{Kind: backplane.Gap, Lost: a.unsent, Err: a.err})
	default:
		n.notified(ctx, a.channel, []byte(a.payload))
	}
}

// left tells the host that a node has left a namespace, if it was there and was not
// heard since some time.
func (n *node) left(ns *namespace, from string, since time.Time, pass pass) {
	if n.forget(ns, from, since) {
		n.deliver(backplane.Message{Kind: backplane.NodeLeft, From: from, Namespace: ns.name}, pass)
	}
}

// gone tells the host that a node of Kawat's has left altogether.
func (n *node) gone(from string, told chan<- struct{}) {
	n.mu.Lock()
	var all []*namespace
	for _, ns := range n.open {
		all = append(all, ns)
	}
	n.mu.Unlock()
	for _, ns := range all {
		n.left(ns, from, time.Time{}, n.lanes.pass)
	}
	n.lanes.after(from, func() {
		defer close(told)
		if !n.isClosed() {
			n.host.Left(from)
		}
	})
}

// A pass hands parcels over: [lanes.pass], or now for one whose turn it is.
type pass func(key laneKey, p parcel) bool

func now(_ laneKey, p parcel) bool {
	p.hand()
	return true
}

// deliver gives the host a message, behind what its sender said before.
func (n *node) deliver(m backplane.Message, pass pass) {
	size := len(m.Data.JSON) + 512
	for _, a := range m.Data.Attachments {
		size += len(a)
	}
	if m.Kind == backplane.NodeLeft {
		size = 0 // it must be known
	}
	ok := pass(laneKey{m.From, m.Namespace}, parcel{size: size, hand: func() {
		if !n.isClosed() {
			n.host.Receive(m)
		}
	}})
	if !ok {
		n.lost(errors.New("postgres: a message was dropped, because too many wait for one that is in the table"))
	}
}

// notified takes a notification.
func (n *node) notified(ctx context.Context, channel string, payload []byte) {
	payload = bytes.TrimRight(payload, " \t\r\n")
	ns := n.on(channel)
	if ns != nil && n.Secret == "" && bytes.HasSuffix(payload, ns.own) {
		return // what this node has sent
	}
	if ns == nil && channel != n.everybody() && channel != n.private(n.id) {
		return // it was shut in the meantime
	}
	if h, id, ok := readHeader(payload); ok {
		if h.UID != n.id {
			n.fetch(ctx, channel, ns, h, id)
		}
		return
	}
	data, err := n.unwrap(channel, ns, payload)
	if err != nil {
		n.ignored(err)
		return
	}
	n.take(channel, ns, data)
}

// unwrap returns what a notification carries.
func (s settings) unwrap(channel string, ns *namespace, payload []byte) ([]byte, error) {
	if s.Secret == "" && (ns != nil || bytes.HasPrefix(payload, []byte("{"))) {
		return payload, nil
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(payload)))
	size, err := base64.StdEncoding.Decode(data, payload)
	if err != nil {
		return nil, fmt.Errorf("postgres: a notification that was not made with Config.Secret: %w", err)
	}
	return s.unseal(channel, data[:size])
}

func (s settings) unseal(channel string, data []byte) ([]byte, error) {
	if s.Secret == "" {
		return data, nil
	}
	return seal.Open([]byte(s.Secret), channel, data)
}

// take takes what came on a channel, of a namespace or, if ns is nil, of this node.
func (n *node) take(channel string, ns *namespace, data []byte) {
	if ns == nil && isMail(data) {
		n.mail(data)
		return
	}
	if m, ok := n.message(channel, ns, data); ok {
		n.heard(m, n.lanes.pass)
	}
}

// takeNow takes what was in the table, when its turn in the lane has come.
func (n *node) takeNow(channel string, ns *namespace, key laneKey, data []byte) {
	if ns == nil && key.namespace == "" && isMail(data) && senderOf(data) == key.from {
		n.members.Received(data)
		return
	}
	m, ok := n.message(channel, ns, data)
	switch {
	case !ok:
	case m.From != key.from || m.Namespace != key.namespace:
		n.ignored(fmt.Errorf("postgres: a message in the table is of %.80q, and not of %.80q", m.From, key.from))
	default:
		n.heard(m, now)
	}
}

// message decodes a message, and checks that its sender and its namespace may be.
func (n *node) message(channel string, ns *namespace, data []byte) (m backplane.Message, ok bool) {
	m, err := wire.Decode(data, n.limits)
	if err == nil && ns != nil && m.Namespace == "" { // as Node's emitter has it
		m.Namespace = ns.name
	}
	switch {
	case err != nil:
	case m.From == n.id:
		return m, false
	case m.From == "" || len(m.From) > maxUID || ns != nil && m.Namespace != ns.name:
		err = fmt.Errorf("postgres: a message of %.80q in the namespace %.80q on the channel %q", m.From, m.Namespace, channel)
	default:
		return m, true
	}
	n.ignored(err)
	return m, false
}

// heard takes a message of another node, or of an emitter.
func (n *node) heard(m backplane.Message, pass pass) {
	ns := n.namespace(m.Namespace)
	if ns == nil {
		return
	}
	if m.Kind == backplane.NodeLeft {
		n.left(ns, m.From, time.Time{}, pass)
		return
	}
	if !n.hear(ns, m.From) {
		return
	}
	switch m.Kind {
	case wire.InitialHeartbeat:
		n.greet(ns, m.From)
	case wire.Heartbeat:
	default:
		n.deliver(m, pass)
	}
}

// What nodes of Kawat's say to each other begins with a version, which is a small
// number, a kind and the sender's id. Messages begin otherwise.
const idAt, idEnd = 2, 10

func isMail(data []byte) bool { return len(data) >= idEnd && data[0] < ' ' }

func senderOf(mail []byte) string { return hex.EncodeToString(mail[idAt:idEnd]) }

// mail takes what a node of Kawat's has sent to others of them.
func (n *node) mail(data []byte) {
	ok := n.lanes.pass(laneKey{from: senderOf(data)}, parcel{size: len(data), hand: func() { n.members.Received(data) }})
	if !ok {
		n.lost(errors.New("postgres: what a node has sent was dropped, because too much waits for what is in the table"))
	}
}

// fetch reads what is in the table. What its sender says later waits for that.
func (n *node) fetch(ctx context.Context, channel string, ns *namespace, h header, id int64) {
	if h.UID == "" || len(h.UID) > maxUID {
		n.ignored(fmt.Errorf("postgres: a message of %.80q on the channel %q", h.UID, channel))
		return
	}
	key := laneKey{from: h.UID, namespace: h.Namespace}
	if ns != nil {
		key.namespace = ns.name
	}
	ok := n.lanes.fetch(key, parcel{size: 512, hand: func() {
		if n.isClosed() {
			return
		}
		data, err := n.read(ctx, id)
		if err != nil {
			n.lost(err)
			return
		}
		if data, err = n.unseal(channel, data); err != nil {
			n.ignored(err)
			return
		}
		n.takeNow(channel, ns, key, data)
	}})
	if !ok {
		n.lost(errors.New("postgres: a message was dropped, because too many wait to be read from the table"))
	}
}
