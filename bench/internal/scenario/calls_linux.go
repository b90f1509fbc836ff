package scenario

import (
	"fmt"
	"strings"
)

// text64 is the string of 64 bytes that a client sends: each its own, so that no
// answer can be another's.
func text64(client int) string {
	return fmt.Sprintf("%04d %s", client, strings.Repeat("kawat wire ", 6))[:64]
}

func echoCalls(event string) func(int) []call {
	return func(client int) []call {
		text := text64(client)
		return []call{{args: fmt.Appendf(nil, `[%q,%q]`, event, text), answer: fmt.Appendf(nil, `[%q]`, text)}}
	}
}

func objectCalls(client int) []call {
	object := fmt.Sprintf(`{"id":%d,"name":"client %d","on":true}`, client, client)
	return []call{{args: fmt.Appendf(nil, `["object",%s]`, object), answer: fmt.Appendf(nil, `[%s]`, object)}}
}

func binaryCalls(client int) []call {
	blob := make([]byte, 1024)
	for i := range blob {
		blob[i] = byte(i + client)
	}
	return []call{{
		args:       []byte(`["binary",` + placeholders + `]`),
		answer:     []byte(`[` + placeholders + `]`),
		attachment: blob,
	}}
}

// roomCalls are those of a client that joins one room after another and leaves it
// again. Of 50 rooms, each has about a twelfth of all clients.
func roomCalls(client int) []call {
	var calls []call
	for i := range 4 {
		room := fmt.Sprintf("room %d", (client*7+i)%50)
		calls = append(calls, call{args: fmt.Appendf(nil, `["join",%q]`, room)}, call{args: fmt.Appendf(nil, `["leave",%q]`, room)})
	}
	return calls
}
