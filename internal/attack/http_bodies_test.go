package attack

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"strings"
	"time"
)

// Bodies of POSTs whose length is wrong, or that come in odd ways.
var postRows = []row{
	{name: "a body that says it is too large", cites: "H10", in: polls, steps: []step{
		// Refused before it is read.
		on("b"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 9000000"), "42"),
		answer(413), closed(), lives(),
		on("c"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 9223372036854775807")), answer(413), closed(), lives(),
	}},
	{name: "a body that is too large", cites: "H10", in: polls, steps: []step{
		on("b"), send(post(pollPath+"&sid={sid}", "4"+strings.Repeat("x", 1_000_000))), answer(413), lives(),
	}},
	{name: "chunks that are too large", cites: "H10", in: polls, steps: []step{
		on("b"), send(chunked(pollPath+"&sid={sid}", chunk("4"+strings.Repeat("x", 600_000))+chunk(strings.Repeat("x", 600_000))+"0\r\n\r\n")),
		answer(413), lives(),
	}},
	{name: "chunks without an end", cites: "H10", in: polls, steps: []step{
		on("b"), send(chunked(pollPath+"&sid={sid}", strings.Repeat(chunk(strings.Repeat("x", 50_000)), 200))), answer(413), closed(), lives(),
	}},
	{name: "chunks", cites: "H10", in: joinedPolls, steps: []step{
		on("b"), send(chunked(pollPath+"&sid={sid}", chunk(`421["or`)+chunk(`der",0]`)+"0\r\n\r\n")), answer(200, "ok"), hears("431[0]"), lives(),
	}},
	{name: "two lengths", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 2", "Content-Length: 45"), shout), refused(400), lives()),
	}},
	{name: "lengths that are none", cites: "H10", in: joinedPolls, steps: []step{
		unheard(
			on("b"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: -1"), shout), refused(400),
			on("c"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 0x2d"), shout), refused(400),
			on("d"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: +45"), shout), refused(400),
			on("e"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 99999999999999999999"), shout), refused(400, 413),
			on("f"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 45, 45"), shout), refused(400),
			lives()),
	}},
	{name: "a length and chunks", cites: "H10", in: joinedPolls, steps: []step{
		// Of what two servers in a row could take for different things, one is refused,
		// or nothing behind it is taken for a request.
		unheard(on("b"), send(chunked(pollPath+"&sid={sid}", "1\r\n3\r\n0\r\n\r\n", "Content-Length: 6"), post(pollPath+"&sid={sid}", "3")),
			refused(200, 400), lives()),
	}},
	{name: "a transfer coding that is none", cites: "H10", in: joinedPolls, steps: []step{
		unheard(
			on("b"), send(request("POST", pollPath+"&sid={sid}", "Transfer-Encoding: xchunked", "Content-Length: 45"), shout), refused(400, 501),
			on("c"), send(request("POST", pollPath+"&sid={sid}", "Transfer-Encoding: chunked, identity"), chunk(shout), "0\r\n\r\n"), refused(400, 501),
			lives()),
	}},
	{name: "chunk extensions", cites: "H10", in: polls, steps: []step{
		on("b"), send(chunked(pollPath+"&sid={sid}", "1;a=b;c=\"d\"\r\n3\r\n0\r\n\r\n")), refused(200, 400), lives(),
		on("c"), send(chunked(pollPath+"&sid={sid}", "1;"+strings.Repeat("x", 100_000)+"\r\n3\r\n0\r\n\r\n")),
		except("fiber", "fasthttp skips them, however long", refused(200, 400), refused(400, 413)),
	}},
	{name: "chunks that are none", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(chunked(pollPath+"&sid={sid}", chunk(shout)+"-1\r\n\r\n")), refused(400)),
	}},
	{name: "a chunk longer than can be", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(chunked(pollPath+"&sid={sid}", chunk(shout)+"ffffffffffffffff\r\nx")), fin(), refused(400, 413)),
	}},
	{name: "chunks with bare line feeds", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(chunked(pollPath+"&sid={sid}", chunk(shout)+"1\n3\n0\n\n")), fin(), refused(400)),
	}},
	{name: "a body of a byte every 100 ms", cites: "H11", in: polls, on: "bodies", steps: []step{
		except("fiber", "its own ReadTimeout, of 20 s, holds instead",
			within(24*time.Second, slowBody(400), refused(408)),
			within(3*time.Second, slowBody(50), refused(400, 408), ends())),
	}},
	{name: "a body that stops coming", cites: "H11", in: polls, on: "bodies", steps: []step{
		except("fiber", "its own ReadTimeout, of 20 s, holds instead",
			within(24*time.Second, on("b"), send(half(shout)), refused(408)),
			within(3*time.Second, on("b"), send(half(shout)), refused(400, 408), ends())),
	}},
	{name: "chunks that stop coming", cites: "H11", in: polls, on: "bodies", steps: []step{
		except("fiber", "its own ReadTimeout, of 20 s, holds instead",
			within(24*time.Second, on("b"), send(chunked(pollPath+"&sid={sid}", chunk(shout))), refused(408)),
			within(3*time.Second, on("b"), send(chunked(pollPath+"&sid={sid}", chunk(shout))), refused(400, 408), ends())),
	}},
	{name: "headers of a byte every 100 ms", cites: "H11", in: nowhere, on: "bodies", steps: []step{
		// The hosts' own limits: 10 s for the headers, of Fiber 20 s for the request.
		within(24*time.Second, drip(get(pollPath, strings.Repeat("X-A: b\r\n", 100)+"X-B: c"), 1, 100*time.Millisecond), refused(400, 408)),
	}},
}

