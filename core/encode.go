package socketio

import (
	"fmt"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// usualSize is what the buffer of an outgoing packet has room for from the start.
const usualSize = 112

// encode makes the frames of a packet. They hold copies of what was given.
func (s *Server) encode(p packet.Outgoing, compress bool) ([]*engine.Frame, error) {
	return s.encodeInto(p, compress, func() *engine.Frame { return new(engine.Frame) })
}

// encodeOnce is encode for a packet that one client is sent, by SendFrames, and that
// nobody keeps.
func (s *Server) encodeOnce(p packet.Outgoing) ([]*engine.Frame, error) {
	return s.encodeInto(p, true, engine.OnceFrame)
}

func (s *Server) encodeInto(p packet.Outgoing, compress bool, frame func() *engine.Frame) ([]*engine.Frame, error) {
	first := frame()
	buf := first.Buffer(usualSize)
	prefix := len(buf)
	encoded, err := s.runCodec(buf, p)
	if err != nil {
		return nil, fmt.Errorf("socketio: cannot send %s %q: %w", p.Type, p.Event, err)
	}
	var frames []*engine.Frame
	if encoded.Binary {
		frames = frame().SetBinary(encoded.Head[prefix:]).List(len(encoded.Attachments))
	} else {
		frames = first.SetMessage(encoded.Head).List(len(encoded.Attachments))
	}
	for _, data := range encoded.Attachments {
		frames = append(frames, frame().SetBinary(data))
	}
	if !compress {
		for _, f := range frames {
			f.NoCompress()
		}
	}
	return frames, nil
}

// runCodec has the codec encode a packet. A panic there is an error like others that
// the codec has.
func (s *Server) runCodec(dst []byte, p packet.Outgoing) (encoded packet.Encoded, err error) {
	defer s.recoveredAs("Config.Codec", &err)
	return s.cfg.Codec.Encode(dst, p)
}
