package redis

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
)

// Whatever the server answers, and others have written, is read or refused; an entry
// that is read is written so that it is read as the same.
func FuzzStreamsEntries(f *testing.F) {
	bulk := func(texts ...string) (all string) {
		for _, text := range texts {
			all += fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
		}
		return all
	}
	one := "*1\r\n*2\r\n" + bulk("1-2") + "*10\r\n" +
		bulk("uid", "x", "nsp", "/", "type", "3", "data", `{"packet":{"type":2,"data":["a"]},"opts":{"rooms":[],"except":[],"flags":{}}}`, "kid", "a.1")
	binary := "*1\r\n*2\r\n" + bulk("1-2") + "*8\r\n" +
		bulk("uid", "x", "nsp", "/", "type", "3", "data", "gqZwYWNrZXSCpHR5cGUCpGRhdGGSo2JpbsQDAQIDpG9wdHODpXJvb21zkKZleGNlcHSQpWZsYWdzgA==")
	for _, text := range []string{
		"*1\r\n*2\r\n" + bulk("stream") + one, "%1\r\n" + bulk("stream") + one, one, binary, "*-1\r\n", "_\r\n",
		"*1\r\n*2\r\n" + bulk("stream") + "*99999999\r\n", "*1\r\n*2\r\n$999999999\r\n", "-ERR no\r\n", "",
	} {
		f.Add([]byte(text))
	}
	format := StreamsConfig{Config: Config{MaxMessageBytes: 1 << 20}}.entries()
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := parseRead(bytes.Clone(raw))
		if err != nil || len(entries) == 0 {
			entries, _ = parseRange(raw)
		}
		for i := range entries {
			e := &entries[i]
			_, _, _ = numbering(e)
			m, err := format.decode("s", e)
			if err != nil || !inStream(m) {
				continue
			}
			data, err := encode(m)
			if err != nil {
				continue // as a room whose name is not UTF-8
			}
			again, err := format.decode("s", &entry{id: e.id, namespace: e.namespace, kind: e.kind, data: data})
			if err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			if fmt.Sprintf("%+v", clean(m)) != fmt.Sprintf("%+v", clean(again)) {
				t.Errorf("%+v\n%+v", m, again)
			}
		}
	})
}

// clean has what is written the same way be the same.
func clean(m backplane.Message) backplane.Message {
	if m.Options.Flags.Compress != nil {
		m.Request += fmt.Sprint(*m.Options.Flags.Compress)
		m.Options.Flags.Compress = nil
	}
	return m
}
