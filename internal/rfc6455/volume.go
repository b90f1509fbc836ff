package rfc6455

import "fmt"

// volume are messages that are large, in many fragments or slices, and many that
// are small.
func volume() (cases []Case) {
	const section = "5.4"
	for _, n := range []int{131_072, 262_144, 600_000} {
		cases = append(cases,
			echoed("5.6", fmt.Sprintf("text of %d bytes", n), frames(text(prose(n))), asText(prose(n))),
			echoed("5.6", fmt.Sprintf("binary of %d bytes", n), frames(bin(noise(n))), asBinary(noise(n))))
	}
	for _, size := range []int{32, 64, 256, 1024, 4096, 16_384, 65_536} {
		const n = 131_072
		cases = append(cases,
			echoed(section, fmt.Sprintf("text of %d bytes in fragments of %d", n, size), fragmented(opText, prose(n), size), asText(prose(n))),
			echoed(section, fmt.Sprintf("binary of %d bytes in fragments of %d", n, size), fragmented(opBin, noise(n), size), asBinary(noise(n))))
	}
	for _, size := range []int{64, 128, 256, 512, 1024, 2048} {
		const n = 65_536
		cases = append(cases,
			echoed("5.6", fmt.Sprintf("text of %d bytes in slices of %d", n, size), frames(text(prose(n))), asText(prose(n))).chopped(size),
			echoed("5.6", fmt.Sprintf("binary of %d bytes in slices of %d", n, size), frames(bin(noise(n))), asBinary(noise(n))).chopped(size))
	}
	for _, size := range []int{536, 1300, 1460, 8192, 33_000} {
		const n = 65_536
		cases = append(cases, echoed(section, fmt.Sprintf("text of %d bytes in fragments of %d, in slices of 1460", n, size),
			fragmented(opText, prose(n), size), asText(prose(n))).chopped(1460))
	}
	cases = append(cases,
		echoed(section, fmt.Sprintf("binary of %d bytes in fragments of 64", MaxPayload), fragmented(opBin, noise(MaxPayload), 64), asBinary(noise(MaxPayload))),
		echoed(section, fmt.Sprintf("text of %d bytes in fragments of 250,000", MaxPayload), fragmented(opText, prose(MaxPayload), 250_000), asText(prose(MaxPayload))),
		echoed("5.6", fmt.Sprintf("binary of %d bytes in slices of 8192", MaxPayload), frames(bin(noise(MaxPayload))), asBinary(noise(MaxPayload))).chopped(8192))
	for _, m := range []struct{ count, size int }{{1000, 1}, {1000, 16}, {1000, 64}, {500, 256}, {200, 1024}, {50, 4096}, {20, 16_384}} {
		var send []Frame
		var back []Message
		for i := range m.count {
			if i%2 == 0 {
				send, back = append(send, text(prose(m.size))), append(back, asText(prose(m.size)))
			} else {
				data := noise(m.size + i)[i:]
				send, back = append(send, bin(data)), append(back, asBinary(data))
			}
		}
		cases = append(cases, echoed("5.6", fmt.Sprintf("%d messages of %d bytes", m.count, m.size), send, back...))
	}
	return append(cases, roundTrips()...)
}

// roundTrips wait for each answer.
func roundTrips() (cases []Case) {
	for _, size := range []int{0, 16, 1024, 40_000} {
		c := Case{Section: "5.6", Name: fmt.Sprintf("50 messages of %d bytes, one after another", size)}
		for i := range 50 {
			data := noise(size + i)[i:]
			c.Steps = append(c.Steps, Step{Send: frames(bin(data)), Want: []Message{asBinary(data)}})
		}
		cases = append(cases, c)
	}
	return cases
}
