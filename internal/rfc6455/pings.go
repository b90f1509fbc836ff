package rfc6455

import (
	"fmt"
	"strings"
)

// pings are about pings and pongs: of all sizes, many, out of place, and broken.
func pings() (cases []Case) {
	const section = "5.5.2"
	for _, n := range []int{0, 1, 2, 3, 64, 124, 125} {
		cases = append(cases, echoed(section, fmt.Sprintf("ping of %d bytes", n), frames(ping(noise(n)))))
	}
	for _, n := range []int{126, 127, 128, 1000, 65535, 65536} {
		cases = append(cases,
			refused("5.5", fmt.Sprintf("ping of %d bytes", n), 1002, ping(noise(n))),
			refused("5.5", fmt.Sprintf("pong of %d bytes", n), 1002, pong(noise(n))))
	}
	full := strings.Repeat("\xfe", 125)
	cases = append(cases,
		echoed(section, "ping that is not UTF-8", frames(ping("\x00\xff\xfe\xed\xa0\x80"))),
		echoed(section, "ping of 125 bytes, byte by byte", frames(ping(full))).chopped(1),
		refused("5.5", "ping of 126 bytes, the first two bytes", 1002, start(2, ping(noise(126)))),
		refused("5.5", "ping of 65536 bytes, the first two bytes", 1002, start(2, ping(noise(65536)))),
		refused("5.5", "ping of 126 bytes, byte by byte", 1002, ping(noise(126))).chopped(1),
		refused("5.5", "ping of 126 bytes behind one of 125", 1002, ping(noise(126))).behind(frames(ping(full))),
		refused("5.5", "fragmented ping", 1002, first(opPing, "a")),
		refused("5.5", "fragmented ping, empty", 1002, first(opPing, "")),
		refused("5.5", "fragmented ping with its continuation", 1002, first(opPing, "a"), last("b")),
		refused("5.5", "fragmented pong", 1002, first(opPong, "a"), last("b")),
		refused("5.5", "fragmented ping, the first two bytes", 1002, start(2, first(opPing, "a"))),
	)
	cases = append(cases, pongs()...)
	return append(cases, manyPings()...)
}

// pongs are those that nobody has asked for.
func pongs() []Case {
	const section = "5.5.3"
	return []Case{
		echoed(section, "pong", frames(pong("unasked"))),
		echoed(section, "empty pong", frames(pong(""))),
		echoed(section, "pong of 125 bytes", frames(pong(noise(125)))),
		echoed(section, "pong of 125 bytes, byte by byte", frames(pong(noise(125)))).chopped(1),
		echoed(section, "pong that is not UTF-8", frames(pong("\xc0\xff"))),
		echoed(section, "500 pongs", repeated(500, func(i int) Frame { return pong(fmt.Sprint("unasked ", i)) })),
		echoed(section, "pong, then a ping", frames(pong("unasked"), ping("asked"))),
		echoed(section, "ping, then a pong", frames(ping("asked"), pong("unasked"))),
		echoed(section, "pong between two messages", frames(text("4a"), pong("b"), bin("c")), asText("4a"), asBinary("c")),
		echoed(section, "pong between two fragments", frames(first(opText, "4a"), pong("b"), last("c")), asText("4ac")),
	}
}

func manyPings() []Case {
	const section = "5.5.2"
	oneByOne := Case{Section: section, Name: "20 pings, each when the last is answered"}
	for i := range 20 {
		p := fmt.Sprint("ping ", i)
		oneByOne.Steps = append(oneByOne.Steps, Step{Send: frames(ping(p)), Pongs: []string{p}})
	}
	numbered := func(i int) Frame { return ping(fmt.Sprint("ping ", i)) }
	var mixed []Frame
	var back []Message
	for i := range 50 {
		message := fmt.Sprint("4message ", i)
		mixed, back = append(mixed, ping(fmt.Sprint(i)), text(message)), append(back, asText(message))
	}
	within := frames(first(opText, "4"), ping("one"), more("a"), ping("two"), ping(""), more("b"), pong("x"), last("c"), ping("three"))
	return []Case{
		oneByOne,
		echoed(section, "10 pings at once", repeated(10, numbered)),
		echoed(section, "10 pings at once, in slices of 5", repeated(10, numbered)).chopped(5),
		echoed(section, "1000 pings at once", repeated(1000, numbered)),
		echoed(section, "50 pings and messages by turns", mixed, back...),
		echoed(section, "50 pings and messages by turns, in slices of 7", mixed, back...).chopped(7),
		echoed(section, "pings between fragments", within, asText("4abc")),
		echoed(section, "pings between fragments, byte by byte", within, asText("4abc")).chopped(1),
		echoed(section, "a ping is answered within a message", frames(last("b")), asText("4ab")).
			behind(frames(first(opText, "4a"), ping("within"))),
		echoed(section, "a ping is answered within a frame", frames(rest(9, text("4 long text"))), asText("4 long text")).
			behind(frames(ping("before"), start(9, text("4 long text")))),
	}
}

// repeated makes n frames.
func repeated(n int, f func(i int) Frame) (all []Frame) {
	for i := range n {
		all = append(all, f(i))
	}
	return all
}
