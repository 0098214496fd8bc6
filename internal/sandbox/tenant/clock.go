package tenant

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Clock is the time that the tenants have, and how fast their replicas catch up with each other.
type Clock struct {
	wall func() time.Time

	mu    sync.Mutex
	ahead time.Duration // how far the control API moved the time
	speed float64       // how many times sooner than in reality a write is seen everywhere
}

func newClock(wall func() time.Time, speed float64) *Clock { return &Clock{wall: wall, speed: speed} }

// now is the tenants' time.
func (c *Clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall().Add(c.ahead)
}

// scaled is what a delay of replication comes to at the clock's speed.
func (c *Clock) scaled(lag time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(float64(lag) / c.speed)
}

// before is the moment up to which a reader that lags so far behind has seen everything.
func (c *Clock) before(lag time.Duration) time.Time {
	return c.now().Add(-c.scaled(lag))
}

// Reading returns the time and the speed of the same moment.
func (c *Clock) Reading() (now time.Time, speed float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall().Add(c.ahead), c.speed
}

// Set moves the time forward, and sets the speed unless it is 0.
func (c *Clock) Set(forward time.Duration, speed float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += forward
	c.speed = cmp.Or(speed, c.speed)
}

// WallClock is the time that clients on this machine have.
func (w *World) WallClock() time.Time { return w.Clock.wall() }

// Now is the time that the tenants have.
func (w *World) Now() time.Time { return w.Clock.now() }

// Settle lets every replica of these tenants (by ID; of all where none is named) catch up with what was written until
// now, as some minutes do that nobody waits for.
func (w *World) Settle(tenantIDs ...string) {
	for _, t := range w.Tenants {
		if len(tenantIDs) == 0 || slices.Contains(tenantIDs, t.ID) {
			t.History.settle(w.Now())
		}
	}
}
