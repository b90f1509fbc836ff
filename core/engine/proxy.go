package engine

import (
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor has, in the order in which a request went through them, whom each proxy
// has had for a client. Whatever it had before the first proxy of ours is the client's
// own invention.
const forwardedFor = "X-Forwarded-For"

// seeThrough puts the client's address in the place of its proxy's, if the proxies
// between the two are to be trusted.
func (s *Server) seeThrough(r *Request) {
	if len(s.cfg.TrustedProxies) == 0 || len(r.Header[forwardedFor]) == 0 {
		return
	}
	peer, ok := parsePeer(r.RemoteAddr)
	if !ok || !s.trusts(peer) {
		return
	}
	if client := s.client(peer, r.Header[forwardedFor]); client != peer {
		r.RemoteAddr = client.String()
	}
}

// client returns the last of those that the proxies speak of who is none of them, or
// the farthest that they agree about.
func (s *Server) client(peer netip.AddrPort, fields []string) netip.AddrPort {
	for _, field := range slices.Backward(fields) {
		for field != "" {
			i := strings.LastIndexByte(field, ',')
			next, ok := parsePeer(strings.Trim(field[i+1:], " \t"))
			if !ok {
				return peer // somebody's invention, and so is what stands before it
			}
			peer, field = next, field[:max(i, 0)]
			if !s.trusts(peer) {
				return peer
			}
		}
	}
	return peer
}

func (s *Server) trusts(peer netip.AddrPort) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(peer.Addr()) })
}

// parsePeer reads an address with or without a port, which then is 0.
func parsePeer(text string) (netip.AddrPort, bool) {
	peer, err := netip.ParseAddrPort(text)
	if err != nil {
		var addr netip.Addr
		if addr, err = netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err != nil {
			return netip.AddrPort{}, false
		}
		peer = netip.AddrPortFrom(addr, 0)
	}
	return netip.AddrPortFrom(peer.Addr().Unmap().WithZone(""), peer.Port()), true
}
