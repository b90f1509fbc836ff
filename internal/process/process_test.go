//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The children of the tests are this program again.
func TestMain(m *testing.M) {
	if role := os.Getenv("PROCESS_TEST_CHILD"); role != "" {
		child(role)
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	burnt   = 300 * time.Millisecond
	touched = 64 << 20
)

func child(role string) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	switch role {
	case "mute":
		<-stop
		return
	case "fails":
		fmt.Fprintln(os.Stderr, "no such flag")
		os.Exit(3)
	case "deaf", "fails at the end":
	case "burns":
		ended := make(chan struct{}) // on a thread that ends: its time counts
		go func() {
			runtime.LockOSThread()
			defer close(ended)
			burn(burnt)
		}()
		<-ended
	case "occupies":
		// Not the heap, of which the race detector has a copy.
		memory, err := unix.Mmap(-1, 0, touched, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			os.Exit(5)
		}
		for i := 0; i < len(memory); i += os.Getpagesize() {
			memory[i] = 1
		}
	}
	fmt.Println("a line before")
	fmt.Printf("listening 127.0.0.1:%d\n", runtime.NumCPU())
	<-stop
	switch role {
	case "deaf":
		time.Sleep(time.Minute)
	case "fails at the end":
		os.Exit(4)
	}
}

// burn spends time on a processor, by this process's own clock.
func burn(d time.Duration) {
	var ts unix.Timespec
	hash := os.Getpid()
	defer func() { runtime.KeepAlive(hash) }()
	for ts.Nano() < d.Nanoseconds() {
		for i := range 1_000_000 {
			hash = hash*31 + i // no memory: the collector's calls would be the system's time
		}
		if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts) != nil {
			os.Exit(5)
		}
	}
}

func start(t *testing.T, role string, cores ...int) *Process {
	t.Helper()
	p, err := Start(t.Context(), Spec{
		Name: role, Path: "/proc/self/exe", Env: []string{"PROCESS_TEST_CHILD=" + role}, Cores: cores,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.Exited()
	})
	return p
}

func TestCPU(t *testing.T) {
	p := start(t, "burns")
	first, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if first.Total() < burnt || first.Total() > burnt+2*time.Second {
		t.Errorf("a process that has burnt %v and no more has spent %v", burnt, first.Total())
	}
	if first.User < first.Total()/4 { // ticks are few, and fall where they fall
		t.Errorf("of %v in a loop, %v were the system's", first.Total(), first.Sys)
	}
	second, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if spent := second.Sub(first).Total(); spent < 0 || spent > burnt/2 {
		t.Errorf("a process that does nothing has spent %v", spent)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := p.CPU(); err == nil {
		t.Error("a process that has ended has a processor's clock")
	}
	if _, err := p.Memory(); err == nil {
		t.Error("a process that has ended has memory")
	}
}

func TestMemory(t *testing.T) {
	small, err := start(t, "idle").Memory()
	if err != nil {
		t.Fatal(err)
	}
	large, err := start(t, "occupies").Memory()
	if err != nil {
		t.Fatal(err)
	}
	if more := large.RSS - small.RSS; more < touched*9/10 || more > 2*touched {
		t.Errorf("%d bytes more for %d that are in use", more, touched)
	}
}

// affinity returns the cores of a process's first thread.
func affinity(t *testing.T, pid int) []int {
	t.Helper()
	cores, err := coresOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	return cores
}

func TestPinned(t *testing.T) {
	all, err := Cores()
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1:]
	p := start(t, "idle", last...)
	if got := affinity(t, p.PID()); !slices.Equal(got, last) {
		t.Errorf("the process runs on %v, want %v", got, last)
	}
	if p.Addr() != "127.0.0.1:1" { // the child says how many cores it saw when it started
		t.Errorf("the process was started with %s cores", strings.TrimPrefix(p.Addr(), "127.0.0.1:"))
	}
}

