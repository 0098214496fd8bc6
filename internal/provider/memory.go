package provider

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Garbage collector limits: memoryLimit in all, or two and a half times what lives on, where that is more.
const (
	garbagePercent = 400
	memoryLimit    = 76 << 20 // bytes
)

// BoundMemory sets the garbage collector of a provider's own process. Most of what a call allocates is garbage when it
// ends; with Go's own setting it is collected more often than two hundred tenants need, and the store's passphrase
// takes the process to 200 MB. GOGC and GOMEMLIMIT take precedence. With each second that passes, the limit follows
// what lives on: with a fixed limit, the collector of a process whose live data come near it would do nothing else.
func BoundMemory(getenv func(string) string, seconds <-chan time.Time) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(memoryLimit)
	go func() {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}} // as of the last collection
		var before int64
		for range seconds {
			metrics.Read(sample)
			live := int64(sample[0].Value.Uint64())
			debug.SetMemoryLimit(limitFor(before, live))
			before = live
		}
	}()
}

// limitFor takes what lived a second ago and what lives now, in bytes: a peak, such as opening the passphrase, does not
// count. The limit includes stacks, and the gaps between objects.
func limitFor(before, now int64) int64 { return max(memoryLimit, min(before, now)*5/2) }
