package engine_test

import (
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// TestOtherKindsOfConnections repeats the stories that have a WebSocket in them over
// connections that can more than the least.
func TestOtherKindsOfConnections(t *testing.T) {
	plain := pipeEnd
	defer func() { pipeEnd = plain }()
	for name, end := range map[string]func(*pipe) engine.Conn{"prompt": newPromptPipe, "parked": newParkedPipe} {
		pipeEnd = end
		t.Run(name, func(t *testing.T) {
			for story, f := range stories {
				t.Run(story, f)
			}
		})
	}
}

var stories = map[string]func(*testing.T){
	"connection errors":        TestOnConnectionError,
	"session events":           TestSessionEvents,
	"no upgrade":               TestNoUpgrade,
	"what waits is discarded":  TestCloseDiscardsWhatWaits,
	"ping timeout closes":      TestAPingTimeoutClosesTheConnection,
	"ping behind a download":   TestAPingBehindADownload,
	"ping that waits":          TestAPingBehindWhatIsNotWritten,
	"many ends":                TestManyEndsAreOne,
	"end in OnConnection":      TestAnEndDuringOnConnection,
	"pings":                    TestTheServerPingsAnIntervalAfterEachPong,
	"ping timeout":             TestPingTimeout,
	"busy receiver":            TestAPingDoesNotTimeOutWhileTheReceiverIsBusy,
	"after a busy receiver":    TestAPingTimesOutAfterTheReceiverWasBusy,
	"busy OnConnection":        TestAPingDoesNotTimeOutDuringOnConnection,
	"receiver that blocks":     TestAReceiverThatBlocksHoldsUpNoTimeouts,
	"AllowRequest":             TestAllowRequest,
	"GenerateID":               TestGenerateID,
	"switched off":             TestTransportsAndUpgradesCanBeSwitchedOff,
	"revision 3":               TestWebSocketOfRevision3,
	"hostile revision 3":       TestHostileMessagesOfRevision3,
	"upgrade of revision 3":    TestUpgradeOfRevision3,
	"heartbeat of revision 3":  TestHeartbeatOfRevision3,
	"no pings for revision 3":  TestTheServerDoesNotPingRevision3,
	"busy with revision 3":     TestABusyReceiverIsNoSilence,
	"pings of revision 3":      TestAFloodOfPingsIsBounded,
	"Queue":                    TestQueuedMessagesWaitForAFlush,
	"Flush ends":               TestAFlushEnds,
	"message while closing":    TestAMessageDoesNotDisturbTheClosing,
	"slow consumers":           TestSlowConsumersAreCut,
	"batches":                  TestABatchFitsOrNot,
	"limits":                   TestTheLimitsAreForWhatWaits,
	"ping without room":        TestAPingThatFindsNoRoom,
	"frames stay together":     TestFramesOfOneCallStayTogether,
	"move and receiver":        TestTimePassesWhileAMoveWaitsForTheReceiver,
	"Shutdown":                 TestShutdownTellsEveryClient,
	"Shutdown waits":           TestShutdownWaitsForTheAnswerToTheCloseFrame,
	"Shutdown's context":       TestShutdownHonoursItsContext,
	"after Shutdown":           TestAfterShutdown,
	"Close":                    TestClose,
	"closing in an upgrade":    TestClosingDuringAnUpgrade,
	"too late":                 TestAWebSocketThatIsTooLate,
	"move and POST":            TestTheMoveWaitsForAPostThatIsBeingHandled,
	"overtaken POST":           TestAPostThatIsOvertakenByTheMove,
	"upgrade":                  TestAClientMovesToWebSocket,
	"polls in a probe":         TestEachPollDuringAProbeIsLetGo,
	"poll at the move":         TestAPollThatHangsAtTheMoveIsAnswered,
	"failing candidates":       TestACandidateThatFailsHurtsNobody,
	"upgrade timeout":          TestUpgradeTimeout,
	"second candidate":         TestASecondCandidateIsTurnedAway,
	"pings in an upgrade":      TestPingsDuringAnUpgrade,
	"random moves":             TestNothingIsLostWhileAClientMoves,
	"panics":                   TestPanicsOfTheUserHurtNobody,
	"unwanted connections":     TestAConnectionThatTheUserDoesNotWant,
	"calls from callbacks":     TestCallsFromInsideCallbacks,
	"Close from callbacks":     TestClosingTheServerFromACallback,
	"both ways":                TestAWebSocketCarriesMessagesBothWays,
	"one write":                TestWhatWaitsLeavesInOneWrite,
	"reading and a long queue": TestReadingDoesNotWaitForAQueueThatKeepsFilling,
	"ends":                     TestHowAWebSocketSessionEnds,
	"close in order":           TestAWebSocketClosesInOrder,
	"binary as text":           TestBinaryTravelsAsTextForThoseWhoAsk,
	"binary after an upgrade":  TestAnUpgradeSaysForItselfHowBinaryTravels,
}
