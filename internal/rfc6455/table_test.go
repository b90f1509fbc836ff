package rfc6455

import (
	"compress/flate"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// atLeast is how many cases there must be.
const atLeast = 300

var section = regexp.MustCompile(`^(RFC 7692, )?\d+(\.\d+)*$`)

// TestTable checks the table itself.
func TestTable(t *testing.T) {
	all := Cases()
	if len(all) < atLeast {
		t.Errorf("%d cases, want at least %d", len(all), atLeast)
	}
	ids, names := make(map[string]bool), make(map[string]bool)
	for _, c := range all {
		name := c.Group + ": " + c.Name
		if ids[c.ID] || names[name] {
			t.Errorf("%s %s is there twice", c.ID, name)
		}
		ids[c.ID], names[name] = true, true
		for _, wrong := range c.faults() {
			t.Errorf("%s %s: %s", c.ID, name, wrong)
		}
	}
}

// faults returns what makes no sense in a case.
func (c Case) faults() (faults []string) {
	must := func(ok bool, what string) {
		if !ok {
			faults = append(faults, what)
		}
	}
	must(section.MatchString(c.Section), "no section: "+c.Section)
	must(len(c.Steps) > 0 || c.Opening != Complete, "does nothing")
	must(len(c.Steps) == 0 || c.Opening == Complete, "sends frames before the opening handshake")
	must((c.Code != 0) == (c.End == Closed || c.End == Mute), "a code without a close frame, or the other way round")
	must(!c.Deflate || strings.Contains(c.Offer, "permessage-deflate"), "compressed, but it was not offered")
	must(!c.Bare || c.End == Alive && len(c.Steps) == 1, "too much for a text that is no packet")
	for i, s := range c.Steps {
		last := i == len(c.Steps)-1
		must(len(s.Send) > 0 || last, "a step that sends nothing")
		must(slices.Equal(s.Pongs, pingsIn(s.Send)) || last && c.End != Alive, "not the pongs of its pings")
		pongs := slices.Sorted(slices.Values(s.Pongs))
		must(len(slices.Compact(pongs)) == len(s.Pongs), "two pings alike")
		for _, m := range s.Want {
			must(m.Binary || utf8.ValidString(m.Data), "a text that is not UTF-8 cannot come back")
			must(m.Binary || c.Bare || strings.HasPrefix(m.Data, "4"), "a text that is no packet")
			must(!m.Squeezed || c.Deflate, "comes back compressed, which was not agreed on")
		}
		for _, f := range s.Send {
			must(f.Raw == "" || f.First == 0 && f.Payload == "", "both a frame and bytes")
		}
	}
	return faults
}

func TestFaults(t *testing.T) {
	fine := echoed("5.6", "fine", frames(text("4a"), ping("b")), asText("4a"))
	if faults := fine.faults(); len(faults) > 0 {
		t.Error(faults)
	}
	for want, spoil := range map[string]func(*Case){
		"no section":     func(c *Case) { c.Section = "here" },
		"does nothing":   func(c *Case) { c.Steps = nil },
		"sends frames":   func(c *Case) { c.Opening = Half },
		"a code without": func(c *Case) { c.Code = 1000 },
		"not offered":    func(c *Case) { c.Deflate = true },
		"too much":       func(c *Case) { c.Bare, c.End = true, Hangup },
		"sends nothing":  func(c *Case) { *c = c.behind(nil) },
		"not the pongs":  func(c *Case) { c.Steps[0].Pongs = nil },
		"two pings":      func(c *Case) { *c = c.behind(frames(ping("c"), ping("c"))) },
		"cannot come":    func(c *Case) { c.Steps[0].Want = []Message{asText("4\xff")} },
		"is no packet":   func(c *Case) { c.Steps[0].Want = []Message{asText("a")} },
		"compressed":     func(c *Case) { c.Steps[0].Want = []Message{squeezed(asText("4a"))} },
		"both a frame":   func(c *Case) { c.Steps[0].Send[0].Raw = "x" },
	} {
		c := echoed("5.6", "fine", frames(text("4a"), ping("b")), asText("4a"))
		spoil(&c)
		if faults := strings.Join(c.faults(), "; "); !strings.Contains(faults, want) {
			t.Errorf("got %q, want %q", faults, want)
		}
	}
}

// TestFarCopy: what is wrong with it is that there is nothing before it.
func TestFarCopy(t *testing.T) {
	for window, want := range map[string]string{"": "", "a": "aaa"} {
		z := flate.NewReaderDict(strings.NewReader(farCopy+"\x00\x00\xff\xff\x01\x00\x00\xff\xff"), []byte(window))
		b, err := io.ReadAll(z)
		if string(b) != want || (err == nil) != (want != "") {
			t.Errorf("behind %q: %q, %v", window, b, err)
		}
	}
}
