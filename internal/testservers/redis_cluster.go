//go:build unix

package testservers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A RedisCluster is a Redis Cluster of three masters and, if asked for, a replica of
// each.
type RedisCluster struct {
	Masters  []*Redis
	Replicas []*Redis // Replicas[i] is of Masters[i]
}

const redisMasters = 3

// StartRedisCluster starts a cluster for a test, which ends with it.
func StartRedisCluster(t testing.TB, replicas bool) *RedisCluster {
	t.Helper()
	c, err := NewRedisCluster(replicas)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// NewRedisCluster starts a cluster for the tests of a package. Close ends it.
func NewRedisCluster(replicas bool) (*RedisCluster, error) {
	c := &RedisCluster{}
	if err := c.start(replicas); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Nodes returns all servers.
func (c *RedisCluster) Nodes() []*Redis {
	return append(append([]*Redis{}, c.Masters...), c.Replicas...)
}

// Addrs returns the addresses of all servers.
func (c *RedisCluster) Addrs() (addrs []string) {
	for _, r := range c.Nodes() {
		addrs = append(addrs, r.Addr())
	}
	return addrs
}

// Close ends all servers.
func (c *RedisCluster) Close() {
	for _, r := range c.Nodes() {
		r.Close()
	}
}

func (c *RedisCluster) start(replicas bool) error {
	groups := []*[]*Redis{&c.Masters}
	if replicas {
		groups = append(groups, &c.Replicas)
	}
	for _, group := range groups {
		for range redisMasters {
			bus, err := freePort()
			if err != nil {
				return err
			}
			r, err := NewRedis("--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--cluster-node-timeout", "1000",
				"--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0")
			if err != nil {
				return err
			}
			*group = append(*group, r)
			if err := c.meet(r, bus); err != nil {
				return err
			}
		}
	}
	for i, r := range c.Masters {
		first, last := 16384*i/redisMasters, 16384*(i+1)/redisMasters-1
		if _, err := r.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)); err != nil {
			return err
		}
	}
	if err := c.agreed(fmt.Sprint("cluster_known_nodes:", len(c.Nodes()))); err != nil {
		return err
	}
	for i, r := range c.Replicas {
		id, err := c.Masters[i].Do("CLUSTER", "MYID")
		if err == nil {
			_, err = r.Do("CLUSTER", "REPLICATE", id)
		}
		if err == nil {
			err = until("a replica follows", func() bool {
				info, err := r.Do("INFO", "replication")
				return err == nil && strings.Contains(info, "master_link_status:up")
			})
		}
		if err != nil {
			return err
		}
	}
	return c.agreed("cluster_state:ok")
}

// meet has a server join the first one. Each has an epoch of its own, so that they
// need not agree on that first.
func (c *RedisCluster) meet(r *Redis, bus int) error {
	if _, err := r.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(len(c.Nodes()))); err != nil {
		return err
	}
	_, err := c.Masters[0].Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(r.port), strconv.Itoa(bus))
	return err
}

// agreed waits until all servers say something of the cluster.
func (c *RedisCluster) agreed(line string) error {
	for _, r := range c.Nodes() {
		if err := until("the cluster says "+line, func() bool {
			info, err := r.Do("CLUSTER", "INFO")
			return err == nil && strings.Contains(info, line+"\r\n")
		}); err != nil {
			return err
		}
	}
	return nil
}

// A RedisSentinel is a master, a replica, and a sentinel that watches them.
type RedisSentinel struct {
	Name     string // of the master, for clients
	Master   *Redis
	Replica  *Redis
	Sentinel *Redis
	dir      string
}

// StartRedisSentinel starts the three for a test; they end with it.
func StartRedisSentinel(t testing.TB) *RedisSentinel {
	t.Helper()
	s := &RedisSentinel{Name: "kawat"}
	t.Cleanup(s.Close)
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// Close ends all three.
func (s *RedisSentinel) Close() {
	for _, r := range []*Redis{s.Sentinel, s.Replica, s.Master} {
		if r != nil {
			r.Close()
		}
	}
	_ = os.RemoveAll(s.dir)
}

func (s *RedisSentinel) start() (err error) {
	if s.Master, err = NewRedis("--repl-diskless-sync-delay", "0"); err != nil {
		return err
	}
	port := strconv.Itoa(s.Master.port)
	if s.Replica, err = NewRedis("--replicaof", "127.0.0.1 "+port, "--repl-diskless-sync-delay", "0"); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "kawat-sentinel-"); err != nil {
		return err
	}
	file := filepath.Join(s.dir, "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]s 1\nsentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 5000\n", s.Name, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	if s.Sentinel, err = NewRedis(file, "--sentinel"); err != nil {
		return err
	}
	return until("the sentinel knows of the replica", func() bool {
		info, err := s.Sentinel.Do("SENTINEL", "REPLICAS", s.Name)
		return err == nil && strings.Contains(info, strconv.Itoa(s.Replica.port)) && strings.Contains(info, "master-link-status\nok")
	})
}
