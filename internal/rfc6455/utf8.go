package rfc6455

import (
	"fmt"
	"slices"
	"strings"
)

// characters are at the edges of what UTF-8 can say, and some that are in use.
var characters = []rune{
	0, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd000, 0xd7ff, 0xe000, 0xfeff, 0xfffd,
	0x10000, 0x3ffff, 0x40000, 0xfffff, 0x100000, 0x10ffff,
	'é', 'ß', 'Ж', 'س', '한', '語', '€', '☕', '😀', '𝄞',
}

// texts are UTF-8, cut anywhere.
func texts() (cases []Case) {
	const section = "5.6"
	all := "4" + string(characters)
	for _, r := range characters {
		s := "4" + string(r)
		cases = append(cases, echoed(section, fmt.Sprintf("U+%04X", r), frames(text(s)), asText(s)))
	}
	// Noncharacters are characters to UTF-8.
	for _, r := range []rune{0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1fffe, 0x1ffff, 0x8fffe, 0xfffff, 0x10fffe} {
		s := "4" + string(r)
		cases = append(cases, echoed(section, fmt.Sprintf("noncharacter U+%04X", r), frames(text(s)), asText(s)))
	}
	var cut []Frame
	var back []Message
	for at := range len(all) + 1 {
		cut, back = append(cut, pieces(opText, all[:at], all[at:])...), append(back, asText(all))
	}
	bytewise := fragmented(opText, all, 1)
	pinged := slices.Clone(bytewise)
	for i := len(pinged) - 1; i > 0; i -= 3 {
		pinged = slices.Insert(pinged, i, ping(fmt.Sprint(i)))
	}
	long := "4" + strings.Repeat("語😀é", 3000)
	unprefixed := echoed(section, "a text that begins with four bytes", frames(text("😀 hi")), asText("😀 hi"))
	unprefixed.Bare = true
	return append(cases, unprefixed,
		echoed("8.1", "cut in two at every byte", cut, back...),
		echoed("8.1", "cut in two at every byte, in slices of 3", cut, back...).chopped(3),
		echoed("8.1", "byte by byte", frames(text(all)), asText(all)).chopped(1),
		echoed("8.1", "a fragment to each byte", bytewise, asText(all)),
		echoed("8.1", "a fragment to each byte, byte by byte", bytewise, asText(all)).chopped(1),
		echoed("8.1", "pings within characters", pinged, asText(all)),
		echoed("8.1", "a character, each byte when the last has been read", frames(last("\x80")), asText("4😀")).
			behind(frames(more("\x98"), ping("3"))).behind(frames(more("\x9f"), ping("2"))).behind(frames(first(opText, "4\xf0"), ping("1"))),
		echoed(section, "18,000 characters", frames(text(long)), asText(long)),
		echoed(section, "18,000 characters in fragments of 1021", fragmented(opText, long, 1021), asText(long)),
		echoed(section, "18,000 characters in fragments of 1", fragmented(opText, long[:9001], 1), asText(long[:9001])),
		echoed(section, "binary that is not UTF-8", frames(bin("\xc0\xaf\xed\xa0\x80\xff")), asBinary("\xc0\xaf\xed\xa0\x80\xff")),
		echoed(section, "binary that is not UTF-8, in fragments", pieces(opBin, "\xc0", "\xed\xa0", "\xff"), asBinary("\xc0\xed\xa0\xff")),
	)
}

