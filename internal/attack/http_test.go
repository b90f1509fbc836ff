package attack

import "testing"

func TestHTTP(t *testing.T) { table(t, httpRows) }

var httpRows = []row{
	{name: "no revision", cites: "H1", steps: []step{
		send(get("/socket.io/?transport=polling")), answer(400, `"code":5`),
	}, in: nowhere},
	{name: "unknown sid", cites: "H4", steps: []step{
		on("b"), send(get(pollPath + "&sid=AAAAAAAAAAAAAAAAAAAA")), answer(400, `{"code":1,"message":"Session ID unknown"}`),
		send(post(pollPath+"&sid=AAAAAAAAAAAAAAAAAAAA", "40")), answer(400, `{"code":1,`),
		where(sessions, lives()),
	}},
}
