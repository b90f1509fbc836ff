package quiet_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/kawat-go/kawat/core/internal/quiet"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"chat message", "chat message"},
		{"héllo 世界 😀", "héllo 世界 😀"},
		{"\ufffd", "\ufffd"},
		{"a\r\nlevel=ERROR b", `a\r\nlevel=ERROR b`},
		{"\x00\x1b[31m\x7f", `\x00\x1b[31m\x7f`},
		{"a\u202eb\u2028c", `a\u202eb\u2028c`},
		{"\xff\xfe", `\xff\xfe`},
		{strings.Repeat("x", quiet.MaxText), strings.Repeat("x", quiet.MaxText)},
		{strings.Repeat("x", 1<<20), strings.Repeat("x", quiet.MaxText) + "..."},
		{"xyz" + strings.Repeat("😀", 40), "xyz" + strings.Repeat("😀", 31) + "..."},
		{strings.Repeat("\xff", 1<<20), strings.Repeat(`\xff`, quiet.MaxText-4) + "..."},
	} {
		if got := quiet.Text(c.text); got != c.want {
			t.Errorf("%.40q: %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\nb\xff😀")
	f.Fuzz(func(t *testing.T, s string) {
		got := quiet.Text(s)
		if len(got) > 10*quiet.MaxText || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00\x1b\u2028") {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}

type explosive struct{}

func (explosive) Error() string { panic("in Error") }

func TestValue(t *testing.T) {
	if got := quiet.Value(errors.New("a\nb")); got != `a\nb` {
		t.Errorf("%q", got)
	}
	if got := quiet.Value(strings.Repeat("x", 5000)); len(got) != quiet.MaxValue+3 {
		t.Errorf("%d bytes", len(got))
	}
	if got := quiet.Value(explosive{}); !strings.Contains(got, "PANIC") {
		t.Errorf("%q", got)
	}
}

func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log := slog.New(slog.NewTextHandler(&b, nil))
		var p quiet.Panics
		told := 0
		note := func(times int, told func(string, any, []byte)) {
			for range times {
				p.Note(log, "a\nb", "oh", told)
			}
		}
		note(500, nil)
		if n := strings.Count(b.String(), "stack="); n != quiet.Usual || p.Count() != 500 {
			t.Errorf("%d stacks of %d panics", n, p.Count())
		}
		note(2, func(in string, v any, stack []byte) {
			if in != "a\nb" || v != "oh" || !bytes.Contains(stack, []byte("TestPanics")) {
				t.Errorf("told of %q, %v, %.80q", in, v, stack)
			}
			told++
		})
		if n := strings.Count(b.String(), "stack="); n != quiet.Usual || told != 2 {
			t.Errorf("%d stacks; %d were told of", n, told)
		}
		time.Sleep(quiet.Interval)
		b.Reset()
		note(1, nil)
		if got := b.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `in=a\nb panic=oh`) || !strings.Contains(got, "left_out=492") {
			t.Errorf("%q", got)
		}
	})
}

func TestLog(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var l quiet.Line
	for range 100 {
		l.Log(t.Context(), log, slog.LevelWarn, "a line", "key", "value")
	}
	got := b.String()
	if w, d := strings.Count(got, "level=WARN"), strings.Count(got, "level=DEBUG"); w != quiet.Usual || d != 100-quiet.Usual {
		t.Errorf("%d warnings, %d others", w, d)
	}
}
