package main

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/examples/internal/smoke"
	"github.com/kawat-go/kawat/internal/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A running is the program, with its nodes' processes.
type running struct {
	url   string
	nodes map[int]int // process by number
	lines chan string
}

var (
	nodeLine = regexp.MustCompile(`^Node (\d+): process (\d+), `)
	chatLine = regexp.MustCompile(`^Chat: (http://\S+)`)
)

// launch builds the program, and waits until the chat can be reached.
func launch(t *testing.T, args ...string) *running {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, append(args, "-addr", "127.0.0.1:0", "-client", smoke.Bundle(t))...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{nodes: map[int]int{}, lines: make(chan string, 100)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.lines <- lines.Text()
		}
		close(r.lines)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		<-read
		if err := cmd.Wait(); err != nil || !timer.Stop() {
			t.Errorf("it ended with %v: %s", err, &errors)
		}
	})
	for r.url == "" {
		r.next(t)
	}
	return r
}

// next takes one line of what the program says.
func (r *running) next(t *testing.T) {
	t.Helper()
	select {
	case line, ok := <-r.lines:
		if !ok {
			t.Fatal("it has ended")
		}
		if m := nodeLine.FindStringSubmatch(line); m != nil {
			number, _ := strconv.Atoi(m[1])
			r.nodes[number], _ = strconv.Atoi(m[2])
		}
		if m := chatLine.FindStringSubmatch(line); m != nil {
			r.url = m[1]
		}
	case <-time.After(time.Minute):
		t.Fatal("it says nothing")
	}
}

// Two people whose requests go to all nodes in turn chat, and a third one comes after a
// node was killed.
func chat(t *testing.T, r *running) (ani, budi *smoke.Client) {
	t.Helper()
	ani = smoke.Connect(t, r.url+"/socket.io", nil)
	budi = smoke.Connect(t, r.url+"/socket.io", nil)
	if got := ani.Call("0", "join", `{"client":"a","name":"Ani","room":"lobby"}`); !strings.Contains(got, `"people":["Ani"]`) {
		t.Error("Ani joined:", got)
	}
	budi.Call("0", "join", `{"client":"b","name":"Budi","room":"lobby"}`)
	if got := ani.Next(`42["presence",{"room":"lobby","people":["Ani","Budi"]`); !strings.Contains(got, `"came":"Budi"`) {
		t.Error("Ani heard", got)
	}
	if got := ani.Call("1", "send", `{"key":"k1","room":"lobby","text":"halo"}`); !strings.HasPrefix(got, `[{"id":1,"at":`) {
		t.Error("sent:", got)
	}
	if got := budi.Next(`42["post"`); !strings.Contains(got, `"from":"Ani","text":"halo"`) {
		t.Error("Budi heard", got)
	}
	return ani, budi
}

func TestTheChatGoesOnWithoutANode(t *testing.T) {
	r := launch(t)
	if len(r.nodes) != 3 {
		t.Fatalf("nodes %v", r.nodes)
	}
	ani, budi := chat(t, r)
	ani.Lost() // they may be on that node
	budi.Lost()
	killed := r.nodes[2]
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for r.nodes[2] == killed {
		r.next(t) // until it is back
	}
	// Whoever was on that node comes again, as the page does by itself.
	for end := time.Now().Add(time.Minute); ; {
		cici := smoke.Connect(t, r.url+"/socket.io", nil)
		got := cici.Call("0", "join", `{"client":"c","name":"Cici","room":"lobby"}`)
		if strings.Contains(got, `"text":"halo"`) {
			return // what was said is still known
		}
		if time.Now().After(end) {
			t.Fatal("Cici joined:", got)
		}
	}
}

func TestOnRedis(t *testing.T) {
	server := testservers.StartRedis(t)
	chat(t, launch(t, "-redis", "redis://"+server.Addr(), "-nodes", "2"))
}

func TestHalfACluster(t *testing.T) {
	for _, args := range [][]string{{"-nodes", "0"}, {"-client", "/nowhere"}, {"-redis", "mailto:nobody"}} {
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", ".", "-addr", "127.0.0.1:0"}, args...)...)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "cluster: ") {
			t.Errorf("%v: %v, %s", args, err, out)
		}
	}
}
