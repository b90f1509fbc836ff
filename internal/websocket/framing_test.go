package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

const (
	fin  = finBit
	text = fin | byte(opText)
	bin  = fin | byte(opBinary)
	ping = fin | byte(opPing)
	pong = fin | byte(opPong)
	cont = byte(opContinuation)
	clos = fin | byte(opClose)
)

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

func closing(payload string) []byte { return testFrame(clos, payload) }

// framingCase is a row of the table of bad input, or of what is close to it.
type framingCase struct {
	name string
	cfg  Config
	send []byte
	want []string // delivered
	code int      // of our close frame
	fair bool     // the peer did nothing wrong: code answers its close frame
}

var framingCases = []framingCase{
	{name: "01 unmasked", send: rawFrame(text, 0, minimal, "a"), code: 1002},
	{name: "01 unmasked close", send: rawFrame(clos, 0, minimal, ""), code: 1002},
	{name: "01 masked to a client", cfg: Config{Client: true}, send: testFrame(text, "a"), code: 1002},
	{name: "02 RSV1 without deflate", send: testFrame(text|0x40, "a"), code: 1002},
	{name: "02 RSV1 on a continuation", cfg: Config{Deflate: true}, send: join(testFrame(0x01, "a"), testFrame(fin|cont|0x40, "b")), code: 1002},
	{name: "02 RSV1 on a control frame", cfg: Config{Deflate: true}, send: testFrame(ping|0x40, "a"), code: 1002},
	{name: "03 RSV2", send: testFrame(text|0x20, "a"), code: 1002},
	{name: "03 RSV3", send: testFrame(text|0x10, "a"), code: 1002},
	{name: "05 16 bits for 125", send: rawFrame(text, maskBit, form16, strings.Repeat("a", 125)), code: 1002},
	{name: "05 16 bits for 126", send: join(testFrame(text, strings.Repeat("a", 126)), closing("")), want: []string{"t:" + strings.Repeat("a", 126)}, fair: true},
	{name: "05 64 bits for 65535", send: rawFrame(bin, maskBit, form64, strings.Repeat("a", 65535)), code: 1002},
	{name: "05 64 bits for 65536", send: join(testFrame(bin, strings.Repeat("a", 65536)), closing("")), want: []string{"b:" + strings.Repeat("a", 65536)}, fair: true},
	{name: "05 64 bits with the top bit", send: []byte{bin, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, code: 1002},
	{name: "06 control of 126", send: testFrame(ping, strings.Repeat("a", 126)), code: 1002},
	{name: "06 control of 64 bits, the start of it", send: []byte{ping, 0xff}, code: 1002},
	{name: "06 close of 126", send: closing(closePayload(1000, strings.Repeat("a", 124))), code: 1002},
	{name: "07 fragmented ping", send: testFrame(byte(opPing), "a"), code: 1002},
	{name: "07 fragmented close", send: testFrame(byte(opClose), ""), code: 1002},
	{name: "08 continuation without start", send: testFrame(fin|cont, "a"), code: 1002},
	{name: "08 continuation after the end", send: join(testFrame(0x01, "a"), testFrame(fin|cont, "b"), testFrame(fin|cont, "c")), want: []string{"t:ab"}, code: 1002},
	{name: "09 message within a message", send: join(testFrame(0x01, "a"), testFrame(text, "b")), code: 1002},
	{name: "09 first fragment within a message", send: join(testFrame(0x01, "a"), testFrame(0x02, "b")), code: 1002},
	{name: "09 control within a message", send: join(testFrame(0x01, "a"), testFrame(pong, "x"), testFrame(cont, ""), testFrame(fin|cont, "b"), closing("")), want: []string{"t:ab"}, fair: true},
	{name: "10 close with 1 byte", send: closing("\x03"), code: 1002},
	{name: "12 bad UTF-8", send: testFrame(text, "a\xff"), code: 1007},
	{name: "12 bad UTF-8 in binary", send: join(testFrame(bin, "a\xff"), closing("")), want: []string{"b:a\xff"}, fair: true},
	{name: "13 bad UTF-8 in a close reason", send: closing(closePayload(1000, "\xc3\x28")), code: 1007},
	{name: "14 UTF-8 across fragments", send: join(testFrame(0x01, "\xe2\x82"), testFrame(fin|cont, "\xac"), closing("")), want: []string{"t:\u20ac"}, fair: true},
	{name: "14 bad UTF-8 across fragments", send: join(testFrame(0x01, "\xe2\x82"), testFrame(fin|cont, "a")), code: 1007},
	{name: "14 UTF-8 that does not end", send: join(testFrame(0x01, "\xe2"), testFrame(fin|cont, "\x82")), code: 1007},
	{name: "15 surrogate", send: testFrame(text, "\xed\xa0\x80"), code: 1007},
	{name: "16 overlong", send: testFrame(text, "\xc0\xaf"), code: 1007},
	{name: "16 overlong NUL", send: testFrame(text, "\xe0\x80\x80"), code: 1007},
	{name: "16 over U+10FFFF", send: testFrame(text, "\xf4\x90\x80\x80"), code: 1007},
	{name: "17 at the limit", cfg: Config{MaxPayload: 10}, send: join(testFrame(text, "0123456789"), closing("")), want: []string{"t:0123456789"}, fair: true},
	{name: "17 over the limit", cfg: Config{MaxPayload: 10}, send: testFrame(text, "0123456789a"), code: 1009},
	{name: "17 over the limit, the header", send: []byte{bin, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x41}, code: 1009},
	{name: "17 over the limit, far", send: []byte{bin, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, code: 1009},
	{name: "17 over the limit in fragments", cfg: Config{MaxPayload: 10}, send: join(testFrame(0x02, "01234"), testFrame(cont, "56789"), testFrame(fin|cont, "a")), code: 1009},
	{name: "17 at the limit in fragments", cfg: Config{MaxPayload: 10}, send: join(testFrame(0x02, "01234"), testFrame(cont, "56789"), testFrame(fin|cont, ""), closing("")), want: []string{"b:0123456789"}, fair: true},
	{name: "18 too many fragments", cfg: Config{MaxFragments: 3}, send: join(testFrame(0x01, ""), testFrame(cont, ""), testFrame(cont, ""), testFrame(fin|cont, "")), code: 1008},
	{name: "18 just enough fragments", cfg: Config{MaxFragments: 3}, send: join(testFrame(0x01, "a"), testFrame(cont, "b"), testFrame(fin|cont, "c"), closing("")), want: []string{"t:abc"}, fair: true},
	{name: "18 the default", send: join(testFrame(0x01, ""), bytes.Repeat(testFrame(cont, ""), 16_384)), code: 1008},
	{name: "19 empty text and binary", send: join(testFrame(text, ""), testFrame(bin, ""), closing("")), want: []string{"t:", "b:"}, fair: true},
	{name: "20 close without a code", send: closing(""), fair: true},
	{name: "20 close with a reason", send: closing(closePayload(1001, "bye")), code: 1001, fair: true},
	{name: "20 messages before a violation", send: join(testFrame(text, "a"), testFrame(bin, "b"), testFrame(text|0x20, "")), want: []string{"t:a", "b:b"}, code: 1002},
	{name: "20 nothing after a close", send: join(closing(""), testFrame(text, "a")), fair: true},
}

// rangeCases are the rows that name a range.
func rangeCases() (cases []framingCase) {
	for _, op := range []byte{3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		cases = append(cases, framingCase{name: fmt.Sprintf("04 opcode %X", op), send: testFrame(fin|op, ""), code: 1002})
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		cases = append(cases, framingCase{name: fmt.Sprintf("11 close %d", code), send: closing(closePayload(code, "")), code: 1002})
	}
	for _, code := range []uint16{1000, 1003, 1007, 1014, 3000, 4999} {
		cases = append(cases, framingCase{name: fmt.Sprintf("11 close %d", code), send: closing(closePayload(code, "")), code: int(code), fair: true})
	}
	return cases
}

func TestFraming(t *testing.T) {
	for _, network := range networks {
		for _, size := range []int{0, 1, 7} {
			for _, tt := range slices.Concat(framingCases, rangeCases()) {
				if size > 0 && len(tt.send) > 10_000 {
					continue // takes long and shows nothing new
				}
				t.Run(fmt.Sprintf("%s/%d/%s", network.name, size, tt.name), func(t *testing.T) {
					ours, peer := network.dial(t)
					testFraming(t, network.open(t, ours, nil, tt.cfg), tt, func() <-chan []seen {
						send(peer, tt.send, size)
						return watchAndClose(peer)
					})
				})
			}
		}
	}
}

// TestFramingHead gets all bytes from behind the handshake.
func TestFramingHead(t *testing.T) {
	for _, network := range sockets {
		for _, tt := range slices.Concat(framingCases, rangeCases()) {
			t.Run(network.name+"/"+tt.name, func(t *testing.T) {
				ours, peer := network.dial(t)
				head := bytes.Clone(tt.send)
				c := network.open(t, ours, head, tt.cfg)
				clear(head) // the caller's again
				testFraming(t, c, tt, func() <-chan []seen { return watchAndClose(peer) })
			})
		}
	}
}

func testFraming(t *testing.T, c *Conn, tt framingCase, start func() <-chan []seen) {
	read, frames := readAll(c), start()
	got := within(t, read)
	if !slices.Equal(got.messages, tt.want) {
		t.Errorf("delivered %.80q, want %.80q", got.messages, tt.want)
	}
	if tt.fair {
		var closed *CloseError
		if !errors.As(got.err, &closed) || !errors.Is(got.err, io.EOF) {
			t.Errorf("got error %v, want a CloseError", got.err)
		}
	} else {
		wantCode(t, got.err, tt.code)
	}
	if tt.code == 1009 && got.err.(*engine.ConnError).Reason != "Max payload size exceeded" {
		t.Errorf("got reason %v", got.err)
	}
	sent := within(t, frames)
	if len(sent) != 1 || sent[0].first != clos || sent[0].code() != tt.code {
		t.Errorf("the peer got %+v, want a close frame with code %d", sent, tt.code)
	}
	if err := c.ReadMessages(nil); err != io.EOF {
		t.Errorf("reading on: %v, want io.EOF", err)
	}
}
