package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// watch looks at the processes of the CLI and its providers while a command runs. The CLI starts a provider
// several times, one after the other.
type watch struct {
	below []string // folders that the providers' binaries lie below

	ended  sync.WaitGroup
	quit   chan struct{}
	seen   map[string]*process // by process ID; nil for a process that is neither
	before time.Duration       // what this process, which is the sandbox, had used
}

type process struct {
	provider bool
	cpu      time.Duration
	peak     int // KiB
}

// spent is what the processes took.
type spent struct {
	provider, cli, sandbox time.Duration // CPU time; of the provider, of all its processes
	peak                   int           // KiB of resident memory, of the largest provider process
	processes              int           // of the provider
}

// every is how often processes are looked at; what one does after the last look before its end is missed.
const every = 20 * time.Millisecond

func (w *watch) start() {
	w.quit, w.seen, w.before = make(chan struct{}), map[string]*process{}, ownCPU()
	w.ended.Go(func() {
		for ticker := time.NewTicker(every); ; {
			w.look()
			select {
			case <-w.quit:
				ticker.Stop()
				return
			case <-ticker.C:
			}
		}
	})
}

func (w *watch) stop() spent {
	close(w.quit)
	w.ended.Wait()
	all := spent{sandbox: ownCPU() - w.before}
	for _, p := range w.seen {
		switch {
		case p == nil:
		case p.provider:
			all.provider, all.peak, all.processes = all.provider+p.cpu, max(all.peak, p.peak), all.processes+1
		default:
			all.cli += p.cpu
		}
	}
	return all
}

func (w *watch) look() {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		p, known := w.seen[folder]
		if known && p == nil {
			continue
		}
		if !known || !p.provider { // what is the CLI's program now may be a copy of it that is about to start a provider
			program, err := os.Readlink(folder + "/exe")
			if err != nil || filepath.Base(program) == filepath.Base(os.Args[0]) {
				continue // likewise of this one, or it has ended
			}
			provider := slices.ContainsFunc(w.below, func(folder string) bool { return strings.HasPrefix(program, folder+"/") })
			if cli := filepath.Base(program); !provider && cli != "terraform" && cli != "tofu" {
				w.seen[folder] = nil
				continue
			}
			if !known {
				p = &process{}
				w.seen[folder] = p
			}
			p.provider = provider
		}
		p.look(folder)
	}
}

// look reads proc(5): fields 14 and 15 of stat, in ticks of 10 ms, and VmHWM of status.
func (p *process) look(folder string) {
	stat, err := os.ReadFile(folder + "/stat")
	if err != nil {
		return // it has ended
	}
	if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(fields) > 12 {
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		p.cpu = time.Duration(user+system) * 10 * time.Millisecond
	}
	status, err := os.ReadFile(folder + "/status")
	if err != nil {
		return
	}
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		if fields := strings.Fields(after); len(fields) > 0 {
			kilobytes, _ := strconv.Atoi(fields[0])
			p.peak = max(p.peak, kilobytes)
		}
	}
}

// ownCPU is the CPU time of this process.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(syscall.TimevalToNsec(usage.Utime) + syscall.TimevalToNsec(usage.Stime))
}

// threadCPU is the CPU time that a function takes.
func threadCPU(do func() error) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after syscall.Rusage
	const thread = 1 // RUSAGE_THREAD of getrusage(2)
	if err := syscall.Getrusage(thread, &before); err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	if err := syscall.Getrusage(thread, &after); err != nil {
		return 0, err
	}
	return time.Duration(
		syscall.TimevalToNsec(after.Utime) + syscall.TimevalToNsec(
			after.Stime) - syscall.TimevalToNsec(before.Utime) - syscall.TimevalToNsec(before.Stime)), nil
}
