package rfc6455

import "fmt"

// kinds are the frames that there are.
var kinds = []struct {
	name  string
	frame Frame
}{
	{"text", Frame{First: fin | opText, Payload: "4a"}},
	{"binary", Frame{First: fin | opBin, Payload: "a"}},
	{"ping", Frame{First: fin | opPing, Payload: "a"}},
	{"pong", Frame{First: fin | opPong, Payload: "a"}},
	{"close frame", Frame{First: fin | opClose, Payload: "\x03\xe8"}},
	{"first fragment", Frame{First: opText, Payload: "4a"}},
}

// reservedBits are all of them on all kinds of frames, without an extension.
func reservedBits() (cases []Case) {
	const section = "5.2"
	for rsv := byte(1); rsv <= 7; rsv++ {
		for _, k := range kinds {
			k.frame.First |= rsv << 4
			cases = append(cases, refused(section, fmt.Sprintf("RSV %03b on a %s", rsv, k.name), 1002, k.frame))
		}
		cases = append(cases,
			refused(section, fmt.Sprintf("RSV %03b on a continuation", rsv), 1002, first(opBin, "a"), Frame{First: fin | opCont | rsv<<4, Payload: "b"}),
			refused(section, fmt.Sprintf("RSV %03b on an empty text", rsv), 1002, Frame{First: fin | opText | rsv<<4}),
		)
	}
	for _, rsv := range []byte{rsv1, rsv2, rsv3} {
		f := text("4reserved")
		f.First |= rsv
		hasty := refused(section, fmt.Sprintf("RSV %03b together with messages and a ping", rsv>>4), 1002, text("4a"), ping("b"), f, text("4c"))
		hasty.Hasty = true
		hasty.Steps[0].Want, hasty.Steps[0].Pongs = []Message{asText("4a")}, []string{"b"}
		cases = append(cases, hasty,
			refused(section, fmt.Sprintf("RSV %03b behind a message", rsv>>4), 1002, f).behind(frames(text("4in order")), asText("4in order")),
			refused(section, fmt.Sprintf("RSV %03b, byte by byte", rsv>>4), 1002, f).chopped(1),
			refused(section, fmt.Sprintf("RSV %03b, the first two bytes", rsv>>4), 1002, start(2, f)))
	}
	return cases
}

// reservedOpcodes are those that have no meaning yet.
func reservedOpcodes() (cases []Case) {
	const section = "5.2"
	for _, op := range []byte{0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		name := fmt.Sprintf("opcode %X", op)
		f := Frame{First: fin | op, Payload: "4a"}
		cases = append(cases,
			refused(section, name+", empty", 1002, Frame{First: fin | op}),
			refused(section, name+" with a payload", 1002, f),
			refused(section, name+" behind a message", 1002, f, ping("too late")).behind(frames(text("4in order")), asText("4in order")),
			refused(section, name+" without FIN", 1002, first(op, "4a"), last("b")),
			refused(section, name+" within a message", 1002, first(opText, "4a"), f, last("b")))
	}
	long := Frame{First: fin | 0xb, Payload: noise(65536)}
	return append(cases,
		refused(section, "opcode 7, byte by byte", 1002, Frame{First: fin | 0x7, Payload: "4a"}).chopped(1),
		refused(section, "opcode 3, the first two bytes", 1002, start(2, Frame{First: fin | 0x3, Payload: "4a"})),
		refused(section, "opcode B, the first two bytes", 1002, start(2, Frame{First: fin | 0xb, Payload: "4a"})),
		refused(section, "opcode B with 65536 bytes", 1002, long),
	)
}
