package attack

import "strings"

// oldPath is where clients of revision 3 are, on a server that lets them in.
const oldPath = "/socket.io/?EIO=3&transport=polling"

// What is no payload of revision 3: as text, and as bytes.
var oldBodies = []struct{ name, body string }{
	{"empty", ""}, {"a length beyond its end", "99999999999:4"}, {"a negative length", "-1:4"}, {"a length within a character", "3:😀"},
	{"a length with a sign", "+1:3"}, {"a length in hexadecimal", "0x1:3"}, {"a length with an exponent", "1e0:3"},
	{"a length beyond 63 bits", "9223372036854775808:3"}, {"a length of a million digits", strings.Repeat("9", 900_000) + ":3"},
	{"a length alone", "1"}, {"a colon alone", ":"}, {"a length without data", "1:"},
	{"a packet of no type", "1:9"}, {"half a character", "2:4\xc3"}, {"revision 4", "3"}, {"something behind", "1:3x"},
}

var oldBinaryBodies = []struct{ name, body string }{
	{"empty", ""}, {"no length", "\x00\xff"}, {"a length without an end", "\x00\x01"}, {"a length beyond its end", "\x00\x09\x09\x09\xff4"},
	{"a kind that is none", "\x02\x01\xff3"}, {"a digit that is none", "\x00\x0a\xff3"}, {"a length of 310 digits", "\x01" + strings.Repeat("\x09", 310) + "\xff\x04"},
	{"a million digits", "\x00" + strings.Repeat("\x09", 900_000)}, {"all bits", strings.Repeat("\xff", 1000)}, {"text that is not UTF-8", "\x00\x02\xff4\xff"},
}

var oldBodyRows = func() (rows []row) {
	for _, b := range oldBodies {
		rows = append(rows, row{name: "revision 3: " + b.name, cites: "H18", in: nowhere, on: "eio3", steps: []step{
			send(get(oldPath)), answer(200, `0{"sid"`), send(post(oldPath+"&sid={sid}", b.body)), answer(400), oldEnds,
		}})
	}
	for _, b := range oldBinaryBodies {
		rows = append(rows, row{name: "revision 3, binary: " + b.name, cites: "H18", in: nowhere, on: "eio3", steps: []step{
			send(get(oldPath)), answer(200, `0{"sid"`),
			send(post(oldPath+"&sid={sid}", b.body, "Content-Type: application/octet-stream")), answer(400), oldEnds,
		}})
	}
	return append(rows,
		row{name: "revision 3: a length of nothing", cites: "H18", in: nowhere, on: "eio3", steps: []step{
			send(get(oldPath)), answer(200, `0{"sid"`), send(post(oldPath+"&sid={sid}", strings.Repeat("0:", 10_000))), answer(200),
			send(get(oldPath + "&sid={sid}")), answer(200, "2:40"), send(post(oldPath+"&sid={sid}", "1:2")), answer(200),
			send(get(oldPath + "&sid={sid}")), answer(200, "1:3"),
		}},
		row{name: "JSONP with a callback of the client's", cites: "H17", in: nowhere, on: "eio3", steps: []step{
			send(get(pollPath + "&j=1;alert(1)")), answer(200, "^.*\n\n___eio\\[11\\]\\(\"0", "!alert"),
			send(get(pollPath + "&j=%3Cscript%3E")), answer(200, "^.*\n\n___eio\\[\\]\\(\"0", "!script"),
			send(get(oldPath + "&j=0)%2F*%0a7")), answer(200, "^.*\n\n___eio\\[07\\]\\("),
		}},
		row{name: "JSONP of data that ends a script", cites: "H17", in: nowhere, on: "eio3", steps: []step{
			send(get(pollPath + "&j=0")), answer(200, `___eio[0]("0{\"sid\"`),
			send(post(pollPath+"&j=0&sid={sid}", "d=40")), answer(200, "ok"), send(get(pollPath + "&j=0&sid={sid}")), answer(200, "40{"),
			send(post(pollPath+"&j=0&sid={sid}", "d=42"+`["echo","\u2028\u2029</script><!--"]`)), answer(200, "ok"),
			send(get(pollPath + "&j=0&sid={sid}")),
			answer(200, `\u2028\u2029\u003c/script\u003e\u003c!--`, "!\u2028", "!\u2029", "!</script", "!<!--"),
		}},
		row{name: "JSONP from another site", cites: "H17 H12", in: nowhere, on: "eio3", steps: []step{
			send(get(pollPath+"&j=0", "Sec-Fetch-Site: cross-site", "Referer: http://evil.example/")), answer(403, "!sid"),
			send(get(pollPath+"&j=0", "Referer: http://evil.example/")), answer(403, "!sid"),
			send(get(oldPath+"&j=0", "Sec-Fetch-Site: same-site")), answer(403, "!sid"),
		}},
		row{name: "JSONP where it is not offered", cites: "H17", in: nowhere, steps: []step{
			send(get(pollPath + "&j=0")), answer(200, "^.*\n\n0\\{", "!___eio"),
		}},
	)
}()

// oldEnds is [ends] for a session of revision 3.
var oldEnds = steps(send(get(oldPath+"&sid={sid}")), answer(400, unknownSID))
