package tenant

import (
	"sync"
	"time"
)

// History is what a tenant remembers of when it was written to, for those who see it as it was before.
type History struct {
	mu        sync.Mutex
	settled   time.Time // what was written until then is seen everywhere
	lastWrite time.Time // when the last request came that changed something; zero: that has settled
}

func (h *History) settle(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled, h.lastWrite = now, time.Time{}
}

// Note remembers when the last write came.
func (h *History) Note(write time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastWrite = write
}

// BeforeLastWrite sees all but what the last request changed, if that has not settled.
func (h *History) BeforeLastWrite() View {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lastWrite.IsZero() {
		return Present()
	}
	return AsOf(h.lastWrite.Add(-1))
}

// Before is the moment up to which a reader that lags so far behind has seen everything of a tenant.
func (w *World) Before(t *Tenant, lag time.Duration) time.Time {
	moment := w.Clock.before(lag)
	t.History.mu.Lock()
	defer t.History.mu.Unlock()
	if moment.Before(t.History.settled) {
		return t.History.settled
	}
	return moment
}
