//go:build !linux

package main

import "time"

// watch would look at the provider's processes; only Linux shows them in a file system.
type watch struct{ below []string }

func (w *watch) start() {}

func (w *watch) stop() spent { return spent{} }

type spent struct {
	provider, cli, sandbox time.Duration
	peak, processes        int
}

// threadCPU is the time that a function takes.
func threadCPU(do func() error) (time.Duration, error) {
	started := time.Now()
	err := do()
	return time.Since(started), err
}
