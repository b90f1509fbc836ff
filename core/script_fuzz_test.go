package socketio_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
)

// Whatever clients, the program and time do, in whatever order: what scriptWorld
// holds is true.
func FuzzScript(f *testing.F) {
	for _, seed := range scriptSeeds() {
		f.Add(seed.script)
	}
	f.Fuzz(func(t *testing.T, bytes []byte) { runScript(t, bytes) })
}

func runScript(t *testing.T, bytes []byte) (happened happenings) {
	synctest.Test(t, func(t *testing.T) { happened = (&script{bytes: bytes}).run(t) })
	return happened
}

// The seeds bring about what they are for.
func TestScriptSeeds(t *testing.T) {
	for _, seed := range scriptSeeds() {
		t.Run(seed.name, func(t *testing.T) {
			if happened := runScript(t, seed.script); !seed.want(happened) {
				t.Errorf("%+v", happened)
			}
		})
	}
}

// TestScriptsAtRandom is what FuzzScript does, for everybody.
func TestScriptsAtRandom(t *testing.T) {
	scripts := 600
	if testing.Short() {
		scripts = 50
	}
	var all happenings
	for seed := range scripts {
		script := randomScript(rand.New(rand.NewPCG(uint64(seed), 7)))
		all.add(runScript(t, script))
		if t.Failed() {
			t.Fatalf("seed %d: %q", seed, script)
		}
	}
	if some := (happenings{1, 1, 1, 1, 1, 1, 1}); all.least(some) != some && !testing.Short() {
		t.Errorf("not all has happened: %+v", all)
	}
	t.Logf("%+v", all)
}

// randomScript makes a script in which more happens than in mere noise: clients open
// connections that work, and say what can be understood.
func randomScript(r *rand.Rand) []byte {
	b := []byte{byte(r.Uint32())}
	for range 20 + r.IntN(20) {
		if r.IntN(3) == 0 {
			b = append(b, phrases[r.IntN(len(phrases))](byte(r.Uint32())&3, byte(r.Uint32()))...)
			continue
		}
		step := likely[r.IntN(len(likely))]
		if step == stepKinds { // any
			step = byte(r.IntN(stepKinds))
		}
		b = append(b, step, byte(r.Uint32()))
		switch step {
		case stepOpen:
			b = append(b, byte(r.Uint32())|byte(isPolite)&-byte(r.IntN(2)))
		case stepJoin:
			b = append(b, byte(r.Uint32())&[]byte{0, 8, 16, 24, 255}[r.IntN(5)])
		case stepSend, stepPost, stepPostInPart, stepCandidate:
			n := byte(r.IntN(4))
			b = append(b, n)
			for range n + 1 {
				b = append(b, byte(r.IntN(anyPacket)))
			}
		case stepEmit, stepAsk, stepKick, stepRooms:
			b = append(b, byte(r.Uint32()))
		}
	}
	return b
}

var likely = []byte{
	stepJoin, stepJoin, stepSend, stepSend, stepSend, stepSend, stepPoll, stepTick, stepTick, stepEmit, stepProbe, stepUpgrade, stepResume,
	stepKinds, stepKinds, stepKinds,
}

// phrases are steps that make sense together.
var phrases = []func(who, how byte) []byte{
	func(who, how byte) []byte { return []byte{stepOpen, who, how | byte(isPolite), stepJoin, who, 0} },
	func(who, how byte) []byte {
		return []byte{stepProbe, who, stepEmit, 0, how, stepUpgrade, who, stepTick, 3}
	},
	func(who, how byte) []byte {
		return []byte{stepCut, who, stepEmit, 0, how, stepOpen, who, how | byte(isPolite), stepJoin, who, 16}
	},
	func(who, _ byte) []byte {
		return []byte{stepStall, who, stepEmit, 0, 0xff, stepEmit, 0, 0xff, stepEmit, 0, 0xff}
	},
	func(who, how byte) []byte {
		return append([]byte{stepAsk, 0, how | 4}, say(stepSend, who, `430["yes"]`, `431[]`, `432[]`, `433[]`)...)
	},
}

// A scriptSeed is a script that fuzzing begins with.
type scriptSeed struct {
	name   string
	script []byte
	want   func(happenings) bool
}

