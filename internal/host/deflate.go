package host

import (
	"slices"
	"strings"
)

// OffersDeflate reports whether one of the Sec-WebSocket-Extensions fields offers
// permessage-deflate in a form that the answer "server_no_context_takeover;
// client_no_context_takeover" accepts (RFC 7692, section 7.1). An offer that
// asks for a smaller window is not: we cannot promise that.
func OffersDeflate(fields []string) bool {
	for _, field := range fields {
		if slices.ContainsFunc(strings.Split(field, ","), acceptable) {
			return true
		}
	}
	return false
}

func acceptable(offer string) bool {
	name, params, _ := strings.Cut(offer, ";")
	if strings.TrimSpace(name) != "permessage-deflate" {
		return false
	}
	if strings.TrimSpace(params) == "" {
		return true
	}
	for param := range strings.SplitSeq(params, ";") {
		key, _, _ := strings.Cut(param, "=")
		switch strings.TrimSpace(key) {
		case "server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits":
		default:
			return false
		}
	}
	return true
}
