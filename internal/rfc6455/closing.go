package rfc6455

import (
	"fmt"
	"strings"
)

// closing are the client's close frames: their codes, their reasons, and what
// comes behind them.
func closing() (cases []Case) {
	const section = "7.4"
	for _, code := range []int{
		1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4001, 4999,
	} {
		cases = append(cases, refused(section, fmt.Sprintf("code %d", code), code, bye(code, "")))
	}
	for _, code := range []int{1000, 1011, 3000, 4999} {
		cases = append(cases, refused(section, fmt.Sprintf("code %d with a reason", code), code, bye(code, "it is late")))
	}
	for _, code := range []int{
		0, 1, 100, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1099, 1100, 1500, 1999, 2000, 2500, 2999, 5000, 5001, 10000, 32768, 65535,
	} {
		cases = append(cases, refused(section, fmt.Sprintf("code %d", code), 1002, bye(code, "")))
	}
	for _, code := range []int{999, 1005, 1006, 1015, 2999, 5000} {
		cases = append(cases, refused(section, fmt.Sprintf("code %d with a reason", code), 1002, bye(code, "it is late")))
	}
	cases = append(cases, closeSizes()...)
	cases = append(cases, closeReasons()...)
	return append(cases, behindClose()...)
}

// closeSizes are payloads of all sizes.
func closeSizes() (cases []Case) {
	const section = "5.5.1"
	empty := Frame{First: fin | opClose}
	long := closeBody(1000, strings.Repeat("z", 124))
	closeOf := func(payload string) Frame { return Frame{First: fin | opClose, Payload: payload} }
	return []Case{
		refused(section, "0 bytes", NoStatus, empty),
		refused(section, "0 bytes, byte by byte", NoStatus, empty).chopped(1),
		refused(section, "1 byte", 1002, closeOf("\x03")),
		refused(section, "1 byte, byte by byte", 1002, closeOf("\x03")).chopped(1),
		refused(section, "2 bytes", 1000, closeOf(long[:2])),
		refused(section, "3 bytes", 1000, closeOf(long[:3])),
		refused(section, "124 bytes", 1000, closeOf(long[:124])),
		refused(section, "125 bytes", 1000, closeOf(long[:125])),
		refused(section, "125 bytes, byte by byte", 1000, closeOf(long[:125])).chopped(1),
		refused(section, "126 bytes", 1002, closeOf(long[:126])),
		refused(section, "126 bytes, the first two", 1002, start(2, closeOf(long[:126]))),
		refused(section, "65536 bytes, the first two", 1002, start(2, closeOf(noise(65536)))),
		refused("5.5", "fragmented", 1002, first(opClose, closeBody(1000, ""))),
		refused("5.5", "fragmented, with its continuation", 1002, first(opClose, "\x03"), last("\xe8")),
		refused("5.5", "fragmented and empty", 1002, first(opClose, "")),
	}
}

func closeReasons() (cases []Case) {
	const section = "5.5.1"
	for _, reason := range []string{"Selamat tinggal", "Auf Wiedersehen, schöne Grüße", "さようなら", "до свидания 👋", "\x00", "\U0010ffff\ufffe", strings.Repeat("é", 61)} {
		cases = append(cases, refused(section, fmt.Sprintf("reason %.20q", reason), 1000, bye(1000, reason)))
	}
	for _, b := range broken {
		if len(b.bytes) > 5 || len(b.bytes)%2 == 0 {
			continue // those of a text will do
		}
		cases = append(cases, refused("8.1", "reason that is not UTF-8: "+b.name, 1007, bye(1000, "bye "+b.bytes)))
	}
	return append(cases,
		refused("8.1", "reason whose last character is cut", 1007, bye(1000, strings.Repeat("é", 61)+"\xc3")),
		refused("8.1", "reason that is not UTF-8, byte by byte", 1007, bye(1000, "\xed\xa0\x80")).chopped(1),
		refused("7.4", "bad code and bad reason", 1002, bye(1005, "\xff")))
}

// behindClose is what a client sends that has said it would not.
func behindClose() (cases []Case) {
	const section = "5.5.1"
	for _, f := range []struct {
		name string
		send []Frame
	}{
		{"text", frames(text("4too late"))},
		{"binary", frames(bin(noise(70_000)))},
		{"a ping", frames(ping("too late"))},
		{"another close frame", frames(bye(1001, "again"))},
		{"a violation", frames(Frame{First: fin | opText | rsv2, Payload: "4"})},
		{"half a frame", frames(start(3, text("4too late")))},
		{"100 messages", repeated(100, func(int) Frame { return text("4too late") })},
	} {
		c := refused(section, f.name+" behind a close frame", 1000, append(frames(bye(1000, "")), f.send...)...)
		c.Rude = true
		cases = append(cases, c)
	}
	hasty := refused(section, "a close frame right behind messages and a ping", 1000,
		text("4a"), ping("x"), bin("b"), text("4c"), bye(1000, "done"))
	hasty.Hasty = true
	hasty.Steps[0].Want = []Message{asText("4a"), asBinary("b"), asText("4c")}
	hasty.Steps[0].Pongs = []string{"x"}
	bytewise := hasty.chopped(1)
	bytewise.Name += ", byte by byte"
	return append(cases, hasty, bytewise,
		refused(section, "a close frame behind messages that were sent back", 1001, bye(1001, "done")).
			behind(frames(text("4a"), bin("b"), ping("x")), asText("4a"), asBinary("b")))
}
