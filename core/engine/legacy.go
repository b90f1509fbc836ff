package engine

import (
	"encoding/base64"
	"iter"
	"slices"
	"time"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// A legacy is what sets the session of an older client apart: one that speaks
// revision 3, or that polls by JSONP. All other sessions have none, and their code
// knows no more of older clients than that. It exists where Config.AllowEIO3 is set.
type legacy struct {
	revision int       // 3 or 4
	jsonp    string    // what the replies to polls begin with, where they are scripts
	base64   bool      // polls of revision 3 get binary as text, as they always do today
	heard    time.Time // when the client of revision 3 last pinged; guarded by the session's mu
}

// revision returns the revision that a client's parameter EIO asks for, or 0 if that
// is not served. As in the reference, all that is not 4 is 3.
func (s *Server) revision(q *query) int {
	switch {
	case q.revision.is("4"):
		return 4
	case s.cfg.AllowEIO3 && q.revision.n <= 1:
		return 3
	}
	return 0
}

// legacyOf returns what a new session is told apart by, nil for a session like all
// others.
func (s *Server) legacyOf(q *query, polls bool) *legacy {
	revision, jsonp := s.revision(q), ""
	if polls && s.isJSONP(q) {
		jsonp = jsonpHead(q.j.value)
	}
	if revision != 3 && jsonp == "" {
		return nil
	}
	return &legacy{revision: revision, jsonp: jsonp, base64: q.b64.value != ""}
}

// Protocol returns the revision of Engine.IO that the client speaks: 4, or 3 where
// Config.AllowEIO3 is set.
func (s *Session) Protocol() int {
	if s.legacy != nil {
		return s.legacy.revision
	}
	return 4
}

func (l *legacy) isRev3() bool { return l != nil && l.revision == 3 }

// takesBinary reports whether a POST body may be a binary payload.
func (l *legacy) takesBinary() bool { return l.isRev3() && l.jsonp == "" }

// parse reads a message of the session's connection.
func (l *legacy) parse(binary bool, data []byte) (eio.Packet, error) {
	switch {
	case l.revision == 3 && binary:
		return eio.ParseBinaryRev3(data)
	case l.revision == 3:
		return eio.ParseRev3(data)
	case binary:
		return eio.Packet{Type: eio.Message, Binary: true, Data: data}, nil
	}
	return eio.Parse(data)
}

// packets reads a POST body.
func (l *legacy) packets(body []byte, binary bool) iter.Seq2[eio.Packet, error] {
	if l.jsonp != "" {
		body = jsonpBody(body) // nil if there is none, and that is no payload
	}
	switch {
	case l.revision == 4:
		return eio.Packets(body)
	case binary:
		return eio.BinaryPacketsRev3(body)
	}
	return eio.PacketsRev3(body)
}

// payload makes the answer to a poll.
func (l *legacy) payload(r *Request, frames []*Frame) Reply {
	if l.revision == 4 { // so JSONP it is
		return l.script(r, payload(frames))
	}
	binary := slices.ContainsFunc(frames, (*Frame).Binary)
	if binary && !l.base64 && l.jsonp == "" {
		return Reply{Status: statusOK, Header: Header{"Content-Type": {"application/octet-stream"}}, Body: binaryPayload(frames)}
	}
	var body []byte
	for _, f := range frames {
		if f.binary {
			body = eio.AppendBase64Rev3(body, f.Payload())
		} else {
			body = eio.AppendTextRev3(body, f.Payload())
		}
	}
	reply := Reply{Status: statusOK, Header: Header{"Content-Type": {"text/plain; charset=UTF-8"}}, Body: body}
	if l.jsonp != "" {
		return l.script(r, reply)
	}
	return reply
}

func binaryPayload(frames []*Frame) (body []byte) {
	for _, f := range frames {
		body = eio.AppendBinaryPayloadRev3(body, f.Payload(), f.binary)
	}
	return body
}

// binaryRev3 returns a binary frame with the type in front that revision 3 wants.
// It is made once for all receivers.
func (f *Frame) binaryRev3() *Frame {
	if made := f.rev3.Load(); made != nil {
		return made
	}
	buf := make([]byte, headroom+1, headroom+1+len(f.Payload()))
	buf[headroom] = byte(eio.Message)
	made := newFrame(append(buf, f.Payload()...), true)
	made.compress = f.compress
	if !f.rev3.CompareAndSwap(nil, made) {
		return f.rev3.Load()
	}
	return made
}

// textRev3 returns a binary frame as a text packet of revision 3.
func (f *Frame) textRev3() *Frame {
	buf := make([]byte, headroom, headroom+2+base64.StdEncoding.EncodedLen(len(f.Payload())))
	made := newFrame(eio.AppendMessageBase64Rev3(buf, f.Payload()), false)
	made.compress = f.compress
	return made
}
