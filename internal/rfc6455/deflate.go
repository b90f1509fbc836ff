package rfc6455

import (
	"bytes"
	"compress/flate"
	"fmt"
	"slices"
	"strings"
)

// Levels of compression, beside those from 1 to 9.
const (
	stored      = flate.NoCompression
	huffmanOnly = flate.HuffmanOnly
)

// The sections are those of RFC 7692.
const permessage = "RFC 7692, "

// squeeze compresses a message as a sender does (section 7.2.1).
func squeeze(data string, level int) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		panic(err) // a level that is not there
	}
	_, _ = w.Write([]byte(data)) // a buffer takes everything
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// squeezeFinal ends with a final block, and the empty one that a sender then adds
// (section 7.2.3.4).
func squeezeFinal(data string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return b.String() + "\x00"
}

// joined makes one compressed message of several, each in a block of its own.
func joined(messages ...string) string { return strings.Join(messages, "\x00\x00\xff\xff") }

// squeezeBlocks flushes behind each part, which may be copied from those before.
func squeezeBlocks(parts ...string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression)
	for _, part := range parts {
		_, _ = w.Write([]byte(part))
		_ = w.Flush()
	}
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// inFull is a message as long as may be, and the same compressed, without
// compressing all of it.
func inFull() (data, squeezed string) {
	const part = 10_000
	blocks := slices.Repeat([]string{squeeze(prose(part), 6)}, MaxPayload/part)
	return strings.Repeat(prose(part), MaxPayload/part), joined(blocks...)
}

// ztext and zbin are compressed messages.
func ztext(s string) Frame { return Frame{First: fin | rsv1 | opText, Payload: squeeze(s, 6)} }
func zbin(s string) Frame  { return Frame{First: fin | rsv1 | opBin, Payload: squeeze(s, 6)} }

// inBlocks makes a frame of compressed bytes.
func inBlocks(op byte, payload string) Frame { return Frame{First: fin | rsv1 | op, Payload: payload} }

func squeezed(m Message) Message {
	m.Squeezed = true
	return m
}

// deflated are compressed messages that are in order.
func deflated() (cases []Case) {
	const section = permessage + "7.2"
	add := func(name string, send []Frame, want ...Message) {
		cases = append(cases, echoed(section, name, send, want...).compressed())
	}
	for _, n := range []int{1, 16, 64, 256, 1024, 4096, 16_384, 65_536} {
		t, b := asText(prose(n)), asBinary(prose(n))
		t.Squeezed, b.Squeezed = n >= 2000, n >= 2000
		add(fmt.Sprintf("text of %d bytes", n), frames(ztext(t.Data)), t)
		add(fmt.Sprintf("binary of %d bytes", n), frames(zbin(b.Data)), b)
	}
	full, squeezedFull := inFull()
	add(fmt.Sprintf("text of %d bytes", len(full)), frames(inBlocks(opText, squeezedFull)), squeezed(asText(full)))
	add(fmt.Sprintf("binary of %d bytes", len(full)), frames(inBlocks(opBin, squeezedFull)), squeezed(asBinary(full)))
	for _, n := range []int{16, 1024, 65_536} {
		add(fmt.Sprintf("binary of %d bytes that does not get shorter", n), frames(zbin(noise(n))), asBinary(noise(n)))
	}
	for _, level := range []int{stored, huffmanOnly, 1, 2, 9} {
		add(fmt.Sprintf("level %d", level), frames(inBlocks(opText, squeeze(prose(50_000), level))), squeezed(asText(prose(50_000))))
	}
	long := squeeze(prose(50_000), 6)
	for _, size := range []int{1, 64, 256, 1024, 4096} {
		add(fmt.Sprintf("text of 50,000 bytes in fragments of %d", size), fragmented(opText|rsv1, long, size), squeezed(asText(prose(50_000))))
	}
	cases = append(cases,
		echoed(section, "text of 50,000 bytes in slices of 100", frames(ztext(prose(50_000))), squeezed(asText(prose(50_000)))).compressed().chopped(100),
		echoed(section, "fragments byte by byte", fragmented(opText|rsv1, squeeze(prose(300), 6), 3), asText(prose(300))).compressed().chopped(1))
	cases = append(cases, blocks()...)
	return append(cases, deflatedTogether()...)
}

