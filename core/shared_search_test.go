package socketio_test

import (
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/siotest"
)

// A client waits for its session a second at most where a node does not answer, and no
// longer than that node is there.
func TestASearchThatIsNotAnswered(t *testing.T) {
	for name, row := range map[string]struct {
		answer func(n backplane.Node, from string, mail []byte)
		took   time.Duration
	}{
		"silence": {func(backplane.Node, string, []byte) {}, time.Second},
		"another number": {func(n backplane.Node, from string, mail []byte) {
			_ = n.Relay(from, append([]byte{3, 'n'}, make([]byte, 8)...))
		}, time.Second},
		"nobody": {func(n backplane.Node, from string, mail []byte) {
			_ = n.Relay(from, append([]byte{3, 'n'}, mail[2:10]...))
		}, 0},
		"saved, though it is not, twice": {func(n backplane.Node, from string, mail []byte) {
			for range 2 {
				_ = n.Relay(from, append([]byte{3, 's'}, mail[2:10]...))
			}
		}, 0},
		"it leaves": {func(n backplane.Node, _ string, _ []byte) {
			go func() {
				time.Sleep(300 * time.Millisecond)
				_ = n.Close()
			}()
		}, 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				plane := backplane.NewDurableMemory()
				io := durableNodes(t, 2, socketio.Config{Backplane: plane})[0]
				var other backplane.Node
				other, err := plane.Join(t.Context(), backplane.Host{
					Receive: func(backplane.Message) {}, Left: func(string) {},
					Relay: func(from string, mail []byte) {
						if len(mail) > 10 && mail[0] == 3 && mail[1] == 'w' {
							if text := string(mail[10:]); text != "/,somebody's" {
								t.Errorf("asked for %q", text)
							}
							row.answer(other, from, mail)
						}
					},
				})
				must(t, err)
				defer other.Close()
				c := siotest.Open(t, io, siotest.Options{Auth: map[string]any{"pid": "somebody's", "offset": "1-0"}})
				start := time.Now()
				must(t, c.Connect())
				if took := time.Since(start); took < row.took || took > row.took+100*time.Millisecond {
					t.Errorf("took %v", took)
				}
				if io.Stats().Recovery.Refused != 1 {
					t.Error("it is not counted")
				}
				time.Sleep(time.Second)
			})
		})
	}
}

// Mail that makes no sense is counted, and hurts nobody.
func TestMailAboutSessionsThatMakesNoSense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plane := backplane.NewDurableMemory()
		io := durableNodes(t, 1, socketio.Config{Backplane: plane})[0]
		p := call(t, io, siotest.Options{})
		var answers list
		other, err := plane.Join(t.Context(), backplane.Host{
			Receive: func(backplane.Message) {}, Left: func(string) {},
			Relay: func(_ string, mail []byte) { answers.add("%q", mail) },
		})
		must(t, err)
		defer other.Close()
		for _, mail := range []string{
			"\x03", "\x03w", "\x03w1234567", "\x03w12345678", "\x03w12345678no comma", "\x03x12345678", "\x03s1234567",
			"\x03s12345678", "\x03n12345678", // nobody has asked
			"\x03w12345678/," + p.id, "\x03w12345678/none," + p.pid, "\x03w12345678,", "\x03w12345678/,",
		} {
			must(t, other.Relay("", []byte(mail)))
		}
		synctest.Wait()
		if n := io.Stats().IgnoredMail; n != 7 {
			t.Errorf("%d ignored", n)
		}
		nobody := `"\x03n12345678"`
		answers.want(t, nobody, nobody, nobody, nobody)
		must(t, io.Emit("one"))
		p.wantTook("one")
	})
}
