package attack

import (
	"strings"
	"time"
)

// Requests in unusual forms.
var oddRequestRows = []row{
	{name: "pipelined requests", cites: "H19", in: polls, steps: []step{
		on("b"), send(
			post(pollPath+"&sid={sid}", "3"), post(pollPath+"&sid={sid}", "3"), get(pollPath+"&sid=x"), post(pollPath+"&sid={sid}", "3"),
		), answer(200, "\n\nok"), answer(200, "\n\nok"), answer(400, unknownSID), answer(200, "\n\nok"), lives(),
	}},
	{name: "requests behind a handshake", cites: "H19", in: nowhere, steps: []step{
		send(get(pollPath), get(pollPath), get(wsPath)), answer(200, `0{"sid"`), answer(200, `0{"sid"`), answer(400, badRequest),
	}},
	{name: "a body that is waited for in vain", cites: "H19", in: polls, steps: []step{
		on("b"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 1", "Expect: 100-continue")), answer(100),
		pause(50 * time.Millisecond), rst(), on("c"),
		// A client that goes away in the middle of a body has gone where the host tells.
		except("fiber", "the request never reaches its handler", lives(), ends()),
	}},
	{name: "100-continue", cites: "H19", in: polls, steps: []step{
		on("b"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 1", "Expect: 100-continue")), answer(100),
		send("3"), answer(200, "\n\nok"), lives(),
	}},
	{name: "100-continue for a body that is too large", cites: "H19", in: polls, steps: []step{
		on("b"), send(request("POST", pollPath+"&sid={sid}", "Content-Length: 9000000", "Expect: 100-continue")),
		except("fiber", "fasthttp agrees before it looks at the length", answer(100), steps()), answer(413), closed(), lives(),
	}},
	{name: "other expectations", cites: "H19", in: nowhere, steps: []step{
		send(get(pollPath, "Expect: nothing")), refused(400, 417, 200),
	}},
	{name: "HTTP 1.0", cites: "H19", in: nowhere, steps: []step{
		send(http10(get(pollPath))), answer(200, `0{"sid"`), closed(), lives10(),
		on("c"), send(http10(upgrade(wsPath))), answer(400), // which has no upgrades
	}},
	{name: "absolute form", cites: "H19", in: nowhere, steps: []step{
		send(get("http://{addr}" + pollPath)), answer(200, `0{"sid"`),
		send(get("http://{addr}" + pollPath + "&sid=x")), answer(400, unknownSID),
		on("b"), send(upgrade("http://{addr}" + wsPath)), answer(101),
	}},
	{name: "no host", cites: "H19", in: nowhere, steps: []step{
		send("GET " + pollPath + " HTTP/1.1\r\n\r\n"),
		except("fiber", "fasthttp does not ask for the field", answer(200, `0{"sid"`), refused(400)),
	}},
	{name: "PRI", cites: "H19", in: nowhere, steps: []step{
		send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"), refused(400, 404, 505),
	}},
	{name: "h2c", cites: "H19", in: nowhere, steps: []step{
		send(get(pollPath, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")), answer(200, `0{"sid"`),
	}},
	{name: "no HTTP at all", cites: "H19", in: nowhere, steps: []step{
		send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", strings.Repeat("x", 512), "\r\n\r\n"), refused(400),
		on("b"), send(strings.Repeat("\x00", 4096), "\r\n\r\n"), refused(400, 431),
		on("c"), send("GET " + pollPath + " HTTP/9.9\r\nHost: x\r\n\r\n"),
		except("fiber", "fasthttp takes every version but 1.1 for 1.0", answer(200, `0{"sid"`), refused(400, 505)),
		on("d"), send("GET " + pollPath + "\r\n\r\n"), refused(400),
	}},
	{name: "a request that never ends", cites: "H19", in: nowhere, steps: []step{
		send("GET " + pollPath + " HTTP/1.1\r\nHost: x\r\nX-"), fin(), refused(400),
	}},
	{name: "the endpoint's neighbours", cites: "H19", in: nowhere, steps: []step{
		send(get("/socket.iox/?EIO=4&transport=polling")), answer(404),
		on("b"), send(get("/socket.io/../?EIO=4&transport=polling")), refused(200, 301, 307, 404),
		on("c"), send(get("//socket.io//?EIO=4&transport=polling")), refused(200, 301, 307, 404),
	}},
}

func http10(request string) string { return strings.Replace(request, "HTTP/1.1", "HTTP/1.0", 1) }

// lives10 is [lives], over HTTP/1.0.
func lives10() step {
	return step{"lives over HTTP/1.0", func(a *attacker) error {
		return a.run(
			on("b"), send(http10(post(pollPath+"&sid={sid}", "40"))), answer(200, "ok"), closed(),
			on("b2"), send(http10(get(pollPath+"&sid={sid}"))), answer(200, `40{"sid":`), closed(),
		)
	}}
}

// Requests that are longer than what usual ones are. Documented in docs/hosts.md.
var longRequestRows = []row{
	{name: "a query of 8 KB", cites: "H22", in: nowhere, steps: []step{
		send(get(pollPath + "&a=" + strings.Repeat("x", 8000))), within4KB(answer(200, `0{"sid"`)),
	}},
	{name: "a cookie of 8 KB", cites: "H22", in: nowhere, steps: []step{
		send(get(pollPath, "Cookie: a="+strings.Repeat("x", 8000))), within4KB(answer(200, `0{"sid"`)),
	}},
	{name: "a header of 8 KB", cites: "H22", in: nowhere, steps: []step{
		send(get(pollPath, "X-A: "+strings.Repeat("x", 8000))), within4KB(answer(200, `0{"sid"`)),
		on("b"), send(upgrade(wsPath, "X-A: "+strings.Repeat("x", 8000))), within4KB(answer(101)),
	}},
	{name: "headers of 3 KB", cites: "H22", in: nowhere, steps: []step{
		send(get(pollPath+"&a="+strings.Repeat("x", 1000), "Cookie: a="+strings.Repeat("x", 1000), "X-A: "+strings.Repeat("x", 1000))),
		answer(200, `0{"sid"`),
	}},
	{name: "headers of 2 MB", cites: "H22", in: nowhere, steps: []step{
		send(get(pollPath, "X-A: "+strings.Repeat("x", 2<<20))), refused(431),
		on("b"), send(get(pollPath, strings.Repeat("X-A: x\r\n", 250_000)+"X-B: x")), refused(431),
	}},
}

// within4KB is what hosts answer that take longer requests than 4 KB.
func within4KB(longer step) step {
	return except("fiber", "its ReadBufferSize bounds the headers, to 4 KB by default", answer(431), longer)
}
