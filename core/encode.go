package socketio

import (
	"fmt"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// usualSize is what the buffer of an outgoing packet has room for from the start.
const usualSize = 112

// encode makes the frames of a packet. They hold copies of what was given.
func encode(codec packet.Codec, p packet.Outgoing, compress bool) ([]*engine.Frame, error) {
	buf := engine.FrameBuffer(usualSize)
	prefix := len(buf)
	encoded, err := codec.Encode(buf, p)
	if err != nil {
		return nil, fmt.Errorf("socketio: cannot send %s %q: %w", p.Type, p.Event, err)
	}
	var frames []*engine.Frame
	if encoded.Binary {
		frames = append(make([]*engine.Frame, 0, 1+len(encoded.Attachments)), engine.BinaryFrame(encoded.Head[prefix:]))
	} else {
		frames = engine.MessageFrames(encoded.Head, len(encoded.Attachments))
	}
	for _, data := range encoded.Attachments {
		frames = append(frames, engine.BinaryFrame(data))
	}
	if !compress {
		for _, f := range frames {
			f.NoCompress()
		}
	}
	return frames, nil
}
