// Command parser says what Kawat makes of messages, for ../test/parser.test.mjs, which
// compares that with what the published JavaScript parsers make of them.
//
// Each line of the input is a JSON array: the kind, and then messages, a string for
// a text and {"b":"..."} for a binary one, in base64. Each line of the output says
// what the same line of the input is: the packets, and the error behind them, if
// there is one.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"iter"
	"os"

	"github.com/kawat-go/kawat/core/engine/eio"
	"github.com/kawat-go/kawat/core/packet"
)

type message struct {
	Text   string
	Binary []byte
	binary bool
}

// UnmarshalJSON implements [json.Unmarshaler].
func (m *message) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &m.Text)
	}
	m.binary = true
	return json.Unmarshal(data, &struct{ B *[]byte }{&m.Binary})
}

func (m message) bytes() []byte {
	if m.binary {
		return m.Binary
	}
	return []byte(m.Text)
}

// The names by which the other side knows what JSON cannot say. No packet of its has
// them.
const (
	binaryKey  = "\x00binary"
	unboundKey = "\x00unbound" // an argument that an any cannot hold
)

// A verdict is what a line of the input is.
type verdict struct {
	Packets []any  `json:"packets"`
	Error   string `json:"error,omitempty"`
	Pending bool   `json:"pending,omitempty"` // more messages are needed
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for in.Scan() {
		var line []json.RawMessage
		var kind string
		err := json.Unmarshal(in.Bytes(), &line)
		if err == nil && len(line) > 0 {
			err = json.Unmarshal(line[0], &kind)
		}
		messages := make([]message, max(0, len(line)-1))
		for i := range messages {
			if err == nil {
				err = json.Unmarshal(line[i+1], &messages[i])
			}
		}
		if err == nil {
			err = encoder.Encode(judge(kind, messages))
		}
		if err != nil {
			_ = out.Flush()
			fmt.Fprintf(os.Stderr, "parser: %s: %v\n", in.Bytes(), err)
			os.Exit(1)
		}
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "parser:", err)
		os.Exit(1)
	}
}

func judge(kind string, messages []message) verdict {
	switch kind {
	case "socket.io":
		return socketIO(messages)
	case "payload":
		return engineIO(eio.Packets(messages[0].bytes()))
	case "payload 3":
		return engineIO(eio.PacketsRev3(messages[0].bytes()))
	case "binary payload 3":
		return engineIO(eio.BinaryPacketsRev3(messages[0].bytes()))
	case "message":
		if messages[0].binary {
			return one(eio.Packet{Type: eio.Message, Binary: true, Data: messages[0].Binary}, nil)
		}
		return one(eio.Parse(messages[0].bytes()))
	case "message 3":
		if messages[0].binary {
			return one(eio.ParseBinaryRev3(messages[0].Binary))
		}
		return one(eio.ParseRev3(messages[0].bytes()))
	}
	return verdict{Error: "unknown kind " + kind}
}

func one(p eio.Packet, err error) verdict {
	return engineIO(func(yield func(eio.Packet, error) bool) { yield(p, err) })
}

func engineIO(packets iter.Seq2[eio.Packet, error]) verdict {
	v := verdict{Packets: []any{}}
	for p, err := range packets {
		if err != nil {
			v.Error = err.Error()
			return v
		}
		var data any = string(p.Data)
		if p.Binary {
			data = map[string]any{binaryKey: p.Data}
		}
		v.Packets = append(v.Packets, []any{p.Type, data})
	}
	return v
}

// socketIO gives messages to one decoder until they are a packet, or none.
func socketIO(messages []message) verdict {
	d := packet.JSON().NewDecoder(packet.Limits{})
	for _, m := range messages {
		p, complete, err := d.Add(m.bytes(), m.binary)
		if err != nil {
			return verdict{Packets: []any{}, Error: err.Error()}
		}
		if complete {
			return verdict{Packets: []any{describe(p)}}
		}
	}
	return verdict{Packets: []any{}, Pending: true}
}

func describe(p packet.Incoming) any {
	args := make([]any, p.Args.Len())
	for i := range args {
		v, err := p.Args.Value(i)
		args[i] = plain(v)
		if err != nil {
			args[i] = map[string]any{unboundKey: string(p.Args.Raw(i))}
		}
	}
	return map[string]any{"type": p.Type, "nsp": p.Namespace, "id": p.ID, "event": p.Event, "args": args}
}

// plain marks what is binary.
func plain(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{binaryKey: append([]byte{}, v...)}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	}
	return v
}
