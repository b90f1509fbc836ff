package attack

import "strings"

const (
	foreign = "Origin: http://evil.example"
	good    = "Origin: http://good.example"
	cookies = "Cookie: session=secret; io={sid}"
)

// Pages of other websites.
var originRows = []row{
	{name: "foreign origin", cites: "H12", steps: []step{
		on("b"), send(upgrade(wsPath, foreign, cookies)), answer(403, "Forbidden", "!Access-Control"),
		on("c"), send(get(pollPath, foreign, cookies)), answer(403, forbidden, "!Access-Control", "!Set-Cookie"),
		on("d"), send(upgrade(wsPath, "Origin: null")), answer(403),
		on("e"), send(get(pollPath, "Origin: null")), answer(403, forbidden),
		on("f"), send(get(pollPath, "Origin: http://{addr}.evil.example")), answer(403, forbidden),
		on("g"), send(get(pollPath, "Origin: http://evil.example/{addr}")), answer(403, forbidden),
		on("h"), send(get(pollPath, "Origin: http://evil.example#@{addr}")), answer(403, forbidden),
		on("i"), send(get(pollPath, "Origin: http://{addr}@evil.example")), answer(403, forbidden),
		where(sessions, lives()),
	}},
	{name: "foreign origin with a sid", cites: "H12", in: sessions, steps: []step{
		on("b"), send(upgrade(wsPath+"&sid={sid}", foreign, cookies)), answer(403, "Forbidden"),
		on("c"), send(get(pollPath+"&sid={sid}", foreign, cookies)), answer(403, forbidden),
		send(post(pollPath+"&sid={sid}", "1", foreign, cookies)), answer(403, forbidden),
		unheard(send(post(pollPath+"&sid={sid}", shout, foreign)), answer(403, forbidden)),
		lives(),
	}},
	{name: "own origin", cites: "H12", in: nowhere, steps: []step{
		send(get(pollPath, "Origin: http://{addr}")), answer(200, `^.*0\{"sid"`, "!Access-Control"),
		on("b"), send(upgrade(wsPath, "Origin: https://{addr}")), answer(101),
	}},
	{name: "two origins", cites: "H12", in: nowhere, steps: []step{
		send(get(pollPath, "Origin: http://{addr}", foreign)), answer(400, badRequest),
		send(get(pollPath, foreign, "Origin: http://{addr}")), answer(400, badRequest),
		send(get(pollPath, "Origin: http://{addr}, http://evil.example")), answer(403, forbidden),
		send(get(pollPath, "Origin:")), answer(403, forbidden),
	}},
	{name: "origins that are listed", cites: "H12", on: "origins", in: nowhere, steps: []step{
		send(get(pollPath, good)), answer(200, "Access-Control-Allow-Origin: http://good.example", "Access-Control-Allow-Credentials: true"),
		on("b"), send(upgrade(wsPath, good)), answer(101),
		on("c"), send(get(pollPath, foreign)), answer(403, forbidden, "!Access-Control-Allow"),
		on("d"), send(upgrade(wsPath, foreign)), answer(403, "!Access-Control-Allow"),
		on("e"), send(get(pollPath, "Origin: http://good.example.evil.example")), answer(403, "!Access-Control-Allow"),
		on("f"), send(get(pollPath, "Origin: https://good.example")), answer(403, "!Access-Control-Allow"),
		on("g"), send(get(pollPath, "Origin: http://good.example:8080")), answer(403, "!Access-Control-Allow"),
	}},
	{name: "preflight", cites: "H13", on: "origins", in: nowhere, steps: []step{
		send(request("OPTIONS", pollPath, good, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-a")),
		answer(204, "Access-Control-Allow-Origin: http://good.example", "Access-Control-Allow-Methods: ", "Access-Control-Allow-Headers: x-a", "!sid"),
		send(request("OPTIONS", pollPath, foreign, "Access-Control-Request-Method: POST")), answer(204, "!Access-Control-Allow"),
		send(request("OPTIONS", pollPath, good, "Access-Control-Request-Method: GET", "Access-Control-Request-Private-Network: true")),
		answer(204, "!Private-Network"),
		send(request("OPTIONS", pollPath)), answer(204, "!Access-Control-Allow"),
	}},
	{name: "preflight without CORS", cites: "H13", in: nowhere, steps: []step{
		send(request("OPTIONS", pollPath, good, "Access-Control-Request-Method: POST", "Access-Control-Request-Private-Network: true")),
		answer(403, "!Access-Control-Allow", "!sid"),
		send(request("OPTIONS", pollPath, "Access-Control-Request-Method: POST")), answer(400, badMethod, "!Access-Control-Allow"),
	}},
	{name: "control characters in header fields", cites: "H14", in: nowhere, steps: []step{
		send(get(pollPath, "Origin: a\x01b")), refused(400),
		on("b"), send(upgrade(wsPath, "Origin: a\x01b")), refused(400),
		on("c"), send(get(pollPath, "Origin: http://{addr}\rSet-Cookie: a=b")), refused(400, 403),
		on("d"), send(get(pollPath, "Host: {addr}\x01")), refused(400),
		on("e"), send(get(pollPath, "Origin: http://{addr}\x00")), refused(400, 403),
	}},
	{name: "line breaks in the path", cites: "H14", in: nowhere, steps: []step{
		send(get(pollPath + "&a=%0d%0aSet-Cookie:%20a=b")), answer(200, "!Set-Cookie"),
		on("b"), send(get(pollPath + "&a=\rSet-Cookie: a=b")), refused(400, 404),
		on("c"), send(get(pollPath + "&a=\nSet-Cookie: a=b")), refused(400, 505),
		on("d"), send(get("/socket.io/%0d%0aSet-Cookie:%20a=b?EIO=4&transport=polling")), answer(200, "!Set-Cookie"),
	}},
	{name: "header fields that are none", cites: "H14", in: nowhere, steps: []step{
		send(strings.Replace(get(pollPath, "X: y"), "X: y", "X y", 1), "\r\n:\r\n\r\n"), refused(400),
		on("b"), send(get(pollPath, "X : y")), refused(400),
		on("c"), send(get(pollPath, " X: y")), refused(400),
		on("d"), send(get(pollPath, ": y")), refused(400),
	}},
	{name: "forwarding headers", cites: "H21", in: nowhere, steps: []step{
		send(get(pollPath, foreign, "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example")), answer(403, forbidden),
		on("b"), send(upgrade(wsPath, foreign, "X-Forwarded-Host: evil.example")), answer(403),
		on("c"), send(get(pollPath, "X-Forwarded-For: 1.2.3.4", "X-Real-Ip: 1.2.3.4", "Forwarded: for=1.2.3.4")), answer(200),
		says("40"), hears(`^40\{"sid":`), says(`421["address"]`), hears(`^431\["127\.0\.0\.1:\d+"\]$`),
	}},
}
