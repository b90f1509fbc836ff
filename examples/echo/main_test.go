package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/examples/internal/smoke"
)

func TestOrders(t *testing.T) {
	url := smoke.Serve(t, serve)
	ani := smoke.Connect(t, url+"/api/socket.io", bearer("ani-token"))
	budi := smoke.Connect(t, url+"/api/socket.io", bearer("budi-token"))

	// An answer also says that the client hears of orders from now on.
	if got := ani.Call("0", "whoami", `null`); got != `[{"name":"Ani"}]` {
		t.Error("whoami:", got)
	}
	if got := budi.Call("0", "whoami", `null`); got != `[{"name":"Budi"}]` {
		t.Error("whoami:", got)
	}
	if got := ani.Call("1", "order", `{"item":"a lamp"}`); got != `[{"id":1,"item":"a lamp","by":"Ani"}]` {
		t.Error("order:", got)
	}
	if got := budi.Next("42"); got != `42["orderMade",{"id":1,"item":"a lamp","by":"Ani"}]` {
		t.Error("Budi heard", got)
	}

	made := post(t, url, "budi-token", http.StatusCreated)
	if made != `{"id":2,"item":"a chair","by":"Budi"}` {
		t.Error("REST made", made)
	}
	for _, c := range []*smoke.Client{ani, budi} {
		if got := c.Next("42"); got != `42["orderMade",`+made+`]` {
			t.Error("heard", got)
		}
	}
}

func TestStrangersStayOutside(t *testing.T) {
	url := smoke.Serve(t, serve)
	post(t, url, "nobody's-token", http.StatusUnauthorized)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/socket.io/?EIO=4&transport=polling", nil)
	if err != nil {
		t.Fatal(err)
	}
	smoke.Do(t, req, http.StatusUnauthorized)
}

func TestTheEnd(t *testing.T) { smoke.EndsInOrder(t, "/api/socket.io", bearer("ani-token")) }

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func post(t *testing.T, url, token string, status int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/orders", strings.NewReader(`{"item":"a chair"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = bearer(token)
	req.Header.Set("Content-Type", "application/json")
	return strings.TrimSpace(smoke.Do(t, req, status))
}
