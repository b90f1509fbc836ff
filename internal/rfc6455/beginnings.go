package rfc6455

import "fmt"

// beginnings are frames that come together with the opening request, before it is
// answered, and clients that do not wait for the answer.
func beginnings() (cases []Case) {
	const section = "4.1"
	early := func(c Case) {
		c.Early = true
		c.Name += ", right behind the opening request"
		cases = append(cases, c)
	}
	for _, n := range []int{1, 100, 1000, 3500, 4000, 4096, 5000, 9000, 70_000} {
		early(echoed(section, fmt.Sprintf("text of %d bytes", n), frames(text(prose(n))), asText(prose(n))))
	}
	var many []Frame
	var back []Message
	for i := range 200 {
		many, back = append(many, text(fmt.Sprint("4early ", i))), append(back, asText(fmt.Sprint("4early ", i)))
	}
	early(echoed(section, "200 messages", many, back...))
	early(echoed(section, "fragments", fragmented(opBin, "fragments", 2), asBinary("fragments")))
	early(echoed(section, "a compressed message", frames(ztext(prose(3000))), squeezed(asText(prose(3000)))).compressed())
	early(echoed(section, "a ping", frames(ping("early"))))
	early(echoed(section, "a pong", frames(pong("early"))))
	early(refused(section, "a close frame", 1001, bye(1001, "early")))
	early(refused(section, "an unmasked frame", 1002, Frame{First: fin | opText, Payload: "4a", Mask: Unmasked}))
	early(refused(section, "text that is not UTF-8", 1007, text("4\xff")))
	early(refused(section, "a length beyond the limit", 1009, claim(fin|opBin, MaxPayload+1, "")))
	for _, n := range []int{1, 2, 5, 6, 9} {
		f := text("4in two parts")
		early(echoed(section, fmt.Sprintf("%d bytes of a frame", n), frames(rest(n, f)), asText(f.Payload)).behind(frames(start(n, f))))
	}
	f := text(prose(70_000))
	early(echoed(section, "half of a long frame", frames(rest(35_000, f)), asText(f.Payload)).behind(frames(start(35_000, f))))
	early(echoed(section, "a message and half of another", frames(rest(8, text("4second"))), asText("4second")).
		behind(frames(text("4first"), start(8, text("4second"))), asText("4first")))
	for _, o := range []struct {
		name    string
		opening Opening
	}{{"connected", Nothing}, {"within the opening request", Half}, {"before the answer to it", Unanswered}} {
		cases = append(cases,
			Case{Section: section, Name: "hangs up, " + o.name, Opening: o.opening, End: Hangup},
			Case{Section: section, Name: "is gone, " + o.name, Opening: o.opening, End: Reset})
	}
	return cases
}
