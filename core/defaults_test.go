package socketio

import (
	"reflect"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/packet"
)

// The defaults are the reference's where it has the option: those of the
// constructor in socket.io/lib/index.ts. The engine's are tested there.
func TestDefaultsAreTheReferences(t *testing.T) {
	cfg, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	got := reflect.ValueOf(cfg)
	for field, want := range map[string]any{
		"Path":           "/socket.io",
		"ConnectTimeout": 45_000 * time.Millisecond,
		"Codec":          packet.JSON(),
	} {
		if v := got.FieldByName(field).Interface(); !reflect.DeepEqual(v, want) {
			t.Errorf("%s: %v, the reference's is %v", field, v, want)
		}
	}
	if cfg.ClientFiles != nil {
		t.Error("the client is served by default, which the reference can do since it brings it along")
	}
	if e := cfg.engine(); e.Path != cfg.Path || e.InitialPacket != "" {
		t.Errorf("the engine's: %+v", e)
	}
}
