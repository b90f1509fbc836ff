package msgpack

import (
	"github.com/tinylib/msgp/msgp"

	"github.com/kawat-go/kawat/core/packet"
)

var _ packet.Readdresser = codec{}

// Readdress implements [packet.Readdresser]. The id is the first that an Ack says.
func (codec) Readdress(dst, head []byte, _ string, id int64) []byte {
	_, behind, err := msgp.ReadUint64Bytes(head[idAt:])
	if err != nil {
		panic("msgpack: Readdress was given what is no Ack of Encode's")
	}
	dst = msgp.AppendUint64(append(dst, head[:idAt]...), uint64(id))
	return append(dst, behind...)
}

// idAt is where the id stands in an Ack: behind the head of the map, that of the
// key, and the key.
const idAt = 1 + 1 + len(keyID)
