package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// clock is the time that the tenants have, and how fast their replicas catch up with each other.
type clock struct {
	wall func() time.Time

	mu    sync.Mutex
	ahead time.Duration // how far the control plane moved the time
	speed float64       // how many times sooner than in reality a write is seen everywhere
}

func newClock(wall func() time.Time, speed float64) *clock { return &clock{wall: wall, speed: speed} }

// now is the tenants' time.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall().Add(c.ahead)
}

// scaled is what a delay of replication comes to at the clock's speed.
func (c *clock) scaled(lag time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(float64(lag) / c.speed)
}

// before is the moment up to which whoever lags so far behind has seen everything.
func (c *clock) before(lag time.Duration) time.Time {
	return c.now().Add(-c.scaled(lag))
}

// wallClock is the time that clients on this machine have.
func (s *Server) wallClock() time.Time { return s.clock.wall() }

// now is the time that the tenants have.
func (s *Server) now() time.Time { return s.clock.now() }

// Settle lets every replica of these tenants (by ID; of all where none is named) catch up with what was written until
// now, as some minutes do that nobody waits for.
func (s *Server) Settle(tenantIDs ...string) {
	for _, t := range s.tenants {
		if len(tenantIDs) == 0 || slices.Contains(tenantIDs, t.ID) {
			t.history.settle(s.now())
		}
	}
}

// clockState is the clock as the control plane shows it.
type clockState struct {
	Now   time.Time `json:"now"`
	Speed float64   `json:"speed"`
}

// clockPatch changes what is in it.
type clockPatch struct {
	Advance optional[string]  `json:"advance"` // moves the time forward, such as 720h
	Speed   optional[float64] `json:"speed"`   // above 0
	Settle  bool              `json:"settle"`
}

func (s *Server) showClock(w http.ResponseWriter, _ *http.Request) {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	writeControl(w, http.StatusOK, clockState{s.clock.wall().Add(s.clock.ahead).UTC(), s.clock.speed})
}

// setClock moves the sandbox's time forward, sets the speed of replication, or lets the replicas catch up.
func (s *Server) setClock(w http.ResponseWriter, r *http.Request) {
	var patch clockPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	by, err := time.ParseDuration(patch.Advance.value)
	switch {
	case patch.Advance.set && (err != nil || by <= 0):
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("advance: %q is no duration forward in time, such as 720h", patch.Advance.value))
		return
	case patch.Speed.set && !(patch.Speed.value > 0):
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("speed: %v; it is a number above 0, such as 60", patch.Speed.value))
		return
	}
	s.clock.mu.Lock()
	s.clock.ahead += by
	if patch.Speed.set {
		s.clock.speed = patch.Speed.value
	}
	s.clock.mu.Unlock()
	if patch.Settle {
		s.Settle()
	}
	s.showClock(w, r)
}