// broken are sequences that are not UTF-8.
var broken = []struct{ name, bytes string }{
	{"a continuation byte, the lowest", "\x80"},
	{"a continuation byte, the highest", "\xbf"},
	{"two continuation bytes", "\x80\xbf"},
	{"five continuation bytes", "\x80\xbf\x80\xbf\x80"},
	{"all continuation bytes", octets()[0x80:0xc0]},
	{"all first bytes of two, with a space behind each", spaced(0xc0, 0xdf)},
	{"all first bytes of three, with a space behind each", spaced(0xe0, 0xef)},
	{"all first bytes of four, with a space behind each", spaced(0xf0, 0xf7)},
	{"all first bytes of five, with a space behind each", spaced(0xf8, 0xfb)},
	{"all first bytes of six, with a space behind each", spaced(0xfc, 0xfd)},
	{"the end within two bytes", "\xc3"},
	{"the end within three bytes, after one", "\xe2"},
	{"the end within three bytes, after two", "\xe2\x82"},
	{"the end within four bytes, after one", "\xf0"},
	{"the end within four bytes, after two", "\xf0\x9f"},
	{"the end within four bytes, after three", "\xf0\x9f\x98"},
	{"two bytes without the second", "\xc3("},
	{"three bytes without the second", "\xe2(\xac"},
	{"three bytes without the third", "\xe2\x82("},
	{"four bytes without the second", "\xf0(\x98\x80"},
	{"four bytes without the third", "\xf0\x9f(\x80"},
	{"four bytes without the fourth", "\xf0\x9f\x98("},
	{"a character begins within another", "\xe2\x82\xe2\x82\xac"},
	{"one continuation byte too many", "\xe2\x82\xac\xac"},
	{"overlong NUL in two", "\xc0\x80"},
	{"overlong slash in two", "\xc0\xaf"},
	{"overlong U+007F in two", "\xc1\xbf"},
	{"overlong NUL in three", "\xe0\x80\x80"},
	{"overlong slash in three", "\xe0\x80\xaf"},
	{"overlong U+07FF in three", "\xe0\x9f\xbf"},
	{"overlong NUL in four", "\xf0\x80\x80\x80"},
	{"overlong slash in four", "\xf0\x80\x80\xaf"},
	{"overlong U+FFFF in four", "\xf0\x8f\xbf\xbf"},
	{"overlong slash in five", "\xf8\x80\x80\x80\xaf"},
	{"overlong slash in six", "\xfc\x80\x80\x80\x80\xaf"},
	{"surrogate U+D800", "\xed\xa0\x80"},
	{"surrogate U+DB7F", "\xed\xad\xbf"},
	{"surrogate U+DB80", "\xed\xae\x80"},
	{"surrogate U+DBFF", "\xed\xaf\xbf"},
	{"surrogate U+DC00", "\xed\xb0\x80"},
	{"surrogate U+DF80", "\xed\xbe\x80"},
	{"surrogate U+DFFF", "\xed\xbf\xbf"},
	{"a pair of surrogates", "\xed\xa0\xbd\xed\xb8\x80"},
	{"U+110000", "\xf4\x90\x80\x80"},
	{"U+13FFFF", "\xf4\xbf\xbf\xbf"},
	{"U+140000", "\xf5\x80\x80\x80"},
	{"U+1FFFFF", "\xf7\xbf\xbf\xbf"},
	{"U+200000 in five", "\xf8\x88\x80\x80\x80"},
	{"U+4000000 in six", "\xfc\x84\x80\x80\x80\x80"},
	{"FE", "\xfe"},
	{"FF", "\xff"},
	{"UTF-16 with its mark", "\xff\xfe4\x00a\x00"},
	{"Latin 1", "caf\xe9"},
}

// brokenTexts are not UTF-8. Whether the server says so at once or at the end of
// the message is its own affair.
func brokenTexts() (cases []Case) {
	const section = "8.1"
	for _, b := range broken {
		cases = append(cases, refused(section, b.name, 1007, text("4"+b.bytes)))
	}
	// The same, cut at its middle, between two fragments that are in order.
	for _, b := range broken {
		half := (len(b.bytes) + 1) / 2
		cases = append(cases, refused(section, b.name+", in fragments", 1007, pieces(opText, "4é", b.bytes[:half], b.bytes[half:])...))
	}
	return append(cases,
		refused(section, "the whole text", 1007, text("\xff")),
		refused(section, "byte by byte", 1007, text("4κόσμε\xed\xa0\x80edited")).chopped(1),
		refused(section, "a fragment to each byte", 1007, fragmented(opText, "4κόσμε\xed\xa0\x80edited", 1)...),
		refused(section, "in the first of two fragments", 1007, first(opText, "4\xff"), last("a")),
		refused(section, "a character that an empty fragment ends", 1007, first(opText, "4\xe2\x82"), last("")),
		refused(section, "a character that the next message goes on with", 1007, text("4\xe2\x82"), text("\xac")),
		refused(section, "a character with a ping and no end", 1007, first(opText, "4\xe2\x82"), pong("\xac"), last("a")),
		refused(section, "behind 65,000 bytes", 1007, text(prose(65_000)+"\xff")),
		refused(section, "before 65,000 bytes", 1007, text("4\xff"+prose(65_000))),
		refused(section, "in the last of 1000 fragments", 1007, fragmented(opText, prose(999)+"\xff", 1)...),
		refused(section, "behind a message", 1007, text("4\xc3\x28")).behind(frames(text("4é")), asText("4é")),
		refused(section, "behind a message in fragments", 1007, text("4\xa9")).behind(pieces(opText, "4\xc3", "\xa9"), asText("4é")),
	)
}

// spaced has the bytes from low to high with a space behind each.
func spaced(low, high byte) string {
	var b strings.Builder
	for c := int(low); c <= int(high); c++ {
		b.WriteByte(byte(c))
		b.WriteByte(' ')
	}
	return b.String()
}
