package rfc6455

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A script is a server that says what it is told to, whatever it gets.
type script struct {
	answer string // to the opening request, with ACCEPT for the key's digest
	says   []byte
	reset  bool // its end is a reset
}

const fineAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n"

const fineDeflate = "Sec-WebSocket-Extensions: " + agreed + "\r\n\r\n"

// target runs the server for one connection.
func (s script) target(t *testing.T) Target {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		digest := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		_, _ = io.WriteString(conn, strings.Replace(s.answer, "ACCEPT", base64.StdEncoding.EncodeToString(digest[:]), 1))
		_, _ = conn.Write(s.says)
		if s.reset {
			// What has been sent must have been read, or it goes with the connection.
			_, _ = io.CopyN(io.Discard, r, int64(len(wire(frames(text("4a"), ping("b"))))+len(wire(frames(text("4over and out"), bye(1000, "out"))))))
			_ = conn.(*net.TCPConn).SetLinger(0)
			return
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, r)
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return Target{Path: "/", Dial: func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }}
}

// said are a server's frames.
func said(all ...Frame) (b []byte) {
	for _, f := range all {
		f.Mask = Unmasked
		b = f.append(b)
	}
	return b
}

// TestClient sees what is wrong with a server.
func TestClient(t *testing.T) {
	over, bye1000 := text("4over and out"), bye(1000, "")
	exchange := echoed("5.6", "", frames(text("4a"), ping("b")), asText("4a"))
	compressed := echoed("5.6", "", frames(text(prose(3000))), squeezed(asText(prose(3000)))).compressed()
	fails := refused("5.6", "", 1002, text("4a"))
	hasty := fails
	hasty.Hasty, hasty.Steps = true, exchange.Steps
	fine := said(text("4a"), pong("b"), over, bye1000)
	instead := func(f Frame) []byte { return append(f.append(nil), said(pong("b"), over, bye1000)...) }
	for _, tt := range []struct {
		name   string
		c      Case
		answer string
		says   []byte
		want   string // of the error; none if empty
	}{
		{"fine", exchange, "", fine, ""},
		{"fine, in fragments", exchange, "", said(first(opText, "4"), last("a"), pong("b"), over, bye1000), ""},
		{"fine, the pong first", exchange, "", said(pong("b"), text("4a"), over, bye1000), ""},
		{"fine, closed", fails, "", said(bye(1002, "why")), ""},
		{"fine, in haste", hasty, "", said(pong("b"), bye(1002, "")), ""},
		{"fine, in no haste", hasty, "", said(text("4a"), pong("b"), bye(1002, "")), ""},
		{"fine, compressed", compressed, fineAnswer[:len(fineAnswer)-2] + fineDeflate, said(ztext(prose(3000)), over, bye1000), ""},
		{"not compressed", compressed, fineAnswer[:len(fineAnswer)-2] + fineDeflate, said(text(prose(3000)), over, bye1000), "is not compressed"},
		{"compression that was not offered", exchange, fineAnswer[:len(fineAnswer)-2] + fineDeflate, fine, "accepted is true"},
		{"compression that was declined", compressed, "", fine, "accepted is false"},
		{"another extension", compressed, fineAnswer[:len(fineAnswer)-2] + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", fine, `extensions "permessage-deflate"`},
		{"garbage instead of compression", compressed, fineAnswer[:len(fineAnswer)-2] + fineDeflate, said(inBlocks(opText, "\xff\xff\xff")), "a compressed message"},
		{"no upgrade", exchange, "HTTP/1.1 400 Bad Request\r\n\r\n", nil, "400"},
		{"another key", exchange, strings.Replace(fineAnswer, "ACCEPT", "accept", 1), fine, "Sec-WebSocket-Accept"},
		{"upgrade to something else", exchange, strings.Replace(fineAnswer, "websocket", "h2c", 1), fine, "h2c"},
		{"no answer", exchange, " ", nil, "the opening handshake"},
		{"masked", exchange, "", instead(text("4a")), "a masked frame"},
		{"RSV1", exchange, "", instead(Frame{First: fin | rsv1 | opText, Payload: "4a", Mask: Unmasked}), "not agreed on"},
		{"RSV2", exchange, "", instead(Frame{First: fin | rsv2 | opText, Payload: "4a", Mask: Unmasked}), "RSV2 or RSV3"},
		{"RSV3 on a pong", exchange, "", said(text("4a"), Frame{First: fin | rsv3 | opPong, Payload: "b"}), "RSV2 or RSV3"},
		{"RSV1 on a pong", exchange, "", said(text("4a"), Frame{First: fin | rsv1 | opPong, Payload: "b"}), "RSV1 on a control frame"},
		{"RSV1 on a continuation", exchange, "", said(first(opText, "4"), Frame{First: fin | rsv1, Payload: "a"}), "RSV1 on a continuation"},
		{"opcode 3", exchange, "", instead(Frame{First: fin | 0x3, Payload: "4a", Mask: Unmasked}), "a reserved opcode"},
		{"opcode B", exchange, "", instead(Frame{First: fin | 0xb, Payload: "4a", Mask: Unmasked}), "a reserved opcode"},
		{"16 bits", exchange, "", instead(Frame{First: fin | opText, Payload: "4a", Length: Bits16, Mask: Unmasked}), "in too many bits"},
		{"64 bits", exchange, "", instead(Frame{First: fin | opText, Payload: prose(300), Length: Bits64, Mask: Unmasked}), "in too many bits"},
		{"2^40 bytes", exchange, "", []byte("\x81\x7f\x00\x00\x01\x00\x00\x00\x00\x00"), "a frame of 1099511627776 bytes"},
		{"a fragmented pong", exchange, "", said(text("4a"), first(opPong, "b")), "a control frame in fragments"},
		{"a long pong", exchange, "", said(text("4a"), pong(prose(126))), "a control frame of 126 bytes"},
		{"a continuation of nothing", exchange, "", said(last("4a")), "out of place"},
		{"text within text", exchange, "", said(first(opText, "4"), text("a")), "out of place"},
		{"not UTF-8", exchange, "", said(text("4\xff")), "not UTF-8"},
		{"another message", exchange, "", said(text("4b")), `got a text "4b", want a text "4a"`},
		{"another kind", exchange, "", said(bin("4a")), `got a binary "4a", want a text "4a"`},
		{"a message twice", exchange, "", said(text("4a"), text("4a"), pong("b")), "which nobody has sent"},
		{"a message too late", exchange, "", said(text("4a"), pong("b"), over, text("4a"), bye1000), "which nobody has sent"},
		{"no message", exchange, "", said(pong("b")), "1 messages and 0 pongs missing: EOF"},
		{"no pong", exchange, "", said(text("4a")), "0 messages and 1 pongs missing: EOF"},
		{"another pong", exchange, "", said(text("4a"), pong("c")), `got a pong "c"`},
		{"a pong twice", exchange, "", said(text("4a"), pong("b"), pong("b"), over), `got a pong "b"`},
		{"a ping", exchange, "", said(ping("b")), `got a ping "b"`},
		{"closed too early", exchange, "", said(text("4a"), bye1000), `got a close frame 1000 ""`},
		{"cut off", exchange, "", said(text("4a"))[:3], "within a frame: unexpected EOF"},
		{"cut off in a header", exchange, "", []byte("\x81\x7e\x01"), "within a frame: unexpected EOF"},
		{"does not work any more", exchange, "", said(text("4a"), pong("b"), bye1000), "the last message"},
		{"another code in answer", exchange, "", said(text("4a"), pong("b"), over, bye(1001, "")), "want the code 1000"},
		{"no close frame in answer", exchange, "", said(text("4a"), pong("b"), over), "instead of a close frame"},
		{"more behind the close frame", exchange, "", append(fine, 0), "something behind"},
		{"another code", fails, "", said(bye(1007, "")), `got a close frame 1007 "", want the code 1002`},
		{"no code", fails, "", said(Frame{First: fin | opClose}), "want the code 1002"},
		{"half a code", fails, "", said(Frame{First: fin | opClose, Payload: "\x03"}), "half a code"},
		{"a code that is not for the wire", fails, "", said(bye(1006, "")), "with the code 1006"},
		{"a reason that is not UTF-8", fails, "", said(bye(1002, "\xff")), "not UTF-8"},
		{"no close frame", fails, "", nil, "instead of a close frame with the code 1002: EOF"},
		{"a message instead of a close frame", fails, "", said(text("4a")), "which nobody has sent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.answer == "" {
				tt.answer = fineAnswer
			}
			err := tt.c.have(script{answer: tt.answer, says: tt.says}.target(t))
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	err := exchange.have(script{answer: fineAnswer, says: fine, reset: true}.target(t))
	if err == nil || !strings.Contains(err.Error(), "instead of the end of the connection") {
		t.Errorf("reset: %v", err)
	}
}

// TestEnds sees what is wrong with the end of a connection that is not closed.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name      string
		end       End
		heartbeat bool
		says      []byte
		want      string
	}{
		{"hangs up", Hangup, false, nil, ""},
		{"hangs up and gets more", Hangup, false, said(text("4a")), "instead of the end"},
		{"hangs up and gets a close frame", Hangup, false, said(bye(1002, "")), "instead of the end"},
		{"silent", Silent, true, said(text("2"), text("2")), ""},
		{"silent and gets more", Silent, true, said(text("2"), text("4a")), "instead of the end"},
		{"silent and gets a close frame", Silent, true, said(bye(1000, "")), "instead of the end"},
		{"a heartbeat out of place", Hangup, false, said(text("2")), "instead of the end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Case{Steps: []Step{{Send: frames(start(3, text("4a")))}}, End: tt.end}
			target := script{answer: fineAnswer, says: tt.says}.target(t)
			target.Heartbeat = tt.heartbeat
			err := c.have(target)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestWire compares frames with the examples of section 5.7.
func TestWire(t *testing.T) {
	for want, f := range map[string]Frame{
		"\x81\x05Hello":                             {First: 0x81, Payload: "Hello", Mask: Unmasked},
		"\x81\x85\x00\x00\x00\x00Hello":             {First: 0x81, Payload: "Hello", Mask: ZeroKey},
		"\x01\x03Hel":                               {First: 0x01, Payload: "Hel", Mask: Unmasked},
		"\x82\x7e\x01\x00" + noise(256):             {First: 0x82, Payload: noise(256), Mask: Unmasked},
		"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00":  {First: 0x82, Payload: noise(65536), Mask: Unmasked},
		"\x82\x7e\x00\x01a":                         {First: 0x82, Payload: "a", Length: Bits16, Mask: Unmasked},
		"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01a": {First: 0x82, Payload: "a", Length: Bits64, Mask: Unmasked},
		"raw": {Raw: "raw"},
	} {
		if got := f.append(nil); !bytes.HasPrefix(got, []byte(want)) {
			t.Errorf("got %.20x, want %.20x", got, want)
		}
	}
	b := wire(frames(text("4Hello")))
	key, payload := b[2:6], b[6:]
	if bytes.Equal(key, make([]byte, 4)) {
		t.Error("the key changes nothing")
	}
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	if string(payload) != "4Hello" {
		t.Errorf("unmasked: %q", payload)
	}
}
