package msgpack

import "github.com/kawat-go/kawat/core/packet"

// Codec returns the codec: the value for Config.Codec of a server whose clients
// use socket.io-msgpack-parser.
func Codec() packet.Codec { return codec{} }

type codec struct{}

// NewDecoder implements [packet.Codec]. The limits of attachments do not apply:
// binary is a part of the packet here, which the server's MaxPayload bounds.
func (codec) NewDecoder(limits packet.Limits) packet.Decoder {
	limits = limits.Default()
	limits.Depth = min(limits.Depth, maxDepth)
	return &decoder{limits: limits}
}

// The keys of a packet.
const (
	keyType      = "type"
	keyData      = "data"
	keyNamespace = "nsp"
	keyID        = "id"
)

// The errors of the decoder beside those of package packet, in the words of the
// reference where it has some.
const (
	errText packet.Error = "got plaintext data where packets are binary"
	errType packet.Error = "invalid packet type"
	errExt  packet.Error = "unknown extension type"
)
