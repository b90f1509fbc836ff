package redis

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kawat-go/kawat/core/backplane"
)

// Classic links servers as createAdapter of Node's @socket.io/redis-adapter does:
// over PUBLISH, which every server of a Redis Cluster hears, too.
func Classic(cfg Config) backplane.Backplane { return classicBackplane{cfg} }

type classicBackplane struct{ cfg Config }

// Join implements [backplane.Backplane].
func (b classicBackplane) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	cfg, err := b.cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := newNode(cfg, host, false)
	n.format = &classic{node: n, own: ownStarts(n.id), tag: []byte("@" + n.id)}
	if err := n.join(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

// A classic is the format of the classic adapter.
//
// Every node hears the answers to all questions. So that those to this node are known
// without reading them, the ids of its requests end in its own. Requests that do not
// end in their sender's id are Node's: the host knows them by names that say so.
type classic struct {
	*node
	own [][]byte // what this node sends begins with one of these
	tag []byte
}

// What the requests of others are called in front of their ids. No request of a host
// begins so.
const (
	plainRequest  = "\x00p" // the answer is as the kind says
	socketsLister = "\x00s" // the answer is a list of sockets' ids
	roomsLister   = "\x00r" // the answer is a list of rooms
)

// ownStarts returns how the requests of a node begin, as JSON and as MessagePack,
// behind the byte that says how many members there are.
func ownStarts(id string) [][]byte {
	return [][]byte{[]byte(`"uid":"` + id + `"`), append([]byte("\xa3uid\xb0"), id...)}
}

func (c *classic) kind() topicKind { return channelTopic }

func (c *classic) topics(namespace string) []topic {
	return []topic{
		{patternTopic, c.pattern(namespace)},
		{channelTopic, c.request(namespace)},
		{channelTopic, c.response(namespace)},
		{channelTopic, c.private(namespace, c.id)},
	}
}

func (c *classic) counted(namespace string) string { return c.request(namespace) }

func (c *classic) private(namespace, id string) string { return c.response(namespace) + id + "#" }

func (c *classic) message(m *backplane.Message) (channel string, payload []byte, err error) {
	if m.Kind == backplane.Broadcast && m.Request == "" {
		payload, err = writeBroadcast(m, false)
		return c.broadcastChannel(m), payload, err
	}
	if m.Request != "" {
		if m.Request[0] == 0 {
			return "", nil, fmt.Errorf("redis: the request %.40q begins with NUL", m.Request)
		}
		m.Request += string(c.tag)
	}
	payload, err = writeRequest(m)
	return c.request(m.Namespace), payload, err
}

// broadcastChannel returns where a broadcast goes that wants no acks.
func (n names) broadcastChannel(m *backplane.Message) string {
	if len(m.Options.Rooms) == 1 {
		return n.room(m.Namespace, m.Options.Rooms[0])
	}
	return n.main(m.Namespace)
}

func (c *classic) reply(to, m *backplane.Message) (channel string, payload []byte, err error) {
	if channel = c.response(to.Namespace); m.Kind != backplane.ServerSideEmitResponse {
		channel = c.responseTo(to)
	}
	if id, ok := strings.CutPrefix(to.Request, socketsLister); ok {
		payload, err = writeList(id, "sockets", idsOf(m.Sockets))
		return channel, payload, err
	}
	if id, ok := strings.CutPrefix(to.Request, roomsLister); ok {
		payload, err = writeList(id, "rooms", roomsOf(m.Sockets))
		return channel, payload, err
	}
	var plain bool
	if m.Request, plain = strings.CutPrefix(to.Request, plainRequest); !plain {
		m.Request += "@" + to.From
	}
	payload, err = writeResponse(m)
	return channel, payload, err
}

// responseTo is the channel of the answer to a request.
func (c *classic) responseTo(m *backplane.Message) string {
	channel := c.response(m.Namespace)
	if c.cfg.PublishOnSpecificResponseChannel && m.From != emitterID {
		channel += m.From + "#"
	}
	return channel
}

func idsOf(sockets []backplane.Socket) (ids []string) {
	for i := range sockets {
		ids = append(ids, sockets[i].ID)
	}
	return ids
}

func roomsOf(sockets []backplane.Socket) (rooms []string) {
	for i := range sockets {
		rooms = append(rooms, sockets[i].Rooms...)
	}
	slices.Sort(rooms)
	return slices.Compact(rooms)
}

func (c *classic) received(d delivery, namespaces []string, give func(m backplane.Message)) error {
	if len(namespaces) == 0 {
		return nil // it was shut meanwhile
	}
	namespace := namespaces[0] // only answers may be for several, and say themselves what they answer
	switch {
	case d.topic.kind == patternTopic:
		return c.broadcasted(d, namespace, give)
	case d.channel == c.request(namespace):
		return c.requested(d.payload, namespace, give)
	default:
		return c.answered(d.payload, namespace, give)
	}
}

// broadcasted takes a broadcast. Its channel says for which room it is: one that
// nobody here is in is not read.
func (c *classic) broadcasted(d delivery, namespace string, give func(m backplane.Message)) error {
	room := d.channel[len(c.main(namespace)):]
	if room != "" && !c.mayHave(namespace, strings.TrimSuffix(room, "#")) {
		return nil
	}
	m, err := readBroadcast(d.payload, c.id, c.limits)
	if err == nil && m.Kind != 0 && m.Namespace == namespace {
		give(m)
	}
	return err
}

func (c *classic) requested(payload []byte, namespace string, give func(m backplane.Message)) error {
	for _, start := range c.own {
		if len(payload) > 0 && bytes.HasPrefix(payload[1:], start) {
			return nil
		}
	}
	q, err := readRequest(payload, c.limits)
	if err != nil {
		return err
	}
	m := q.message
	if m.From == c.id || m.Namespace != "" && m.Namespace != namespace {
		return nil
	}
	m.Namespace = namespace
	if q.legacy {
		give(withoutRequest(m))
		return c.answerLegacy(m)
	}
	if m.Request != "" {
		m.Request = c.requestName(q)
	}
	give(m)
	return nil
}

// requestName returns what the host knows a request by.
func (c *classic) requestName(q classicRequest) string {
	switch q.kind {
	case classicSockets:
		return socketsLister + q.message.Request
	case classicRooms:
		return roomsLister + q.message.Request
	}
	if id, ok := strings.CutSuffix(q.message.Request, "@"+q.message.From); ok && id != "" && id[0] != 0 {
		return id
	}
	return plainRequest + q.message.Request
}

func withoutRequest(m backplane.Message) backplane.Message {
	m.Request = ""
	return m
}

// answerLegacy says that the one socket that was aimed at is here.
func (c *classic) answerLegacy(m backplane.Message) error {
	c.mu.RLock()
	s := c.spaces[m.Namespace]
	here := s != nil
	if here {
		_, here = s.rooms[m.Options.Rooms[0]]
	}
	c.mu.RUnlock()
	if !here || m.Request == "" {
		return nil
	}
	payload, err := writeList(m.Request, "", nil)
	if err != nil {
		return err
	}
	return c.send(c.responseTo(&m), payload)
}

// answered takes an answer, if it is one to this node.
func (c *classic) answered(payload []byte, namespace string, give func(m backplane.Message)) error {
	if !bytes.Contains(payload, c.tag) {
		return nil
	}
	m, err := readResponse(payload, c.limits)
	if err != nil {
		return err
	}
	request, ok := strings.CutSuffix(m.Request, string(c.tag))
	if !ok || m.Kind == 0 {
		return nil
	}
	m.Request, m.Namespace = request, namespace
	give(m)
	return nil
}
