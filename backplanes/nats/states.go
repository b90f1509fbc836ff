package nats

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A state is what nodes of Kawat's tell each other of the namespaces that they have
// open, so that no heartbeat is needed for each of them. The members are those of
// docs/cluster-protocol.md.
type state struct {
	V      int    `json:"v"`
	UID    string `json:"uid"`
	Count  int    `json:"count"`
	Digest string `json:"digest"`
	// Opened and Shut are what has changed since the last one to all, unless that is
	// too much.
	Opened []string `json:"opened,omitempty"`
	Shut   []string `json:"shut,omitempty"`
	// Number counts the states to all; Said are the messages to all members of a
	// namespace since the one before, by namespace: see gaps.go.
	Number uint64         `json:"number,omitempty"`
	Said   map[string]int `json:"said,omitempty"`
	// Ask wants the states of all; Want a list of the namespaces.
	Ask  bool `json:"ask,omitempty"`
	Want bool `json:"want,omitempty"`
	// Bye says that the node leaves.
	Bye bool `json:"bye,omitempty"`
	// Names are those of part Part of Parts, beginning with 1.
	Names []string `json:"names,omitempty"`
	Part  int      `json:"part,omitempty"`
	Parts int      `json:"parts,omitempty"`
}

const (
	stateVersion = 1
	partBytes    = 128 << 10 // of names in one message, about
	mostNames    = 1_000_000 // of one node
)

// A kin is another node of Kawat's. The node's lock guards it.
type kin struct {
	heard  time.Time
	names  map[string]bool // of its namespaces, as far as is known
	digest digest          // of these
	list   map[string]bool // of a list that is not complete
	part   int             // of the list, that came last
	count  count
}

// A digest is the same for the same names, in whatever order they have come. It is
// kept, since there may be very many of them, and a lock is held.
type digest uint64

func (d *digest) add(name string) {
	hash := sha256.Sum256([]byte(name))
	*d += digest(binary.BigEndian.Uint64(hash[:8]))
}

func (d *digest) remove(name string) {
	hash := sha256.Sum256([]byte(name))
	*d -= digest(binary.BigEndian.Uint64(hash[:8]))
}

func (d digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// add and remove note a namespace of another node.
func (k *kin) add(name string) {
	if !k.names[name] {
		k.names[name] = true
		k.digest.add(name)
	}
}

func (k *kin) remove(name string) {
	if k.names[name] {
		delete(k.names, name)
		k.digest.remove(name)
	}
}

// names are those of the namespaces that are open. The caller holds n.mu.
func (n *node) names(yield func(string) bool) {
	for _, s := range n.spaces {
		if !yield(s.name) {
			return
		}
	}
}

// say tells all nodes of the own namespaces.
func (n *node) say(st state) {
	n.mu.Lock()
	defer n.mu.Unlock()
	size := 0
	for name, open := range n.changed {
		if size += len(name); open {
			st.Opened = append(st.Opened, name)
		} else {
			st.Shut = append(st.Shut, name)
		}
	}
	if size > partBytes {
		st.Opened, st.Shut = nil, nil
	}
	clear(n.changed)
	st.Number, st.Said = n.number+1, n.spoken
	if n.saying("", st) {
		n.number++
		clear(n.spoken)
	}
}

// saying tells a node, or all of them. It is called with n.mu held, so that the order
// is that in which namespaces are opened and shut.
func (n *node) saying(to string, st state) (said bool) {
	if n.closed && !st.Bye || to != "" && !isUID(to) {
		return false
	}
	st.V, st.UID = stateVersion, n.id
	st.Count, st.Digest = len(n.spaces), n.digest.String()
	subject := n.config.Prefix + statesOf
	if to != "" {
		subject += "." + to
	}
	data, err := json.Marshal(st)
	if err == nil {
		err = n.push(subject, data)
	}
	if err != nil && !errors.Is(err, backplane.ErrClosed) {
		n.host.Logger.Warn("nats: the other nodes could not be told of the namespaces", "error", err)
	}
	return err == nil
}

// list tells a node the names of all own namespaces. The caller holds n.mu.
func (n *node) list(to string) {
	parts, size := [][]string{nil}, 0
	for name := range n.names {
		if size += len(name) + 16; size > partBytes {
			parts, size = append(parts, nil), len(name)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], name)
	}
	for i, names := range parts {
		n.saying(to, state{Names: names, Part: i + 1, Parts: len(parts)})
	}
}

