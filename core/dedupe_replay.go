package socketio

import (
	"errors"
	"log/slog"
	"math"
	"strconv"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// replay sends an ack, which was made for another id, as the answer to an event.
func (s *Socket) replay(id int64, ack []*engine.Frame) {
	defer s.server().recovered("Config.Codec")
	frames, err := s.namespace.readdress(ack, id)
	if err != nil {
		s.server().say(s.Context(), lineReplay, slog.LevelError, "an ack cannot be repeated; the client is told \"internal error\"",
			"namespace", logName(s.namespace.name), "socket", s.logID(), "error", logError{err})
		frames, err = s.namespace.encode(packet.Outgoing{
			Type: packet.Ack, ID: id, Args: []any{errorAck(internalError)},
		}, true)
	}
	if err == nil {
		_ = s.send(frames) // who has left again can ask again
	}
}

// readdress makes the frames of an ack with another id.
func (n *Namespace) readdress(ack []*engine.Frame, id int64) ([]*engine.Frame, error) {
	codec, ok := n.server.cfg.Codec.(packet.Readdresser)
	if !ok {
		return n.encodeAgain(ack, id)
	}
	head, rest := ack[0], ack[1:]
	if head.Binary() {
		head = engine.BinaryFrame(codec.Readdress(nil, head.Payload(), n.name, id))
	} else {
		data := head.Payload()[1:] // without the digit of Engine.IO
		head = engine.MessageFrame(codec.Readdress(engine.FrameBuffer(len(data)+usualSize), data, n.name, id))
	}
	return append([]*engine.Frame{head}, rest...), nil
}

// encodeAgain is for codecs that cannot readdress.
func (n *Namespace) encodeAgain(ack []*engine.Frame, id int64) ([]*engine.Frame, error) {
	decoder := n.server.cfg.Codec.NewDecoder(n.server.cfg.PacketLimits)
	for _, f := range ack {
		data := f.Payload()
		if !f.Binary() {
			data = data[1:]
		}
		p, complete, err := decoder.Add(data, f.Binary())
		if err != nil {
			return nil, err
		}
		if complete {
			args := make([]any, p.Args.Len())
			for i := range args {
				if args[i], err = p.Args.Value(i); err != nil {
					return nil, err
				}
			}
			return n.encode(packet.Outgoing{Type: packet.Ack, ID: id, Args: args}, true)
		}
	}
	return nil, errors.New("socketio: the codec's decoder does not find the end of its own ack")
}

// IDFromFirst is a DedupeConfig.ID: the first argument, if it is a string that is
// not empty, or an integer.
func IDFromFirst(e *Event) (id string, ok bool) { return idOf(e.packet.Args, 0) }

// IDFromLast is a DedupeConfig.ID: the last argument, if it is a string that is
// not empty, or an integer.
func IDFromLast(e *Event) (id string, ok bool) { return idOf(e.packet.Args, e.Len()-1) }

// IDFromField makes a DedupeConfig.ID of a field of the first argument, which is an
// object: the field's value, if it is a string that is not empty, or an integer.
func IDFromField(name string) func(e *Event) (id string, ok bool) {
	return func(e *Event) (string, bool) {
		var object map[string]any
		if err := e.packet.Args.Bind(0, &object); err != nil {
			return "", false
		}
		return idText(object[name])
	}
}

func idOf(args packet.Args, i int) (string, bool) {
	v, err := args.Value(i)
	if err != nil {
		return "", false
	}
	return idText(v)
}

// idText leaves numbers alone that more than one integer may have become.
func idText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case float64:
		ok := v == math.Trunc(v) && math.Abs(v) <= float64(packet.MaxID)
		return strconv.FormatFloat(v, 'f', -1, 64), ok
	}
	return "", false
}
