package testclient

// A queue holds what is to be sent: the texts of all packets in a row.
type queue struct {
	bytes   []byte
	packets []queued
}

type queued struct {
	op  byte // a WebSocket's; text and binary are packets by polling, too
	end int
}

func (q *queue) empty() bool { return len(q.packets) == 0 }

func (q *queue) reset() { q.bytes, q.packets = q.bytes[:0], q.packets[:0] }

func (q *queue) push(op byte, data []byte) {
	q.bytes = append(q.bytes, data...)
	q.packets = append(q.packets, queued{op, len(q.bytes)})
}

// message adds a message of text.
func (q *queue) message(data []byte) {
	q.bytes = append(q.bytes, '4')
	q.push(opText, data)
}

// all calls f for each packet.
func (q *queue) all(f func(op byte, data []byte)) {
	at := 0
	for _, p := range q.packets {
		f(p.op, q.bytes[at:p.end])
		at = p.end
	}
}
