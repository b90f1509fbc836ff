package nats

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// A node knows the digest of what is open, of its own and of others', whatever has been
// opened and shut, and in whatever way it was told.
func TestDigest(t *testing.T) {
	a, b := quiet(t), quiet(t)
	b.id = "00000000000000bb"
	a.kawat[b.id] = &kin{names: make(map[string]bool)}
	k := a.kawat[b.id]
	random := rand.New(rand.NewPCG(1, 2)) // the same each time
	for range 2000 {
		name := fmt.Sprint("/", random.IntN(50))
		switch random.IntN(5) {
		case 0, 1:
			b.Open(name)
			a.opened(k, b.id, name)
		case 2:
			b.Shut(name)
			a.shut(k, b.id, name)
		case 3: // is lost on the way
			b.Open(name)
			b.Shut(fmt.Sprint("/", random.IntN(50)))
		default: // until all of it is told
			st := state{V: stateVersion, UID: b.id, Part: 1, Parts: 1}
			b.names(func(name string) bool { st.Names = append(st.Names, name); return true })
			data, err := json.Marshal(st)
			if err != nil {
				t.Fatal(err)
			}
			a.stated(data)
			if len(k.names) != len(b.spaces) || k.digest != b.digest {
				t.Fatalf("%d and %d, %s and %s", len(k.names), len(b.spaces), k.digest, b.digest)
			}
		}
		for n, own := range map[*digest]func(func(string) bool){
			&b.digest: b.names,
			&k.digest: func(yield func(string) bool) {
				for name := range k.names {
					yield(name)
				}
			},
		} {
			var want digest
			own(func(name string) bool { want.add(name); return true })
			if *n != want {
				t.Fatalf("%s is not %s", n, want)
			}
		}
	}
}

// What is said of very many namespaces is said with a lock held, for which Publish
// waits.
func BenchmarkSay(b *testing.B) {
	n := quiet(b)
	for i := range 100_000 {
		n.spaces[fmt.Sprint(i)] = &space{name: fmt.Sprint("/", i)}
		n.digest.add(fmt.Sprint("/", i))
	}
	for b.Loop() {
		n.say(state{})
	}
}
