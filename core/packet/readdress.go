package packet

import (
	"bytes"
	"strconv"
)

// A Readdresser is a [Codec] that can make of one Ack the same for another id,
// without encoding its arguments again. Without it a server that repeats an ack
// decodes and encodes it.
type Readdresser interface {
	// Readdress appends to dst the first message of an Ack of that namespace, as
	// Encode has made it, with another id. The attachments stay as they are.
	Readdress(dst, head []byte, namespace string, id int64) []byte
}

// Readdress implements [Readdresser].
func (c JSONCodec) Readdress(dst, head []byte, namespace string, id int64) []byte {
	start := 1 // behind the type
	if Type(head[0]-'0') == BinaryAck {
		start = bytes.IndexByte(head, '-') + 1
	}
	if namespace != "" && namespace != "/" {
		start += len(namespace) + 1
	}
	end := start + bytes.IndexByte(head[start:], '[')
	dst = strconv.AppendInt(append(dst, head[:start]...), id, 10)
	return append(dst, head[end:]...)
}
