package engine_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
)

func TestJSONP(t *testing.T) {
	for _, c := range []struct{ query, head, payload string }{
		{polling3 + "&j=0", "___eio[0](", "4:4a😀"},
		{polling + "&j=17", "___eio[17](", "4a😀"},
		{polling3 + "&j=1%5D%3Balert(1)%2F%2F2", "___eio[112](", "4:4a😀"},
		{polling3 + "&j=", "___eio[](", "4:4a😀"},
	} {
		client := serve(t, golden3()).connectOld(c.query)
		client.onMessage = func(m message) { _ = client.session.SendText(string(m)) }
		posted := client.post("d="+url.QueryEscape(c.payload), "Content-Type", "application/x-www-form-urlencoded")
		wantStatus(t, c.query, posted, 200, "ok")
		reply := do(client.host.Server, "GET", client.query, "")
		wantStatus(t, c.query, reply, 200, c.head+`"`+c.payload+`");`)
		for key, want := range map[string]string{"Content-Type": "text/plain; charset=UTF-8", "Cache-Control": "no-store", "X-Content-Type-Options": ""} {
			wantBody(t, key, reply.Header.Get(key), want)
		}
		wantMessages(t, c.query, client.got(), "a😀")
	}
}

// Without AllowEIO3 the parameter means nothing, as before.
func TestJSONPIsOffByDefault(t *testing.T) {
	reply := do(serve(t, golden()).Server, "GET", polling+"&j=0", "")
	if !strings.HasPrefix(string(reply.Body), "0{") {
		t.Errorf("%s", reply.Body)
	}
}

