package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of the times in /proc/PID/stat, the same on all common machines.
const tick = 10 * time.Millisecond

func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// CPU returns what the server has spent until now.
func (p *Process) CPU() (CPU, error) {
	select {
	case <-p.exited: // its number may be another's by now
		return CPU{}, p.ended("has ended")
	default:
	}
	return cpuOf(p.PID())
}

// cpuOf asks the process's own clock, which counts nanoseconds. What of it was the
// system's is known in ticks only.
func cpuOf(pid int) (CPU, error) {
	user, err := userTime(pid)
	if err != nil {
		return CPU{}, err
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(cpuClock(pid), &ts); err != nil {
		return CPU{}, fmt.Errorf("process: the processor's clock of %d: %w", pid, err)
	}
	total := time.Duration(ts.Nano())
	user = min(user, total)
	return CPU{User: user, Sys: total - user}, nil
}

// cpuClock is clock_getcpuclockid(3).
func cpuClock(pid int) int32 {
	const allThreadsScheduled = 2
	return ^int32(pid)<<3 | allThreadsScheduled
}

func userTime(pid int) (time.Duration, error) {
	const field = 14 - 3 // proc(5) counts from 1, and the first two come before the ")"
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("process: %w", err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= field {
		return 0, fmt.Errorf("process: /proc/%d/stat has %d fields", pid, len(fields))
	}
	ticks, err := strconv.ParseInt(string(fields[field]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("process: /proc/%d/stat: %w", pid, err)
	}
	return time.Duration(ticks) * tick, nil
}

// Memory returns what the server occupies now.
func (p *Process) Memory() (Memory, error) {
	select {
	case <-p.exited:
		return Memory{}, p.ended("has ended")
	default:
	}
	// Not the sum in /proc/PID/status, which threads add to in lots.
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.PID()))
	if err != nil {
		return Memory{}, fmt.Errorf("process: %w", err)
	}
	for line := range bytes.Lines(rollup) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || string(fields[2]) != "kB" {
			continue
		}
		kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("process: smaps_rollup: %w", err)
		}
		if string(fields[0]) == "Rss:" {
			return Memory{RSS: kilobytes << 10}, nil
		}
	}
	return Memory{}, errors.New("process: smaps_rollup has no line Rss")
}

// coresAtStart are those that this process could use before it pinned itself.
var coresAtStart = sync.OnceValues(func() ([]int, error) { return coresOf(0) })

func coresOf(thread int) ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(thread, &set); err != nil {
		return nil, fmt.Errorf("process: which cores: %w", err)
	}
	var cores []int
	for core := 0; len(cores) < set.Count(); core++ {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores, nil
}

// Cores returns the cores that this process could use when it was started, or when
// this package was first asked.
func Cores() ([]int, error) { return coresAtStart() }

func pin(thread int, cores []int) error {
	var set unix.CPUSet
	for _, core := range cores {
		set.Set(core)
	}
	if err := unix.SchedSetaffinity(thread, &set); err != nil {
		return fmt.Errorf("process: to the cores %v: %w", cores, err)
	}
	return nil
}

// pinThread pins the calling goroutine's thread.
func pinThread(cores []int) error {
	all, err := coresAtStart()
	if err != nil {
		return err
	}
	if cores == nil {
		cores = all
	}
	return pin(0, cores)
}

// PinSelf keeps all threads of this process on the given cores, and sets GOMAXPROCS
// to their number.
func PinSelf(cores ...int) error {
	if _, err := coresAtStart(); err != nil {
		return err
	}
	pinned := map[string]bool{}
	for more := true; more; { // a thread that was not pinned yet may have started another
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("process: %w", err)
		}
		for _, thread := range threads {
			if pinned[thread.Name()] {
				continue
			}
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return fmt.Errorf("process: %w", err)
			}
			if err := pin(id, cores); err != nil && !errors.Is(err, unix.ESRCH) { // it may have ended
				return err
			}
			pinned[thread.Name()], more = true, true
		}
	}
	runtime.GOMAXPROCS(len(cores))
	return nil
}

// RaiseFileLimit lets this process, and those that it starts, have as many files
// and connections open as the system allows it. It returns how many.
func RaiseFileLimit() (int, error) {
	// Not by x/sys: the runtime must know, or it gives the old limit to children.
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("process: the limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("process: the limit of open files: %w", err)
	}
	return int(limit.Cur), nil
}
