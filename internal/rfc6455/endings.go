package rfc6455

// endings are connections that end, or come to a halt, at any point.
func endings() (cases []Case) {
	const section = "7.1"
	long, squeezedHalf := noise(70_000), ztext(prose(3000))
	for _, p := range []struct {
		name string
		send []Frame
		want []Message
		zip  bool
	}{
		{name: "before any frame"},
		{name: "behind a message", send: frames(text("4a")), want: []Message{asText("4a")}},
		{name: "behind a ping", send: frames(ping("a"))},
		{name: "after one byte", send: frames(start(1, text("4a")))},
		{name: "after two bytes", send: frames(start(2, text("4a")))},
		{name: "within the key", send: frames(start(4, text("4a")))},
		{name: "before the payload", send: frames(start(6, text("4a")))},
		{name: "within the payload", send: frames(start(9, text("4abcdef")))},
		{name: "before the last byte", send: frames(start(13, text("4abcdefg")))},
		{name: "within a length of 16 bits", send: frames(start(3, text(prose(1000))))},
		{name: "within a length of 64 bits", send: frames(start(7, bin(long)))},
		{name: "within a long payload", send: frames(start(40_000, bin(long)))},
		{name: "between two fragments", send: frames(first(opText, "4a"))},
		{name: "between many fragments", send: append(frames(first(opBin, "a")), repeated(500, func(int) Frame { return more("b") })...)},
		{name: "within a fragment", send: frames(first(opText, "4a"), start(7, last("bcd")))},
		{name: "within a ping", send: frames(start(8, ping("abcdef")))},
		{name: "within a ping between fragments", send: frames(first(opText, "4a"), start(8, ping("abcdef")))},
		{name: "within a close frame", send: frames(start(7, bye(1000, "")))},
		{name: "behind a message, within the next", send: frames(text("4a"), start(5, text("4b"))), want: []Message{asText("4a")}},
		{name: "within a compressed message", send: frames(start(100, squeezedHalf)), zip: true},
		{name: "between compressed fragments", send: frames(first(opBin|rsv1, squeeze(long, 1))), zip: true},
	} {
		for _, end := range []struct {
			name string
			End
		}{{"hangs up ", Hangup}, {"is gone ", Reset}, {"is silent ", Silent}} {
			c := echoed(section, end.name+p.name, p.send, p.want...)
			c.End = end.End
			if p.zip {
				c = c.compressed()
			}
			cases = append(cases, c)
		}
	}
	const late = "7.1.7"
	unmasked := Frame{First: fin | opText, Payload: "4a", Mask: Unmasked}
	for _, c := range []Case{
		refused(late, "goes on after a violation", 1002, unmasked),
		refused(late, "goes on after text that is not UTF-8", 1007, text("4\xff")),
		refused(late, "goes on after a message beyond the limit", 1009, claim(fin|opBin, 1<<40, "")),
		refused("7.1.1", "goes on after its close frame", 1000, bye(1000, "")),
	} {
		c.End = Mute
		cases = append(cases, c)
	}
	return cases
}
