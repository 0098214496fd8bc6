package provider

import "runtime/debug"

// What the collector lets lie: four times of what lives, and no more in all than memoryLimit. Of that, two hundred tenants
// need a third. Opening the store's passphrase takes 64 MiB more for a moment, in which the collector hurries.
const (
	garbagePercent = 400
	memoryLimit    = 72 << 20 // bytes
)

// BoundMemory sets the garbage collector of a provider's own process: most of what a call allocates is garbage when it
// ends, and with Go's own setting collecting it takes a quarter of the CPU time. Where GOGC or GOMEMLIMIT is set, that
// stands. A process that needs more than the limit gets it, and collects more often.
func BoundMemory(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
