package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The server delivers one only of the notifications of a transaction that are equal.
func TestNotificationsOfATransactionDiffer(t *testing.T) {
	var batch []outgoing
	for i := range 300 {
		batch = append(batch, outgoing{channel: "a", text: `{"same":1}`}, outgoing{channel: "b", text: `{"same":1}`},
			outgoing{channel: "a", text: fmt.Sprintf(`{"n":%d}`, i)}, outgoing{channel: "a", text: "header", row: []byte("row")})
	}
	texts := unique(batch)
	if len(texts) != len(batch) {
		t.Fatalf("%d of %d", len(texts), len(batch))
	}
	seen := make(map[string]bool)
	for i, text := range texts {
		if batch[i].row != nil {
			if text != "header" {
				t.Fatalf("the header is %q", text)
			}
			continue
		}
		if key := batch[i].channel + text; seen[key] {
			t.Fatalf("%q is there twice", key)
		} else {
			seen[key] = true
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil || !strings.HasPrefix(text, batch[i].text) || len(text) > len(batch[i].text)+9 {
			t.Fatalf("%q has become %q: %v", batch[i].text, text, err)
		}
	}
	if texts[0] != `{"same":1}` {
		t.Errorf("the first has become %q", texts[0])
	}
}

func TestATransactionIsBounded(t *testing.T) {
	large := outgoing{channel: "a", text: "h", row: make([]byte, maxBatch)}
	small := outgoing{channel: "a", text: "x"}
	full := outgoing{channel: "a", text: strings.Repeat("x", maxNotification)}
	for _, tt := range []struct {
		batch []outgoing
		want  int
	}{
		{[]outgoing{large, small}, 1},
		{[]outgoing{small, large}, 1},
		{[]outgoing{small, small, small}, 3},
		{[]outgoing{small, full, full, small}, 2}, // no room for a space
		{[]outgoing{full}, 1},
	} {
		if got := len(unique(tt.batch)); got != tt.want {
			t.Errorf("%d go into a transaction, want %d", got, tt.want)
		}
	}
}

// What cannot be sent waits, which is logged once.
func TestNothingCanBeSent(t *testing.T) {
	var log strings.Builder
	s := &sender{
		patience: standardPatience, logger: slog.New(slog.NewTextHandler(&log, nil)),
		connect: func(context.Context) (*pgx.Conn, error) { return nil, errors.New("nobody is there") },
	}
	for range 3 {
		if done, err := s.send(t.Context(), []outgoing{{channel: "a", text: "x"}}); done != 0 || err == nil {
			t.Errorf("%d are sent: %v", done, err)
		}
	}
	if n := strings.Count(log.String(), "nobody is there"); n != 1 {
		t.Errorf("it was logged %d times:\n%s", n, log.String())
	}
}

func TestHeader(t *testing.T) {
	h := header{UID: "005b5cd00b9b5822", Type: 3}
	if got, want := h.begin()+"17"+headerEnd, `{"uid":"005b5cd00b9b5822","type":3,"attachmentId":"17"}`; got != want {
		t.Errorf("the header is %s", got)
	}
	h = header{UID: `"'é`, Type: 8, Namespace: "/a\"\x00<"}
	got, id, ok := readHeader([]byte(h.begin() + "9223372036854775807" + headerEnd))
	if !ok || id != 1<<63-1 || got.UID != h.UID || got.Type != h.Type || got.Namespace != h.Namespace {
		t.Errorf("%+v has become %+v, %d, %v", h, got, id, ok)
	}
	for text, want := range map[string]bool{
		`{"attachmentId":"1"}`:                   true,
		`{"attachmentId":1,"nodeId":"x"}`:        true,
		`{"attachmentId":"x"}`:                   false,
		`{"attachmentId":"1.5"}`:                 false,
		`{"attachmentId":"9223372036854775808"}`: false,
		`{"attachmentId":null}`:                  false,
		`{"attachmentId":{}}`:                    false,
		`{"data":{"attachmentId":"1"}}`:          false,
		`{"attachmentId":"1"`:                    false,
		`[]`:                                     false,
		`"attachmentId"`:                         false,
		``:                                       false,
		`{"attachmentId":"1","pad":"` + strings.Repeat("x", 2000) + `"}`: false,
	} {
		if _, _, ok := readHeader([]byte(text)); ok != want {
			t.Errorf("%.100s: %v", text, ok)
		}
	}
}
