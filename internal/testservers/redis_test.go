//go:build unix

package testservers

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func says(t *testing.T, r *Redis, want string, words ...string) {
	t.Helper()
	if answer, err := r.Do(words...); err != nil || answer != want {
		t.Errorf("%q answers %q, %v, want %q", words, answer, err, want)
	}
}

func TestRedis(t *testing.T) {
	r, err := NewRedis()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	says(t, r, "OK", "SET", "a", "1")
	held, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	r.Stop()
	_ = held.SetReadDeadline(time.Now().Add(redisTimeout))
	if n, err := held.Read(make([]byte, 1)); n != 0 || os.IsTimeout(err) {
		t.Errorf("the server that has ended holds a connection: %v", err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	says(t, r, "1", "GET", "a")
	r.Pause()
	if err := r.Lose(); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	says(t, r, "", "GET", "a")
	if _, err := r.Do("nonsense"); err == nil || !strings.Contains(err.Error(), "unknown command") {
		t.Errorf("an error is %v", err)
	}
	r.Close()
	r.Close()
	if _, err := os.Stat(r.dir); err == nil {
		t.Errorf("%s is still there", r.dir)
	}
}

// TestRedisPause holds that a server that hangs takes connections and says nothing.
func TestRedisPause(t *testing.T) {
	r := StartRedis(t)
	r.Pause()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte("PING\r\n"))
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !os.IsTimeout(err) {
		t.Errorf("while it hangs: %v", err)
	}
	r.Resume()
	says(t, r, "PONG", "PING")
}

func TestRedisCluster(t *testing.T) {
	c := StartRedisCluster(t, true)
	answer := ""
	for _, r := range c.Masters {
		if text, err := r.Do("GET", "a"); err == nil {
			answer = text + "here"
		} else if !strings.Contains(err.Error(), "MOVED 15495") {
			t.Error(err)
		}
	}
	if answer != "here" {
		t.Error("no server has the slot")
	}
	if len(c.Addrs()) != 6 {
		t.Errorf("the servers are %q", c.Addrs())
	}
}

func TestRedisSentinel(t *testing.T) {
	s := StartRedisSentinel(t)
	if answer, err := s.Sentinel.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Name); err != nil || strings.ReplaceAll(answer, "\n", ":") != s.Master.Addr() {
		t.Errorf("the master is at %q, %v", answer, err)
	}
	s.Master.Stop()
	if err := until("the replica is the master", func() bool {
		info, err := s.Replica.Do("INFO", "replication")
		return err == nil && strings.Contains(info, "role:master")
	}); err != nil {
		t.Error(err)
	}
}