func scriptSeeds() []scriptSeed {
	tick := func(d int) []byte { return []byte{stepTick, byte(d)} }
	open := func(who byte, f flavour) []byte { return []byte{stepOpen, who, byte(f)} }
	by := func(who byte, steps ...byte) (b []byte) {
		for _, s := range steps {
			b = append(b, s, who)
		}
		return b
	}
	join := func(who byte, how byte) []byte { return []byte{stepJoin, who, how} } // the main namespace
	emit := func(how byte) []byte { return []byte{stepEmit, 0, how} }
	const (
		toAll    = 0x2e // 8 of a few bytes
		toAllBig = 0xff // 8 of 980 bytes
		recovers = 16
	)
	return []scriptSeed{
		{"upgrade", slices.Concat([]byte{0}, open(0, isPolite), join(0, 0), tick(1), emit(toAll), by(0, stepProbe), emit(toAll),
			by(0, stepUpgrade), tick(3), emit(toAll), say(stepSend, 0, `420["echo","x"]`), tick(9)),
			func(t happenings) bool { return t.upgraded == 1 && t.numbers == 24 }},
		{"upgrade in the wrong order", slices.Concat([]byte{0}, open(0, 0), join(0, 0), by(0, stepProbe), say(stepCandidate, 0, "2probe"), by(0, stepProbe, stepPoll),
			emit(toAll), by(0, stepUpgrade, stepPoll), tick(6), by(0, stepPoll, stepPoll)),
			func(t happenings) bool { return t.sockets == 2 }},
		{"recovery", slices.Concat([]byte{withRecovery}, open(0, overWebSocket|isPolite), join(0, 0), tick(1), emit(toAll), by(0, stepCut), emit(toAll),
			open(0, isPolite), join(0, recovers), tick(1), emit(toAll), by(0, stepStall), emit(toAll), open(0, overWebSocket|isPolite|2*pipeKind), join(0, recovers), tick(1)),
			func(t happenings) bool { return t.recovered == 2 && t.numbers == 32 }},
		{"recovery from an offset of its own", slices.Concat([]byte{withRecovery}, open(0, overWebSocket|isPolite), join(0, 0), tick(1), emit(toAll), by(0, stepCut),
			open(0, isPolite), join(0, recovers|32|3<<6), by(0, stepCut), open(0, isPolite), join(0, recovers|32|2<<6)),
			func(t happenings) bool { return t.sockets == 4 && t.recovered == 1 && t.numbers == 16 }},
		{"binary", slices.Concat([]byte{withEIO3}, open(0, overWebSocket|isPolite), join(0, 0), open(1, isPolite|revision3), open(2, isPolite|revision3|asJSONP), tick(1),
			say(stepSend, 0, `451-["echo",{"_placeholder":true,"num":0}]`, "\x00bytes", `452-5["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, "\x00", "\x00bytes"),
			say(stepSend, 1, "2", `451-["echo",{"_placeholder":true,"num":0}]`, "\x00bytes"), emit(toAll), tick(8)),
			func(t happenings) bool { return t.sockets == 4 && t.numbers == 24 }},
		{"a polling client is closed", slices.Concat([]byte{withPollingWitness}, open(0, isPolite), join(0, 0), say(stepPost, 0, "1"), open(0, 0), join(0, 0), by(0, stepPoll),
			say(stepSend, 0, `42["quit"]`), by(0, stepPoll), open(1, isPolite), join(1, 0), say(stepPostInPart, 1, `42["echo"]`), tick(9)),
			func(t happenings) bool { return t.sockets == 4 }},
		{"a slow consumer", slices.Concat([]byte{withRecovery}, open(0, overWebSocket|isPolite|pipeKind), join(0, 0), tick(1), by(0, stepStall),
			emit(toAllBig), emit(toAllBig), emit(toAllBig), tick(2), open(1, 0), join(1, 0), emit(toAllBig), emit(toAllBig), emit(toAllBig)),
			func(t happenings) bool { return t.slow == 2 }},
		{"handlers that do as they like", slices.Concat([]byte{0}, open(0, overWebSocket|isPolite|2*pipeKind), join(0, 0), tick(1),
			say(stepSend, 0, `42["stuck"]`, `42["ask"]`, `42["exit"]`, `423["boom"]`, `42["sleep"]`, `42["wait"]`, `42["sleep"]`), by(0, stepRelease), tick(5), []byte{stepKick, 0, 4}),
			func(t happenings) bool { return t.panics == 2 }},
		{"acks", slices.Concat([]byte{withConcurrent}, open(0, overWebSocket|isPolite), join(0, 0), tick(1), []byte{stepAsk, 0, 8}, []byte{stepAsk, 0, 2},
			say(stepSend, 0, `430["yes"]`, `431[]`, `430["yes"]`, `432["yes"]`), tick(9)),
			func(t happenings) bool { return t.acks >= 1 }},
		{"namespaces of their own", slices.Concat([]byte{withCleanup | withRecovery}, open(0, overWebSocket|isPolite), []byte{stepJoin, 3 << 2, 8}, []byte{stepJoin, 4 << 2, 8},
			[]byte{stepJoin, 5 << 2, 0}, []byte{stepJoin, 6 << 2, 0}, tick(1), emit(toAll), say(stepSend, 0, "41/dyn-1,"), by(0, stepCut), tick(10)),
			func(t happenings) bool { return t.sockets == 4 }},
		{"shutdown", slices.Concat([]byte{withRecovery}, open(0, isPolite), join(0, 0), open(1, overWebSocket|isPolite), join(1, 0), tick(1),
			say(stepSend, 1, `42["stuck"]`), emit(toAll), []byte{stepShutdown, 0xc1 + 2*4}, open(2, overWebSocket)),
			func(t happenings) bool { return t.sockets == 3 && t.numbers == 16 }},
	}
}

// say makes the step in which a client sends packets.
func say(kind, who byte, packets ...string) []byte {
	b := []byte{kind, who, byte(len(packets) - 1)}
	for _, text := range packets {
		if i := slices.Index(scriptPackets, text); i >= 0 {
			b = append(b, byte(i))
		} else {
			b = append(append(b, anyPacket, byte(len(text))), text...)
		}
	}
	return b
}