func TestPinSelf(t *testing.T) {
	all, err := Cores()
	if err != nil {
		t.Fatal(err)
	}
	procs := runtime.GOMAXPROCS(0)
	defer func() {
		if err := PinSelf(all...); err != nil {
			t.Error(err)
		}
		runtime.GOMAXPROCS(procs)
	}()
	if err := PinSelf(all[0]); err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, error %v", len(threads), err)
	}
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		if got := affinity(t, id); !slices.Equal(got, all[:1]) {
			t.Errorf("thread %d runs on %v", id, got)
		}
	}
	if got := runtime.GOMAXPROCS(0); got != 1 {
		t.Errorf("GOMAXPROCS is %d", got)
	}
	if got, _ := Cores(); !slices.Equal(got, all) {
		t.Errorf("the cores at the start were %v, now they are said to be %v", all, got)
	}
	if got := affinity(t, start(t, "idle").PID()); !slices.Equal(got, all) {
		t.Errorf("a process without Cores runs on %v, want %v", got, all)
	}
}

func TestStop(t *testing.T) {
	for role, want := range map[string]string{
		"idle":             "",
		"fails at the end": "fails at the end has failed: exit status 4",
		"deaf":             "deaf has not ended when told to: signal: killed",
	} {
		p := start(t, role)
		if role == "deaf" {
			p.grace = 50 * time.Millisecond
		}
		err := p.Stop()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: Stop returns %v, want %q", role, err, want)
		}
	}
	p := start(t, "idle")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "ended before it was told to") {
		t.Errorf("Stop of what has crashed returns %v", err)
	}
}

func TestStartFails(t *testing.T) {
	if _, err := Start(t.Context(), Spec{Name: "none", Path: "/nonexistent"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	fails := Spec{Name: "it", Path: "/proc/self/exe", Env: []string{"PROCESS_TEST_CHILD=fails"}}
	if _, err := Start(t.Context(), fails); err == nil || !strings.Contains(err.Error(), "exit status 3: no such flag") {
		t.Errorf("a program that fails: %v", err)
	}
	if _, err := Start(t.Context(), Spec{Name: "it", Path: "/proc/self/exe", Cores: []int{1000}}); err == nil {
		t.Error("a process was started on a core that is not there")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	mute := Spec{Name: "mute", Path: "/proc/self/exe", Env: []string{"PROCESS_TEST_CHILD=mute"}}
	if _, err := Start(ctx, mute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a program that says nothing: %v", err)
	}
}

func TestSubKeepsTheSum(t *testing.T) {
	for _, tt := range []struct{ after, before, want CPU }{
		{CPU{50, 30}, CPU{20, 10}, CPU{30, 20}},
		{CPU{50, 30}, CPU{20, 35}, CPU{25, 0}},
		{CPU{50, 30}, CPU{55, 10}, CPU{0, 15}},
	} {
		if got := tt.after.Sub(tt.before); got != tt.want {
			t.Errorf("%v - %v = %v, want %v", tt.after, tt.before, got, tt.want)
		}
	}
}

func TestAttach(t *testing.T) {
	p := start(t, "burns")
	attached, err := Attach(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	if cpu, err := attached.CPU(); err != nil || cpu.Total() < burnt {
		t.Errorf("it has spent %v, error %v", cpu.Total(), err)
	}
	if memory, err := attached.Memory(); err != nil || memory.RSS == 0 || attached.PID() != p.PID() {
		t.Errorf("%d has %v, error %v", attached.PID(), memory, err)
	}
	if err := attached.Stop(); err == nil {
		t.Error("what somebody else has started was stopped")
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := Attach(p.PID()); err == nil {
		t.Error("attached to a process that has ended")
	}
}

func TestTail(t *testing.T) {
	var s tail
	for i := range 10_000 {
		fmt.Fprintf(&s, "%d\n", i)
	}
	if got := s.String(); len(got) != tailSize || !strings.HasSuffix(got, "9998\n9999\n") {
		t.Errorf("%d bytes are kept, the last are %q", len(got), got[max(0, len(got)-20):])
	}
}

func TestRaiseFileLimit(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	got, err := RaiseFileLimit()
	if err != nil || got != int(limit.Max) {
		t.Errorf("%d, %v; the hard limit is %d", got, err, limit.Max)
	}
}
