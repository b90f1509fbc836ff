package socketio

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// busCodec writes what nodes say to each other, whatever the clients' codec is.
var busCodec = packet.JSONCodec{MaxAttachments: 1 << 30}

// nodeLimits bound nothing that a node would not have bounded in sending: the
// other nodes are the program itself.
var nodeLimits = packet.Limits{Attachments: 1 << 30, AttachmentBytes: math.MaxInt, Args: 1 << 30, NamespaceLength: 1 << 30, Depth: 10_000}

// pack makes a value, or for an event an array, for other nodes. It holds copies of
// what was given.
func (s *Server) pack(p packet.Outgoing) (backplane.Data, error) {
	p.ID = packet.NoID
	encoded, err := busCodec.Encode(nil, p)
	if err != nil {
		return backplane.Data{}, fmt.Errorf("socketio: cannot send %s %q to other nodes: %w", p.Type, p.Event, err)
	}
	text, err := busCodec.EventText(encoded.Head, p.Namespace, packet.NoID, len(encoded.Attachments))
	if err != nil {
		return backplane.Data{}, fmt.Errorf("socketio: cannot send %s %q to other nodes: %w", p.Type, p.Event, err)
	}
	if p.Type == packet.Ack {
		text = text[1 : len(text)-1]
	}
	packed := backplane.Data{JSON: text}
	for _, data := range encoded.Attachments {
		packed.Attachments = append(packed.Attachments, bytes.Clone(data))
	}
	return packed, nil
}

// packValue is pack for one value.
func (s *Server) packValue(v any) (backplane.Data, error) {
	return s.pack(packet.Outgoing{Type: packet.Ack, Args: []any{v}})
}

// packArg is packValue for an argument that a client has sent, null if there is none.
func (s *Server) packArg(args packet.Args) (backplane.Data, error) {
	if args.Len() == 0 {
		return s.packValue(nil)
	}
	v, err := args.Value(0)
	if err != nil {
		return backplane.Data{}, err
	}
	return s.packValue(v)
}

// packFrames is pack for an event that has been encoded for clients: unless the codec
// is another, what was written for them is used once more.
func (n *Namespace) packFrames(out outgoing, id int64, event string, args []any) (backplane.Data, error) {
	if !n.server.cluster.plain {
		return n.server.pack(packet.Outgoing{Type: packet.Event, Namespace: n.name, Event: event, Args: args})
	}
	payload := out.frames[0].Payload()[1:] // behind the type of Engine.IO's
	text, err := packet.JSONCodec{}.EventText(payload, n.name, id, len(out.frames)-1)
	if err != nil {
		return backplane.Data{}, fmt.Errorf("socketio: cannot send %q to other nodes: %w", event, err)
	}
	if out.offset != nil { // the last argument, which means nothing to them
		end := len(text) - len(`,"`) - len(out.offset) - len(`"]`)
		text = append(append(make([]byte, 0, end+1), text[:end]...), ']')
	}
	packed := backplane.Data{JSON: text}
	for _, f := range out.frames[1:] {
		packed.Attachments = append(packed.Attachments, f.Payload())
	}
	return packed, nil
}

// unpackFrames makes of an event from another node what [Namespace.event] makes of one
// of this node. The event has been checked.
func (n *Namespace) unpackFrames(m backplane.Message, event string, id int64) (outgoing, error) {
	compress := m.Options.Flags.Compress == nil || *m.Options.Flags.Compress
	codec, plain := n.server.cfg.Codec.(packet.JSONCodec)
	if !plain {
		args, err := n.server.values(m.Data)
		if err != nil {
			return outgoing{}, err
		}
		return n.event(event, id, args, compress)
	}
	text, blank := m.Data.JSON, ""
	if n.stamps(id) {
		blank = n.history.epoch.blank
		text = fmt.Appendf(nil, `%s,"%s"]`, text[:bytes.LastIndexByte(text, ']')], blank)
	}
	f := new(engine.Frame)
	head, err := codec.AppendEvent(f.Buffer(len(n.name)+len(text)+24), n.name, id, text, len(m.Data.Attachments))
	if err != nil {
		return outgoing{}, err
	}
	out := outgoing{frames: f.SetMessage(head).List(len(m.Data.Attachments)), event: event}
	for _, data := range m.Data.Attachments {
		out.frames = append(out.frames, engine.BinaryFrame(data))
	}
	if !compress {
		for _, f := range out.frames {
			f.NoCompress()
		}
	}
	if blank != "" {
		payload := f.Payload()
		end := len(payload) - len(`"]`)
		out.offset = payload[end-offsetLength : end]
	}
	return out, nil
}

// values returns the arguments of an event from another node.
func (s *Server) values(data backplane.Data) ([]any, error) {
	p, err := s.unpack(packet.Event, data)
	if err != nil {
		return nil, err
	}
	args := make([]any, p.Args.Len())
	for i := range args {
		if args[i], err = p.Args.Value(i); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// unpack reads what pack has made of an Event or an Ack.
func (s *Server) unpack(kind packet.Type, packed backplane.Data) (p packet.Incoming, err error) {
	if len(packed.JSON) == 0 {
		return p, packet.ErrUnexpectedText
	}
	head := []byte{'0' + byte(kind)}
	if n := len(packed.Attachments); n > 0 {
		head[0] += byte(packet.BinaryEvent - packet.Event)
		head = append(strconv.AppendInt(head, int64(n), 10), '-')
	}
	if kind == packet.Ack {
		head = append(append(append(head, '0', '['), packed.JSON...), ']')
	} else {
		head = append(head, packed.JSON...)
	}
	decoder := busCodec.NewDecoder(nodeLimits)
	p, complete, err := decoder.Add(head, false)
	for _, data := range packed.Attachments {
		if err == nil {
			p, complete, err = decoder.Add(data, true)
		}
	}
	if err == nil && (!complete || p.Type != kind || kind == packet.Ack && p.Args.Len() != 1) {
		err = packet.ErrUnexpectedText
	}
	return p, err
}

// unpackArg reads one value; of none it makes no arguments.
func (s *Server) unpackArg(packed backplane.Data) (packet.Args, error) {
	if len(packed.JSON) == 0 && len(packed.Attachments) == 0 {
		return packet.Args{}, nil
	}
	p, err := s.unpack(packet.Ack, packed)
	return p.Args, err
}
