package rfc6455

import (
	"fmt"
	"strings"
)

// headers are about masks, and about how lengths are written.
func headers() (cases []Case) {
	for _, f := range []struct {
		name  string
		frame Frame
	}{
		{"text", text("4a")},
		{"empty text", text("")},
		{"binary", bin("a")},
		{"long binary", bin(noise(70_000))},
		{"ping", ping("a")},
		{"empty ping", ping("")},
		{"pong", pong("a")},
		{"close", bye(1000, "")},
		{"close without a code", Frame{First: fin | opClose}},
		{"first fragment", first(opText, "4a")},
	} {
		f.frame.Mask = Unmasked
		cases = append(cases, refused("5.1", "unmasked "+f.name, 1002, f.frame))
	}
	naked := text("4b")
	naked.Mask = Unmasked
	nakedLast := last("b")
	nakedLast.Mask = Unmasked
	const inOrder = "4in order"
	cases = append(cases,
		refused("5.1", "unmasked, the first two bytes", 1002, start(2, naked)),
		refused("5.1", "unmasked, byte by byte", 1002, naked).chopped(1),
		refused("5.1", "unmasked behind one that is masked", 1002, naked).behind(frames(text(inOrder)), asText(inOrder)),
		refused("5.1", "unmasked last fragment", 1002, first(opText, "4a"), nakedLast),
	)
	for _, f := range []Frame{text(prose(300)), bin(noise(70_000)), ping("zero")} {
		f.Mask = ZeroKey
		c := echoed("5.3", fmt.Sprintf("a key of zeros, first byte %#x", f.First), frames(f))
		if f.First != fin|opPing {
			c.Steps[0].Want = []Message{{Binary: f.First == fin|opBin, Data: f.Payload}}
		}
		cases = append(cases, c)
	}
	var keyed []Frame
	var back []Message
	for n := range 40 {
		keyed = append(keyed, fragmented(opBin, noise(100 + n)[n:], 7)...)
		back = append(back, asBinary(noise(100 + n)[n:]))
	}
	cases = append(cases, echoed("5.3", "another key for each fragment", keyed, back...))
	cases = append(cases, lengths()...)
	return append(cases, claims()...)
}

// lengths are those that are not written as briefly as can be (section 5.2).
func lengths() (cases []Case) {
	const section = "5.2"
	for _, l := range []struct {
		name  string
		form  Length
		sizes []int
	}{
		{"16 bits", Bits16, []int{0, 1, 124, 125}},
		{"64 bits", Bits64, []int{0, 1, 125, 126, 127, 65534, 65535}},
	} {
		for _, n := range l.sizes {
			f := Frame{First: fin | opBin, Payload: noise(n), Length: l.form}
			cases = append(cases, refused(section, fmt.Sprintf("%s for a length of %d", l.name, n), 1002, f))
		}
	}
	const inOrder = "4in order"
	wide := Frame{First: fin | opText, Payload: "4a", Length: Bits16}
	return append(cases,
		refused(section, "16 bits for a short text", 1002, wide).behind(frames(text(inOrder)), asText(inOrder)),
		refused(section, "16 bits for a short text, its header only", 1002, start(4, wide)),
		refused(section, "16 bits for a short text, byte by byte", 1002, wide).chopped(1),
		refused(section, "64 bits for a short text, its header only", 1002, start(10, Frame{First: fin | opText, Payload: "4a", Length: Bits64})),
		refused(section, "16 bits for a short fragment", 1002, first(opText, "4a"), Frame{First: fin, Payload: "b", Length: Bits16}),
		refused("5.5", "16 bits for a short ping", 1002, Frame{First: fin | opPing, Payload: "a", Length: Bits16}),
		refused("5.5", "64 bits for a short ping", 1002, Frame{First: fin | opPing, Payload: "a", Length: Bits64}),
		refused("5.5", "16 bits for a close frame", 1002, Frame{First: fin | opClose, Payload: closeBody(1000, ""), Length: Bits16}),
	)
}

// claims are lengths that nothing lives up to. The server must not wait for it.
func claims() (cases []Case) {
	for _, c := range []struct {
		name   string
		length uint64
		code   int
	}{
		{"2^63", 1 << 63, 1002},
		{"2^63 and a little", 1<<63 + 5, 1002},
		{"2^64 - 1", 1<<64 - 1, 1002},
		{"2^63 - 1", 1<<63 - 1, 1009},
		{"2^62", 1 << 62, 1009},
		{"2^32", 1 << 32, 1009},
		{"2^32 and a little", 1<<32 + 5, 1009},
		{"2^31", 1 << 31, 1009},
		{"2^31 - 1", 1<<31 - 1, 1009},
		{"one byte beyond the limit", MaxPayload + 1, 1009},
	} {
		cases = append(cases,
			refused("5.2", "text that claims "+c.name, c.code, claim(fin|opText, c.length, "4 and so on")),
			refused("5.2", "binary that claims "+c.name, c.code, claim(fin|opBin, c.length, "and so on")))
	}
	return append(cases,
		refused("5.2", "a first fragment that claims 2^63", 1002, claim(opBin, 1<<63, "")),
		refused("5.2", "a fragment that claims 2^63", 1002, first(opBin, "a"), claim(opCont, 1<<63, "")),
		refused("5.2", "a last fragment that claims 2^63 - 1", 1009, first(opBin, "a"), claim(fin|opCont, 1<<63-1, "")),
		refused("5.5", "a ping that claims 2^63 - 1", 1002, claim(fin|opPing, 1<<63-1, "")),
		refused("5.5", "a ping that claims 2^63", 1002, claim(fin|opPing, 1<<63, "")),
		refused("5.5", "a close frame that claims 2^32", 1002, claim(fin|opClose, 1<<32, strings.Repeat("a", 100))),
	)
}