// stated takes what another node says of its namespaces.
func (n *node) stated(data []byte) {
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		n.ignored(fmt.Errorf("nats: a state is damaged: %w", err))
		return
	}
	if st.V != stateVersion || !isUID(st.UID) {
		n.ignored(fmt.Errorf("nats: a state of version %d, of %.70q", st.V, st.UID))
		return
	}
	if st.UID == n.id {
		return
	}
	if st.Bye {
		n.gone(st.UID)
		return
	}
	n.mu.Lock()
	k, missed := n.kawat[st.UID], false
	isNew := k == nil
	if isNew {
		missed = n.returned(st.UID)
		k = &kin{names: make(map[string]bool)}
		n.kawat[st.UID] = k
		st.Ask = true // it may not have heard of us
	}
	k.heard = time.Now()
	missed = n.missed(k, st) || missed
	var left []string
	switch {
	case st.Want:
		n.list(st.UID)
	case st.Parts > 0:
		left = n.listed(k, st)
	default:
		left = n.compare(k, st)
	}
	if st.Ask {
		n.met = true // it counts from what we say soon; see gaps.go
		n.saying(st.UID, state{Ask: isNew})
	}
	n.mu.Unlock()
	if missed {
		n.lost(errMissed)
	}
	for _, name := range left {
		n.host.Receive(backplane.Message{Kind: backplane.NodeLeft, From: st.UID, Namespace: name})
	}
}

// compare takes what has changed, and asks for everything if that is not all. The
// caller holds n.mu.
func (n *node) compare(k *kin, st state) (left []string) {
	for _, name := range st.Opened {
		n.opened(k, st.UID, name)
	}
	for _, name := range st.Shut {
		if n.shut(k, st.UID, name) {
			left = append(left, name)
		}
	}
	if len(k.names) != st.Count || k.digest.String() != st.Digest {
		n.saying(st.UID, state{Want: true})
	}
	return left
}

// listed takes a part of a list. The caller holds n.mu.
func (n *node) listed(k *kin, st state) (left []string) {
	if st.Part == 1 {
		k.list, k.part = make(map[string]bool), 0
	}
	if k.list == nil || st.Part != k.part+1 || len(k.list)+len(st.Names) > mostNames {
		k.list = nil // a part is missing: the next comparison asks again
		return nil
	}
	k.part = st.Part
	for _, name := range st.Names {
		k.list[name] = true
	}
	if st.Part < st.Parts {
		return nil
	}
	for name := range k.names {
		if !k.list[name] && n.shut(k, st.UID, name) {
			left = append(left, name)
		}
	}
	for name := range k.list {
		n.opened(k, st.UID, name)
	}
	k.list = nil
	return left
}

// opened and shut note that a node of Kawat's has opened or shut a namespace. The
// caller holds n.mu.
func (n *node) opened(k *kin, id, name string) {
	if len(k.names) >= mostNames {
		return
	}
	k.add(name)
	if s := n.spaces[token(name)]; s != nil && s.name == name {
		s.peers[id] = k.heard
	}
}

func (n *node) shut(k *kin, id, name string) (left bool) {
	k.remove(name)
	if s := n.spaces[token(name)]; s != nil && s.name == name {
		_, left = s.peers[id]
		delete(s.peers, id)
	}
	return left
}

// gone forgets a node of Kawat's that has left, or is taken for dead.
func (n *node) gone(id string) {
	n.mu.Lock()
	delete(n.kawat, id)
	var left []string
	for _, s := range n.spaces {
		if _, there := s.peers[id]; there {
			delete(s.peers, id)
			left = append(left, s.name)
		}
	}
	closed := n.closed
	n.mu.Unlock()
	for _, name := range left {
		if !closed {
			n.host.Receive(backplane.Message{Kind: backplane.NodeLeft, From: id, Namespace: name})
		}
	}
}
