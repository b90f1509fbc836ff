package msgpack

import (
	"testing"

	"github.com/kawat-go/kawat/core/packet"
)

type chatMessage struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// both are the codecs that are compared.
var both = []struct {
	name  string
	codec packet.Codec
}{{"json", packet.JSON()}, {"msgpack", Codec()}}

// values are those of the benchmarks in package packet.
func values() map[string]any {
	data := make([]byte, 1000)
	return map[string]any{
		"string":        "hello",
		"number":        1.5,
		"struct":        chatMessage{"a", "hello"},
		"map":           map[string]any{"room": "a", "text": "hello"},
		"binary":        data,
		"nested binary": map[string]any{"room": "a", "data": data},
		"typed binary":  struct{ Data []byte }{data},
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, value := range values() {
		for _, c := range both {
			b.Run(name+"/"+c.name, func(b *testing.B) {
				dst, p := make([]byte, 0, 4096), event("chat", value)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.codec.Encode(dst, p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, value := range values() {
		for _, c := range both {
			b.Run(name+"/"+c.name, func(b *testing.B) {
				out, err := c.codec.Encode(nil, event("chat", value))
				if err != nil {
					b.Fatal(err)
				}
				d := c.codec.NewDecoder(packet.Limits{})
				b.ReportAllocs()
				for b.Loop() {
					_, complete, err := d.Add(out.Head, out.Binary)
					for _, data := range out.Attachments {
						_, complete, err = d.Add(data, true)
					}
					if err != nil || !complete {
						b.Fatal(complete, err)
					}
				}
			})
		}
	}
}

func BenchmarkBind(b *testing.B) {
	text := map[string]any{"room": "a", "text": "hello"}
	bind := func(value any, into func() any) func(*testing.B) {
		return func(b *testing.B) {
			for _, c := range both {
				args := through(b, c.codec, value)
				b.Run(c.name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if err := args.Bind(0, into()); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
	var m chatMessage
	var s string
	var f struct{ Data []byte }
	b.Run("struct", bind(text, func() any { return &m }))
	b.Run("any", bind(text, func() any { return new(any) }))
	b.Run("string", bind("hello", func() any { return &s }))
	b.Run("binary", bind(values()["typed binary"], func() any { return &f }))
}
