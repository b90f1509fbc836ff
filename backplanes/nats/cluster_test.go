package nats_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
)

// addresses are free ports of this machine, for servers that have to know each other's
// before they start.
func addresses(t testing.TB, n int) (all []string) {
	t.Helper()
	for range n {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all
}

// three starts a cluster of servers.
func three(t testing.TB, change func(i int, c *embedded.Config)) []*embedded.Server {
	t.Helper()
	var servers []*embedded.Server
	for try := 1; len(servers) == 0; try++ { // somebody else can have taken an address meanwhile
		routes := addresses(t, 3)
		for i, own := range routes {
			c := embedded.Config{Name: fmt.Sprint("s", i), ClusterListen: own, Routes: routes, Secret: "s3cret/?@:", Logger: quietly}
			if change != nil {
				change(i, &c)
			}
			s, err := embedded.Start(c)
			if err != nil && try == 5 {
				t.Fatal(err)
			}
			if err != nil {
				for _, s := range servers {
					_ = s.Close()
				}
				servers = nil
				break
			}
			servers = append(servers, s)
		}
	}
	for i, s := range servers {
		t.Cleanup(func() { _ = s.Close() })
		eventually(t, fmt.Sprintf("server %d knows the others", i), func() bool { return s.Servers() == 2 })
	}
	return servers
}

func TestSuiteCluster(t *testing.T) {
	t.Parallel()
	suite(t, nats.New, true, three(t, nil)...)
}

func TestSuiteJetStreamCluster(t *testing.T) {
	t.Parallel()
	servers := three(t, func(_ int, c *embedded.Config) { c.Dir = t.TempDir() })
	suite(t, func(c nats.Config) backplane.Backplane { return nats.JetStream(patient(c)) }, true, servers...)
}

// A server of the cluster that does not know the secret is not let in.
func TestClusterSecret(t *testing.T) {
	t.Parallel()
	routes := addresses(t, 1)
	one := start(t, embedded.Config{ClusterListen: routes[0], Secret: "right"})
	a := join(t, nats.New(one.Config()), "/")
	for _, secret := range []string{"wrong", ""} {
		other := start(t, embedded.Config{ClusterListen: "127.0.0.1:0", Routes: routes, Secret: secret})
		b := join(t, nats.New(other.Config()), "/")
		publish(t, b, emit("/", "stray"))
		time.Sleep(300 * time.Millisecond)
		if one.Servers() != 0 || other.Servers() != 0 || a.has("stray") || len(b.peers(t, "/")) > 0 {
			t.Errorf("with %q it is let in", secret)
		}
	}
	friend := start(t, embedded.Config{ClusterListen: "127.0.0.1:0", Routes: routes, Secret: "right"})
	meet(t, "/", a, join(t, nats.New(friend.Config()), "/"))
}

// childEnv tells this program, run anew, to be one node of a cluster until its input
// ends: its address, those of all, and the folder of its server.
const childEnv = "KAWAT_NATS_TEST_NODE"

// A child is a node in a process of its own.
type child struct {
	id  string
	cmd *exec.Cmd
}

func startChild(t *testing.T, listen, routes, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childEnv+"="+listen+";"+routes+";"+dir)
	in, out := spawn(t, cmd)
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	id, ok := strings.CutPrefix(strings.TrimSpace(line), "node ")
	if err != nil || !ok {
		t.Fatalf("the child says %q: %v", line, err)
	}
	return &child{id, cmd}
}

// TestChild is the node in the other process: it answers what is asked in "/".
func TestChild(t *testing.T) {
	config := strings.Split(os.Getenv(childEnv), ";")
	if len(config) != 3 {
		return // it is no child
	}
	server := start(t, embedded.Config{ClusterListen: config[0], Routes: strings.Split(config[1], ","), Secret: "s", Dir: config[2]})
	plane := nats.New(server.Config())
	if config[2] != "" {
		plane = nats.JetStream(small(server.Config()))
	}
	h := &host{answer: func(h *host, m backplane.Message) {
		if m.Kind == backplane.ServerSideEmit {
			_ = h.Reply(m, backplane.Message{Kind: backplane.ServerSideEmitResponse, Data: m.Data})
		}
	}}
	h.join(t, plane, "/")
	fmt.Println("node", h.ID())
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// One of three processes is killed: the others know within ten seconds, and go on.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, dirs := range map[string][]string{"core": {"", "", ""}, "jetstream": {t.TempDir(), t.TempDir(), t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			routes := addresses(t, 3)
			all := strings.Join(routes, ",")
			children := make(chan *child, 2)
			for i := range 2 {
				go func() { children <- startChild(t, routes[i+1], all, dirs[i+1]) }()
			}
			server := start(t, embedded.Config{ClusterListen: routes[0], Routes: routes, Secret: "s", Dir: dirs[0]})
			plane := nats.New(server.Config())
			if dirs[0] != "" {
				plane = nats.JetStream(small(server.Config()))
			}
			h := join(t, plane, "/")
			victim, survivor := <-children, <-children
			eventually(t, "both are known", func() bool { return len(h.peers(t, "/")) == 2 && len(h.Nodes()) == 2 })
			publish(t, h, emit("/", "first"))
			eventually(t, "both answer", func() bool { return len(h.messages()) == 2 })

			_ = victim.cmd.Process.Kill()
			killed := time.Now()
			eventually(t, "it is missed", func() bool {
				h.mu.Lock()
				defer h.mu.Unlock()
				return len(h.left) == 1 && h.left[0] == victim.id
			})
			if took := time.Since(killed); took > 10*time.Second {
				t.Errorf("that took %v", took)
			}
			if got := h.peers(t, "/"); len(got) != 1 || got[0] != survivor.id {
				t.Errorf("peers are %q", got)
			}
			publish(t, h, emit("/", "second"))
			eventually(t, "the other answers", func() bool { return h.has("second") })
			if dirs[0] == "" {
				return
			}
			d := h.Node.(backplane.Durable)
			before := d.Head("/")
			publish(t, h, backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Echo: true, Data: backplane.Data{JSON: []byte(`["e"]`)}})
			eventually(t, "two of three keep what is sent", func() bool { return d.Head("/").Compare(before) > 0 })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := d.SaveSession(ctx, backplane.Session{Namespace: "/", ID: "i", PID: "p"}, time.Minute); err != nil {
				t.Error(err)
			}
			if _, missed, err := d.RestoreSession(ctx, "/", "p", before); err != nil || len(missed) != 1 {
				t.Errorf("%v, %v", missed, err)
			}
		})
	}
}
