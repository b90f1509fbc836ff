package attack

import (
	"slices"
	"strings"
	"testing"
)

func TestHTTP(t *testing.T) { table(t, httpRows) }

var httpRows = slices.Concat(handshakeRows, methodRows, sidRows, originRows, oddRequestRows, longRequestRows,
	pollRows, postRows, bodyRows, oldBodyRows, httpVolumeRows)

const (
	unknownTransport = `{"code":0,"message":"Transport unknown"}`
	unknownSID       = `{"code":1,"message":"Session ID unknown"}`
	badMethod        = `{"code":2,"message":"Bad handshake method"}`
	badRequest       = `{"code":3,"message":"Bad request"}`
	forbidden        = `{"code":4,"message":"Forbidden"}`
	badRevision      = `{"code":5,"message":"Unsupported protocol version"}`
)

// What a handshake must not be without.
var handshakeRows = []row{
	{name: "no revision", cites: "H1", in: nowhere, steps: []step{
		send(get("/socket.io/?transport=polling")), answer(400, badRevision),
		send(get("/socket.io/?transport=polling&EIO=")), answer(400, badRevision),
		send(get("/socket.io/?transport=polling&EIO=abc")), answer(400, badRevision),
		send(get("/socket.io/?transport=polling&EIO=3")), answer(400, badRevision),
		send(get("/socket.io/?transport=polling&EIO=5")), answer(400, badRevision),
		send(get("/socket.io/?transport=polling&EIO=04")), answer(400, badRevision),
		send(get("/socket.io/?transport=polling&EIO=4&EIO=4")), answer(400, badRevision),
		send(get("/socket.io/?transport=polling&eio=4")), answer(400, badRevision),
	}},
	{name: "no revision over WebSocket", cites: "H1", in: nowhere, steps: []step{
		send(upgrade("/socket.io/?transport=websocket")), answer(400, "Unsupported protocol version"),
		on("b"), send(upgrade("/socket.io/?transport=websocket&EIO=3")), answer(400, "Unsupported protocol version"),
	}},
	{name: "another revision than the session's", cites: "H1", in: sessions, steps: []step{
		on("b"), where(polls, send(get("/socket.io/?transport=polling&sid={sid}&EIO=3")), answer(400, badRequest)),
		where(polls, send(post("/socket.io/?transport=polling&sid={sid}", "40")), answer(400, badRequest)),
		send(upgrade("/socket.io/?transport=websocket&sid={sid}&EIO=3")), answer(400, "Bad request"), lives(),
	}},
	{name: "no transport", cites: "H2", in: nowhere, steps: []step{
		send(get("/socket.io/?EIO=4")), answer(400, unknownTransport),
		send(get("/socket.io/")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=tcp")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=webtransport")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=__proto__")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=Polling")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=polling&transport=polling")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=polling&transport=websocket")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&transport=polling%00")), answer(400, unknownTransport),
	}},
	{name: "no transport in a session", cites: "H2", in: sessions, steps: []step{
		on("b"), send(get("/socket.io/?EIO=4&sid={sid}")), answer(400, unknownTransport),
		send(get("/socket.io/?EIO=4&sid={sid}&transport=x")), answer(400, unknownTransport),
		send(post("/socket.io/?EIO=4&sid={sid}&transport=polling&transport=polling", "1")), answer(400, unknownTransport),
		lives(),
	}},
	{name: "WebSocket without an upgrade", cites: "H2", steps: []step{
		on("b"), send(get(wsPath)), answer(400, badRequest),
		send(get(wsPath, "Connection: Upgrade")), answer(400, badRequest),
		send(get(wsPath, "Upgrade: websocket")), answer(400, badRequest),
		send(get(wsPath, "Connection: Upgrade", "Upgrade: h2c")), answer(400, badRequest),
		where(sessions, lives()),
	}},
	{name: "an upgrade that is none", cites: "H2", in: nowhere, steps: []step{
		send(upgrade(pollPath)), answer(400, "Bad request"),
		on("b"), send(strings.Replace(upgrade(wsPath), "Version: 13", "Version: 8", 1)), answer(400, "Bad request"),
		on("c"), send(strings.Replace(upgrade(wsPath), "Key: dGhl", "Key: ", 1)), answer(400, "Bad request"),
		on("d"), send(strings.Replace(upgrade(wsPath), "Key: ", "Nokey: ", 1)), answer(400, "Bad request"),
		on("e"), send(strings.Replace(upgrade(wsPath), "GET", "POST", 1)), answer(400, "Bad request"),
	}},
}

