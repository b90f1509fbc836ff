package engine_test

import (
	"iter"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/engine/eio"
)

// What an older client posts arrives as far as it is packets, in their order; what
// comes by another message ends its session, and no other.
func FuzzLegacyPoll(f *testing.F) {
	for _, body := range []string{
		"6:4hello", "6:4hello1:2", "4:4a😀6:b4AQID", "0:", "99999999999:4", "-1:4", "3:😀", "1:1", "1:3", "2:4", "",
		"\x00\x06\xff4hello", "\x01\x04\xff\x04\x01\x02\x03", "d=6%3A4hello", "d=3%3A4%5Cn", "4a\x1eb\x1ebAQID",
	} {
		for kind := range legacyKinds {
			f.Add([]byte(body), byte(kind))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, kind byte) {
		k := legacyKinds[int(kind)%len(legacyKinds)]
		h := serve(t, engine.Config{AllowEIO3: true, MaxPayload: 10_000})
		witness := h.connect()
		reply := do(h.Server, "GET", k.query, "")
		sid := sidPattern.FindStringSubmatch(strings.ReplaceAll(string(reply.Body), `\"`, `"`))
		if reply.Status != 200 || sid == nil {
			t.Fatalf("handshake: %d %s", reply.Status, reply.Body)
		}
		r := h.recorder(sid[1])
		answer := do(h.Server, "POST", k.query+"&sid="+sid[1], string(body), "Content-Type", k.contentType)
		want, ends := wanted(k.packets(body), k.revision3)
		if got := r.got(); !slices.Equal(got, want) {
			t.Errorf("%q brings %q, want %q", body, got, want)
		}
		if ended := r.reason() != ""; ended != ends || answer.Status != 200 && !ended {
			t.Errorf("%q is answered %d, and the session has ended: %q", body, answer.Status, r.reason())
		}
		wantStatus(t, "the witness", witness.post("4x"), 200, "ok")
		if n := h.Stats().Panics; n != 0 {
			t.Errorf("%d panics", n)
		}
	})
}

var legacyKinds = []struct {
	query, contentType string
	revision3          bool
	packets            func(body []byte) iter.Seq2[eio.Packet, error]
}{
	{"EIO=3&transport=polling", "text/plain", true, eio.PacketsRev3},
	{"EIO=3&transport=polling", "application/octet-stream", true, eio.BinaryPacketsRev3},
	{"EIO=3&transport=polling&j=0", "application/x-www-form-urlencoded", true, func(body []byte) iter.Seq2[eio.Packet, error] { return eio.PacketsRev3(form(body)) }},
	{"EIO=4&transport=polling&j=12", "application/x-www-form-urlencoded", false, func(body []byte) iter.Seq2[eio.Packet, error] { return eio.Packets(form(body)) }},
}

// form returns the field d of a form, in which \\n stands for \n.
func form(body []byte) []byte {
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values["d"]) != 1 {
		return nil
	}
	lines := strings.Split(values.Get("d"), `\\n`)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], `\n`, "\n")
	}
	return []byte(strings.Join(lines, `\n`))
}

// wanted returns what packets bring to a receiver, and whether they end the session.
func wanted(packets iter.Seq2[eio.Packet, error], revision3 bool) (messages []message, ends bool) {
	messages = []message{}
	for p, err := range packets {
		switch {
		case err != nil, p.Type == eio.Close, revision3 && p.Type == eio.Pong, !revision3 && p.Type == eio.Ping:
			return messages, true
		case p.Type == eio.Message && p.Binary:
			messages = append(messages, binary(string(p.Data)))
		case p.Type == eio.Message:
			messages = append(messages, message(p.Data))
		}
	}
	return messages, false
}
