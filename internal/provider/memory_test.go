package provider

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestProvider_MemoryIsBoundedUnlessTheEnvironmentSaysHow(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	nothing := make(chan time.Time)
	close(nothing)
	for name, c := range map[string]struct {
		environment variables
		percent     int
		limit       int64
	}{
		"nothing said":        {nil, garbagePercent, memoryLimit},
		"how much is garbage": {variables{"GOGC": "50"}, 100, memoryLimit},
		"the limit":           {variables{"GOMEMLIMIT": "1GiB"}, garbagePercent, math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			debug.SetGCPercent(100)
			debug.SetMemoryLimit(math.MaxInt64)
			BoundMemory(c.environment.get, nothing)
			if got := debug.SetGCPercent(100); got != c.percent {
				t.Errorf("GC percent %d, want %d", got, c.percent)
			}
			if got := debug.SetMemoryLimit(-1); got != c.limit {
				t.Errorf("memory limit %d, want %d", got, c.limit)
			}
		})
	}
}

func TestProvider_TheLimitFollowsWhatLivesOn(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	seconds := make(chan time.Time)
	BoundMemory(variables{}.get, seconds)
	much := make([]byte, 100<<20)
	runtime.GC()
	for range 3 { // when the third is taken, what follows from the second is done
		seconds <- time.Time{}
	}
	runtime.KeepAlive(much) // until here, and no longer
	if got := debug.SetMemoryLimit(-1); got < 250<<20 {
		t.Errorf("with 100 MiB that live on, the limit is %d MiB", got>>20)
	}
	runtime.GC()
	for range 3 {
		seconds <- time.Time{}
	}
	close(seconds)
	if got := debug.SetMemoryLimit(-1); got != memoryLimit {
		t.Errorf("once they are gone, the limit is %d MiB, want %d", got>>20, memoryLimit>>20)
	}
}

func TestProvider_AMomentDoesNotRaiseTheLimit(t *testing.T) {
	const MiB = 1 << 20
	for _, c := range []struct{ before, now, want int64 }{
		{0, 20 * MiB, memoryLimit},
		{20 * MiB, 84 * MiB, memoryLimit}, // the passphrase
		{84 * MiB, 20 * MiB, memoryLimit},
		{100 * MiB, 110 * MiB, 250 * MiB}, // a thousand tenants
	} {
		if got := limitFor(c.before, c.now); got != c.want {
			t.Errorf("%d MiB and then %d MiB: a limit of %d MiB, want %d", c.before/MiB, c.now/MiB, got/MiB, c.want/MiB)
		}
	}
}