// blocks are the forms that a compressed message may have.
func blocks() (cases []Case) {
	const hello = "4Hello"
	for _, f := range []struct {
		section, name string
		payload, data string
	}{
		{"7.2.3.1", "one block", squeeze(hello, 6), hello},
		{"7.2.3.2", "the window of 32 KiB, used to its end", squeeze("4"+noise(32_000)+noise(32_000), 9), "4" + noise(32_000) + noise(32_000)},
		{"7.2.3.3", "a stored block", "\x00\x06\x00\xf9\xff" + hello + "\x00", hello},
		{"7.2.3.4", "a final block", squeezeFinal(hello), hello},
		{"7.2.3.5", "two blocks", squeezeBlocks("4Hel", "lo"), hello},
		{"7.2.3.5", "a block for each letter", squeezeBlocks(strings.Split(hello, "")...), hello},
		{"7.2.3.5", "a block that is a copy of the one before", squeezeBlocks(prose(200), prose(200)), prose(200) + prose(200)},
		{"7.2.3.5", "20 empty blocks first", strings.Repeat("\x00\x00\x00\xff\xff", 20) + squeeze(hello, 6), hello},
		{"7.2.3.5", "20 empty blocks last", squeezeBlocks(append([]string{hello}, make([]string, 20)...)...), hello},
		{"7.2.3.6", "an empty block", "\x00", ""},
		{"7.2.3.6", "an empty block with fixed codes", "\x02\x00", ""},
	} {
		cases = append(cases, echoed(permessage+f.section, f.name, frames(inBlocks(opBin, f.payload)), asBinary(f.data)).compressed())
	}
	bare := echoed(permessage+"7.2.3.6", "an empty text", frames(inBlocks(opText, "\x00")), asText("")).compressed()
	bare.Bare = true
	return append(cases, bare)
}

// deflatedTogether are compressed messages among other frames.
func deflatedTogether() (cases []Case) {
	const section, hello = permessage + "6.1", "4Hello, hello, hello"
	z := squeeze(hello, 6)
	same := repeated(20, func(int) Frame { return ztext(prose(3000)) })
	var back []Message
	for range same {
		back = append(back, squeezed(asText(prose(3000))))
	}
	var mixed []Frame
	var mixedBack []Message
	for i := range 60 {
		data := prose(10 + 50*i)
		switch i % 4 {
		case 0:
			mixed, mixedBack = append(mixed, ztext(data)), append(mixedBack, asText(data))
		case 1:
			mixed, mixedBack = append(mixed, text(data)), append(mixedBack, asText(data))
		case 2:
			mixed, mixedBack = append(mixed, fragmented(opBin|rsv1, squeeze(data, 9), 10)...), append(mixedBack, asBinary(data))
		case 3:
			mixed, mixedBack = append(mixed, bin(data), ping(fmt.Sprint(i))), append(mixedBack, asBinary(data))
		}
	}
	for _, c := range []Case{
		echoed(section, "a message that is not compressed", frames(text(hello)), asText(hello)),
		echoed(section, "a long message that is not compressed", frames(text(prose(50_000))), squeezed(asText(prose(50_000)))),
		echoed(section, "fragments that are not compressed", fragmented(opText, hello, 3), asText(hello)),
		echoed(section, "pings between fragments", frames(first(opText|rsv1, z[:4]), ping("a"), more(z[4:8]), ping("b"), last(z[8:])), asText(hello)),
		echoed(section, "empty fragments", pieces(opText|rsv1, "", z[:1], "", "", z[1:], ""), asText(hello)),
		echoed(section, "a ping whose payload was compressed", frames(ping(z))),
		echoed(permessage+"7.1.1", "the same message 20 times, each for itself", same, back...),
		echoed(section, "all kinds by turns", mixed, mixedBack...),
		echoed(section, "all kinds by turns, in slices of 17", mixed, mixedBack...).chopped(17),
		echoed("8.1", "UTF-8 that is cut by fragments", fragmented(opText|rsv1, squeeze("4κόσμε 😀 語", stored), 1), asText("4κόσμε 😀 語")),
		refused("5.5.1", "a close frame behind a message", 1000, bye(1000, "")).behind(frames(ztext(hello)), asText(hello)),
	} {
		cases = append(cases, c.compressed())
	}
	return cases
}
