package websocket

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// squeeze compresses with the standard library, as a peer would.
func squeeze(t testing.TB, s string) string {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, s)
	w.Flush()
	return strings.TrimSuffix(out.String(), flushTail)
}

// squeezeFinal ends with a final block, which RFC 7692, section 7.2.3.4, allows.
func squeezeFinal(t testing.TB, s string) string {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, s)
	w.Close()
	return out.String() + "\x00"
}

func TestInflate(t *testing.T) {
	hello := squeeze(t, strings.Repeat("hello", 100))
	bomb := squeeze(t, strings.Repeat("\x00", 5_000_000))
	if len(bomb) > 10_000 {
		t.Fatalf("a bomb of %d bytes", len(bomb))
	}
	for _, tt := range []framingCase{
		{name: "one frame", send: join(testFrame(text|0x40, hello), testFrame(text, "plain"), closing("")), want: []string{"t:" + strings.Repeat("hello", 100), "t:plain"}, fair: true},
		{name: "RFC 7692, section 7.2.3.1", send: join(testFrame(text|0x40, "\xf2\x48\xcd\xc9\xc9\x07\x00"), closing("")), want: []string{"t:Hello"}, fair: true},
		{name: "a stored block", send: join(testFrame(text|0x40, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), closing("")), want: []string{"t:Hello"}, fair: true},
		{name: "a final block", send: join(testFrame(text|0x40, squeezeFinal(t, "Hello")), closing("")), want: []string{"t:Hello"}, fair: true},
		{name: "two blocks", send: join(testFrame(text|0x40, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), closing("")), want: []string{"t:Hello"}, fair: true},
		{name: "empty", send: join(testFrame(text|0x40, "\x00"), testFrame(bin|0x40, "\x00"), closing("")), want: []string{"t:", "b:"}, fair: true},
		{name: "nothing at all", send: testFrame(bin|0x40, ""), code: 1007},
		{name: "fragments", send: join(testFrame(0x41, hello[:3]), testFrame(ping, ""), testFrame(fin|cont, hello[3:]), closing("")), want: []string{"t:" + strings.Repeat("hello", 100)}, fair: true},
		{name: "at the limit", cfg: Config{MaxPayload: 500}, send: join(testFrame(text|0x40, hello), closing("")), want: []string{"t:" + strings.Repeat("hello", 100)}, fair: true},
		{name: "over the limit", cfg: Config{MaxPayload: 499}, send: testFrame(text|0x40, hello), code: 1009},
		{name: "bomb", send: testFrame(bin|0x40, bomb), code: 1009},
		{name: "bomb in fragments", send: join(testFrame(0x42, bomb[:1000]), testFrame(fin|cont, bomb[1000:])), code: 1009},
		{name: "bad UTF-8", send: testFrame(text|0x40, squeeze(t, "a\xff")), code: 1007},
		{name: "corrupt", send: testFrame(bin|0x40, "\xff\xff\xff"), code: 1007},
		{name: "cut off", send: testFrame(bin|0x40, hello[:4]), code: 1007},
		{name: "data behind the final block", send: testFrame(bin|0x40, squeezeFinal(t, "a")+squeeze(t, "b")), code: 1007},
	} {
		tt.cfg.Deflate = true
		for _, network := range networks {
			t.Run(network.name+"/"+tt.name, func(t *testing.T) {
				ours, peer := network.dial(t)
				c := network.open(t, ours, nil, tt.cfg)
				got := readAll(c)
				send(peer, tt.send, 0)
				sent := watchAndClose(peer)
				o := within(t, got)
				if !slices.Equal(o.messages, tt.want) {
					t.Errorf("delivered %.80q, want %.80q", o.messages, tt.want)
				}
				if !tt.fair {
					wantCode(t, o.err, tt.code)
				} else if !errors.Is(o.err, io.EOF) {
					t.Errorf("got %v", o.err)
				}
				if s := within(t, sent); len(s) == 0 || s[len(s)-1].code() != tt.code {
					t.Errorf("the peer got %v, want code %d", s, tt.code)
				}
			})
		}
	}
}

// TestInflateBound looks at what a bomb makes an inflater hold.
func TestInflateBound(t *testing.T) {
	bomb := []byte(squeeze(t, strings.Repeat("\x00", 5_000_000)))
	z := inflaters.New().(*inflater)
	for _, limit := range []int{1, 1000, bufferSize - 1, bufferSize, 1_000_000} {
		out, fault := z.inflate(bomb, limit)
		if fault == nil || fault.Code != 1009 || out != nil {
			t.Errorf("limit %d: %d bytes, %v", limit, len(out), fault)
		}
		if len(z.out) != limit+1 || cap(z.out) > 3*limit+2*bufferSize {
			t.Errorf("limit %d: made %d bytes in a buffer of %d", limit, len(z.out), cap(z.out))
		}
	}
	z.free()
	if z.out != nil {
		t.Error("keeps a large buffer")
	}
}

func TestDeflate(t *testing.T) {
	long, short := strings.Repeat("hello ", 500), strings.Repeat("h", 1023)
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	shared := engine.BinaryFrame([]byte(long))
	for _, tt := range []struct {
		name       string
		cfg        Config
		frame      *engine.Frame
		compressed bool
	}{
		{"long", Config{Deflate: true}, engine.BinaryFrame([]byte(long)), true},
		{"text", Config{Deflate: true}, engine.MessageFrame(append(engine.FrameBuffer(0), long...)), true},
		{"at the threshold", Config{Deflate: true}, engine.BinaryFrame([]byte(short + "h")), true},
		{"under the threshold", Config{Deflate: true}, engine.BinaryFrame([]byte(short)), false},
		{"another threshold", Config{Deflate: true, DeflateThreshold: 10}, engine.BinaryFrame([]byte(short)), true},
		{"not agreed on", Config{}, engine.BinaryFrame([]byte(long)), false},
		{"not wanted", Config{Deflate: true}, engine.BinaryFrame([]byte(long)).NoCompress(), false},
		{"no smaller", Config{Deflate: true}, engine.BinaryFrame(noise), false},
		{"shared", Config{Deflate: true}, shared, true},
		{"shared again", Config{Deflate: true}, shared, true},
		{"shared, plain", Config{}, shared, false},
		{"client", Config{Deflate: true, Client: true}, shared, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours, peer := dialTCP(t)
			c := New(ours, nil, tt.cfg)
			fs := []*engine.Frame{engine.BinaryFrame([]byte("before")), tt.frame, engine.BinaryFrame([]byte("behind"))}
			if err := c.WriteFrames(fs); err != nil {
				t.Fatal(err)
			}
			c.Close(1000, "")
			all := watch(peer)
			c.awaitWriter()
			c.drop(c.conn)
			sent := within(t, all)
			if len(sent) != 4 {
				t.Fatalf("the peer got %d frames", len(sent))
			}
			got := sent[1]
			if compressed := got.first&rsv1Bit != 0; compressed != tt.compressed {
				t.Fatalf("compressed is %v", compressed)
			}
			if tt.compressed {
				b, _ := io.ReadAll(flate.NewReader(strings.NewReader(got.payload + finalTail)))
				got.payload = string(b)
			}
			if got.payload != string(tt.frame.Payload()) || (got.first&opcodeSet == byte(opBinary)) != tt.frame.Binary() {
				t.Errorf("got %x with %d bytes", got.first, len(got.payload))
			}
		})
	}
	if !slices.Equal(shared.Deflated(nil), deflateBinary([]byte(long))) {
		t.Error("the frame does not keep its compressed form")
	}
}
