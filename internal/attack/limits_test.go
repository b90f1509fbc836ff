package attack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// catalogue is the bad input that a Socket.IO server on the open internet meets. Each
// of it must be cited by a row of a table, or have its test elsewhere.
var catalogue = map[string]string{
	"H1":  "no revision, an unknown one, one that is not served",
	"H2":  "transport missing, unknown, twice; websocket without upgrade",
	"H3":  "other methods, with and without a sid",
	"H4":  "sids that nobody was given, long, odd, twice; none is created",
	"H5":  "a WebSocket's sid on polling, polling after the upgrade",
	"H6":  "a million random sids",
	"H7":  "a second poll while one hangs",
	"H8":  "a poll broken off, then another",
	"H9":  "a second POST during the first",
	"H10": "POSTs broken off, with wrong lengths, in odd chunks",
	"H11": "slow POSTs, one and many",
	"H12": "foreign origins, with cookies, with a valid sid",
	"H13": "preflight requests",
	"H14": "control characters and line breaks in header fields and paths, and from the id generator; cookies",
	"H15": "compressed bodies",
	"H16": "bodies that are no payload",
	"H17": "JSONP",
	"H18": "payloads of revision 3",
	"H19": "requests in unusual forms; HTTP/2",
	"H20": "abandoned handshakes",
	"H21": "forwarding headers",
	"H22": "long queries, cookies and header fields",

	"U1":  "upgrade with messages in flight",
	"U2":  "upgrade without probe",
	"U3":  "anything but the probe, and then anything but the upgrade",
	"U4":  "probe, then silence",
	"U5":  "two WebSockets for one session",
	"U6":  "the WebSocket dies before and after the upgrade",
	"U7":  "the server closes meanwhile",
	"U8":  "several polls meanwhile",
	"U9":  "noops on the WebSocket, pings twice",
	"U10": "the time of a ping meanwhile",

	"F1": "unmasked", "F2": "RSV1 without deflate, and bad deflate", "F3": "RSV2, RSV3", "F4": "unknown opcodes",
	"F5": "lengths that are not minimal", "F6": "long control frames", "F7": "fragmented control frames",
	"F8": "continuation without a start", "F9": "message within a message", "F10": "close with one byte",
	"F11": "close codes", "F12": "bad UTF-8", "F13": "messages over the limit", "F14": "too many fragments",
	"F15": "empty frames", "F16": "half a frame, then silence", "F17": "reset in every state of the handshake",
	"F18": "bytes behind the upgrade request", "F19": "our close frame is not answered",

	"N1": "half-open in every state", "N2": "FIN and RST", "N3": "slices of one byte", "N4": "jitter", "N5": "stall and resume",
	"N6": "never reading", "N7": "never polling", "N8": "many of each", "N9": "clock jumps",
	"N10": "pings answered just in time, and just too late", "N11": "a ping times out during a large upload",

	"T1": "what is asked at another node than the session's is answered as there",
	"T2": "ids that were given to nobody: cut, changed, of other nodes, of nodes that have left, by the thousand",
	"T3": "polls, POSTs and moves to WebSocket at several nodes at once",
	"T4": "clients that flood, drop, do not read or are closed while other nodes carry them; more of them than may be",
	"T5": "what another node asks that says what it likes",
	"T6": "what another node answers that says what it likes",

	// Published advisories: see advisories_test.go.
	"CVE-2020-36048": "engine.io", "CVE-2022-21676": "engine.io", "CVE-2022-41940": "engine.io", "CVE-2023-31125": "engine.io",
	"CVE-2026-59725": "engine.io", "GHSA-gr94-w7qr-f4j3": "engine.io", "GHSA-2gc4-cqfq-p2gv": "engine.io",
	"CVE-2016-10518": "ws", "CVE-2016-10542": "ws", "GHSA-5v72-xg48-5rpm": "ws", "CVE-2021-32640": "ws", "CVE-2024-37890": "ws",
	"CVE-2026-48779": "ws", "CVE-2020-27813": "gorilla/websocket", "CVE-2019-13611": "python-engineio", "CVE-2026-48802": "python-engineio",
	"CVE-2026-21434": "webtransport-go", "CVE-2026-21438": "webtransport-go",
}

// elsewhere are tests of what cannot be sent to a server in another process: it takes a
// configuration of its own, TLS, or a clock that is not the machine's.
var elsewhere = map[string][]string{
	"H6":  {"core/engine/hooks_test.go TestTheUsualIDs"},
	"H14": {"core/engine/hooks_test.go TestGenerateID", "core/engine/hooks_test.go TestCookie", "core/engine/hooks_test.go TestHeaderHooks"},
	"H19": {"nethttp/http2_test.go TestHTTP2"},
	"T4":  {"core/internal/relay/limits_test.go TestBodiesStayHere"},
	"T6":  {"core/internal/relay/strange_test.go TestStrangeReplies", "core/internal/relay/fuzz_test.go FuzzTake"},
	"U1":  {"core/engine/upgrade_random_test.go TestNothingIsLostWhileAClientMoves"},
	"U7":  {"internal/attack/upgrade_test.go TestShutdownWhileUpgrading"},
	"N9":  {"core/engine/heartbeat_test.go TestPingTimeout"},
	"N10": {"core/engine/heartbeat_test.go TestPingTimeout"},
	"N11": {"core/engine/heartbeat_test.go TestAPingDoesNotTimeOutWhileTheReceiverIsBusy"},
}

func TestCatalogue(t *testing.T) {
	cited := make(map[string]bool)
	for _, r := range tables() {
		for _, id := range strings.Fields(r.cites) {
			cited[id] = true
			if catalogue[id] == "" && strings.Contains("HUFNT", id[:1]) {
				t.Errorf("row %q cites %s, which is not in the catalogue", r.name, id)
			}
		}
	}
	for id, tests := range elsewhere {
		cited[id] = true
		for _, test := range tests {
			path, name, _ := strings.Cut(test, " ")
			source, err := os.ReadFile(filepath.Join("../..", path))
			if err != nil || !strings.Contains(string(source), "func "+name+"(") {
				t.Errorf("%s: there is no %s: %v", id, test, err)
			}
		}
	}
	for id, what := range catalogue {
		if !cited[id] {
			t.Errorf("no row is about %s: %s", id, what)
		}
	}
}
