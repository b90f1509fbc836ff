package redis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/testservers"
)

func connectCluster(t *testing.T, c *testservers.RedisCluster) *goredis.ClusterClient {
	client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: c.Addrs()})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// TestCluster holds that all that nodes say arrives through a Redis Cluster, and goes
// on when one of its masters is gone, and when channels move to another.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := testservers.StartRedisCluster(t, true)
	for name, make := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		b := make(Config{Client: connectCluster(t, c)})
		one, two := join(t, b, hostileNamespaces...), join(t, make(Config{Client: connectCluster(t, c)}), hostileNamespaces...)
		rooms := []string{"b", "b#c", "{b}", "", "x", "y", "z"}
		for _, namespace := range hostileNamespaces {
			for _, room := range rooms {
				two.RoomCreated(namespace, room)
			}
		}
		two.settle()
		for _, namespace := range hostileNamespaces {
			if n := peers(t, one, namespace); n != 1 {
				t.Errorf("%s: %d peers in %q", name, n, namespace)
			}
		}
		want := everywhere(one, rooms)
		var got []string
		for _, m := range two.wait(len(want)) {
			got = append(got, fmt.Sprintf("%q %q", m.Namespace, m.Options.Rooms))
		}
		if name == "Sharded" { // in order within a channel only
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		eventually(t, "each other", func() bool { return len(one.Nodes()) == 1 && len(two.Nodes()) == 1 })
		for i := range 100 {
			if err := one.Relay([]string{"", two.ID()}[i%2], fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		}
		letters := func() []string {
			two.mu.Lock()
			defer two.mu.Unlock()
			return slices.Clone(two.letters)
		}
		eventually(t, "mail", func() bool { return len(letters()) == 100 })
		for i, letter := range letters() {
			if letter != one.ID()+" "+strconv.Itoa(i) {
				t.Fatalf("%s: letter %d is %q", name, i, letter)
			}
		}
		one.wait(0)
		_, _ = one.Close(), two.Close()
	}
	t.Run("Failover", func(t *testing.T) { failover(t, c) })
}

// everywhere has a member send to all rooms of all namespaces, and returns what that
// was.
func everywhere(from *member, rooms []string) (sent []string) {
	for _, namespace := range hostileNamespaces {
		for _, room := range rooms {
			from.publish(event(namespace, "x", room))
			sent = append(sent, fmt.Sprintf("%q %q", namespace, []string{room}))
		}
		from.publish(event(namespace, "x"))
		sent = append(sent, fmt.Sprintf("%q %q", namespace, []string{}))
	}
	return sent
}

// failover ends each master in turn, while its replica takes over.
func failover(t *testing.T, c *testservers.RedisCluster) {
	pairs := map[string][2]*member{}
	for name, make := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		b := make(Config{Client: connectCluster(t, c)})
		pairs[name] = [2]*member{join(t, b, hostileNamespaces...), join(t, b, hostileNamespaces...)}
	}
	c.Masters[0].Stop()
	for name, pair := range pairs {
		for _, namespace := range hostileNamespaces {
			eventually(t, name+" again in "+namespace, func() bool {
				before := len(pair[1].received())
				_ = pair[0].Publish(event(namespace, "x"))
				time.Sleep(20 * time.Millisecond)
				return slices.ContainsFunc(pair[1].received()[before:], func(m backplane.Message) bool { return m.Namespace == namespace })
			})
		}
		eventually(t, "the count", func() bool {
			p, err := pair[0].Peers(t.Context(), "/")
			return err == nil && p.Count == 1
		})
	}
}

// TestMovedSlots holds that channels are found again that the cluster has moved.
func TestMovedSlots(t *testing.T) {
	t.Parallel()
	c := testservers.StartRedisCluster(t, false)
	b := Sharded(Config{Client: connectCluster(t, c)})
	one, two := join(t, b, "/"), join(t, b, "/")
	two.RoomCreated("/", "room")
	two.settle()
	hears(t, one, two, event("/", "x", "room"))
	slot, err := c.Masters[0].Do("CLUSTER", "KEYSLOT", two.room("/", "room"))
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(slot)
	owner := 0
	for owner < 2 && n >= 16384*(owner+1)/3 {
		owner++
	}
	target := c.Masters[(owner+1)%3]
	id, err := target.Do("CLUSTER", "MYID")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*testservers.Redis{target, c.Masters[owner], c.Masters[(owner+2)%3]} {
		if _, err := r.Do("CLUSTER", "SETSLOT", slot, "NODE", id); err != nil {
			t.Fatal(err)
		}
	}
	two.back(1)
	hears(t, one, two, event("/", "x", "room"))
	hears(t, one, two, event("/", "x"))
}

// TestSentinel holds that nodes follow the master to which a sentinel sends them.
func TestSentinel(t *testing.T) {
	t.Parallel()
	s := testservers.StartRedisSentinel(t)
	client := goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: s.Name, SentinelAddrs: []string{s.Sentinel.Addr()}})
	t.Cleanup(func() { _ = client.Close() })
	one, two := join(t, Classic(Config{Client: client}), "/"), join(t, Classic(Config{Client: client}), "/")
	three, four := join(t, Sharded(Config{Client: client}), "/"), join(t, Sharded(Config{Client: client}), "/")
	hears(t, one, two, event("/", "x"))
	s.Master.Stop()
	for _, pair := range [][2]*member{{one, two}, {three, four}} {
		pair[0].back(1)
		pair[1].back(1)
		hears(t, pair[0], pair[1], event("/", "x"))
		if n := peers(t, pair[0], "/"); n != 1 {
			t.Errorf("%d peers", n)
		}
	}
	if info, err := s.Replica.Do("PUBSUB", "NUMSUB", one.request("/")); err != nil || !strings.HasSuffix(info, "\n2") {
		t.Errorf("the new master has %q, %v", info, err)
	}
}
