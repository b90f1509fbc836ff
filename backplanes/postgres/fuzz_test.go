package postgres

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/membership"
	"github.com/kawat-go/kawat/internal/outbox"
	"github.com/kawat-go/kawat/internal/wire"
)

// unlinked returns a node without a server, whose rows are those of rows.
func unlinked(t testing.TB, secret string, m *member, rows map[int64][]byte) *node {
	t.Helper()
	s := configured(t, Config{Secret: secret, MaxMessageBytes: 1 << 20})
	ctx, stop := context.WithCancel(t.Context())
	n := &node{
		settings: s, id: "00112233445566ff", host: m.host(), running: ctx, stop: stop,
		inbox: newInbox(10, 1000), lanes: newLanes(100, 1<<20),
		open: make(map[string]*namespace), byChannel: make(map[string]*namespace),
		read: func(_ context.Context, id int64) ([]byte, error) {
			if row, ok := rows[id]; ok {
				return row, nil
			}
			return nil, errors.New("no such row")
		},
	}
	n.host.Logger = slog.New(slog.DiscardHandler)
	n.listener = &listener{want: make(map[string]int)}
	n.queue = outbox.New(outbox.Config[outgoing]{Send: func(_ context.Context, batch []outgoing) (int, error) { return len(batch), nil }})
	n.members = membership.New(membership.Config{ID: n.id, Send: n.sendMail, Host: n.host, Interval: time.Hour})
	n.Open("/")
	n.Open("/b")
	t.Cleanup(func() {
		n.members.Close()
		_ = n.queue.Close(context.Background())
		stop()
	})
	return n
}

// idle reports whether nothing waits in the lanes.
func (l *lanes) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.active) == 0
}

// Whatever is on the bus, a host is given whole messages of others in namespaces that
// are open, and the node lives.
func FuzzReceived(f *testing.F) {
	for _, s := range golden(f) {
		f.Add(byte(0), s.payload, []byte("none"), false)
		if s.row != nil {
			f.Add(byte(0), `{"uid":"005b5cd00b9b5822","type":3,"attachmentId":"1"}`, s.row, false)
			f.Add(byte(3), `{"uid":"005b5cd00b9b5822","type":3,"nsp":"/","attachmentId":"1"}`, s.row, false)
		}
	}
	mail := []byte("\x01\x0312345678data")
	f.Add(byte(2), base64.StdEncoding.EncodeToString(mail), []byte{}, false)
	f.Add(byte(3), base64.StdEncoding.EncodeToString(mail), []byte{}, true)
	f.Add(byte(3), `{"uid":"3132333435363738","type":0,"attachmentId":"1"}`, mail, false)
	f.Add(byte(0), `{"uid":"x","type":3,"attachmentId":1}`, []byte("{}"), false)
	f.Add(byte(0), `{"type":13,"uid":"x","nsp":"/"}`, []byte{0x80}, false)
	f.Add(byte(0), `{"type":2,"uid":"x","nsp":"/"}`+" \t ", []byte{0x80}, false)
	f.Add(byte(1), `{"type":2,"uid":"emitter"}`, []byte{0x80}, false)
	f.Fuzz(func(t *testing.T, where byte, payload string, row []byte, sealed bool) {
		secret := ""
		if sealed {
			secret = "secret"
		}
		m := &member{t: t}
		n := unlinked(t, secret, m, map[int64][]byte{1: row})
		channels := []string{n.channel("/"), n.channel("/b"), n.everybody(), n.private(n.id), n.channel("/shut"), "another"}
		channel := channels[int(where)%len(channels)]
		n.arrive(t.Context(), arrival{channel: channel, payload: payload})
		if sealed { // and what was sealed by somebody who has the key
			text := base64.StdEncoding.EncodeToString(n.seal(channel, []byte(payload)))
			n.arrive(t.Context(), arrival{channel: channel, payload: text})
			n.read = func(context.Context, int64) ([]byte, error) { return n.seal(channel, row), nil }
			n.arrive(t.Context(), arrival{channel: channel, payload: payload})
		}
		until(t, "nothing waits", n.lanes.idle)
		for _, message := range m.messages() {
			if message.From == "" || message.From == n.id || message.Namespace != "/" && message.Namespace != "/b" || message.Kind < backplane.Broadcast {
				t.Errorf("the host was given %+v", message)
			}
			if channel == channels[0] && message.Namespace != "/" || channel == channels[1] && message.Namespace != "/b" {
				t.Errorf("on %s came %+v", channel, message)
			}
			if message.Kind != backplane.NodeLeft {
				if _, err := wire.Append(nil, message); err != nil {
					t.Errorf("what came could not be sent: %v: %+v", err, message)
				}
			}
		}
	})
}
