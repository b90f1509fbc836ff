package packet

import "testing"

type chatMessage struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func BenchmarkEncode(b *testing.B) {
	blob := make([]byte, 1000)
	for _, bm := range []struct {
		name string
		args []any
	}{
		{"string", []any{"hello"}},
		{"number", []any{1.5}},
		{"struct", []any{chatMessage{"a", "hello"}}},
		{"pointer", []any{&chatMessage{"a", "hello"}}},
		{"map", []any{map[string]any{"room": "a", "text": "hello"}}},
		{"binary", []any{blob}},
		{"nested binary", []any{map[string]any{"room": "a", "data": blob}}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			dst, codec := make([]byte, 0, 4096), JSON()
			p := Outgoing{Type: Event, Namespace: "/", ID: NoID, Event: "chat", Args: bm.args}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Encode(dst, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, bm := range []struct{ name, text string }{
		{"chat", `2["chat",{"room":"a","text":"hello"}]`},
		{"two arguments", `2/chat,12["chat","a","hello"]`},
		{"name only", `2["chat"]`},
		{"connect", `0`},
		{"connect with auth", `0{"token":"abc"}`},
		{"ack", `312["ok"]`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			d, data := JSON().NewDecoder(Limits{}), []byte(bm.text)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.Add(data, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeBinary(b *testing.B) {
	d := JSON().NewDecoder(Limits{})
	head, blob := []byte(`51-["blob",{"_placeholder":true,"num":0}]`), make([]byte, 1000)
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = d.Add(head, false)
		if _, complete, err := d.Add(blob, true); err != nil || !complete {
			b.Fatal(complete, err)
		}
	}
}

func BenchmarkBind(b *testing.B) {
	p := mustDecode(b, `2["chat",{"room":"a","text":"hello"}]`)
	q := mustDecode(b, `51-["chat",{"room":"a","data":{"_placeholder":true,"num":0}}]`, []byte("abc"))
	b.Run("struct", func(b *testing.B) {
		var m chatMessage
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Args.Bind(0, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("any", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Args.Value(0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("binary", func(b *testing.B) {
		var m struct {
			Room string `json:"room"`
			Data []byte `json:"data"`
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := q.Args.Bind(0, &m); err != nil || len(m.Data) != 3 {
				b.Fatal(err)
			}
		}
	})
}

// mustDecode decodes a packet that is given as its messages.
func mustDecode(t testing.TB, text string, attachments ...[]byte) Incoming {
	t.Helper()
	d := JSON().NewDecoder(Limits{})
	p, complete, err := d.Add([]byte(text), false)
	for _, data := range attachments {
		if err != nil || complete {
			break
		}
		p, complete, err = d.Add(data, true)
	}
	if err != nil || !complete {
		t.Fatalf("%s: complete %v, error %v", text, complete, err)
	}
	return p
}
