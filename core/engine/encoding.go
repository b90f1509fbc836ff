package engine

import (
	"strconv"
	"strings"
)

// AcceptsEncoding returns which of the content codings, such as "gzip", the client
// wants most: of equal ones the first. It returns "" where it wants none of them as
// much as it wants what is not encoded, or accepts none.
func (r *Request) AcceptsEncoding(offers ...string) string {
	best, most := "", r.weight("identity")
	for _, offer := range offers {
		// At equal weights a smaller response is what the client asks for by its list.
		if w := r.weight(offer); w > most || w > 0 && w == most && best == "" {
			best, most = offer, w
		}
	}
	return best
}

// weight returns how much, from 0 to 1, the client wants a coding (RFC 9110,
// section 12.5.3). One that is not listed counts as "*" does. What is not encoded is
// acceptable even if it is not listed, as the last resort.
func (r *Request) weight(coding string) float64 {
	star, starred := 0.0, false
	for _, list := range r.Header["Accept-Encoding"] {
		for item := range strings.SplitSeq(list, ",") {
			name, params, _ := strings.Cut(item, ";")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, coding):
				return quality(params)
			case name == "*":
				star, starred = quality(params), true
			}
		}
	}
	switch {
	case starred:
		return star
	case coding == "identity":
		return 0.0001 // below all that can be listed
	}
	return 0
}

// quality returns the weight among an item's parameters. One that makes no sense
// counts as a refusal: what is not encoded is always right.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
