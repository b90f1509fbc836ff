package attack

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// A row is one attack.
type row struct {
	name  string   // unique in all tables
	cites string   // what it is about: rows of the catalogue, or advisories, separated by blanks
	in    []state  // where it runs; everywhere if nil
	hosts []string // nil for all of them; says in a comment why not
	on    string   // which of servers; the one with the defaults if ""
	alone bool     // no other row runs beside it: it is large, or looks at the server as a whole
	steps []step
}

// servers are what rows run against, by name. Times are short where a row waits for
// their end, and long enough for a busy machine where none does.
var servers = map[string]target.Settings{
	"": {},
	"brisk": {
		PingInterval: 500 * time.Millisecond, PingTimeout: 3 * time.Second, ConnectTimeout: 4 * time.Second,
		UpgradeTimeout: time.Second, WriteTimeout: time.Second, BodyTimeout: time.Second, CloseTimeout: time.Second,
	},
	"origins": {AllowedOrigins: []string{"http://good.example"}, Credentials: true},
	"eio3":    {AllowEIO3: true},
	"deflate": {Deflate: true},
	// Without heartbeats that would end a session while its body is waited for.
	"bodies":    {BodyTimeout: time.Second},
	"patient":   {PingInterval: 2 * time.Second, PingTimeout: 45 * time.Second},
	"abandoned": {ConnectTimeout: connectTimeout, CloseTimeout: 5 * time.Minute},
	// Who has a private id and an offset gets what it has missed.
	"recovery": {Recovery: time.Minute},

	"attachments": {AttachmentTimeout: 500 * time.Millisecond},
	"names":       {MaxChildNamespaces: 150},
	"acks":        {AckTimeout: 2 * time.Second},
	"owed":        {},
	"unread":      {WriteTimeout: time.Second, CloseTimeout: time.Second, MaxQueuedBytes: 64 << 20},
	"total":       {MaxQueuedBytes: 400_000, MaxTotalQueuedBytes: 1_000_000},
	"few":         {MaxSessions: 12},
	"blocked":     {},
	"rooms":       {},
	"packed":      {},
	// What recovery remembers goes soon, so that it is gone when the state is compared.
	"replays":   {Recovery: 12 * time.Second, PingInterval: time.Second, PingTimeout: 10 * time.Second, Debug: true},
	"forgetful": {Recovery: 3 * time.Second, PingInterval: time.Second, PingTimeout: 2 * time.Second, RecoveryPackets: 100},
	"strangers": {Recovery: time.Minute, PingInterval: 3 * time.Second, PingTimeout: 20 * time.Second, RecoverySessions: 20},

	// Nodes that share their clients' sessions.
	"shared": {Nodes: 3, AllowEIO3: true, Deflate: true},
	"shared brisk": {
		Nodes: 2, PingInterval: 500 * time.Millisecond, PingTimeout: 3 * time.Second,
		UpgradeTimeout: time.Second, WriteTimeout: time.Second, BodyTimeout: time.Second, CloseTimeout: time.Second,
	},
	"shared hostile": {Nodes: 2, MaxSharedRequests: 40},
}

// table runs the rows of one table, on all hosts, beside the other tables.
func table(t *testing.T, rows []row) {
	t.Helper()
	t.Parallel()
	var names []string // of the servers that they need
	for _, r := range rows {
		if !slices.Contains(names, r.on) {
			names = append(names, r.on)
		}
	}
	calm := target.Start(t, target.Settings{}).Canary()
	for _, host := range target.Hosts() {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			for _, name := range names {
				t.Run("server="+name, func(t *testing.T) {
					t.Parallel()
					against(t, host, name, rows, calm)
				})
			}
		})
	}
}

// against runs the rows that are for the server of that name. What the server has
// before and after must be the same. The honest client beside is held up no longer than
// one whose server nobody attacks, on the same machine.
func against(t *testing.T, host, name string, rows []row, calm *target.Canary) {
	settings := servers[name]
	settings.Host = host
	server := target.Start(t, settings)
	for range 8 { // what it keeps from the first few clients, such as pools, it has from here on
		for _, s := range connected {
			if err := ordinary(server, host, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := attack(server, host, connectedWS, warmUps[name]); err != nil {
		t.Fatal(err)
	}
	before := server.Eventually(func(s target.Snapshot) error { return s.Empty() })
	canary, began := server.Canary(), time.Now()
	t.Run("rows", func(t *testing.T) {
		for _, r := range rows {
			if r.on == name && !r.alone {
				r.run(t, server, host)
			}
		}
	})
	for _, r := range rows {
		if r.on == name && r.alone {
			r.run(t, server, host)
		}
	}
	n, p99 := canary.Echoes()
	_, usual := calm.EchoesSince(began)
	t.Logf("the honest client: %d echoes, 99 of 100 within %v; with nobody else there, %v", n, p99, usual)
	if whole() && p99 > max(maxP99, 3*usual) {
		t.Errorf("the honest client was held up: %v", p99)
	}
	canary.Stop(t)
	shot := server.Recovers(before)
	for _, io := range append(shot.Others, shot.IO) { // of several nodes no handler is asked to panic
		if n := io.Panics + io.Engine.Panics; n > 0 && settings.Nodes > 0 {
			t.Errorf("%d panics: %s", n, server.Log())
		}
	}
	if shot := server.Leaks(); shot.Leaked > 0 {
		t.Errorf("goroutines that nobody can end:\n%s", shot.Leaks)
	}
}

// maxP99 is how long the honest client may wait for all but a hundredth of its echoes.
const maxP99 = 50 * time.Millisecond

// volume keeps the large rows of the hosts, which run side by side, apart.
var volume sync.Mutex

func (r *row) run(t *testing.T, server *target.Target, host string) {
	if r.hosts != nil && !slices.Contains(r.hosts, host) {
		return
	}
	states := r.in
	if states == nil {
		states = everywhere
	}
	for _, in := range states {
		t.Run(strings.ReplaceAll(r.name, " ", "_")+"/"+in.String(), func(t *testing.T) {
			if r.alone {
				volume.Lock()
				defer volume.Unlock()
			} else {
				t.Parallel()
			}
			if err := attack(server, host, in, r.steps); err != nil {
				t.Errorf("%s on %s, %s: %v", r.name, host, in, err)
			}
			if !server.Alive() {
				t.Fatalf("%s on %s, %s: the server has died", r.name, host, in)
			}
			for _, s := range connected {
				if err := ordinary(server, host, s); err != nil {
					t.Errorf("an ordinary client after %s: %v", r.name, err)
				}
			}
		})
	}
}

// ordinary is a client that connects, has something echoed, and says good-bye.
func ordinary(server *target.Target, host string, in state) error {
	err := attack(server, host, in, []step{lives(), says("41", "1")})
	if err != nil {
		return fmt.Errorf("an ordinary client over %s: %w", in.over, err)
	}
	return nil
}
