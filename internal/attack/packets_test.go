package attack

import (
	"strings"
	"testing"
	"time"
)

func TestPackets(t *testing.T) { table(t, packetRows) }

// ph is the text that stands for an attachment.
const ph = `{"_placeholder":true,"num":0}`

var packetRows = []row{
	{name: "before CONNECT", cites: "S1", in: fresh, steps: []step{each(
		`42["echo",1]`, `421["echo",1]`, `430[1]`, "41", "42", "43", "bAQID", "451-[\"echo\","+ph+"]\x1ebAQID", "44{}",
	)}},
	{name: "before CONNECT of another namespace", cites: "S1", in: joined, steps: []step{each(
		`42/chat,["echo",1]`, `43/chat,0[1]`, "41/chat,", "451-/chat,[\"echo\","+ph+"]\x1ebAQID", `42/never,["echo",1]`,
	)}},
	{name: "no CONNECT", cites: "S1 L12", in: fresh, on: "brisk", steps: []step{notBefore(time.Second, ends())}},
	{name: "other namespaces but no answer", cites: "S1 L12", in: fresh, on: "brisk", steps: []step{
		says("40/nope,"), hears("44/nope,"), notBefore(time.Second, ends()),
	}},

	{name: "CONNECT twice while middleware is slow", cites: "S2", in: sessions, steps: []step{
		says("40/slow,", "40/slow,"), hears(`^40/slow,\{"sid":"[^"]+"\}$`), lives(),
		says(`42/slow,1["echo",1]`), hears(`^43/slow,1\[1\]$`),
	}},
	{name: "event behind CONNECT while middleware is slow", cites: "S2 S1", in: sessions, steps: []step{
		says("40/slow,", `42/slow,["echo",1]`), ends(),
	}},
	{name: "CONNECT of who has joined", cites: "S2", in: joined, steps: []step{each("40", "40{}", `40{"sid":"x"}`, "40/,")}},
	{name: "CONNECT twice of another namespace", cites: "S2", in: sessions, steps: []step{
		says("40/chat,"), hears("^40/chat,"), says("40/chat,"), ends(),
	}},

	{name: "packets that clients do not send", cites: "S3 GHSA-25hc-qcg6-38wj CVE-2024-38355", in: sessions, steps: []step{each(
		"40[]", `40"x"`, "40{", "40{}x", "40{}{}", "40null", "44{}", `44{"message":"x"}`, "44", "41{}", "41[]", `41"x"`,
		"49", "47", "4", "4a", "4 2", "4-1", "4\x00", "442", "4{}", "4\u00e9",
	)}},
	{name: "unknown and closed namespaces", cites: "S3", in: sessions, steps: []step{
		says("40/nope,"), hears(`^44/nope,\{"message":"Invalid namespace"\}$`),
		says("40/closed,{}"), hears(`^44/closed,\{"message":"not allowed"\}$`),
		says("40/nope"), hears("^44/nope,"), says("40/__proto__,"), hears(`^44/__proto__,\{"message":"Invalid namespace"\}$`), says("40/constructor,"), hears("^44/constructor,"),
		lives(),
	}},
	{name: "packets that mean nothing", cites: "S3 S10", in: joined, steps: []step{
		says("42", "43", "43[]", `42["none"]`, `42[1,2]`, `42[-1.5]`, `42[ "none" ] `), lives(),
	}},

	{name: "strange names", cites: "S4", in: sessions, steps: []step{
		says("40/no\x00pe\r\nX: y,"), hears("^44/no\x00pe\r\nX: y,"), says("40/nope?x=1,"), hears(`^44/nope\?x=1,`),
		says("40/" + strings.Repeat("n", 511) + ","), hears(`nnnn,{"message":"Invalid namespace"}`), lives(),
	}},
	{name: "long names", cites: "S4 L7", in: sessions, steps: []step{each(
		"40/"+strings.Repeat("n", 512)+",", "40/"+strings.Repeat("n", 900_000)+",", "40/"+strings.Repeat("n", 900_000),
		"42/"+strings.Repeat("n", 900_000)+`,["echo"]`,
	)}},

	{name: "reserved names", cites: "S6", in: joined, steps: []step{each(
		`42["connect"]`, `42["disconnect"]`, `42["disconnecting"]`, `42["connect_error"]`, `42["newListener"]`, `42["removeListener"]`,
		`421["disconnect","transport close"]`, `42["\u0063onnect"]`, "451-[\"disconnecting\","+ph+"]\x1ebAQID",
	)}},
	{name: "names that are none of ours", cites: "S6", in: joined, steps: []step{
		says(`42["connection"]`, `42["error"]`, `42["__proto__"]`, `42["constructor"]`, `42["toString",{"toString":1}]`, `42[""]`,
			`42["connect "]`, `42["Disconnect"]`),
		lives(),
	}},
	{name: "names that are no names", cites: "S6 GHSA-cqmj-92xf-r6r9 CVE-2023-32695 CVE-2023-30591", in: joined, steps: []step{each(
		`42[]`, `42[null]`, `42[true]`, `42[{"toString":"foo"}]`, `42[["echo"]]`, `421[{}]`, `42{}`, `42"echo"`, `42echo`, `42{"0":"echo"}`,
	)}},

	{name: "bad JSON", cites: "S7", in: joined, steps: []step{each(
		`42["echo",2]xyz`, `42["echo",2]["echo",3]`, `42["echo",`, `42["echo",2`, `42["echo"`, `42[`, `42["echo",NaN]`,
		`42["echo",Infinity]`, `42["echo",-]`, `42["echo",01]`, `42["echo",.5]`, `42["echo",1.]`, `42["echo",'a']`,
		`42["echo",undefined]`, `42["echo",{a:1}]`, `42["echo",{"a"}]`, `42["echo",{"a":1,}]`, `42["echo",[1,]]`, `42["echo",]`,
		`42["echo",tru]`, `42["echo","\x01"]`, "42[\"echo\",\"\x01\"]", `42["echo","\u12"]`, `42["echo",[}]`, "42\ufeff[\"echo\"]",
		`42["echo",0x10]`, `42["echo",1e]`, `42["echo"]]`, `42["echo",/**/1]`, `431[1`, `431{}`, `431"x"`,
	)}},
	{name: "strange JSON", cites: "S7 S9", in: joined, steps: []step{
		says(`421["echo",1e400]`), hears(`^431\[\{"error":\{"message":"invalid arguments"`),
		says(`42["echo",-1e400]`, `421["raw",1e400]`), hears(`^431\[1e400\]$`),
		says(`421["echo",{"a":1,"a":2}]`), hears("invalid arguments"),
		says(`421["echo",{"__proto__":{"x":1},"constructor":null}]`), hears(`"__proto__":{"x":1}`),
		says(`421["echo","\ud83d"]`), hears("^431\\[\"\ufffd\"\\]$"), says(`421["echo","\u0000"]`), hears(`^431\["\\u0000"\]$`),
		says("421 [ \"echo\" ,\t1\r\n] "), hears(`^431\[1\]$`), lives(),
	}},
	{name: "large numbers", cites: "S9", in: joined, steps: []step{
		says(`421["number",9007199254740993]`), hears(`^431\[9007199254740993\]$`),
		says(`421["number",-9223372036854775808]`), hears(`^431\[-9223372036854775808\]$`),
		says(`421["number",9223372036854775808]`), hears("invalid arguments"), says(`421["number",1.5]`), hears("invalid arguments"),
		says(`421["raw",9007199254740993,123456789012345678901234567890]`), hears(`^431\[9007199254740993,123456789012345678901234567890\]$`),
		lives(),
	}},

	{name: "ids of acks", cites: "S10 L7", in: joined, steps: []step{
		says(`429007199254740991["echo",1]`), hears(`^439007199254740991\[1\]$`),
		says(`42007["echo",1]`), hears(`^437\[1\]$`), // as JavaScript reads it
		says(`43999["x"]`, `439007199254740991[]`, `430`), lives(),
		each(`429007199254740992["echo",1]`, `4218446744073709551616["echo",1]`, `42`+strings.Repeat("9", 900_000)+`["echo",1]`,
			`439007199254740992[1]`, `43`+strings.Repeat("9", 900_000)+`[]`, `4299999999999999999999`, "451-9007199254740992[\"echo\","+ph+"]"),
	}},
	{name: "an ack twice", cites: "S10", in: joined, steps: []step{quiz(func(a *attacker, id string) []step {
		return []step{says("43"+id+`["one"]`, "43"+id+`["two"]`), hears(`^42\["graded","one"\]$`), says("43" + id + `["three"]`), lives()}
	})}},
	{name: "an ack of another socket", cites: "S10", in: joined, steps: []step{quiz(func(a *attacker, id string) []step {
		return []step{besides(connectedWS, says("43"+id+`["stolen"]`), lives()),
			says("43" + id + `["mine"]`), hears(`^42\["graded","mine"\]$`)}
	})}},
	{name: "an ack that is no answer", cites: "S10", in: joined, steps: []step{quiz(func(a *attacker, id string) []step {
		return []step{says("43" + id + `[{"not":"a text"}]`), hears(`^42\["ungraded",".*`), says("43" + id + `["late"]`), lives()}
	})}},
	{name: "handlers that ack strangely", cites: "S11", in: joined, steps: []step{
		says(`421["acktwice"]`), hears(`^431\["first"\]$`), hears(`^42\["again","socketio: event already acknowledged"\]$`),
		says(`421["acknever"]`), lives(), says(`421["acklate"]`), hears("^41$"), says("40"), hears(`^40\{"sid":`), lives(),
	}},

	{name: "attachments out of order", cites: "S13", in: joined, steps: []step{each(
		"451-[\"echo\","+ph+"]\x1e42[\"echo\",1]", "bAQID", "451-/chat,[\"echo\","+ph+"]\x1ebAQID", "451-[\"echo\","+ph+"]\x1e41",
		"451-[\"echo\","+ph+"]\x1e40/chat,", "451-[\"echo\","+ph+"]\x1e451-[\"echo\","+ph+"]\x1ebAQID", "452-[\"echo\","+ph+"]\x1ebAQID\x1e43",
		"461-0["+ph+"]\x1e430[]",
	)}},
	{name: "an attachment too many", cites: "S13", in: joined, steps: []step{
		says("451-1[\"echo\","+ph+"]", "bAQID", "bAQID"), kicked(),
	}},
	{name: "attachments as they should be", cites: "S13 L6", in: joined, steps: []step{
		says("451-1[\"echo\","+ph+"]", "bAQID"), hears(`^461-1\[\{"_placeholder":true,"num":0\}\]$`), hears("^bAQID$"),
		says(`4510-1["count"]`, "bAQID", "b", "b", "b", "b", "b", "b", "b", "b", "b"), hears(`^431\[0\]$`), lives(),
	}},
	{name: "attachments that do not come", cites: "S13 L6 GHSA-5w7q-77mv-v69f CVE-2026-48804", in: joined, on: "attachments", steps: []step{
		says(`452-["echo",`+ph+`]`, "bAQID"), notBefore(300*time.Millisecond, ends()),
	}},
	{name: "attachments that do not come, and the end", cites: "S13", in: joined, steps: []step{
		says(`4510-["echo",`+ph+`]`, "b"+strings.Repeat("AAAA", 30_000)), where([]state{connectedWS}, on("ws"), rst()),
	}},

	{name: "placeholders that mean nothing", cites: "S14 GHSA-qm95-pgcg-qqfq CVE-2022-2421", in: joined, steps: []step{each(
		`451-["echo",{"_placeholder":true,"num":"splice"}]`, `451-["echo",{"_placeholder":true,"num":1}]`,
		`451-["echo",{"_placeholder":true,"num":-1}]`, `451-["echo",{"_placeholder":true,"num":0.5}]`,
		`451-["echo",{"_placeholder":true,"num":"toString"}]`, `451-["echo",{"_placeholder":true,"num":{}}]`,
		`451-["echo",{"_placeholder":true}]`, `451-["echo",{"_placeholder":true,"num":1e999}]`, `461-1[{"_placeholder":true,"num":"length"}]`,
		`451-["echo",{"\u005fplaceholder":true,"num":7}]`,
	)}},
	{name: "placeholders twice", cites: "S14", in: joined, steps: []step{each(
		`451-["echo",`+ph+`,`+ph+`]`, `451-["echo",{"num":0,"_placeholder":true},`+ph+`]`,
		`451-["echo",[`+strings.Repeat(ph+",", 30_000)+`1]]`,
	)}},

	{name: "counts of attachments", cites: "S15", in: joined, steps: []step{each(
		`451e3-["echo"]`, `450x1-["echo"]`, `45+1-["echo"]`, `45 1-["echo"]`, `4501-["echo"]`, `45-1-["echo"]`, `451.0-["echo"]`, `45-["echo"]`,
		`45["echo"]`, `451["echo"]`, `451`, `45`, `451-`, `46`, `46-1["x"]`, `4601-0[]`, `451,-["echo"]`, `45٣-["echo"]`,
	)}},
	{name: "no attachments", cites: "S15 GHSA-2m8v-j782-fhvr CVE-2026-69185", in: joined, steps: []step{each(
		`450-["echo",1]`, `460-0[1]`, `450-["echo",`+ph+`]`, `4500-["echo"]`,
	)}},
	{name: "too many attachments", cites: "S15 L6 GHSA-677m-j7p3-52f9 CVE-2026-33151", in: joined, steps: []step{each(
		`4511-["echo",`+ph+`]`, `45999999999-["echo"]`, `461000-0[]`, `4518446744073709551617-["echo"]`, `45`+strings.Repeat("1", 900_000)+`-["echo"]`,
	)}},
}
