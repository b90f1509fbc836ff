package rfc6455

import (
	"fmt"
	"slices"
	"strings"
)

// brokenDeflate are compressed messages that make no sense, or too much.
func brokenDeflate() (cases []Case) {
	const hello = "4Hello, hello, hello"
	z := squeeze(hello, 6)
	add := func(section, name string, code int, send ...Frame) {
		cases = append(cases, refused(section, name, code, send...).compressed())
	}
	for _, k := range kinds {
		for _, rsv := range []byte{rsv2, rsv3, rsv1 | rsv2, rsv1 | rsv2 | rsv3} {
			f := k.frame
			f.First |= rsv
			add("5.2", fmt.Sprintf("RSV %03b on a %s", rsv>>4, k.name), 1002, f)
		}
		if k.frame.First&0x8 != 0 {
			k.frame.First |= rsv1
			add(permessage+"6.1", "RSV1 on a "+k.name, 1002, k.frame)
		}
	}
	const once = permessage + "6.1"
	add(once, "RSV1 on the last fragment too", 1002, first(opText|rsv1, z[:4]), Frame{First: fin | rsv1 | opCont, Payload: z[4:]})
	add(once, "RSV1 on a fragment in the middle too", 1002, first(opText|rsv1, z[:4]), Frame{First: rsv1 | opCont, Payload: z[4:8]}, last(z[8:]))
	add(once, "RSV1 on the last fragment only", 1002, first(opText, "4a"), Frame{First: fin | rsv1 | opCont, Payload: z})
	add(once, "RSV1 on a continuation of nothing", 1002, Frame{First: fin | rsv1 | opCont, Payload: z})
	add("5.2", "RSV1 on opcode 3", 1002, Frame{First: fin | rsv1 | 0x3, Payload: z})
	add("5.2", "RSV1 on opcode B", 1002, Frame{First: fin | rsv1 | 0xb, Payload: z})

	const section = permessage + "7.2.2"
	for _, b := range []struct{ name, payload string }{
		{"nothing", ""},
		{"a block of the reserved type", "\x06"},
		{"a block of the reserved type behind a good one", joined(squeeze("4Hel", 6), "\x07")},
		{"noise", "\xff\xff\xff"},
		{"text", "4Hello"},
		{"a stored block whose length is not repeated", "\x00\x06\x00\x00\x00" + hello[:6]},
		{"a stored block that is cut", "\x00\x06\x00\xf9\xff4Hel"},
		{"a stored block that is cut within its length", "\x00\x06"},
		{"a block that is cut", z[:len(z)/2]},
		{"a block that is cut after one byte", squeeze(prose(5000), 6)[:1]},
		{"a long block that is cut", squeeze(prose(5000), 6)[:600]},
		{"codes that are cut", squeeze(prose(5000), 6)[:20]},
		{"a copy from before the beginning", farCopy},
		{"two messages in one", squeezeFinal("4a") + squeeze("b", 6)},
		{"something behind the final block", squeezeFinal("4a") + "more"},
	} {
		add(section, b.name, 1007, inBlocks(opBin, b.payload))
	}
	add(section, "noise in fragments", 1007, fragmented(opText|rsv1, "\xff\xff\xff\xff", 1)...)
	add(section, "an empty message in fragments, without a byte", 1007, pieces(opText|rsv1, "", "", "")...)
	cases = append(cases,
		refused(section, "noise behind a message", 1007, inBlocks(opText, "\xff\xff\xff")).behind(frames(ztext(hello)), asText(hello)).compressed(),
		refused(section, "noise, byte by byte", 1007, inBlocks(opText, "\xff\xff\xff")).compressed().chopped(1),
		// The window of the last message is not there any more.
		refused(permessage+"7.1.1.2", "a copy from the last message", 1007, inBlocks(opBin, farCopy)).behind(frames(zbin(prose(500))), asBinary(prose(500))).compressed())
	return append(cases, bombs()...)
}

// farCopy is a block with fixed codes that begins with a copy of three bytes from
// one byte before: length code 257, distance code 0, end of block. With a byte there
// it would be in order.
const farCopy = "\x02\x02\x00\x00"

// bombs are messages that are too long only when they are inflated, or whose
// inflated form is no text.
func bombs() (cases []Case) {
	const section = "10.4"
	data, full := inFull()
	oneMore := joined(full, squeeze("a", 6))
	zeros := joined(slices.Repeat([]string{squeeze(strings.Repeat("\x00", MaxPayload/10), 9)}, 100)...)
	atLimit := squeezed(asBinary(data))
	for _, c := range []Case{
		refused(section, "one byte too many when inflated", 1009, inBlocks(opBin, oneMore)),
		refused(section, "one byte too many in a text when inflated", 1009, inBlocks(opText, oneMore)),
		refused(section, "one byte too many, stored", 1009, inBlocks(opBin, squeeze(noise(MaxPayload-10)+"and so on, and on", stored))),
		refused(section, "twice what is allowed when inflated", 1009, inBlocks(opText, joined(full, full))),
		refused(section, "a bomb of 10 MB", 1009, inBlocks(opBin, zeros)),
		refused(section, "a bomb in a text", 1009, inBlocks(opText, zeros)),
		refused(section, "a bomb in fragments", 1009, fragmented(opBin|rsv1, zeros, 1000)...),
		refused(section, "a bomb in fragments of one byte", 1009, fragmented(opBin|rsv1, zeros, 1)...),
		refused(section, "a bomb behind a message", 1009, inBlocks(opBin, zeros)).behind(frames(zbin("a")), asBinary("a")),
		refused(section, "too long before it is inflated, its header", 1009, claim(fin|rsv1|opBin, MaxPayload+1, "")),
		refused(section, "too many fragments", 1008, fragmented(opBin|rsv1, strings.Repeat("\x00\x00\x00\xff\xff", MaxFragments/5+1), 1)...),
		refused("8.1", "a text that is not UTF-8 when inflated", 1007, ztext("4a\xff")),
		refused("8.1", "a text that is not UTF-8 when inflated, in fragments", 1007, fragmented(opText|rsv1, squeeze("4a\xed\xa0\x80", 6), 2)...),
		refused("8.1", "a long text that is not UTF-8 at its end", 1007, ztext(prose(100_000)+"\xe2\x82")),
		echoed(section, "binary that is not UTF-8 when inflated", frames(zbin("\xff\xc0")), asBinary("\xff\xc0")),
		echoed(section, "3 messages at the limit when inflated", repeated(3, func(int) Frame { return inBlocks(opBin, full) }), atLimit, atLimit, atLimit),
	} {
		cases = append(cases, c.compressed())
	}
	return cases
}
