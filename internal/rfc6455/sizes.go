package rfc6455

import (
	"fmt"
	"strings"
)

// sizes are messages of one frame, around every length at which its header or a
// buffer changes.
func sizes() (cases []Case) {
	const section = "5.6"
	bare := echoed(section, "text of 0 bytes", frames(text("")), asText(""))
	bare.Bare = true
	cases = append(cases, bare, echoed(section, "binary of 0 bytes", frames(bin("")), asBinary("")))
	for _, n := range []int{
		1, 2, 7, 8, 9, 124, 125, 126, 127, 128, 129, 255, 256, 257, 1016, 1024, 4095, 4096,
		16383, 16384, 32759, 32760, 32768, 65534, 65535, 65536, 65537,
	} {
		cases = append(cases,
			echoed(section, fmt.Sprintf("text of %d bytes", n), frames(text(prose(n))), asText(prose(n))),
			echoed(section, fmt.Sprintf("binary of %d bytes", n), frames(bin(noise(n))), asBinary(noise(n))))
	}
	for _, n := range []int{1, 125, 126, 130} {
		cases = append(cases,
			echoed(section, fmt.Sprintf("text of %d bytes, byte by byte", n), frames(text(prose(n))), asText(prose(n))).chopped(1),
			echoed(section, fmt.Sprintf("binary of %d bytes, byte by byte", n), frames(bin(noise(n))), asBinary(noise(n))).chopped(1))
	}
	for _, n := range []int{65535, 65536} {
		cases = append(cases,
			echoed(section, fmt.Sprintf("text of %d bytes in slices of 997", n), frames(text(prose(n))), asText(prose(n))).chopped(997),
			echoed(section, fmt.Sprintf("binary of %d bytes in slices of 997", n), frames(bin(noise(n))), asBinary(noise(n))).chopped(997))
	}
	var rising []Frame
	var back []Message
	for n := 1; n <= 300; n++ {
		if n%3 == 0 {
			rising, back = append(rising, bin(noise(n))), append(back, asBinary(noise(n)))
		} else {
			rising, back = append(rising, text(prose(n))), append(back, asText(prose(n)))
		}
	}
	zero := bin(strings.Repeat("\x00", 70_000))
	return append(cases,
		echoed(section, "300 messages, each longer by one byte", rising, back...),
		echoed(section, "300 messages, each longer by one byte, in slices of 1021", rising, back...).chopped(1021),
		echoed(section, "300 messages, each longer by one byte, in slices of 3", rising, back...).chopped(3),
		echoed(section, "binary of zeros", frames(zero), asBinary(zero.Payload)),
		echoed(section, "text with every ASCII character", frames(text(ascii())), asText(ascii())),
		echoed(section, "binary with every byte", frames(bin(octets())), asBinary(octets())),
	)
}

// ascii is a text with all characters of 7 bits.
func ascii() string {
	b := []byte("4")
	for c := range byte(0x80) {
		b = append(b, c)
	}
	return string(b)
}

// octets has all bytes.
func octets() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}
