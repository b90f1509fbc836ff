package load

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		op     byte
		length int
		want   []byte
	}{
		{opText, 0, []byte{0x81, 0x80, 0, 0, 0, 0}},
		{opText, 125, []byte{0x81, 0xfd, 0, 0, 0, 0}},
		{opBinary, 126, []byte{0x82, 0xfe, 0, 126, 0, 0, 0, 0}},
		{opText, 65535, []byte{0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0}},
		{opText, 65536, []byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}},
	} {
		if got := appendHeader(nil, c.op, c.length); !bytes.Equal(got, c.want) {
			t.Errorf("the header of %d bytes is % x, want % x", c.length, got, c.want)
		}
	}
}

// fromServer is a frame as a server sends it: without a mask.
func fromServer(op byte, payload string) []byte {
	frame := appendHeader(nil, op, len(payload))
	frame[1] &^= 0x80
	return append(frame[:len(frame)-4], payload...)
}

func TestNextFrame(t *testing.T) {
	for _, length := range []int{0, 1, 125, 126, 1000, 65535, 65536, maxFrame} {
		payload := strings.Repeat("x", length)
		frame := fromServer(opBinary, payload)
		op, got, used, err := nextFrame(append(frame, "next"...))
		if err != nil || op != opBinary || string(got) != payload || used != len(frame) {
			t.Errorf("of %d bytes came op %d, %d bytes, used %d, %v", length, op, len(got), used, err)
		}
		for _, part := range []int{0, 1, 2, 3, 5, len(frame) - 1} {
			if part >= len(frame) {
				continue
			}
			if _, _, used, err := nextFrame(frame[:part]); used != 0 || err != nil {
				t.Errorf("of %d bytes, the first %d: used %d, %v", length, part, used, err)
			}
		}
	}
}

func TestNextFrameRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"not final":    {[]byte{0x01, 1, 'x'}, errFragmented},
		"continuation": {[]byte{0x80, 1, 'x'}, errFragmented},
		"compressed":   {[]byte{0xc1, 1, 'x'}, errFragmented},
		"masked":       {[]byte{0x81, 0x81, 0, 0, 0, 0, 'x'}, errFragmented},
		"too long":     {fromServer(opText, strings.Repeat("x", maxFrame+1))[:10], errTooLong},
	} {
		if _, _, _, err := nextFrame(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, n := range []int{0, 7, 9, 10, 99, 100, 1234567890} {
		text := fmt.Sprint(n)
		if got := appendID(nil, n); string(got) != text {
			t.Errorf("the id %d is %q", n, got)
		}
		if got, count := Number([]byte(text + "[")); got != uint64(n) || count != len(text) {
			t.Errorf("of %q came %d, %d digits", text, got, count)
		}
		fixed := make([]byte, 12)
		PutNumber(fixed, uint64(n))
		if want := fmt.Sprintf("%012d", n); string(fixed) != want {
			t.Errorf("%d was put as %q", n, fixed)
		}
	}
	if got := appendID(nil, -1); len(got) != 0 {
		t.Errorf("no id is %q", got)
	}
	if _, count := Number([]byte("x1")); count != 0 {
		t.Errorf("x1 has %d digits", count)
	}
}

func TestNextResponse(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-Length: 2\r\nDate: now\r\n\r\nok"
	body, used, err := nextResponse([]byte(whole))
	if string(body) != "ok" || used != len(whole) || err != nil {
		t.Errorf("%q, used %d, %v", body, used, err)
	}
	for part := range len(whole) {
		if _, used, err := nextResponse([]byte(whole[:part])); used != 0 || err != nil {
			t.Errorf("the first %d bytes: used %d, %v", part, used, err)
		}
	}
	for _, bad := range []string{
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
		strings.Repeat("x", maxFrame+1),
	} {
		if _, _, err := nextResponse([]byte(bad)); err == nil {
			t.Errorf("%.60q was taken", bad)
		}
	}
}
