package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// watch looks at the provider's processes while a command runs. The CLI starts several, one after the other.
type watch struct {
	below string // the folder that the providers' binaries lie below

	ended sync.WaitGroup
	quit  chan struct{}
	seen  map[string]*process // by process ID; nil for a process that is not the provider
}

type process struct {
	cpu  time.Duration
	peak int // kB
}

// every is how often processes are looked at; what one does after the last look before its end is missed.
const every = 20 * time.Millisecond

func (w *watch) start() {
	w.quit, w.seen = make(chan struct{}), map[string]*process{}
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

// stop returns the CPU time of all processes, the largest peak of resident memory in kB, and how many there were.
func (w *watch) stop() (cpu time.Duration, peak, processes int) {
	close(w.quit)
	w.ended.Wait()
	for _, p := range w.seen {
		if p != nil {
			cpu, peak, processes = cpu+p.cpu, max(peak, p.peak), processes+1
		}
	}
	return cpu, peak, processes
}

func (w *watch) look() {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		p, known := w.seen[folder]
		if known && p == nil {
			continue
		}
		if !known {
			program, err := os.Readlink(folder + "/exe")
			if err != nil || !strings.HasPrefix(filepath.Base(program), "terraform") {
				if err == nil && filepath.Base(program) != filepath.Base(os.Args[0]) {
					w.seen[folder] = nil
				}
				continue // one that is about to start another program is looked at again
			}
			if !strings.HasPrefix(program, w.below) {
				w.seen[folder] = nil
				continue
			}
			p = &process{}
			w.seen[folder] = p
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
	return time.Duration(syscall.TimevalToNsec(after.Utime) + syscall.TimevalToNsec(after.Stime) - syscall.TimevalToNsec(before.Utime) - syscall.TimevalToNsec(before.Stime)), nil
}
