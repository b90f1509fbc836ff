package packet

// Limits bound what one packet of a client may cost. A zero field stands for its
// default, so that the zero value is ready for use. A packet beyond a limit is an
// error, which ends the connection.
type Limits struct {
	// Attachments is how many binary messages may belong to a packet.
	// Default: 10, as in the reference.
	Attachments int

	// AttachmentBytes is how many bytes they may have together, all of which
	// are held until the last has come. Default: 10 000 000.
	AttachmentBytes int

	// Depth is how deeply arrays and objects may be nested, the array of an
	// event's arguments included. Default: 1000.
	Depth int

	// Args is how many arguments a packet may have, an event's name included.
	// Default: 1024.
	Args int

	// NamespaceLength is how many bytes a namespace's name may have, the slash
	// and a query included. Default: 512.
	NamespaceLength int
}

// Default returns l with its defaults in place of zero and negative fields.
func (l Limits) Default() Limits {
	l.Attachments = orDefault(l.Attachments, 10)
	l.AttachmentBytes = orDefault(l.AttachmentBytes, 10_000_000)
	l.Depth = orDefault(l.Depth, 1000)
	l.Args = orDefault(l.Args, 1024)
	l.NamespaceLength = orDefault(l.NamespaceLength, 512)
	return l
}

func orDefault(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}
