package host

import (
	"slices"
	"strings"
)

// OffersDeflate reports whether one of the Sec-WebSocket-Extensions fields offers
// permessage-deflate in a form that the answer "server_no_context_takeover;
// client_no_context_takeover" accepts (RFC 7692, section 7.1). An offer that
// asks for a smaller window is not: we cannot promise that. Nor is one that breaks
// the RFC's rules for parameters.
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
	seen := make(map[string]bool)
	for param := range strings.SplitSeq(params, ";") {
		key, value, valued := strings.Cut(param, "=")
		key, value = strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`)
		if seen[key] {
			return false
		}
		seen[key] = true
		switch key {
		case "server_no_context_takeover", "client_no_context_takeover":
			if valued {
				return false
			}
		case "client_max_window_bits":
			if valued && !slices.Contains([]string{"8", "9", "10", "11", "12", "13", "14", "15"}, value) {
				return false
			}
		default:
			return false
		}
	}
	return true
}
