package rfc6455

import "fmt"

// limits are messages as long and in as many fragments as is allowed, and one more.
// A server must not wait for what it will not take: the header is enough.
func limits() (cases []Case) {
	const section = "10.4"
	half := MaxPayload / 2
	data, letters := noise(MaxPayload+1), prose(MaxPayload+1)
	full := pieces(opBin, data[:half], data[half:MaxPayload])
	open := frames(first(opBin, data[:half]), more(data[half:MaxPayload]))
	cases = append(cases,
		echoed(section, "binary at the limit", frames(bin(data[:MaxPayload])), asBinary(data[:MaxPayload])),
		echoed(section, "text at the limit", frames(text(letters[:MaxPayload])), asText(letters[:MaxPayload])),
		echoed(section, "fragments at the limit together", full, asBinary(data[:MaxPayload])),
		echoed(section, "fragments at the limit together, then an empty one", append(open, last("")), asBinary(data[:MaxPayload])),
		echoed(section, "two messages at the limit", append(full, bin(data[1:])), asBinary(data[:MaxPayload]), asBinary(data[1:])),
		refused(section, "binary beyond the limit", 1009, bin(data)),
		refused(section, "text beyond the limit", 1009, text(letters)),
		refused(section, "binary beyond the limit, its header", 1009, start(14, bin(data))),
		refused(section, "binary beyond the limit, the length only", 1009, start(14, bin(data))).chopped(1),
		refused(section, "binary beyond the limit behind a message", 1009, bin(data)).behind(frames(text("4a")), asText("4a")),
		refused(section, "a first fragment beyond the limit", 1009, start(14, first(opBin, data))),
		refused(section, "a last fragment that goes beyond the limit", 1009, append(open, last("a"))...),
		refused(section, "a last fragment that goes beyond the limit, its header", 1009, append(open, start(6, last("a")))...),
		refused(section, "a fragment in the middle that goes beyond the limit, its header", 1009, append(open, start(6, more("a")))...),
		refused(section, "a last fragment that is beyond the limit together with one byte", 1009, first(opBin, "a"), start(14, last(data[:MaxPayload]))),
		echoed(section, "a ping within a message at the limit", append(open, ping("x"), last("")), asBinary(data[:MaxPayload])),
		echoed(section, "the limit counts for each message", repeated(3, func(i int) Frame { return bin(data[i : MaxPayload-i]) }),
			asBinary(data[:MaxPayload]), asBinary(data[1:MaxPayload-1]), asBinary(data[2:MaxPayload-2])),
	)
	return append(cases, counts()...)
}

// counts are messages of many fragments.
func counts() []Case {
	const section = "10.4"
	many := func(n int, f func(i int) Frame) []Frame { // fragments that are not the last
		return append(frames(first(opBin, "")), repeated(n-1, f)...)
	}
	empty := func(int) Frame { return more("") }
	letter := func(i int) Frame { return more(string(rune('a' + i%26))) }
	var letters string
	for i := range MaxFragments - 2 {
		letters += string(rune('a' + i%26))
	}
	tooMany := refused(section, fmt.Sprintf("%d fragments, and pings", MaxFragments+1), 1008, append(append(many(MaxFragments/2, empty), ping("half")),
		append(repeated(MaxFragments/2, empty), last(""))...)...)
	tooMany.Hasty, tooMany.Steps[0].Pongs = true, []string{"half"}
	return []Case{
		echoed(section, fmt.Sprintf("%d fragments", MaxFragments), append(many(MaxFragments-1, letter), last("")), asBinary(letters)),
		echoed(section, fmt.Sprintf("%d fragments twice", MaxFragments),
			append(append(many(MaxFragments-1, letter), last("")), append(many(MaxFragments-1, letter), last(""))...), asBinary(letters), asBinary(letters)),
		refused(section, fmt.Sprintf("%d fragments", MaxFragments+1), 1008, append(many(MaxFragments, letter), last(""))...),
		refused(section, fmt.Sprintf("%d fragments, without an end", MaxFragments+1), 1008, many(MaxFragments+1, empty)...),
		refused(section, fmt.Sprintf("%d empty fragments", MaxFragments+1), 1008, append(many(MaxFragments, empty), last(""))...),
		refused(section, fmt.Sprintf("%d fragments behind a message", MaxFragments+1), 1008, append(many(MaxFragments, empty), last(""))...).
			behind(frames(text("4a")), asText("4a")),
		tooMany,
		echoed(section, "control frames are no fragments", append(many(MaxFragments-2, letter), ping("one"), ping("two"), pong("three"), ping("four"), last("z")),
			asBinary(letters[:MaxFragments-3]+"z")),
	}
}