// slowBody sends n bytes of one, one at a time.
func slowBody(n int) step {
	return steps(on("b"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 100000")), drip(strings.Repeat("4", n), 1, 100*time.Millisecond))
}

// What is no payload. All of them are refused with status 400, and end the session.
var badBodies = []struct{ name, body string }{
	{"empty", ""}, {"a letter", "abc"}, {"type 7", "7x"}, {"type 9", "9"}, {"a minus", "-1"}, {"a ping", "2"}, {"a probe", "2probe"},
	{"bad base64", "b!!!!"}, {"base64 without padding", "bAQI"}, {"base64 with spare bits", "bAQJ="}, {"a separator", "\x1e"},
	{"1000 separators", strings.Repeat("\x1e", 1000)}, {"a separator behind", "3\x1e"}, {"a separator before", "\x1e3"},
	{"half a character", "3\xc3"}, {"an invalid byte", "4\xff"}, {"an overlong character", "4\xc0\xaf"}, {"half a surrogate pair", "4\xed\xa0\x80"},
	{"a byte order mark", "\xef\xbb\xbf3"}, {"UTF-16", "\xff\xfe3\x00"}, {"big-endian UTF-16", "\xfe\xff\x003"}, {"NUL bytes", strings.Repeat("\x00", 100)},
	{"JSON", `{"type":"message"}`}, {"a form", "d=3"},
}

// What changes nothing.
var ignoredBodies = []struct{ name, body string }{
	{"an open packet", "0{}"}, {"an upgrade packet", "5"}, {"a noop", "6"}, {"a pong", "3"}, {"a strange pong", "3probe"},
	{"many pongs", strings.Repeat("3\x1e", 9999) + "3"},
}

var bodyRows = func() (rows []row) {
	for _, b := range badBodies {
		rows = append(rows, row{name: "body: " + b.name, cites: "H16", in: polls, steps: []step{
			on("b"), send(post(pollPath+"&sid={sid}", b.body)), answer(400), ends(),
		}})
	}
	for _, b := range ignoredBodies {
		rows = append(rows, row{name: "body: " + b.name, cites: "H16", in: polls, steps: []step{
			on("b"), send(post(pollPath+"&sid={sid}", b.body)), answer(200, "\n\nok"), lives(),
		}})
	}
	for _, b := range compressedBodies {
		rows = append(rows, row{name: "body: " + b.name, cites: "H15", in: joinedPolls, steps: []step{
			on("b"), send(post(pollPath+"&sid={sid}", b.body, "Content-Encoding: "+b.coding)), answer(400), ends(),
		}})
	}
	return append(rows,
		row{name: "body: a good-bye", cites: "H16", in: polls, steps: []step{
			on("b"), send(post(pollPath+"&sid={sid}", "1:3")), answer(200), ends(),
		}},
		row{name: "body: nothing behind an error counts", cites: "H16", in: joinedPolls, steps: []step{
			unheard(on("b"), send(post(pollPath+"&sid={sid}", "7\x1e"+shout)), answer(400), ends()),
		}},
		row{name: "body: nothing behind the end counts", cites: "H16", in: joinedPolls, steps: []step{
			unheard(on("b"), send(post(pollPath+"&sid={sid}", "1\x1e"+shout)), answer(200), ends()),
		}},
		row{name: "body: binary", cites: "H16", in: polls, steps: []step{
			on("b"), send(post(pollPath+"&sid={sid}", "3", "Content-Type: application/octet-stream")), answer(400), ends(),
		}},
	)
}()

// What comes compressed is not inflated.
var compressedBodies = []struct{ name, coding, body string }{
	{"gzip", "gzip", gzipped(`42["echo",1]`)},
	{"gzip of 50 MB", "gzip", gzipped(`42["echo",1]` + strings.Repeat(" ", 50_000_000))},
	{"deflate", "deflate", deflated(`42["echo",1]`)},
	{"deflate of 50 MB", "deflate", deflated(`42["echo",1]` + strings.Repeat(" ", 50_000_000))},
	{"brotli", "br", "\x0b\x03\x80" + `42["a"]` + "\x03"},
	{"gzip twice", "gzip, gzip", gzipped(gzipped(`42["echo",1]`))},
	{"gzip that is none", "gzip", "\x1f\x8b\x08"},
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func deflated(text string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}
