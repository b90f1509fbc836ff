package rfc6455

import (
	"fmt"
	"strings"
)

// fragments are messages in several frames: cut anywhere, with control frames in
// between, and in an order that makes no sense.
func fragments() (cases []Case) {
	const section = "5.4"
	hello := "4hello, fragments"
	for _, n := range []int{1, 2, 3, 8} {
		cases = append(cases,
			echoed(section, fmt.Sprintf("text in fragments of %d", n), fragmented(opText, hello, n), asText(hello)),
			echoed(section, fmt.Sprintf("binary in fragments of %d", n), fragmented(opBin, hello, n), asBinary(hello)),
			echoed(section, fmt.Sprintf("text in fragments of %d, byte by byte", n), fragmented(opText, hello, n), asText(hello)).chopped(1))
	}
	whole := noise(3000)
	rising := []string{}
	for i, at := 0, 0; at < len(whole); i++ {
		end := min(at+i*7, len(whole))
		rising, at = append(rising, whole[at:end]), end
	}
	bare := echoed(section, "text of empty fragments only", pieces(opText, "", "", ""), asText(""))
	bare.Bare = true
	cases = append(cases, bare,
		echoed(section, "binary of empty fragments only", pieces(opBin, "", "", ""), asBinary("")),
		echoed(section, "empty first fragment", pieces(opText, "", "4a"), asText("4a")),
		echoed(section, "empty last fragment", pieces(opText, "4a", ""), asText("4a")),
		echoed(section, "empty fragments in between", pieces(opText, "4a", "", "", "b", "", "c"), asText("4abc")),
		echoed(section, "empty fragments in between, byte by byte", pieces(opText, "4a", "", "", "b", "", "c"), asText("4abc")).chopped(1),
		echoed(section, "fragments that get longer", pieces(opBin, rising...), asBinary(whole)),
		echoed(section, "fragments that get longer, in slices of 11", pieces(opBin, rising...), asBinary(whole)).chopped(11),
		echoed(section, "a long fragment, then a short one", pieces(opBin, noise(70_000), "a"), asBinary(noise(70_000)+"a")),
		echoed(section, "a short fragment, then a long one", pieces(opBin, "a", noise(70_000)), asBinary("a"+noise(70_000))),
		echoed(section, "two messages in fragments", append(fragmented(opText, hello, 5), fragmented(opBin, hello, 4)...), asText(hello), asBinary(hello)),
		echoed(section, "whole messages around one in fragments", append(append(frames(text("4a")), fragmented(opText, hello, 5)...), bin("b")), asText("4a"), asText(hello), asBinary("b")),
		echoed(section, "a message, each fragment when the last has been read", frames(last("c")), asText("4abc")).
			behind(frames(more("b"), ping("2"))).behind(frames(first(opText, "4a"), ping("1"))),
	)
	cases = append(cases, interrupted()...)
	return append(cases, disordered()...)
}

// interrupted are messages with control frames in between.
func interrupted() (cases []Case) {
	const section = "5.4"
	for _, size := range []int{0, 1, 125} {
		p := noise(size)
		cases = append(cases,
			echoed(section, fmt.Sprintf("ping of %d bytes between fragments", size), frames(first(opText, "4a"), ping(p), last("b")), asText("4ab")),
			echoed(section, fmt.Sprintf("ping of %d bytes between fragments, byte by byte", size), frames(first(opText, "4a"), ping(p), last("b")), asText("4ab")).chopped(1))
	}
	long := fragmented(opBin, noise(5000), 100)
	var mixed []Frame
	for i, f := range long {
		mixed = append(mixed, f)
		if i < len(long)-1 {
			mixed = append(mixed, ping(fmt.Sprint("at ", i)), pong(strings.Repeat("x", i)))
		}
	}
	closes := refused(section, "a close frame between fragments", 1000, first(opText, "4a"), bye(1000, ""), last("b"))
	closes.Rude = true
	return append(cases,
		echoed(section, "control frames between all of 50 fragments", mixed, asBinary(noise(5000))),
		echoed(section, "control frames between all of 50 fragments, in slices of 13", mixed, asBinary(noise(5000))).chopped(13),
		closes,
		refused(section, "a close frame instead of the last fragment", 1001, first(opText, "4a"), bye(1001, "enough")),
		refused(section, "a fragmented ping between fragments", 1002, first(opText, "4a"), first(opPing, "x"), last("b")),
		refused(section, "a ping of 126 bytes between fragments", 1002, first(opText, "4a"), ping(noise(126)), last("b")),
	)
}

// disordered are fragments that belong to nothing.
func disordered() (cases []Case) {
	const section = "5.4"
	for _, f := range []struct {
		name string
		send []Frame
	}{
		{"a last fragment without a first", frames(last("4a"))},
		{"a last fragment without a first, empty", frames(last(""))},
		{"a last fragment without a first, the first two bytes", frames(start(2, last("4a")))},
		{"a fragment in the middle without a first", frames(more("4a"))},
		{"a fragment in the middle without a first, then all else", frames(more("4a"), last("b"), text("4c"))},
		{"text within text", frames(first(opText, "4a"), text("4b"))},
		{"text within text, the first two bytes", frames(first(opText, "4a"), start(2, text("4b")))},
		{"binary within text", frames(first(opText, "4a"), bin("b"))},
		{"text within binary", frames(first(opBin, "a"), text("4b"))},
		{"binary within binary", frames(first(opBin, "a"), bin("b"))},
		{"a first fragment of text within text", frames(first(opText, "4a"), first(opText, "4b"), last("c"))},
		{"a first fragment of binary within text", frames(first(opText, "4a"), first(opBin, "b"), last("c"))},
		{"a first fragment of text within binary", frames(first(opBin, "a"), first(opText, "4b"), last("c"))},
		{"text within text, behind a ping", frames(first(opText, "4a"), pong("x"), text("4b"))},
		{"empty text within empty text", frames(first(opText, ""), text(""))},
		{"text within text, in the third fragment", frames(first(opText, "4a"), more("b"), text("4c"), last("d"))},
	} {
		cases = append(cases, refused(section, f.name, 1002, f.send...))
	}
	for _, f := range []struct {
		name   string
		behind []Frame
		want   Message
	}{
		{"a message", frames(text("4a")), asText("4a")},
		{"a message in fragments", pieces(opText, "4a", "b"), asText("4ab")},
		{"an empty message in fragments", pieces(opBin, "", ""), asBinary("")},
	} {
		cases = append(cases,
			refused(section, "a last fragment behind "+f.name, 1002, last("c")).behind(f.behind, f.want),
			refused(section, "a fragment in the middle behind "+f.name, 1002, more("c"), last("d")).behind(f.behind, f.want))
	}
	return append(cases,
		refused(section, "a first fragment where another message began, byte by byte", 1002, first(opText, "4a"), first(opText, "4b"), last("c")).chopped(1))
}
