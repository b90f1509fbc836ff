package membership

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/backplane"
)

// TestFormat holds what goes over the wire, between versions of Kawat.
func TestFormat(t *testing.T) {
	var said []string
	m := New(Config{ID: "0123456789abcdef", Send: func(to string, data []byte) error {
		said = append(said, fmt.Sprintf("%s:%x", to, data))
		return nil
	}})
	_ = m.Relay("00000000000000ff", []byte("mail"))
	m.Received([]byte("\x01\x01\x00\x00\x00\x00\x00\x00\x00\x02"))
	m.Close()
	want := []string{":01010123456789abcdef", "00000000000000ff:01030123456789abcdef6d61696c",
		"0000000000000002:01020123456789abcdef", ":01040123456789abcdef"}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

func FuzzReceived(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x00\x00\x00\x00\x00\x00\x02"))
	f.Add([]byte("\x01\x03\x00\x00\x00\x00\x00\x00\x00\x02mail"))
	f.Fuzz(func(t *testing.T, data []byte) {
		relayed := make(chan string, 1)
		m := New(Config{ID: name(1), Send: func(string, []byte) error { return nil }, Host: backplane.Host{
			Relay: func(from string, data []byte) { relayed <- from + string(data) }, Left: func(string) {}, Observe: func(backplane.Event) {},
		}})
		defer m.Close()
		m.Received(data)
		if len(data) < headerSize || data[0] != version || kind(data[1]) != relay || m.id == id(data[2:headerSize]) {
			return
		}
		if got, want := <-relayed, fmt.Sprintf("%x%s", data[2:headerSize], data[headerSize:]); got != want {
			t.Errorf("relayed %q, want %q", got, want)
		}
	})
}

func TestIgnored(t *testing.T) {
	from := string([]byte{0, 0, 0, 0, 0, 0, 0, 9})
	for text, want := range map[string]error{
		"":                      errVersion,
		"\x02\x01" + from:       errVersion,
		"{\"type\":1}":          errVersion,
		"\x01":                  errMessage,
		"\x01\x01" + from[1:]:   errMessage,
		"\x01\x00" + from:       errVersion,
		"\x01\x05" + from:       errVersion,
		"\x01\x01" + from + "x": errMessage,
		"\x01\x02" + from + "x": errMessage,
		"\x01\x04" + from + "x": errMessage,
		"\x01\x02" + from:       nil,
		"\x01\x03" + from:       nil,
		"\x01\x03\x00\x00\x00\x00\x00\x00\x00\x01x": nil, // the own
	} {
		story(t, func(t *testing.T, b *bus) {
			one := b.add(t, 1)
			one.Received([]byte(text))
			synctest.Wait()
			ignored := slices.ContainsFunc(copyOf(one, &one.event), func(e backplane.Event) bool {
				return e.Kind == backplane.Ignored && errors.Is(e.Err, want)
			})
			if ignored != (want != nil) || want != nil && len(copyOf(one, &one.told)) > 0 {
				t.Errorf("%q: %v, %q", text, copyOf(one, &one.event), copyOf(one, &one.told))
			}
		})
	}
}
