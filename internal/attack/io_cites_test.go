package attack

import (
	"strings"
	"testing"
)

// ioCites are what the rows about Socket.IO are there for.
var ioCites = map[string]string{
	"S1": "no CONNECT, and what comes before it", "S2": "CONNECT twice", "S3": "packets that clients do not send",
	"S4": "many, long and strange namespaces", "S5": "namespaces made on demand", "S6": "reserved names",
	"S7": "bad JSON", "S8": "deep and large values", "S9": "large numbers", "S10": "ids of acks",
	"S11": "handlers that ack strangely", "S12": "acks that nobody answers", "S13": "attachments out of order",
	"S14": "placeholders", "S15": "counts of attachments", "S16": "floods of events", "S17": "many rooms",
	"S18": "rooms that clients name",

	"L1": "the size of a message", "L2": "a declared length over the limit", "L3": "the time for a body",
	"L4": "the time to take what is written", "L5": "fragments, and the time for a message", "L6": "attachments",
	"L7": "nesting, arguments, names, ids", "L8": "namespaces of a connection, and refusals", "L9": "what waits for a client",
	"L10": "what waits for handlers", "L11": "acks that are owed", "L12": "the time to join", "L13": "the time to upgrade",
	"L14": "sessions", "L15": "what recovery remembers",

	"C1": "handlers that fail", "C2": "middleware that fails", "C3": "OnConnection that fails", "C4": "event middleware that fails",
	"C5": "endings that fail", "C6": "functions that call back in", "C7": "handlers that never return",
	"C8": "disconnects amid events", "C9": "binary from many at once",

	"R1": "guessed private ids, and where they are told", "R2": "the private id of another user", "R3": "bad offsets",
	"R4": "replays over and over", "R5": "takeovers over and over", "R6": "a takeover and both its connections",
	"R7": "strangers who take the places",

	"GHSA-xfhh-g9f5-x4m4": "CVE-2020-36049, socket.io-parser: memory by a packet that is pieced together",
	"GHSA-qm95-pgcg-qqfq": "CVE-2022-2421, socket.io-parser: placeholders that are no numbers",
	"GHSA-cqmj-92xf-r6r9": "CVE-2023-32695, socket.io-parser: names of events that are objects",
	"GHSA-25hc-qcg6-38wj": "CVE-2024-38355, socket.io: an error that nobody handles",
	"GHSA-677m-j7p3-52f9": "CVE-2026-33151, socket.io-parser: any number of attachments",
	"GHSA-2m8v-j782-fhvr": "CVE-2026-69185, socket.io-parser: a packet with no attachments that waits for some",
	"GHSA-5w7q-77mv-v69f": "CVE-2026-48804, python-socketio: attachments that do not come",
	"GHSA-qv2v-m59f-v5fw": "CVE-2017-16031, socket.io: ids that can be guessed",
	"CVE-2023-30591":      "NodeBB: names of events that are arrays or objects",
}

// Advisories that no row can be about, and why.
//
//	GHSA-g8c6-8fjj-2r4m, CVE-2025-61765, python-socketio: messages between servers are
//	unpickled. There are none here but those of a backplane, which are text.
//	GHSA-fxwf-4rqh-v8g3, CVE-2020-28481, socket.io: every origin is allowed. See the rows
//	about origins.

func TestIOCites(t *testing.T) {
	cited := make(map[string]bool)
	for _, r := range tables() {
		for _, cite := range strings.Fields(r.cites) {
			cited[cite] = true
		}
	}
	for cite, what := range ioCites {
		if !cited[cite] {
			t.Errorf("no row cites %s: %s", cite, what)
		}
		if i := strings.Index(what, "CVE-"); i == 0 && strings.HasPrefix(cite, "GHSA-") && !cited[strings.TrimSuffix(strings.Fields(what)[0], ",")] {
			t.Errorf("no row cites %s, which is %s", what, cite)
		}
	}
}
