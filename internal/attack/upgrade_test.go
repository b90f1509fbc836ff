package attack

import "testing"

func TestUpgrade(t *testing.T) { table(t, upgradeRows) }

var upgradeRows = []row{
	{name: "message before the probe", cites: "U3", in: polls[:2], steps: []step{
		on("ws"), send(upgrade(wsPath + "&sid={sid}")), answer(101), send(text("40")), closes(0), lives(),
	}},
	{name: "complete", cites: "U1", in: []state{upgradingWS}, steps: []step{lives()}},
}