// methods that the protocol does not have, tried on a handshake and on a session.
var methodRows = []row{
	{name: "methods on a handshake", cites: "H3", in: nowhere, steps: []step{
		send(request("PUT", pollPath)), answer(400, badMethod),
		send(request("DELETE", pollPath)), answer(400, badMethod),
		send(request("PATCH", pollPath)), answer(400, badMethod),
		on("b"), send(request("HEAD", pollPath)), answer(400),
		on("c"), send(request("TRACE", pollPath)), answer(400, badMethod),
		on("d"), send(post(pollPath, "40")), answer(400, badMethod),
		on("e"), send(request("OPTIONS", pollPath)), answer(400, badMethod, "!Access-Control"),
		on("f"), send(request("GETT", pollPath)), refused(400, 404, 405),
		on("g"), send(request("get", pollPath)), refused(400, 404, 405),
	}},
	{name: "methods on a session", cites: "H3", in: polls, steps: []step{
		on("b"), send(request("PUT", pollPath+"&sid={sid}")), answer(405, "Allow: GET, POST"),
		send(request("DELETE", pollPath+"&sid={sid}")), answer(405),
		send(request("PATCH", pollPath+"&sid={sid}")), answer(405),
		send(request("TRACE", pollPath+"&sid={sid}")), answer(405),
		send(request("HEAD", pollPath+"&sid={sid}")), answer(405),
		on("c"), send(request("OPTIONS", pollPath+"&sid={sid}")), answer(405, "!Access-Control"),
		on("d"), send(request("PUT", pollPath+"&sid={sid}", "Content-Length: 1"), "1"), answer(405),
		lives(),
	}},
}

// made are ids that nobody has been given.
var made = []string{
	"AAAAAAAAAAAAAAAAAAAA", "__proto__", "constructor", "..%2f..%2fetc%2fpasswd", "../../etc/passwd", "%00", "a%00b", "%ff%fe",
	"%0d%0aSet-Cookie:%20a=b", "%f0%9f%98%80", "null", "0", "-1", "*", "", "{sid}%00", "{sid}x", "%20{sid}", strings.Repeat("x", 3000),
}

var sidRows = []row{
	{name: "made up sids", cites: "H4", steps: func() (steps []step) {
		for _, sid := range made {
			steps = append(steps,
				on("b"), send(get(pollPath+"&sid="+sid)), answer(400, unknownSID, "!Set-Cookie"),
				send(post(pollPath+"&sid="+sid, "40")), answer(400, unknownSID),
				on("c"+sid), send(upgrade(wsPath+"&sid="+sid)), answer(400, "Session ID unknown"),
				// It has not made a session of that id.
				on("b"), send(get(pollPath+"&sid="+sid)), answer(400, unknownSID),
			)
		}
		return append(steps, where(sessions, lives()))
	}()},
	{name: "sids said twice", cites: "H4", in: sessions, steps: []step{
		on("b"), send(get(pollPath + "&sid={sid}&sid={sid}")), answer(400, unknownSID),
		send(post(pollPath+"&sid={sid}&sid=x", "1")), answer(400, unknownSID),
		send(post(pollPath+"&sid=x&sid={sid}", "1")), answer(400, unknownSID),
		send(post(pollPath+"&sid={sid}&%73id={sid}", "1")), answer(400, unknownSID),
		send(upgrade(wsPath + "&sid={sid}&sid={sid}")), answer(400, "Session ID unknown"),
		lives(),
	}},
	{name: "a sid of 60 KB", cites: "H4 H22", in: nowhere, steps: []step{
		send(get(pollPath + "&sid=" + strings.Repeat("x", 60_000))),
		except("fiber", "its ReadBufferSize bounds the headers: docs/hosts.md", answer(431), answer(400, unknownSID)),
	}},
	{name: "a sid with a NUL byte", cites: "H4", in: nowhere, steps: []step{
		send(get(pollPath + "&sid=a\x00b")), refused(400, 404),
		on("b"), send(get(pollPath + "&sid=a\x7fb")), refused(400, 404),
	}},
	{name: "a WebSocket's sid on polling", cites: "H5", in: []state{freshWS, connectedWS}, steps: []step{
		on("b"), send(get(pollPath + "&sid={sid}")), answer(400, badRequest),
		send(post(pollPath+"&sid={sid}", "1")), answer(400, badRequest),
		send(post(pollPath+"&sid={sid}", shout)), answer(400, badRequest),
		lives(),
	}},
	{name: "polling after the upgrade", cites: "H5", in: []state{upgradingWS}, steps: []step{
		lives(), // which completes it
		on("b"), send(get(pollPath + "&sid={sid}")), answer(400, badRequest),
		send(post(pollPath+"&sid={sid}", "1")), answer(400, badRequest),
		unheard(send(post(pollPath+"&sid={sid}", shout)), answer(400, badRequest)),
		lives(),
	}},
}