// What the script hands to its function is the payload, and it is nothing else than
// a string on one line.
func TestJSONPEscapes(t *testing.T) {
	for _, text := range []string{"\u2028\u2029", `"\` + "\n\r\t\x00\x7f", "</script><!--", "é😀", `");alert(1);("`} {
		c := serve(t, golden3()).connectOld(polling + "&j=0")
		_ = c.session.SendText(text)
		script := c.poll()
		literal := strings.TrimSuffix(strings.TrimPrefix(script, "___eio[0]("), ");")
		var got string
		if err := json.Unmarshal([]byte(literal), &got); err != nil || got != "4"+text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if strings.ContainsAny(script, "\n\r\u2028\u2029<>") {
			t.Errorf("%q: %q", text, script)
		}
	}
	c := serve(t, golden3()).connectOld(polling3 + "&j=0") // no b64: binary is text all the same
	_ = c.session.SendBinary([]byte{1, 2, 3})
	wantBody(t, "binary", c.poll(), `___eio[0]("6:b4AQID");`)
}

func TestJSONPBodies(t *testing.T) {
	for _, c := range []struct {
		body     string
		messages []message
		ok       bool
	}{
		{"d=2%3A4a", []message{"a"}, true},
		{"d=2:4a", []message{"a"}, true},
		{"d=4:4a+b", []message{"a b"}, true},
		{"d=6:b4AQID2:4a", []message{binary("\x01\x02\x03"), "a"}, true},
		{`d=4:4a\nb`, []message{"a\nb"}, true},
		{`d=5:4a\\nb`, []message{`a\nb`}, true},
		{`d=6:4a\\\nb`, []message{`a\\nb`}, true},
		{"x=1&d=2:4a&y=2", []message{"a"}, true},
		{"", nil, false},
		{"2:4a", nil, false},
		{"x=2:4a", nil, false},
		{"d=", nil, false},
		{"d=2:4a&d=2:4b", nil, false},
		{"d=%zz", nil, false},
		{"d=99999999999:4", nil, false},
		{"d=2:4%ff", nil, false},
	} {
		client := serve(t, golden3()).connectOld(polling3 + "&j=0")
		reply, reason := client.post(c.body), ""
		if status := reply.Status; (status == 200) != c.ok {
			t.Errorf("%s: %d", c.body, status)
		}
		if !c.ok {
			reason = "parse error"
		}
		wantBody(t, c.body, client.reason(), reason)
		wantMessages(t, c.body, client.got(), c.messages...)
	}
}

func TestEndsOfJSONP(t *testing.T) {
	for query, form := range map[string]string{polling3 + "&j=0": "1:", polling + "&j=0": ""} {
		synctest.Test(t, func(t *testing.T) {
			h := serve(t, golden3())
			c := h.connectOld(query)
			polled := make(chan string)
			poll := func() { polled <- c.poll() }
			go poll()
			synctest.Wait()
			wantStatus(t, query, c.post("d="+form+"1"), 200, "ok")
			wantBody(t, query+": the poll that was overtaken", <-polled, `___eio[0]("`+form+`6");`)
			wantBody(t, query, c.reason(), "transport close")

			c = h.connectOld(query)
			go poll()
			synctest.Wait()
			c.session.Close()
			wantBody(t, query+": the server closes", <-polled, `___eio[0]("`+form+`1");`)
			synctest.Wait()
			wantBody(t, query, c.reason(), "forced close")
		})
	}
}

// A page of another site must not read a visitor's session by a script element.
func TestScriptsOfOtherPages(t *testing.T) {
	for _, c := range []struct {
		allowed string
		headers []string
		ok      bool
	}{
		{"", nil, true}, // no browser
		{"", []string{"Sec-Fetch-Site", "same-origin"}, true},
		{"", []string{"Sec-Fetch-Site", "none"}, true},
		{"", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"", []string{"Sec-Fetch-Site", "same-site"}, false},
		{"", []string{"Sec-Fetch-Site", "cross-site", "Referer", "https://evil.example/a?b"}, false},
		{"", []string{"Referer", "https://evil.example/"}, false},
		{"", []string{"Referer", "nonsense"}, false},
		{"", []string{"Referer", "https://kawat.example/page"}, true},
		{"https://app.example", []string{"Referer", "https://app.example/x"}, true},
		{"https://app.example", []string{"Sec-Fetch-Site", "cross-site", "Referer", "https://app.example/"}, true},
		{"https://app.example", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"https://app.example", []string{"Referer", "http://app.example/"}, false},
		{"*", []string{"Sec-Fetch-Site", "cross-site"}, true},
		{"", []string{"Origin", "https://evil.example"}, false},
		{"", []string{"Origin", "https://kawat.example", "Referer", "https://evil.example/"}, true}, // Origin cannot be forged
	} {
		cfg := golden3()
		if c.allowed != "" {
			cfg.AllowedOrigins = []string{c.allowed}
		}
		srv := newServer(t, cfg)
		for _, query := range []string{polling3 + "&j=0", polling + "&j=0"} {
			reply := do(srv, "GET", query, "", c.headers...)
			if (reply.Status == 200) != c.ok || !c.ok && reply.Status != 403 {
				t.Errorf("allowed %q, %q: %d", c.allowed, c.headers, reply.Status)
			}
		}
		// A poll that is no script cannot be read across origins anyway.
		if reply := do(srv, "GET", polling, "", "Sec-Fetch-Site", "cross-site"); reply.Status != 200 {
			t.Errorf("without j: %d", reply.Status)
		}
	}
}

func TestOldBrowsersFilterIsTold(t *testing.T) {
	srv := newServer(t, golden3())
	for agent, want := range map[string]string{"Mozilla/4.0 (compatible;MSIE 8.0)": "0", "x Trident/7.0": "0", "Mozilla/5.0": ""} {
		reply := do(srv, "GET", polling3+"&j=0", "", "User-Agent", agent)
		wantBody(t, agent, reply.Header.Get("X-XSS-Protection"), want)
	}
}

func TestLongScriptsAreCompressed(t *testing.T) {
	cfg := golden3()
	cfg.MaxPayload = 10_000
	c := serve(t, cfg).connectOld(polling3 + "&j=0")
	_ = c.session.SendText(strings.Repeat("x", 5000))
	reply := do(c.host.Server, "GET", c.query, "", "Accept-Encoding", "gzip")
	if reply.Header.Get("Content-Encoding") != "gzip" || len(reply.Body) > 1000 {
		t.Errorf("%v, %d bytes", reply.Header, len(reply.Body))
	}
}
