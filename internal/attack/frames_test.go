package attack

import "testing"

func TestFrames(t *testing.T) { table(t, frameRows) }

var frameRows = []row{
	{name: "unmasked", cites: "F1", in: webSockets, steps: []step{
		violates(1002, frame{op: opText, payload: "2", unmasked: true}.bytes()),
	}},
}
