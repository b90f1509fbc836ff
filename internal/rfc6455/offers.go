package rfc6455

// secondField puts an offer into a header field of its own.
const secondField = "\r\nSec-WebSocket-Extensions: "

// offers are what a client may ask for in its opening handshake. The server agrees
// on compression without context takeover, either way and with the largest window,
// or not at all.
func offers() (cases []Case) {
	for _, o := range []struct{ section, offer string }{
		{"5.1", "permessage-deflate"},
		{"5.1", "  permessage-deflate  "},
		{"7.1.1.1", "permessage-deflate; server_no_context_takeover"},
		{"7.1.1.2", "permessage-deflate; client_no_context_takeover"},
		{"7.1.1", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{"7.1.1", "permessage-deflate;client_no_context_takeover;server_no_context_takeover"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=8"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=9"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=12"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=15"},
		{"7.1.2.2", `permessage-deflate; client_max_window_bits="10"`},
		{"7.1", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=15"},
		{"5.2", "permessage-deflate; server_max_window_bits=9, permessage-deflate"},
		{"5.2", "permessage-deflate; server_no_context_takeover; server_max_window_bits=8, permessage-deflate; client_max_window_bits"},
		{"5.2", "permessage-deflate; unheard_of, permessage-deflate; server_no_context_takeover"},
		{"5.2", "permessage-deflate, permessage-deflate; client_max_window_bits"},
		{"5", "x-unheard-of, permessage-deflate"},
		{"5", "x-unheard-of; a=1; b" + secondField + "permessage-deflate"},
		{"5", "permessage-deflate" + secondField + "x-unheard-of"},
	} {
		c := echoed(permessage+o.section, "accepted: "+o.offer,
			frames(ztext("4Hello"), zbin(prose(3000)), zbin(prose(3000)), text("4plain")),
			asText("4Hello"), squeezed(asBinary(prose(3000))), squeezed(asBinary(prose(3000))), asText("4plain"))
		c.Offer, c.Deflate = o.offer, true
		cases = append(cases, c)
	}
	for _, o := range []struct{ section, offer string }{
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=8"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=9"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=14; server_no_context_takeover"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=7"},
		{"7.1.2.1", "permessage-deflate; server_max_window_bits=16"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=7"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=16"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=08"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=ten"},
		{"7.1.2.2", "permessage-deflate; client_max_window_bits=-9"},
		{"7.1.1.1", "permessage-deflate; server_no_context_takeover=1"},
		{"7.1.1.2", "permessage-deflate; client_no_context_takeover=true"},
		{"7.1", "permessage-deflate; server_no_context_takeover; server_no_context_takeover"},
		{"7.1", "permessage-deflate; client_max_window_bits=10; client_max_window_bits=10"},
		{"7.1", "permessage-deflate; unheard_of"},
		{"7.1", "permessage-deflate; unheard_of=9; client_max_window_bits"},
		{"5", "permessage-bzip2"},
		{"5", "deflate-frame, x-webkit-deflate-frame"},
		{"5", "x-permessage-deflate"},
	} {
		c := refused(permessage+o.section, "not accepted: "+o.offer, 1002, ztext("4Hello")).
			behind(frames(text("4plain"), text(prose(3000))), asText("4plain"), asText(prose(3000)))
		c.Offer = o.offer
		cases = append(cases, c)
	}
	return cases
}
